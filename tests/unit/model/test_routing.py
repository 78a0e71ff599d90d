"""Which way a packet leaves its source, and by whose gateway."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from exporter.model.routing import (
    NO_ROUTE,
    Route,
    bridge_has_address,
    default_route,
    gateway_of,
    route_of,
    subnet_of,
)
from exporter.model.topology import (
    EndpointAddress,
    IpVersion,
    Network,
    NetworkId,
    Subnet,
    Topology,
)
from tests.fakes.topologies import container, endpoint, network, topology


def multi_homed(
    *networks: Network, priorities: Mapping[str, int] | None = None
) -> Topology:
    """Return one container `a` with the second address of each network's subnets."""
    ends = [
        endpoint(
            "a",
            net,
            *(str(subnet.prefix[2]) for subnet in net.subnets),
            priority=(priorities or {}).get(net.name, 0),
        )
        for net in networks
    ]
    return topology(networks, (container("a", *ends),))


def route(found: Topology, destination: str) -> Route:
    """Return the route of the only container."""
    return route_of(found, found.sandboxes[0], ip_address(destination))


X, Y = network("x", "10.1.0.0/24"), network("y", "10.2.0.0/24")
SIX = network("six", "10.6.0.0/24", "fd00:6::/64")
INNER = network("inner", "10.9.0.0/24", internal=True)


@pytest.mark.parametrize(
    ("networks", "destination", "expected"),
    [
        pytest.param((X, Y), "10.1.0.9", ("net-x", True), id="in the first subnet"),
        pytest.param((X, Y), "10.2.0.9", ("net-y", True), id="in the second subnet"),
        pytest.param((X, Y), "10.3.0.9", ("net-x", False), id="elsewhere"),
        pytest.param((X,), "fd00:6::9", (None, False), id="a family it lacks"),
        pytest.param((X, SIX), "fd00:6::9", ("net-six", True), id="IPv6 subnet"),
        pytest.param((X, SIX), "fd00:7::9", ("net-six", False), id="IPv6 elsewhere"),
        pytest.param((X, SIX), "10.3.0.9", ("net-six", False), id="IPv4 elsewhere"),
    ],
)
def test_a_packet_takes_its_own_subnet_else_the_default_route(
    networks: tuple[Network, ...], destination: str, expected: tuple[str | None, bool]
) -> None:
    """Each family goes its own way."""
    found = route(multi_homed(*networks), destination)

    assert expected == (found.network, found.on_link)


@pytest.mark.parametrize(
    ("networks", "priorities", "expected"),
    [
        pytest.param((Y, X), {}, "net-x", id="the name that sorts first"),
        pytest.param((X, Y), {"y": 1}, "net-y", id="the highest priority"),
        pytest.param((X, Y), {"x": -1}, "net-y", id="priorities may be negative"),
        pytest.param((INNER, X), {}, "net-x", id="internal comes last"),
        pytest.param((INNER, X), {"inner": 9}, "net-inner", id="but for its priority"),
        pytest.param((X, SIX), {}, "net-six", id="both families before one"),
        pytest.param((INNER,), {}, "net-inner", id="internal if there is no other"),
        pytest.param((), {}, None, id="no network"),
    ],
)
def test_default_route(
    networks: tuple[Network, ...], priorities: dict[str, int], expected: str | None
) -> None:
    """Priority, then not internal, then both families, then name."""
    found = multi_homed(*networks, priorities=priorities)

    assert expected == default_route(found, found.sandboxes[0], 4)


def test_an_endpoint_without_a_gateway_gives_no_default_route() -> None:
    """Internal networks from engine 26.1 on; and a network that is not known."""
    bare = endpoint("a", X, "10.1.0.2", gateway=False)
    unknown = replace(endpoint("a", Y, "10.2.0.2"), network_id=NetworkId("gone"))
    found = topology((X, Y), (container("a", bare, unknown),))

    assert NO_ROUTE == route(found, "10.3.0.9")
    assert Route(network=X.id, on_link=True) == route(found, "10.1.0.9")


def test_the_subnet_of_an_address_is_its_prefix() -> None:
    """Host bits are not part of it."""
    address = EndpointAddress(address=ip_address("10.1.2.3"), prefix_length=22)

    assert ip_network("10.1.0.0/22") == subnet_of(address)


