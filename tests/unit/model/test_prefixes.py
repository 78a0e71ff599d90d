"""Rules of overlaps and default address pools."""

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest

from exporter.model.prefixes import (
    SATURATED,
    Overlap,
    PoolUsage,
    default_pools,
    overlaps,
)
from exporter.model.topology import EngineInfo, HostRoute, Network, Topology
from tests.fakes.topologies import network, topology


def hosting(*networks: Network, routes: tuple[tuple[str, str], ...] = ()) -> Topology:
    """Return a topology with networks and the host's routes."""
    made = topology(tuple(networks), ())
    found = tuple(
        HostRoute(prefix=ip_network(prefix), interface=interface)
        for prefix, interface in routes
    )
    return replace(made, host=replace(made.host, routes=found))


def pools(*given: tuple[str, int], product: str = "docker") -> EngineInfo:
    """Return an engine with default address pools."""
    return EngineInfo(
        version="28.5.2",
        api_version="1.51",
        product=product,
        default_pools=tuple((ip_network(base), size) for base, size in given),
    )


def clash(network: str, other: str) -> Overlap:
    """Return an overlap of two networks in IPv4."""
    return Overlap(network=network, other=other, kind="docker", ip_version=4)


def route(network: str, other: str) -> Overlap:
    """Return an overlap of a network and a host route in IPv4."""
    return Overlap(network=network, other=other, kind="host_route", ip_version=4)


def test_networks_beside_one_another_do_not_overlap() -> None:
    """Neighbouring prefixes share no address."""
    found = overlaps(hosting(network("a", "10.0.0.0/24"), network("b", "10.0.1.0/24")))

    assert () == found


def test_the_last_address_is_within() -> None:
    """A host route to it alone is a clash."""
    found = overlaps(
        hosting(network("a", "10.0.0.0/24"), routes=(("10.0.0.255/32", "tun0"),))
    )

    assert (route("a", "10.0.0.255/32 dev tun0"),) == found


def test_a_network_within_another_overlaps_it_once() -> None:
    """An overlap is named once, in the order of the names."""
    found = overlaps(hosting(network("b", "10.0.0.0/16"), network("a", "10.0.3.0/24")))

    assert (clash("a", "b"),) == found


def test_every_pair_in_a_nest_overlaps() -> None:
    """Three prefixes within one another make three overlaps."""
    found = overlaps(
        hosting(
            network("a", "10.0.0.0/8"),
            network("b", "10.1.0.0/16"),
            network("c", "10.1.0.0/16"),
            network("d", "10.2.0.0/16"),
        )
    )

    expected = (clash("a", "b"), clash("a", "c"), clash("a", "d"), clash("b", "c"))
    assert expected == found


def test_families_do_not_overlap() -> None:
    """The same bits in the other family are other addresses."""
    found = overlaps(hosting(network("a", "::/8"), network("b", "10.0.0.0/8")))

    assert () == found


def test_a_network_does_not_overlap_itself() -> None:
    """Two subnets of one network are the engine's affair."""
    found = overlaps(hosting(network("a", "10.0.0.0/8", "10.1.0.0/16")))

    assert () == found


def test_a_host_route_into_a_network_is_an_overlap() -> None:
    """A VPN that claims a part of a subnet is named as `ip route` prints it."""
    found = overlaps(
        hosting(network("a", "10.0.0.0/16"), routes=(("10.0.8.0/24", "tun0"),))
    )

    assert (route("a", "10.0.8.0/24 dev tun0"),) == found


def test_a_wider_host_route_is_an_overlap() -> None:
    """A network cut out of a LAN that the host has a route to is an overlap."""
    found = overlaps(
        hosting(network("a", "10.0.8.0/24"), routes=(("10.0.0.0/8", "eth1"),))
    )

    assert (route("a", "10.0.0.0/8 dev eth1"),) == found


@pytest.mark.parametrize(
    ("prefix", "interface"),
    [
        pytest.param("0.0.0.0/0", "eth0", id="the default route"),
        pytest.param("10.0.0.0/16", "br-a", id="the engine's own bridge"),
        pytest.param("fe80::/64", "eth0", id="link-local"),
        pytest.param("::/0", "eth0", id="the default route of IPv6"),
    ],
)
def test_routes_every_host_has_are_no_overlaps(prefix: str, interface: str) -> None:
    """Default, link-local and the bridges' own routes claim nothing of others."""
    found = hosting(
        network("a", "10.0.0.0/16", "fe80::/64"), routes=((prefix, interface),)
    )

    assert () == overlaps(found)


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan"])
def test_a_macvlan_network_lies_in_the_lan_on_purpose(driver: str) -> None:
    """The host's route to the LAN and its sibling on one parent are no overlaps."""
    found = hosting(
        network("a", "192.0.2.0/24", driver=driver, parent="eth0"),
        network("b", "192.0.2.0/24", driver=driver, parent="eth0"),
        routes=(("192.0.2.0/24", "eth0"),),
    )

    assert () == overlaps(found)


