"""The rules on topologies of every kind."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model.expectation import RULES, RULES_BY_SCOPE, Promises
from exporter.model.outcome import Scope
from exporter.model.pair import Pair
from exporter.model.pairs import all_pairs
from exporter.model.topology import Topology
from tests.reference import promised
from tests.strategies_model import topologies
from tests.strategies_rules import made_topologies, reordered

SCOPES = frozenset(Scope)


def decided(
    topology: Topology, scopes: frozenset[Scope] = SCOPES
) -> dict[Pair, tuple[str, str]]:
    """Return rule and promise of every pair."""
    promises = Promises(topology)
    found = {pair: promises.decide(pair) for pair in all_pairs(topology, scopes)}
    return {pair: (one.rule, str(one.expected)) for pair, one in found.items()}


@pytest.mark.timeout(60)
@given(topologies() | made_topologies())
def test_every_pair_gets_exactly_one_rule(topology: Topology) -> None:
    """Of its own scope, and with that rule's promise."""
    for pair, (rule, expected) in decided(topology).items():
        assert rule in {one.id for one in RULES_BY_SCOPE[pair.scope]}
        assert RULES[rule].expected == expected


@pytest.mark.timeout(120)
@settings(max_examples=250)
@given(made_topologies())
def test_the_rules_say_what_the_naive_reading_says(topology: Topology) -> None:
    """The facts, written a second time without tables, give the same promise."""
    actual = {pair: expected for pair, (_, expected) in decided(topology).items()}

    assert {pair: promised(topology, pair) for pair in actual} == actual


@pytest.mark.timeout(60)
@given(st.data(), made_topologies())
def test_order_does_not_matter(data: st.DataObject, topology: Topology) -> None:
    """Neither of networks nor of containers, sandboxes or endpoints.

    But for which of several shared networks a name is asked on.
    """
    other = data.draw(reordered(topology))
    scopes = SCOPES - {Scope.NAME}

    assert decided(topology, scopes) == decided(other, scopes)