@pytest.mark.parametrize(
    ("net", "ip_version", "expected"),
    [
        (network("n", "10.1.0.0/24"), 4, True),
        (network("n", "10.1.0.0/24", gateway_mode_ipv4="routed"), 4, True),
        (network("n", "10.1.0.0/24", gateway_mode_ipv4="isolated"), 4, False),
        (network("n", "10.1.0.0/24", gateway_mode_ipv4="isolated"), 6, True),
        (network("n", "10.1.0.0/24", gateway_mode_ipv6="isolated"), 6, False),
        (network("n", "10.1.0.0/24", inhibit_ipv4="true"), 4, False),
        (network("n", "10.1.0.0/24", inhibit_ipv4="true"), 6, True),
        (network("n", "10.1.0.0/24", driver="macvlan"), 4, False),
    ],
)
def test_which_bridges_have_an_address(
    net: Network, ip_version: IpVersion, expected: bool
) -> None:
    """Not those told to do without, in that family; others are no bridges."""
    assert expected is bridge_has_address(net, ip_version)


def with_subnet(subnet: Subnet) -> Network:
    """Return a bridge network with one IPAM entry."""
    return replace(network("n", str(subnet.prefix)), subnets=(subnet,))


def entry(prefix: str, gateway: str = "", ip_range: str = "") -> Subnet:
    """Return an IPAM entry."""
    return Subnet(
        prefix=ip_network(prefix),
        gateway=ip_address(gateway) if gateway else None,
        ip_range=ip_network(ip_range) if ip_range else None,
    )


@pytest.mark.parametrize(
    ("subnet", "address", "expected"),
    [
        pytest.param(
            entry("10.1.0.0/24", "10.1.0.254"), "10.1.0.2", "10.1.0.254", id="as named"
        ),
        pytest.param(entry("10.1.0.0/24"), "10.1.0.2", "10.1.0.1", id="the first"),
        pytest.param(
            entry("10.1.0.0/24", ip_range="10.1.0.128/25"),
            "10.1.0.129",
            "10.1.0.128",
            id="the first of the range",
        ),
        pytest.param(
            entry("10.1.0.0/24", ip_range="10.1.0.0/25"),
            "10.1.0.2",
            "10.1.0.1",
            id="never the network address",
        ),
        pytest.param(
            entry("10.1.0.0/24", ip_range="10.2.0.0/25"),
            "10.1.0.2",
            "10.1.0.1",
            id="a range elsewhere counts for nothing",
        ),
        pytest.param(entry("10.1.0.0/31"), "10.1.0.1", "10.1.0.0", id="a /31 has none"),
        pytest.param(entry("10.1.0.0/30"), "10.1.0.2", "10.1.0.1", id="a /30 has one"),
        pytest.param(entry("10.1.0.7/32"), "10.1.0.7", None, id="one address only"),
        pytest.param(entry("fd00::/64"), "fd00::2", "fd00::1", id="IPv6"),
        pytest.param(entry("fd00::/127"), "fd00::1", "fd00::1", id="an IPv6 /127"),
        pytest.param(entry("fd00::7/128"), "fd00::7", None, id="one IPv6 address"),
    ],
)
def test_the_gateway_that_an_endpoint_does_not_name(
    subnet: Subnet, address: str, expected: str | None
) -> None:
    """That of the IPAM entry, else what the engine takes first (measured)."""
    net = with_subnet(subnet)
    own = endpoint("a", net, address, gateway=False)

    gateway = gateway_of(net, own, 4 if "." in address else 6)

    assert (None if expected is None else ip_address(expected)) == gateway


def test_the_gateway_that_an_endpoint_names_comes_first() -> None:
    """The engine's own word for what the container uses."""
    net = with_subnet(entry("10.1.0.0/24", "10.1.0.254"))

    assert ip_address("10.1.0.1") == gateway_of(net, endpoint("a", net, "10.1.0.2"), 4)


