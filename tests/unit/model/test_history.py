"""What verdicts were before: bounded, and what was wrong is not pushed out."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model.cause import CauseId, cause
from exporter.model.history import (
    AT_ONCE,
    FINE,
    FINE_EVENTS,
    LASTING,
    OUTAGES,
    PAIRS,
    WRONG,
    History,
    HistoryView,
    Outage,
    OutageKind,
)
from exporter.model.outcome import Result, Verdict
from exporter.model.pair import PairState
from exporter.model.topology import SandboxId
from tests.fakes.board import INTERVAL_S, Watch
from tests.fakes.prober import but, docker_like
from tests.fakes.topologies import demo, topology

FINE_ANSWERS = docker_like(demo())
LEAK = but(FINE_ANSWERS, Result.OK, [("bridge1", "172.18.0.2")])
LEAKING = Verdict.UNEXPECTED_REACHABLE


def history(watch: Watch) -> HistoryView:
    """Return what a snapshot says of before."""
    return watch.look().history


def leaking() -> Watch:
    """Return a host with a leak, a cycle after it was well."""
    watch = Watch(demo())
    watch.cycle()
    watch.clock.move(INTERVAL_S)
    watch.answer = LEAK
    watch.cycle()
    return watch


def repaired() -> Watch:
    """Return the same host a cycle later, well again."""
    watch = leaking()
    watch.clock.move(INTERVAL_S)
    watch.answer = FINE_ANSWERS
    watch.cycle()
    return watch


def test_a_leak_and_its_end_are_two_events_of_its_pair() -> None:
    """With what was seen each time; a pair that never changed has none."""
    found = history(repaired())

    ((pair, events),) = found.by_pair.items()
    assert str(pair.address) == "172.18.0.2"
    assert [(one.before, one.state.verdict) for one in events] == [
        (Verdict.AS_EXPECTED, LEAKING),
        (LEAKING, Verdict.AS_EXPECTED),
    ]
    assert events[0].state.observation.result is Result.OK
    assert found.events == events
    assert events[1].at - events[0].at == timedelta(seconds=INTERVAL_S)


def test_an_outage_lasts_from_the_leak_to_its_end() -> None:
    """And says who it was, as they were called then."""
    (during,) = history(leaking()).outages
    (after,) = history(repaired()).outages

    assert (during.kind, during.ended) == (OutageKind.UNEXPECTED_REACHABLE, None)
    assert during.names == ("bridge1", "mybridge1", "mybridge")
    assert after.ended is not None
    assert after.duration(after.ended) == timedelta(seconds=INTERVAL_S)


def test_who_cannot_look_does_not_end_a_leak() -> None:
    """The engine is away, and is an outage of its own; then it is back."""
    watch = leaking()
    watch.board.outage(watch.clock.now_utc(), "no answer")
    watch.board.outage(watch.clock.now_utc(), "no answer still")
    away = history(watch).outages
    watch.clock.move(INTERVAL_S)
    watch.cycle()
    back = history(watch).outages

    assert {one.reason for one in away if one.pair is None} == {"no answer"}
    kinds = {OutageKind.ENGINE: None, OutageKind.UNEXPECTED_REACHABLE: None}
    assert {one.kind: one.ended for one in away} == kinds
    assert {one.kind: one.ended is None for one in back} == {
        OutageKind.ENGINE: False,
        OutageKind.UNEXPECTED_REACHABLE: True,
    }


def test_the_outage_of_a_container_that_is_gone_is_over() -> None:
    """Nobody will ever see it end."""
    watch = leaking()
    there = [one for one in watch.found.containers if one.name != "mybridge1"]
    watch.found = topology(watch.found.networks, tuple(there))
    watch.cycle()

    (outage,) = history(watch).outages
    assert outage.ended is not None
    assert outage.names == ("bridge1", "mybridge1", "mybridge")


def test_the_view_is_the_same_until_something_changes() -> None:
    """A quiet host copies nothing."""
    watch = leaking()
    first = history(watch)
    watch.clock.move(INTERVAL_S)
    watch.cycle()

    assert history(watch) is first


class TestBounds:
    """Of a host that misbehaves for months."""

    @pytest.fixture
    def states(self) -> tuple[PairState, PairState]:
        """Return a pair's state while it leaks, and when it is well again."""
        events = history(repaired()).events
        return events[0].state, events[1].state

    def note(
        self,
        kept: History,
        state: PairState,
        *,
        before: PairState | None = None,
        after_s: float = 0.0,
    ) -> None:
        """Note a change, so many seconds after the pair's verdict began."""
        kept.note(
            before,
            state,
            names=lambda _: ("a", "b", "c"),
            now=state.since + timedelta(seconds=after_s),
        )

    def test_what_was_wrong_is_not_pushed_out_by_what_was_fine(
        self, states: tuple[PairState, PairState]
    ) -> None:
        """One leak in the evening, a thousand good changes in the night."""
        wrong, fine = states
        kept = History()
        self.note(kept, wrong)
        for number in range(1000):
            self.note(kept, fine, after_s=number)

        (events,) = kept.view().by_pair.values()
        assert [one.state.verdict for one in events] == [
            LEAKING,
            *[Verdict.AS_EXPECTED] * FINE,
        ]
        assert [one.state.verdict for one in kept.view().events] == [
            LEAKING,
            *[Verdict.AS_EXPECTED] * FINE_EVENTS,
        ]

    def test_one_pair_keeps_its_newest(
        self, states: tuple[PairState, PairState]
    ) -> None:
        """In order, with their numbers."""
        kept = History()
        for number in range(OUTAGES + 1):
            for state in states:
                self.note(kept, state, after_s=number)

        (events,) = kept.view().by_pair.values()
        numbers = [one.number for one in events]
        assert numbers == sorted(numbers)
        assert numbers[-1] == 2 * (OUTAGES + 1)
        assert len(events) == WRONG + FINE
        assert len(kept.view().outages) == OUTAGES

    def test_what_is_broken_is_kept_before_what_is_fine(
        self, states: tuple[PairState, PairState]
    ) -> None:
        """Of too many pairs the oldest go, but not the one that leaks still."""
        wrong, fine = states
        kept = History()
        self.note(kept, wrong)
        for number in range(PAIRS + 5):
            self.note(kept, named(fine, number), after_s=number)

        found = kept.view()
        assert len(found.by_pair) == PAIRS
        assert wrong.pair in found.by_pair
        assert [one.pair for one in found.outages] == [wrong.pair]

    def test_of_what_lasts_there_is_an_end_too(
        self, states: tuple[PairState, PairState]
    ) -> None:
        """A host whose isolation is gone has more leaks than anybody reads."""
        wrong, fine = states
        kept = History()
        for number in range(LASTING + 3):
            self.note(kept, named(wrong, number), after_s=number)
        full = kept.view()
        for number in range(LASTING + 3):
            self.note(kept, named(fine, number), after_s=LASTING)

        assert (len(full.outages), full.not_kept) == (LASTING, 3)
        assert not any(one.ended is None for one in kept.view().outages)

    def test_of_many_changes_at_once_the_first_are_kept(
        self, states: tuple[PairState, PairState]
    ) -> None:
        """All are counted, and what is over ends."""
        wrong, fine = states
        kept = History()
        for number in range(AT_ONCE + 5):
            self.note(kept, named(wrong, number))
        self.note(kept, named(fine, 0))
        found = kept.view()

        numbers = [one.number for one in found.events[-2:]]
        assert numbers == [AT_ONCE, AT_ONCE + 6]
        assert found.not_kept == 5
        assert len(found.outages) == LASTING
        assert [one.pair for one in found.outages if one.ended] == [named(fine, 0).pair]

    def test_the_cause_that_was_known_last_stays(
        self, states: tuple[PairState, PairState]
    ) -> None:
        """The first look may have come too early."""
        wrong, fine = states
        why = cause(CauseId.ISOLATION_MISSING, "no chain", certain=True)
        kept = History()
        self.note(kept, wrong)
        self.note(kept, fine, before=replace(wrong, causes=(why,)), after_s=1)

        (outage,) = kept.view().outages
        assert (outage.cause, outage.reason) == (why.id, why.sentence)


def named(state: PairState, number: int) -> PairState:
    """Return the same of another pair."""
    return replace(state, pair=state.pair._replace(source=SandboxId(f"{number}")))


def test_a_clock_that_was_set_back_makes_no_negative_outage() -> None:
    """Its duration is nothing at the least."""
    now = history(repaired()).outages[0].began
    outage = Outage(kind=OutageKind.ENGINE, began=now)

    assert outage.duration(now - timedelta(hours=1)) == timedelta()
