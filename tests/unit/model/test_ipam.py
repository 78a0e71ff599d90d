"""Rules of subnet usage and duplicate addresses."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from exporter.model.ipam import (
    Duplicates,
    SubnetUsage,
    duplicate_addresses,
    subnet_usage,
)
from exporter.model.prefixes import SATURATED
from exporter.model.topology import Container, Network, Subnet, Topology
from tests.fakes.topologies import container, endpoint, network, topology


def usage(found: Topology) -> list[tuple[int, int | None, int | None]]:
    """Return all, used and available addresses of every subnet."""
    return [(one.addresses, one.used, one.available) for one in subnet_usage(found)]


def ipam(
    on: Network,
    *,
    gateway: str | None = None,
    ip_range: str | None = None,
    auxiliary: tuple[str, ...] = (),
) -> Network:
    """Return a network whose first subnet has more to it."""
    first, *rest = on.subnets
    made = replace(
        first,
        gateway=ip_address(gateway) if gateway else None,
        ip_range=ip_network(ip_range) if ip_range else None,
        auxiliary=tuple((f"aux-{text}", ip_address(text)) for text in auxiliary),
    )
    return replace(on, subnets=(made, *rest))


def attached(on: Network, *addresses: str, gateway: bool = True) -> list[Container]:
    """Return containers on a network, one for each address."""
    return [
        container(text, endpoint(text, on, text, gateway=gateway)) for text in addresses
    ]


def single(
    on: Network, *addresses: str, gateway: bool = True, version: str = "28.5.2"
) -> Topology:
    """Return a topology of one network with a container for each address."""
    containers = tuple(attached(on, *addresses, gateway=gateway))
    return topology((on,), containers, version=version)


def test_network_broadcast_gateway_and_containers_are_used() -> None:
    """A bridge's subnet as the engine counts it."""
    on = ipam(network("a", "172.18.0.0/16"), gateway="172.18.0.1")

    assert [(65536, 5, 65531)] == usage(single(on, "172.18.0.2", "172.18.0.3"))


def test_the_result_names_network_prefix_and_family() -> None:
    """A row can be found again."""
    on = ipam(network("a", "172.18.0.0/29"), gateway="172.18.0.1")

    expected = SubnetUsage(
        network="a",
        prefix=ip_network("172.18.0.0/29"),
        ip_version=4,
        addresses=8,
        used=3,
        available=5,
    )
    assert (expected,) == subnet_usage(single(on))


def test_the_engines_own_figures_win() -> None:
    """From API 1.52 on nothing is computed, whatever the network is."""
    subnet = Subnet(
        prefix=ip_network("10.0.0.0/24"), addresses_used=9, dynamic_available=100
    )
    on = replace(network("a", "10.0.0.0/24"), subnets=(subnet,), scope="swarm")

    assert [(256, 9, 100)] == usage(single(on))


def test_only_the_ip_range_is_handed_out() -> None:
    """As the engine's own test counts: auxiliary addresses in and out of the range."""
    on = ipam(
        network("lan", "10.66.77.0/24", driver="macvlan", parent="eth0"),
        gateway="10.66.77.1",
        ip_range="10.66.77.64/30",
        auxiliary=("10.66.77.65", "10.66.77.128"),
    )

    assert [(256, 6, 2)] == usage(single(on, "10.66.77.64"))


def test_an_auxiliary_address_in_use_counts_once() -> None:
    """Sets, not sums: the gateway may be reserved by name as well."""
    on = ipam(network("a", "10.0.0.0/29"), gateway="10.0.0.1", auxiliary=("10.0.0.1",))

    assert [(8, 3, 5)] == usage(single(on))


def test_networks_with_one_prefix_share_its_addresses() -> None:
    """Three macvlan networks on one LAN, as the engine's own test counts them."""
    first, second, third = (
        network(name, "192.168.0.0/24", driver="macvlan", parent="eth0")
        for name in ("lan1", "lan2", "lan3")
    )
    first = ipam(
        first,
        gateway="192.168.0.1",
        ip_range="192.168.0.0/25",
        auxiliary=("192.168.0.100",),
    )
    third = ipam(third, ip_range="192.168.0.128/25")
    found = topology(
        (first, second, third),
        (container("c", endpoint("c", first, "192.168.0.2", gateway=False)),),
        version="29.0.0",
    )

    assert [(256, 5, 124), (256, 5, 251), (256, 5, 127)] == usage(found)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        pytest.param("10.0.0.0/30", (4, 3, 1), id="30: all four have a meaning"),
        pytest.param("10.0.0.0/31", (2, 1, 1), id="31: no network, no broadcast"),
        pytest.param("10.0.0.0/32", (1, 1, 0), id="32: the gateway takes it all"),
        pytest.param("fd00::/126", (4, 2, 2), id="IPv6: anycast, but no broadcast"),
        pytest.param("fd00::/128", (1, 1, 0), id="IPv6: the anycast address alone"),
    ],
)
def test_small_subnets(prefix: str, expected: tuple[int, int, int]) -> None:
    """A bridge whose gateway nobody chose takes the first address that is free."""
    assert [expected] == usage(single(network("a", prefix)))


