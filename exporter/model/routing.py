"""Which way a packet leaves its source, as far as the API tells.

The kernel may be told otherwise inside a namespace; what is derived here is what
the engine set up (moby `daemon/libnetwork/default_gateway.go` and `Endpoint.Less` in
`sandbox.go`), measured on engines 20.10, 26.1 and 28.5.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network
from typing import NamedTuple

from exporter.model.topology import (
    IP_VERSIONS,
    Endpoint,
    EndpointAddress,
    IPAddress,
    IPNetwork,
    IpVersion,
    Network,
    NetworkId,
    Sandbox,
    Subnet,
    Topology,
    version_of,
)

UNDERLAY_DRIVERS = frozenset({"macvlan", "ipvlan"})
"""Drivers that put containers straight onto the host's own links."""
KNOWN_DRIVERS = frozenset({"bridge", "overlay", "host", "null", *UNDERLAY_DRIVERS})
_LAYER_3 = frozenset({"l3", "l3s"})


@dataclass(frozen=True, slots=True)
class Route:
    """The way from a sandbox to an address."""

    network: NetworkId | None
    """Network whose interface it leaves by; None without a route."""
    on_link: bool
    """The destination is in the interface's own subnet."""
    contested: bool = False
    """Two interfaces have a subnet of that size; which one the kernel takes depends
    on the order in which they came."""


NO_ROUTE = Route(network=None, on_link=False)


@lru_cache(maxsize=8192)
def _subnet(address: IPAddress, prefix_length: int) -> IPNetwork:
    return ip_network((address, prefix_length), strict=False)


def subnet_of(address: EndpointAddress) -> IPNetwork:
    """Return the subnet an endpoint's address lies in."""
    return _subnet(address.address, address.prefix_length)


class Routes:
    """The routes of one topology; each sandbox's default route is found once."""

    def __init__(self, topology: Topology) -> None:
        """Bind to a topology; nothing is computed yet."""
        self._topology = topology
        self._defaults: dict[tuple[str, IpVersion], NetworkId | None] = {}

    def of(self, source: Sandbox, destination: IPAddress) -> Route:
        """Return the route the engine gave a sandbox towards an address.

        The smallest subnet of its own that holds the address; else, on an overlay,
        the network's other subnets (the driver adds a route for each); else by
        default.
        """
        near = _on_link(source, destination)
        if near is not None:
            return near
        far = _by_overlay(self._topology, source, destination)
        if far is None:
            far = self._default(source, version_of(destination))
        return NO_ROUTE if far is None else Route(network=far, on_link=False)

    def _default(self, source: Sandbox, ip_version: IpVersion) -> NetworkId | None:
        key = source.id, ip_version
        if key not in self._defaults:
            self._defaults[key] = default_route(self._topology, source, ip_version)
        return self._defaults[key]


def route_of(topology: Topology, source: Sandbox, destination: IPAddress) -> Route:
    """Return the route of a single packet; see `Routes`."""
    return Routes(topology).of(source, destination)


def _on_link(source: Sandbox, destination: IPAddress) -> Route | None:
    ip_version = version_of(destination)
    near: NetworkId | None = None
    longest, contested = -1, False
    for endpoint in source.endpoints:
        address = endpoint.address(ip_version)
        if address is None or address.prefix_length < longest:
            continue
        if destination not in subnet_of(address):
            continue
        if address.prefix_length == longest:
            contested = True
            continue
        near, longest, contested = endpoint.network_id, address.prefix_length, False
    if near is None:
        return None
    return Route(network=near, on_link=True, contested=contested)


def _by_overlay(
    topology: Topology, source: Sandbox, destination: IPAddress
) -> NetworkId | None:
    """Return the overlay of the source that has the address in another subnet."""
    known = topology.network_by_id
    networks = (known.get(endpoint.network_id) for endpoint in source.endpoints)
    return next(
        (
            one.id
            for one in networks
            if one is not None
            and one.driver == "overlay"
            and any(destination in subnet.prefix for subnet in one.subnets)
        ),
        None,
    )


class _WayOut(NamedTuple):
    """An endpoint that may carry default routes; the best sorts first."""

    no_priority: int
    implicit: bool
    internal: bool
    missing_families: int
    name: str
    network: NetworkId
    families: tuple[IpVersion, ...]


