"""Looking at whole sheets against looking at each pair."""

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exhaustive import exhaust
from exporter.model.many import ManyStates
from exporter.model.outcome import VIOLATIONS, Result, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.plan import Plan
from exporter.model.policy import Policy, PolicyEntry
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Topology
from exporter.report.ordered import in_order, texts
from exporter.report.pairs import pair_document
from exporter.sightings import CycleSettings
from tests.fakes.clock import START
from tests.fakes.looking import looker
from tests.fakes.prober import Answer, FakeProber, docker_like
from tests.strategies_policy import POLICIES
from tests.strategies_rules import made_topologies

SETTINGS = CycleSettings()
FAULTS = st.dictionaries(
    st.integers(0, 30),
    st.sampled_from(
        [Result.OK, Result.TIMEOUT, Result.NO_ROUTE, Result.PROHIBITED, Result.SKIPPED]
    ),
    max_size=6,
)


def world(found: Topology, faults: dict[int, Result]) -> Answer:
    """Return a network in which some things, told apart by a number, go wrong."""
    base = docker_like(found)

    def answer(source: str, target: str, call: int) -> Result:
        key = sum(map(ord, f"{source} {target}")) % 31
        return faults.get(key) or base(source, target, call)

    return answer


def both_ways(
    found: Topology, policy: Policy, faults: dict[int, Result]
) -> tuple[list[PairState], ManyStates]:
    """Return what one and what the other finds."""
    plan = Plan(found, frozenset(Scope), lambda _: True, policy, START.date())
    with TemporaryDirectory() as folder:
        one = looker(found, FakeProber(found, world(found, faults)), Path(folder, "1"))
        one.sweep(found, plan.everything, plan.everything, everything=True)
        one.await_certainty(found, plan.everything)
        other = looker(
            found, FakeProber(found, world(found, faults)), Path(folder, "2")
        )
        return list(one.states()), exhaust(other, plan, SETTINGS)


@pytest.mark.timeout(240)
@given(made_topologies(), POLICIES)
def test_sheets_say_what_single_pairs_say(
    found: Topology, entries: tuple[PolicyEntry, ...]
) -> None:
    """Pair by pair: promise, observation, verdict, reason, and controls of sheets."""
    expected, many = both_ways(found, Policy(entries=entries), {})

    snapshot = Snapshot(taken=START, topology=found, pairs=many)
    usual = {state.pair: pair_document(snapshot, state) for state in expected}
    for state in many:
        one, other = usual.pop(state.pair), dict(pair_document(snapshot, state))
        if state.pair in many.kept:  # looked at again beside fewer pairs
            other["controls"] = one["controls"]
        assert one == other
    assert {} == usual
    assert snapshot.summary == Snapshot(taken=START, pairs=expected).summary


@pytest.mark.timeout(240)
@given(made_topologies(), POLICIES, FAULTS)
def test_what_goes_wrong_is_found_in_sheets_as_well(
    found: Topology, entries: tuple[PolicyEntry, ...], faults: dict[int, Result]
) -> None:
    """The same broken promises, the same observations, and nothing taken for fine."""
    expected, many = both_ways(found, Policy(entries=entries), faults)

    snapshot = Snapshot(taken=START, topology=found, pairs=many)
    usual = {state.pair: state for state in expected}
    assert usual.keys() == {state.pair for state in many}
    for state in many:
        before = usual[state.pair]
        assert before.observation.observed is state.observation.observed
        assert {before.verdict, state.verdict} & VIOLATIONS in (
            set(),
            {before.verdict} & {state.verdict},
        )
    counts = Counter(state.verdict for state in many)
    assert snapshot.summary == {verdict: counts[verdict] for verdict in Verdict}
    assert len(many) == counts.total()


@pytest.mark.timeout(240)
@given(made_topologies(), POLICIES, FAULTS)
def test_the_document_is_the_same(
    found: Topology, entries: tuple[PolicyEntry, ...], faults: dict[int, Result]
) -> None:
    """To the letter, in the same order."""
    _, many = both_ways(found, Policy(entries=entries), faults)

    snapshot = Snapshot(taken=START, topology=found, pairs=many)
    usual = Snapshot(taken=START, topology=found, pairs=tuple(many))
    assert list(in_order(snapshot)) == list(in_order(usual))
    assert list(texts(snapshot)) == [
        json.dumps(pair_document(usual, state)) for state in in_order(usual)
    ]
