"""Silence of a pair whose destination rests: a leak shows, isolation is not proven."""

from collections.abc import Mapping

import pytest

from exporter.cycle import CycleOutcome, CycleRunner
from exporter.model.neighbours import NeighbourBudget, entries_of
from exporter.model.outcome import Result, Verdict
from exporter.model.pair import Pair, PairState
from exporter.model.plan import is_peer, plan
from exporter.model.selection import select
from exporter.model.topology import HOST, SandboxId
from exporter.sightings import CycleSettings
from tests.fakes.clock import HandClock
from tests.fakes.cycles import ICMP
from tests.fakes.prober import Answer, FakeProber, but, docker_like
from tests.fakes.topologies import demo

WAY = ("bridge1", "172.18.0.2")
RESTING = frozenset({SandboxId("mybridge1")})
FINE = docker_like(demo())
LEAKING = but(FINE, Result.OK, [WAY])


def run(
    answer: Answer,
    previous: Mapping[Pair, PairState] | None = None,
    *,
    unpaid: bool = False,
) -> tuple[CycleOutcome, FakeProber]:
    """Run a cycle in which mybridge1 rests.

    Args:
        answer: who answers.
        previous: what is known.
        unpaid: it is its turn, and the table bears every entry but its own.
    """
    found = demo()
    prober, planned = FakeProber(found, answer), plan(found, ICMP, lambda _: True)
    # Without peers on one network, whose replies would prove the destination.
    wanted = [i for i in planned if not is_peer(i.decision, i.pair.network)]
    known = {entry for item in wanted for entry in entries_of(found, item)}
    own = {entry for entry in known if (entry[0], str(entry[2])) == (HOST, WAY[1])}
    assert own
    selection = select(
        found,
        wanted,
        epoch=0,
        budget=NeighbourBudget(0, known - own) if unpaid else NeighbourBudget(1000),
        resting={} if unpaid else {4: RESTING},
    )
    runner = CycleRunner(prober, HandClock(), CycleSettings())
    return runner.run(found, selection, previous or {}), prober


def state(outcome: CycleOutcome) -> PairState | None:
    """Return the state of the pair, if the cycle has one."""
    for one in outcome.states:
        if (one.pair.source, str(one.pair.address)) == WAY:
            return one
    return None


@pytest.mark.parametrize("unpaid", [False, True], ids=["not its turn", "no room"])
def test_silence_is_as_if_nobody_had_asked(unpaid: bool) -> None:
    """Neither confirmed nor in doubt; nor are more packets spent on it.

    A host of a thousand containers would have hundreds of pairs unverified for nothing
    but a full neighbour table, which is said elsewhere.
    """
    outcome, prober = run(FINE, unpaid=unpaid)

    asked = {(i.pair.source, str(i.pair.address)) for i, _ in outcome.counted}
    assert state(outcome) is None
    assert WAY in asked
    assert ("host", WAY[1]) not in asked
    assert len(prober.calls) == 1


def test_a_leak_shows_all_the_same() -> None:
    """A reply needs no control."""
    found = state(run(LEAKING)[0])

    assert found is not None
    assert found.verdict is Verdict.UNEXPECTED_REACHABLE


def test_a_leak_that_is_silent_now_is_in_doubt() -> None:
    """What was broken is never left standing."""
    before = {one.pair: one for one in run(LEAKING)[0].states}
    found = state(run(FINE, before)[0])

    assert found is not None
    assert found.verdict is Verdict.UNVERIFIED