def default_route(
    topology: Topology, source: Sandbox, ip_version: IpVersion
) -> NetworkId | None:
    """Return the network that carries a sandbox's default route.

    Endpoints that name a gateway, in this order: the highest GwPriority, any other
    before the implicit one on docker_gwbridge, non-internal before internal, both
    families before one, then the network name that sorts first. Until 27 the first
    with an IPv4 gateway serves both families; 28 takes the first that has both for
    both, whatever the priorities; else each family takes its first. An endpoint
    without a gateway gives none: internal networks from engine 26.1, and `isolated`
    ones.
    """
    ways = sorted(_ways_out(topology, source))
    major = topology.engine.major
    if 0 < major < 28:
        ways = [way for way in ways if 4 in way.families][:1] or ways
    elif major == 28:
        ways = [way for way in ways if way.families == IP_VERSIONS][:1] or ways
    return next((way.network for way in ways if ip_version in way.families), None)


def _ways_out(topology: Topology, source: Sandbox) -> Iterator[_WayOut]:
    for endpoint in source.endpoints:
        network = topology.network_by_id.get(endpoint.network_id)
        if network is None:
            continue
        families = tuple(
            version for version in IP_VERSIONS if _leads_out(network, endpoint, version)
        )
        if families:
            yield _WayOut(
                no_priority=-endpoint.gateway_priority,
                implicit=endpoint.implicit,
                internal=network.internal,
                missing_families=2 - len(families),
                name=network.raw_name,
                network=network.id,
                families=families,
            )


def _leads_out(network: Network, endpoint: Endpoint, ip_version: IpVersion) -> bool:
    """Return whether an endpoint may carry the default route of a family.

    A layer 3 ipvlan has no gateway: its default route is the interface itself, unless
    it is internal or has no parent (moby `drivers/ipvlan/ipvlan_joinleave.go`).
    """
    address = endpoint.address(ip_version)
    if address is None:
        return False
    if address.gateway is not None:
        return True
    return is_layer_3(network) and not network.internal and has_parent(network)


def is_layer_3(network: Network) -> bool:
    """Return whether this is an ipvlan network that routes instead of switching."""
    return network.driver == "ipvlan" and ipvlan_mode(network) in _LAYER_3


def ipvlan_mode(network: Network) -> str:
    """Return l2, l3 or l3s."""
    return network.options.get("ipvlan_mode") or "l2"


def has_parent(network: Network) -> bool:
    """Return whether an underlay network has a link of the host below it."""
    return bool(network.options.get("parent"))


def bridge_has_address(network: Network, ip_version: IpVersion) -> bool:
    """Return whether the network has a bridge to which the engine gives an address."""
    if network.driver != "bridge" or network.gateway_mode(ip_version) == "isolated":
        return False
    return not (ip_version == 4 and network.inhibit_ipv4)


def is_led_elsewhere(network: Network, ip_version: IpVersion) -> bool:
    """Return whether containers are led to a gateway that is not the bridge's own.

    By the daemon's `--default-gateway`, or by an auxiliary address of the name that
    libnetwork keeps for it (moby, daemon/libnetwork/network.go).
    """
    name = f"DefaultGatewayIPv{ip_version}"
    return any(
        name == other for subnet in network.subnets for other, _ in subnet.auxiliary
    )


def gateway_of(
    network: Network, endpoint: Endpoint, ip_version: IpVersion
) -> IPAddress | None:
    """Return the address of an endpoint's own gateway, None if there is none.

    Neither the endpoint (internal, from 26.1) nor the IPAM entry (`--subnet`
    alone) need name it; the engine then takes the first address it may allocate,
    except for `isolated` networks, where that address goes to a container.
    """
    address = endpoint.address(ip_version)
    if address is None or network.gateway_mode(ip_version) == "isolated":
        return None
    if address.gateway is not None:
        return address.gateway
    for subnet in network.subnets:
        if address.address in subnet.prefix:
            return subnet.gateway or _first_address(subnet)
    if network.driver != "bridge":
        return None
    return _first_address(Subnet(prefix=subnet_of(address)))


def _first_address(subnet: Subnet) -> IPAddress | None:
    """Return what the allocator hands out first, None where there is but one.

    That is the first of its range (measured on engines 20.10 and 28.5), but never the
    network address, which an IPv4 /31 does not have (RFC 3021).
    """
    prefix, first = subnet.prefix, subnet.allocated_from.network_address
    if prefix.num_addresses < 2:
        return None
    has_network_address = prefix.version == 6 or prefix.prefixlen < 31
    return first + (first == prefix.network_address and has_network_address)
