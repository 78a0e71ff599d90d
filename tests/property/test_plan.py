"""Counting by kinds, and sampling, against going through every pair."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.outcome import Scope
from exporter.model.pair import Pair, count_key
from exporter.model.plan import Plan
from exporter.model.policy import Policy, PolicyEntry
from exporter.model.sample import sample
from exporter.model.topology import Topology
from tests.strategies_model import topologies
from tests.strategies_policy import POLICIES
from tests.strategies_rules import made_topologies

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCOPES = frozenset(Scope)


def planned(topology: Topology, policy: Policy) -> Plan:
    """Return the plan of everything."""
    return Plan(topology, SCOPES, lambda _: True, policy, NOW.date())


@pytest.mark.timeout(120)
@given(topologies() | made_topologies(), POLICIES)
def test_counts_are_those_of_all_pairs(
    topology: Topology, entries: tuple[PolicyEntry, ...]
) -> None:
    """Whatever distinguishes sandboxes: what is decided for one holds for its kind."""
    plan = planned(topology, Policy(entries=entries))

    assert Counter(map(count_key, plan.everything)) == dict(plan.counts)


@pytest.mark.timeout(120)
@given(made_topologies())
def test_blocks_hold_each_container_pair_once(topology: Topology) -> None:
    """And none that is not there."""
    plan = planned(topology, Policy())
    turns = [
        (pair, block.decision)
        for block in plan.blocks
        for pair in map(block.pair, range(block.turns))
        if pair is not None
    ]

    assert {
        item.pair: item.decision
        for item in plan.everything
        if item.pair.scope is Scope.CONTAINER
    } == dict(turns)
    assert len(turns) == sum(block.size for block in plan.blocks)


@pytest.mark.timeout(120)
@given(made_topologies(), st.integers(0, 10**6))
def test_every_pair_has_its_turn_in_time(topology: Topology, first: int) -> None:
    """Whatever cycle it begins with; and nothing is counted twice or forgotten."""
    plan = planned(topology, Policy())
    everything = {item.pair: item.decision for item in plan.everything}
    seen: set[Pair] = set()
    length = sample(plan, first, {}, fresh_from=NOW).cycles
    for cycle in range(first, first + length):
        found = sample(plan, cycle, {}, fresh_from=NOW)
        assert {i.pair: i.decision for i in found.due}.items() <= everything.items()
        assert len(found.known) + sum(found.aside.values()) == plan.size
        seen.update(item.pair for item in found.due)

    assert everything.keys() == seen