def test_great_subnets_saturate() -> None:
    """A /64 has one address more than the engine can say."""
    on = ipam(network("a", "fd00::/48"), gateway="fd00::1")

    assert [(SATURATED, 3, SATURATED)] == usage(single(on, "fd00::2"))


def test_a_gateway_that_an_endpoint_names_is_the_gateway() -> None:
    """A default bridge with `bip` and `fixed-cidr` on 20.10 does not say its own."""
    on = ipam(network("bridge", "10.0.0.0/24"), ip_range="10.0.0.128/25")
    found = single(on, "10.0.0.129")  # its gateway is 10.0.0.1

    assert [(256, 4, 126)] == usage(found)


def test_an_unknown_gateway_is_in_the_ip_range() -> None:
    """The engine takes it from where it takes everything."""
    on = ipam(network("a", "10.0.0.0/24"), ip_range="10.0.0.128/30")

    assert [(256, 3, 3)] == usage(single(on))


def test_an_unknown_gateway_of_a_full_range_takes_no_more() -> None:
    """What is full stays full."""
    on = ipam(network("a", "10.0.0.0/24"), ip_range="10.0.0.128/31")

    found = usage(single(on, "10.0.0.128", "10.0.0.129", gateway=False))
    assert [(256, 4, 0)] == found


@pytest.mark.parametrize(
    ("on", "version", "reserved"),
    [
        pytest.param(network("a", "10.0.0.0/29"), "28.5.2", 3, id="bridge"),
        pytest.param(
            network("a", "10.0.0.0/29", gateway_mode_ipv4="isolated"),
            "28.5.2",
            2,
            id="isolated",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", internal=True, inhibit_ipv4="true"),
            "28.5.2",
            2,
            id="internal without an address of the bridge",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", internal=True, inhibit_ipv4="true"),
            "26.1.5",
            3,
            id="the same before 28",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", inhibit_ipv4="true"),
            "28.5.2",
            3,
            id="not internal without an address of the bridge",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", gateway_mode_ipv4="isolated"),
            "26.1.5",
            3,
            id="isolated where that is not known",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", driver="macvlan", parent="eth0"),
            "28.5.2",
            3,
            id="macvlan",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", driver="macvlan", parent="eth0", internal=True),
            "28.5.2",
            2,
            id="internal macvlan",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", driver="macvlan"),
            "28.5.2",
            2,
            id="macvlan without a parent",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", driver="macvlan"),
            "26.1.5",
            3,
            id="macvlan without a parent before 28",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", driver="macvlan", parent="eth0"),
            "29.0.0",
            2,
            id="macvlan from 29 on",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", driver="macvlan", parent="eth0"),
            "dev",
            2,
            id="macvlan of an engine without a number",
        ),
        pytest.param(
            network("a", "10.0.0.0/29", driver="third"), "29.0.0", 3, id="third party"
        ),
    ],
)
def test_who_reserves_a_gateway_nobody_chose(
    on: Network, version: str, reserved: int
) -> None:
    """Measured on 20.10, 26.1 and 28.5; 29 as its source says."""
    assert [(8, reserved, 8 - reserved)] == usage(single(on, version=version))


@pytest.mark.parametrize(
    "ip_range",
    [
        pytest.param("10.0.0.0/8", id="greater than its subnet"),
        pytest.param("10.0.0.8/30", id="beside its subnet"),
        pytest.param("fd00::/126", id="of the other family"),
    ],
)
def test_an_ip_range_that_cannot_be_is_none(ip_range: str) -> None:
    """Networks from before engine 24 may carry such a range."""
    on = ipam(network("a", "10.0.0.0/29"), gateway="10.0.0.1", ip_range=ip_range)

    assert [(8, 3, 5)] == usage(single(on))


