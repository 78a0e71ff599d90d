"""What a sweep takes: everything across networks, or representatives in turn."""

from collections import Counter
from collections.abc import Iterable
from functools import partial

import pytest

from exporter.model.outcome import Scope
from exporter.model.pair import Planned
from exporter.model.plan import needed_for, plan
from exporter.model.sweep import (
    REPRESENTATIVES,
    around,
    isolation,
    representatives,
    union,
    with_pairs,
)
from exporter.model.topology import NetworkId
from tests.fakes.networks import rows
from tests.fakes.policies import labelled
from tests.fakes.topologies import container, endpoint, network, topology

ALL = frozenset(Scope) - {Scope.NAME}
NAMES = ("one", "two", "three")
PLANNED = plan(rows(4, *NAMES), ALL, lambda _: True)
ACROSS = 3 * 2 * 4 * 4
"""Pairs across three networks of four containers."""


def across(items: Iterable[Planned]) -> list[Planned]:
    """Return the pairs across networks among some."""
    return [
        item
        for item in items
        if item.pair.scope is Scope.CONTAINER and not item.decision.on_link
    ]


def by_networks(items: Iterable[Planned]) -> Counter[tuple[object, object]]:
    """Return how many pairs there are across every two networks."""
    return Counter((i.decision.source_network, i.pair.network) for i in across(items))


class TestIsolation:
    """A change of the packet filter."""

    def test_takes_all_while_they_are_few(self) -> None:
        """The limit itself is few."""
        found = isolation(PLANNED, most=ACROSS, turn=0)

        assert ACROSS == len(across(found))
        assert {Scope.HOST: 12, Scope.GATEWAY: 12, Scope.CONTAINER: ACROSS} == Counter(
            item.pair.scope for item in found
        )

    def test_takes_representatives_beyond(self) -> None:
        """So many of every two networks, with what controls them."""
        found = isolation(PLANNED, most=ACROSS - 1, turn=0)

        assert {REPRESENTATIVES} == set(by_networks(found).values())
        assert 6 == len(by_networks(found))
        assert needed_for(across(found), PLANNED) <= {item.pair for item in found}


class TestRepresentatives:
    """Where not all can be taken."""

    def test_one_of_every_two_networks_each_way(self) -> None:
        """In the order of the plan, with the controls."""
        found = representatives(PLANNED, turn=0)

        assert [item for item in PLANNED if item in found] == list(found)
        assert {1} == set(by_networks(found).values())
        assert needed_for(across(found), PLANNED) <= {item.pair for item in found}

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_all_have_their_turn(self, count: int) -> None:
        """Within as many turns as it takes at that rate."""
        turns = -(-16 // count)
        seen = {
            item.pair
            for turn in range(turns)
            for item in across(representatives(PLANNED, turn=turn, count=count))
        }

        assert {item.pair for item in across(PLANNED)} == seen

    def test_no_pair_twice_where_there_are_fewer(self) -> None:
        """Two networks of one container each have one pair each way."""
        planned = plan(rows(1, "one", "two"), ALL, lambda _: True)

        assert 2 == len(across(representatives(planned, turn=5, count=3)))

    def test_those_that_asked_to_be_left_alone_are_no_representatives(self) -> None:
        """Nor does their turn leave a gap."""
        on = [network("one", "10.0.0.0/24"), network("two", "10.0.1.0/24")]
        quiet = labelled(
            container("quiet", endpoint("quiet", on[0], "10.0.0.2")),
            dockernet_ignore="true",
        )
        others = (
            container("a", endpoint("a", on[0], "10.0.0.3")),
            container("b", endpoint("b", on[1], "10.0.1.3")),
        )
        planned = plan(topology(tuple(on), (quiet, *others)), ALL, lambda _: True)
        found = [across(representatives(planned, turn=turn)) for turn in range(4)]
        ends = {i.pair.source for each in found for i in each}

        assert {2} == {len(pairs) for pairs in found}
        assert {"a", "b"} == ends

    def test_where_no_route_leads_nothing_is_sent(self) -> None:
        """From an internal network: the kernel refuses, whatever the rules are."""
        on = (
            network("one", "10.0.0.0/24", internal=True),
            network("two", "10.0.1.0/24"),
        )
        both = (
            container("a", endpoint("a", on[0], "10.0.0.3", gateway=False)),
            container("b", endpoint("b", on[1], "10.0.1.3")),
        )
        planned = plan(topology(on, both), ALL, lambda _: True)

        found = across(representatives(planned, turn=0))
        assert ["b"] == [item.pair.source for item in found]


class TestAround:
    """A change of one network's links."""

    ONE = frozenset({NetworkId("net-one")})

    def test_takes_what_has_an_end_there(self) -> None:
        """Its mesh too: a port that is lost is missed inside first."""
        found = around(PLANNED, self.ONE, most=999, turn=0)
        inside = {i.pair for i in PLANNED if i.pair.network == "net-one"}

        assert inside <= {item.pair for item in found}
        assert 2 * 2 * 16 == len(across(found))
        assert needed_for(across(found), PLANNED) <= {item.pair for item in found}

    def test_takes_representatives_beyond(self) -> None:
        """Of this and every other network; the mesh stays."""
        found = around(PLANNED, self.ONE, most=9, turn=0)
        mesh = [
            i for i in found if i.decision.on_link and i.pair.scope is Scope.CONTAINER
        ]

        assert {REPRESENTATIVES} == set(by_networks(found).values())
        assert 4 == len(by_networks(found))
        assert 4 * 3 == len(mesh)


def test_some_pairs_can_be_taken_in_any_case() -> None:
    """With what controls them, beside what is chosen otherwise."""
    wanted = across(PLANNED)[-1]
    found = with_pairs(partial(representatives, turn=0), {wanted.pair})(PLANNED)
    pairs = {item.pair for item in found}

    assert {wanted.pair, *needed_for([wanted], PLANNED)} <= pairs
    assert {item.pair for item in representatives(PLANNED, turn=0)} <= pairs
    assert len(across(found)) == 7


def test_a_union_has_each_pair_once_in_order() -> None:
    """Whatever was chosen twice."""
    first, second = PLANNED[:5], PLANNED[3:8]

    assert PLANNED[:8] == union(PLANNED, (second, first))
