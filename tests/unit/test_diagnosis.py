"""Broken promises get causes, nothing else does, and nothing is looked at in vain."""

from collections.abc import Sequence

from exporter.diagnosis import DIAGNOSED, Diagnosis
from exporter.model.cause import CauseId
from exporter.model.inspection import Inspection
from exporter.model.outcome import VIOLATIONS, Verdict
from exporter.model.pair import PairState
from exporter.model.topology import Topology
from tests.fakes.report_samples import crowd, leaking, snapshot
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
    states = snapshot(demo()).pairs

    assert states == Diagnosis(looks)(demo(), states)
    assert [] == looks.asked


def test_broken_promises_and_no_others_get_causes() -> None:
    """One look for all of them; where nothing explains it, that is said."""
    looks = Looks()
    states = snapshot(demo(), leaking).pairs

    found = Diagnosis(looks)(demo(), states)

    assert [state.pair for state in states] == [state.pair for state in found]
    assert {True} == {
        (state.verdict in VIOLATIONS) == bool(state.causes) for state in found
    }
    named = {cause.id for state in found for cause in state.causes}
    assert {CauseId.UNKNOWN} == named
    assert [8] == [len(states) for states in looks.asked]
    assert {Verdict.UNEXPECTED_REACHABLE} == {s.verdict for s in looks.asked[0]}


def test_what_could_not_be_read_stands_in_for_what_was_found() -> None:
    """Nothing found means little where the rules could not be read."""
    note = "host: the packet filter: CAP_NET_ADMIN is missing"
    states = snapshot(demo(), leaking).pairs

    found = Diagnosis(Looks(note))(demo(), states)

    evidence = {line for s in found for c in s.causes for line in c.evidence}
    assert {note} == evidence


def test_beyond_a_number_it_says_that_it_did_not_look() -> None:
    """A million broken promises have one cause, and a cycle must end."""
    found = crowd({"a": 33, "b": 33})
    states = snapshot(found, leaking).pairs
    looks = Looks()

    broken = [s for s in Diagnosis(looks)(found, states) if s.causes]

    assert 2 * 33 * 33 == len(broken) > DIAGNOSED
    assert [DIAGNOSED] == [len(states) for states in looks.asked]
    assert "not looked at" in broken[-1].causes[0].evidence[0]
    assert "not looked at" not in broken[0].causes[0].evidence[0]
