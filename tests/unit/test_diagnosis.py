"""Broken promises get causes, nothing else does, and nothing is looked at in vain."""

from collections.abc import Sequence
from dataclasses import replace

from exporter.diagnosis import DIAGNOSED, PATIENCE_S, Diagnosis
from exporter.model.cause import CauseId
from exporter.model.inspection import Inspection
from exporter.model.outcome import VIOLATIONS, Expected, Scope, Verdict
from exporter.model.pair import Decision, Pair, PairState
from exporter.model.topology import Topology
from tests.fakes.clock import HandClock
from tests.fakes.report_samples import crowd, leaking, reply, snapshot, state
from tests.fakes.topologies import demo


class Looks:
    """What looks into namespaces, and what it was asked for."""

    def __init__(self, *notes: str) -> None:
        """Find nothing but notes."""
        self.notes = notes
        self.asked: list[tuple[PairState, ...]] = []

    def __call__(self, _: Topology, states: Sequence[PairState]) -> Inspection:
        """Look."""
        self.asked.append(tuple(states))
        return Inspection(notes=self.notes)


def test_nothing_is_looked_at_where_no_promise_is_broken() -> None:
    """A healthy host pays nothing."""
    looks = Looks()
    states = tuple(snapshot(demo()).pairs)

    assert states == Diagnosis(looks, HandClock())(demo(), states)
    assert [] == looks.asked


def test_broken_promises_and_no_others_get_causes() -> None:
    """One look for all of them; where nothing explains it, that is said."""
    looks = Looks()
    states = tuple(snapshot(demo(), leaking).pairs)

    found = Diagnosis(looks, HandClock())(demo(), states)

    assert [state.pair for state in states] == [state.pair for state in found]
    assert {True} == {
        (state.verdict in VIOLATIONS) == bool(state.causes) for state in found
    }
    named = {cause.id for state in found for cause in state.causes}
    assert {CauseId.UNKNOWN} == named
    told = {line for state in found for c in state.causes for line in c.evidence}
    assert [True] == ["ebtables" in line for line in told], "what is never looked at"
    assert [8] == [len(states) for states in looks.asked]
    assert {Verdict.UNEXPECTED_REACHABLE} == {s.verdict for s in looks.asked[0]}


def test_what_could_not_be_read_stands_in_for_what_was_found() -> None:
    """Nothing found means little where the rules could not be read."""
    note = "host: the packet filter: CAP_NET_ADMIN is missing"
    states = tuple(snapshot(demo(), leaking).pairs)

    found = Diagnosis(Looks(note), HandClock())(demo(), states)

    evidence = {line for s in found for c in s.causes for line in c.evidence}
    assert {note} == evidence


def test_beyond_a_number_it_says_that_it_did_not_look() -> None:
    """A million broken promises have one cause, and a cycle must end."""
    found = crowd({"a": 33, "b": 33})
    states = tuple(snapshot(found, leaking).pairs)
    looks = Looks()

    broken = [s for s in Diagnosis(looks, HandClock())(found, states) if s.causes]

    assert 2 * 33 * 33 == len(broken) > DIAGNOSED
    assert [DIAGNOSED] == [len(states) for states in looks.asked]
    assert "not looked at" in broken[-1].causes[0].evidence[0]
    assert "not looked at" not in broken[0].causes[0].evidence[0]


def test_after_some_time_the_rest_is_not_looked_at() -> None:
    """With thousands of rules the causes of hundreds would outlast the interval."""
    states = tuple(snapshot(demo(), leaking).pairs)
    clock = HandClock()
    clock.step_s = PATIENCE_S / 2

    broken = [s for s in Diagnosis(Looks(), clock)(demo(), states) if s.causes]

    looked_at = [
        (s.pair.source, s.pair.destination)
        for s in broken
        if "not looked at" not in s.causes[0].evidence[0]
    ]
    # One of each kind before a second of any.
    assert [("bridge1", "mybridge1"), ("mybridge1", "bridge1")] == looked_at


def forbidden(pair: Pair, decision: Decision) -> PairState | None:
    """The policy forbids what Docker promises, and the pair answers."""
    if pair.scope is not Scope.CONTAINER or decision.expected is Expected.ISOLATED:
        return None
    stricter = replace(
        decision, expected=Expected.ISOLATED, promised=Expected.REACHABLE, policy=1
    )
    return state(pair, stricter, Verdict.UNEXPECTED_REACHABLE, reply(pair))


def test_who_is_not_looked_at_is_told_of_one_alike() -> None:
    """Between the same networks it is likely the same cause, and never certain."""
    found = crowd({"a": 30})
    states = tuple(snapshot(found, forbidden).pairs)

    broken = [s for s in Diagnosis(Looks(), HandClock())(found, states) if s.causes]

    first, last = broken[0].causes[0], broken[-1].causes[0]
    assert len(broken) > DIAGNOSED
    assert (CauseId.SHARED_NETWORK, True) == (first.id, first.certain)
    assert (CauseId.SHARED_NETWORK, False) == (last.id, last.certain)
    line = f"from a-app-1 to {broken[0].pair.address}"
    assert f"not looked at itself; so it is {line}" == last.evidence[0]
    assert first.evidence == last.evidence[1:]