def test_a_bridge_in_a_macvlan_subnet_is_an_overlap() -> None:
    """A bridge hides the LAN that a macvlan network lies in."""
    found = overlaps(
        hosting(
            network("lan", "192.0.2.0/24", driver="macvlan", parent="eth0"),
            network("front", "192.0.2.128/25"),
        )
    )

    assert (clash("front", "lan"),) == found


def test_macvlan_networks_on_different_parents_overlap() -> None:
    """The same prefix behind two links is two LANs."""
    found = overlaps(
        hosting(
            network("a", "192.0.2.0/24", driver="macvlan", parent="eth0"),
            network("b", "192.0.2.0/24", driver="macvlan", parent="eth1"),
        )
    )

    assert (clash("a", "b"),) == found


def test_the_null_address_driver_claims_nothing() -> None:
    """0.0.0.0/0 says that a network has no addresses, not all of them."""
    found = hosting(
        network("none-ipam", "0.0.0.0/0", driver="macvlan", parent="eth0"),
        network("a", "10.0.0.0/24"),
    )

    assert () == overlaps(found)
    assert 0 == sum(pool.used for pool in default_pools(found))


def test_an_engine_that_is_told_none_has_31_pool_subnets() -> None:
    """The engine's built-in pools: 15 of 65536 addresses and 16 of 4096."""
    found = default_pools(hosting())

    assert [1, 1, 1, 4, 4, 4, 16] == [pool.subnets for pool in found]
    assert [16] * 6 + [20] == [pool.prefix_length for pool in found]
    assert 0 == sum(pool.used for pool in found)


def test_networks_and_host_routes_use_pool_subnets_up() -> None:
    """A pool subnet is gone as soon as anything overlaps it, and counts once."""
    found = default_pools(
        hosting(
            network("bridge", "172.17.0.0/16"),
            network("a", "172.20.0.0/16"),
            network("tiny", "172.22.3.0/29"),
            network("tinier", "172.22.4.0/29"),
            network("elsewhere", "10.0.0.0/8"),
            network("six", "fd00::/64"),
            routes=(("192.168.15.0/24", "eth0"), ("192.168.16.0/20", "tun0")),
        )
    )

    assert [1, 0, 0, 2, 0, 0, 2] == [pool.used for pool in found]


def test_a_claim_wider_than_a_pool_uses_all_of_it() -> None:
    """What encloses a pool leaves nothing of it, and no more than nothing."""
    found = default_pools(hosting(routes=(("192.0.0.0/8", "eth0"),)))

    assert (0, 16) == (found[0].used, found[-1].used)


def test_configured_pools_replace_the_default() -> None:
    """`default-address-pools` of the daemon, in order of their addresses."""
    made = replace(
        hosting(network("a", "10.10.1.0/24")),
        engine=pools(("10.20.0.0/16", 24), ("10.10.0.0/16", 24)),
    )

    expected = (
        PoolUsage(
            base=IPv4Network("10.10.0.0/16"), prefix_length=24, subnets=256, used=1
        ),
        PoolUsage(
            base=IPv4Network("10.20.0.0/16"), prefix_length=24, subnets=256, used=0
        ),
    )
    assert expected == default_pools(made)


def test_pools_within_one_another_are_the_outermost() -> None:
    """The engine drops a pool that another one encloses, and one that is none."""
    made = replace(
        hosting(),
        engine=pools(("10.0.0.0/16", 24), ("10.0.0.0/8", 16), ("10.9.0.0/24", 16)),
    )

    assert [IPv4Network("10.0.0.0/8")] == [pool.base for pool in default_pools(made)]


def test_a_pool_of_ipv6_is_counted_not_listed() -> None:
    """A pool may have more subnets than could ever be listed."""
    made = replace(
        hosting(network("a", "fd00:1::/64"), network("b", "fd00:2::/60")),
        engine=pools(("fd00::/8", 80)),
    )

    expected = PoolUsage(
        base=IPv6Network("fd00::/8"),
        prefix_length=80,
        subnets=SATURATED,
        used=2**16 + 2**20,
    )
    assert (expected,) == default_pools(made)


def test_networks_of_the_swarm_use_other_pools() -> None:
    """An overlay network is allocated by the managers."""
    overlay = network("overlay", "172.20.0.0/16", driver="overlay")

    found = default_pools(hosting(replace(overlay, scope="swarm")))

    assert 0 == sum(pool.used for pool in found)


def test_podman_has_no_known_pools() -> None:
    """The built-in pools are Docker's."""
    made = replace(hosting(), engine=pools(product="podman"))

    assert () == default_pools(made)