def test_there_is_no_gateway_where_no_bridge_has_one() -> None:
    """Isolated networks give that address to a container; a family may be missing."""
    isolated = network("n", "10.1.0.0/24", gateway_mode_ipv4="isolated")

    assert gateway_of(isolated, endpoint("a", isolated, "10.1.0.2"), 4) is None
    assert gateway_of(X, endpoint("a", X, "10.1.0.2"), 6) is None


@pytest.mark.parametrize(("driver", "expected"), [("bridge", "10.1.0.1"), ("x", None)])
def test_the_gateway_without_an_ipam_entry(driver: str, expected: str | None) -> None:
    """Only a bridge's can be told from the endpoint's own prefix."""
    net = network("n", "10.1.0.0/24", driver=driver)
    own = endpoint("a", net, "10.1.0.2", gateway=False)
    bare = replace(net, subnets=(entry("10.2.0.0/24"),))

    gateway = gateway_of(bare, own, 4)

    assert expected == (None if gateway is None else str(gateway))


def ends(*described: tuple[str, str, dict[str, Any]]) -> Topology:
    """Return a container on networks: name, families that lead out, endpoint fields."""
    nets, mine = [], []
    for number, (name, families, fields) in enumerate(described, start=1):
        internal = fields.pop("internal", False)
        net = network(
            name, f"10.{number}.0.0/24", f"fd00:{number}::/64", internal=internal
        )
        end = endpoint("a", net, f"10.{number}.0.2", f"fd00:{number}::2")
        addresses = tuple(
            one if str(one.ip_version) in families else replace(one, gateway=None)
            for one in end.addresses
        )
        nets.append(net)
        mine.append(replace(end, addresses=addresses, **fields))
    return topology(tuple(nets), (container("a", *mine),))


@pytest.mark.parametrize(
    ("version", "described", "expected"),
    [
        # Measured: 20.10, 26.1 and 28.5 prefer the network with both families.
        *(
            (version, (("a4", "4", {}), ("z46", "46", {})), ("net-z46", "net-z46"))
            for version in ("20.10.24", "26.1.5", "28.5.2", "29.0.0")
        ),
        # Measured: 28.5 whatever the priority, for both families.
        *(
            (
                version,
                (("a4", "4", {"gateway_priority": 10}), ("z46", "46", {})),
                expected,
            )
            for version, expected in (
                ("28.5.2", ("net-z46", "net-z46")),
                ("29.0.0", ("net-a4", "net-z46")),
                ("dev", ("net-a4", "net-z46")),
            )
        ),
        # Measured: a higher priority among those with both.
        (
            "28.5.2",
            (("y46", "46", {}), ("z46", "46", {"gateway_priority": 10})),
            ("net-z46", "net-z46"),
        ),
        # Measured on 20.10: one endpoint serves both families, or none the second.
        (
            "20.10.24",
            (("a4", "4", {}), ("int46", "46", {"internal": True})),
            ("net-a4", None),
        ),
        ("29.0.0", (("a6", "6", {}), ("b4", "4", {})), ("net-b4", "net-a6")),
        ("28.5.2", (("a6", "6", {}), ("b4", "4", {})), ("net-b4", "net-a6")),
        ("26.1.5", (("a6", "6", {}),), (None, "net-a6")),
        # Measured on 20.10: an internal network that names a gateway is before
        # docker_gwbridge.
        (
            "20.10.24",
            (
                ("docker_gwbridge", "4", {"implicit": True}),
                ("i1", "4", {"internal": True}),
            ),
            ("net-i1", None),
        ),
        (
            "28.5.2",
            (("docker_gwbridge", "4", {"implicit": True}), ("z", "", {})),
            ("net-docker_gwbridge", None),
        ),
        ("28.5.2", (("a", "", {}), ("b", "", {})), (None, None)),
    ],
)
def test_default_routes_as_engines_choose_them(
    version: str,
    described: tuple[tuple[str, str, dict[str, Any]], ...],
    expected: tuple[str | None, str | None],
) -> None:
    """Of both families, on each engine (moby `Endpoint.Less`, `getGatewayEndpoint`)."""
    copies = ((name, families, dict(fields)) for name, families, fields in described)
    found = ends(*copies)
    found = replace(found, engine=replace(found.engine, version=version))
    source = found.sandboxes[0]

    assert expected == (
        default_route(found, source, 4),
        default_route(found, source, 6),
    )