@pytest.mark.parametrize(
    "on",
    [
        pytest.param(
            replace(network("a", "10.0.0.0/24", driver="overlay"), scope="swarm"),
            id="of the swarm",
        ),
        pytest.param(
            network("docker_gwbridge", "10.0.0.0/24"), id="the swarm's own bridge"
        ),
    ],
)
def test_what_only_managers_know_is_not_guessed(on: Network) -> None:
    """Addresses in use elsewhere, or by the engine itself, are not in the API."""
    assert [(256, None, None)] == usage(single(on))


def test_subnets_of_a_family_the_network_lacks_are_left_out() -> None:
    """The engine allocates nothing from them."""
    on = replace(network("a", "10.0.0.0/29", "fd00::/64"), ipv6=False)

    assert [4] == [one.ip_version for one in subnet_usage(single(on))]


def test_every_subnet_of_a_family_counts_its_own_addresses() -> None:
    """A network may have several subnets of one family."""
    on = network("a", "10.0.0.0/29", "10.0.1.0/29", driver="macvlan")

    found = usage(single(on, "10.0.1.2", gateway=False))
    assert [(8, 2, 6), (8, 3, 5)] == found


def test_the_null_address_driver_has_no_usage() -> None:
    """0.0.0.0/0 is no subnet."""
    assert [] == usage(single(network("a", "0.0.0.0/0", driver="macvlan")))


def test_stopped_containers_hold_no_address_unless_the_engine_says_so() -> None:
    """What the API shows as held is held, running or not."""
    on = ipam(network("a", "10.0.0.0/29"), gateway="10.0.0.1")
    held = replace(attached(on, "10.0.0.2")[0], running=False)
    free = replace(held, endpoints=())

    assert [(8, 4, 4)] == usage(topology((on,), (held,)))
    assert [(8, 3, 5)] == usage(topology((on,), (free,)))


# --- duplicates -------------------------------------------------------------------


def with_mac(one: Container, mac: str) -> Container:
    """Return a container whose endpoints all have a MAC."""
    return replace(
        one, endpoints=tuple(replace(found, mac=mac) for found in one.endpoints)
    )


def test_no_address_is_held_twice() -> None:
    """Every network has its row, also where nothing is wrong."""
    on, other = network("a", "10.0.0.0/24"), network("b", "10.0.1.0/24")
    found = topology((on, other), tuple(attached(on, "10.0.0.2", "10.0.0.3")))

    expected = (Duplicates(network="a"), Duplicates(network="b"))
    assert expected == duplicate_addresses(found)


def test_an_address_two_endpoints_hold_is_a_duplicate() -> None:
    """Named once, however many hold it, and both families of them."""
    on = network("a", "10.0.0.0/24", "fd00::/64")
    names = ("one", "two", "three")
    found = topology(
        (on,),
        tuple(container(n, endpoint(n, on, "10.0.0.9", "fd00::9")) for n in names),
    )

    addresses = (ip_address("10.0.0.9"), ip_address("fd00::9"))
    assert addresses == duplicate_addresses(found)[0].addresses


def test_a_mac_two_endpoints_hold_is_a_duplicate() -> None:
    """However it is written."""
    on = network("a", "10.0.0.0/24")
    first, second = attached(on, "10.0.0.2", "10.0.0.3")
    found = topology(
        (on,),
        (with_mac(first, "02:42:AC:00:00:02"), with_mac(second, "02:42:ac:00:00:02")),
    )

    assert ("02:42:ac:00:00:02",) == duplicate_addresses(found)[0].macs


def test_one_address_on_two_networks_is_no_duplicate() -> None:
    """Networks with one prefix are different links."""
    on, other = network("a", "10.0.0.0/24"), network("b", "10.0.0.0/24")
    found = topology(
        (on, other),
        (
            container("one", endpoint("one", on, "10.0.0.2")),
            container("two", endpoint("two", other, "10.0.0.2")),
        ),
    )

    assert [(), ()] == [row.addresses for row in duplicate_addresses(found)]


def test_a_container_that_has_ended_holds_nothing_twice() -> None:
    """Only running containers answer for an address."""
    on = network("a", "10.0.0.0/24")
    first = container("one", endpoint("one", on, "10.0.0.2"))
    ended = replace(container("two", endpoint("two", on, "10.0.0.2")), running=False)

    assert () == duplicate_addresses(topology((on,), (first, ended)))[0].addresses


def test_ipvlan_endpoints_share_their_mac_by_design() -> None:
    """The parent's."""
    on = network("a", "10.0.0.0/24", driver="ipvlan", parent="eth0")
    first, second = attached(on, "10.0.0.2", "10.0.0.3")
    mac = "02:42:ac:00:00:02"

    found = topology((on,), (with_mac(first, mac), with_mac(second, mac)))
    assert () == duplicate_addresses(found)[0].macs
