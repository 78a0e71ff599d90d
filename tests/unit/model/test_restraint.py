"""What is still probed beside a connection table that is nearly full."""

import pytest

from exporter.model.hoststate import Conntrack
from exporter.model.outcome import Result, Scope
from exporter.model.plan import plan
from exporter.model.restraint import is_strained, under_watch
from tests.fakes.board import ICMP, Watch
from tests.fakes.prober import but, docker_like
from tests.fakes.topologies import demo


@pytest.mark.parametrize(
    ("entries", "was", "expected"),
    [(799, False, False), (800, False, True), (700, True, True), (699, True, False)],
)
def test_restraint_begins_above_and_ends_well_below(
    entries: int, *, was: bool, expected: bool
) -> None:
    """80 % and 70 %."""
    conntrack = Conntrack(entries=entries, limit=1000)

    assert is_strained(conntrack, was=was) is expected


def test_no_table_and_no_limit_ask_for_nothing() -> None:
    """Even if the one before did."""
    assert not is_strained(None, was=True)
    assert not is_strained(Conntrack(entries=9, limit=0), was=True)


def test_only_broken_promises_and_their_controls_are_left() -> None:
    """A leak is watched on; both ends' gateway and host pairs prove the silence."""
    leaking = but(docker_like(demo()), Result.OK, [("bridge1", "172.18.0.2")])
    watch = Watch(demo(), leaking)
    watch.cycle()
    planned = plan(demo(), ICMP, lambda _: True)

    left = under_watch(planned, watch.board.states)

    named = {(i.pair.scope, str(i.pair.source), str(i.pair.address)) for i in left}
    assert named == {
        (Scope.CONTAINER, "bridge1", "172.18.0.2"),
        (Scope.GATEWAY, "bridge1", "172.17.0.1"),
        (Scope.GATEWAY, "mybridge1", "172.18.0.1"),
        (Scope.HOST, "host", "172.18.0.2"),
    }


def test_what_was_broken_before_an_outage_is_watched_on() -> None:
    """Nobody could look meanwhile: that is no sign that it has ended."""
    leaking = but(docker_like(demo()), Result.OK, [("bridge1", "172.18.0.2")])
    watch = Watch(demo(), leaking)
    watch.cycle()
    planned = plan(demo(), ICMP, lambda _: True)
    before = under_watch(planned, watch.board.states)

    watch.board.outage(watch.clock.now_utc())

    assert before == under_watch(planned, watch.board.states)


def test_where_nothing_is_broken_nothing_is_probed() -> None:
    """Whatever is known grows old, and says so."""
    watch = Watch(demo())
    watch.cycle()

    assert under_watch(plan(demo(), ICMP, lambda _: True), watch.board.states) == ()
