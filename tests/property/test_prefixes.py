"""What holds for subnets, overlaps and pools of any topology."""

from itertools import combinations

import pytest
from hypothesis import given

from exporter.model.ipam import subnet_usage
from exporter.model.prefixes import SATURATED, default_pools, overlaps
from exporter.model.topology import IPNetwork, Topology
from tests.strategies_model import topologies

pytestmark = pytest.mark.timeout(120)  # 500 topologies in CI


def overlap(left: IPNetwork, right: IPNetwork) -> bool:
    """Return whether two prefixes share an address, by the standard library."""
    return left.version == right.version and left.overlaps(right)


@given(topologies())
def test_overlaps_are_those_that_every_pair_of_prefixes_has(
    topology: Topology,
) -> None:
    """One sweep finds what comparing each with each finds."""
    claims = [
        (network, subnet.prefix)
        for network in topology.networks
        for subnet in network.subnets
        if subnet.prefix.prefixlen
    ]
    underlay = {"macvlan", "ipvlan"}
    expected = {
        tuple(sorted((a.name, b.name)))
        for (a, p), (b, q) in combinations(claims, 2)
        if a.id != b.id and overlap(p, q)
        if not (
            {a.driver, b.driver} <= underlay
            and a.options.get("parent") is not None
            and a.options.get("parent") == b.options.get("parent")
        )
    }

    found = [one for one in overlaps(topology) if one.kind == "docker"]
    assert expected == {(one.network, one.other) for one in found}


@given(topologies())
def test_a_subnet_is_never_fuller_than_full(topology: Topology) -> None:
    """What is computed here adds up; the engine's own figures are its own."""
    own = {
        (network.name, subnet.prefix)
        for network in topology.networks
        for subnet in network.subnets
        if subnet.addresses_used is not None
    }
    for one in subnet_usage(topology):
        if one.used is None or one.available is None:
            continue
        assert 0 <= one.available <= SATURATED
        if (one.network, one.prefix) not in own:
            assert one.used + one.available <= one.prefix.num_addresses


@given(topologies())
def test_pools_are_used_where_any_claim_overlaps_a_subnet(topology: Topology) -> None:
    """Counting intervals finds what looking at every subnet finds."""
    bridges = {network.bridge for network in topology.networks}
    claims = [
        subnet.prefix
        for network in topology.networks
        for subnet in network.subnets
        if network.scope == "local" and subnet.prefix.prefixlen
    ] + [
        route.prefix
        for route in topology.host.routes
        if route.prefix.prefixlen
        and route.interface not in bridges
        and not (route.prefix.version == 6 and route.prefix.is_link_local)
    ]
    for pool in default_pools(topology):
        if pool.subnets > 4096:
            continue
        cut: list[IPNetwork] = list(pool.base.subnets(new_prefix=pool.prefix_length))
        used = [one for one in cut if any(overlap(one, claim) for claim in claims)]

        assert (len(cut), len(used)) == (pool.subnets, pool.used)
