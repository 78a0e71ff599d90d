"""Which way a packet leaves its source, as far as the API tells.

The kernel may be told otherwise inside a namespace; what is derived here is what
the engine set up (moby `daemon/libnetwork/sandbox.go`, gateway selection).
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network

from exporter.model.topology import (
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


@dataclass(frozen=True, slots=True)
class Route:
    """The way from a sandbox to an address."""

    network: NetworkId | None
    """Network whose interface it leaves by; None without a route."""
    on_link: bool
    """The destination is in the interface's own subnet."""


NO_ROUTE = Route(network=None, on_link=False)


@lru_cache(maxsize=8192)
def _subnet(address: IPAddress, prefix_length: int) -> IPNetwork:
    return ip_network((address, prefix_length), strict=False)


def subnet_of(address: EndpointAddress) -> IPNetwork:
    """Return the subnet an endpoint's address lies in."""
    return _subnet(address.address, address.prefix_length)


def route_of(topology: Topology, source: Sandbox, destination: IPAddress) -> Route:
    """Return the route the engine gave a sandbox towards an address."""
    ip_version = version_of(destination)
    for endpoint in source.endpoints:
        address = endpoint.address(ip_version)
        if address is not None and destination in subnet_of(address):
            return Route(network=endpoint.network_id, on_link=True)
    default = default_route(topology, source, ip_version)
    return NO_ROUTE if default is None else Route(network=default, on_link=False)


def default_route(
    topology: Topology, source: Sandbox, ip_version: IpVersion
) -> NetworkId | None:
    """Return the network that carries a sandbox's default route.

    Non-internal before internal, then the highest GwPriority, then the network
    name that sorts first. An endpoint without a gateway gives none: internal
    networks from engine 26.1, and `isolated` ones.
    """
    candidates: list[tuple[bool, int, str, NetworkId]] = []
    for endpoint in source.endpoints:
        network = topology.network_by_id.get(endpoint.network_id)
        address = endpoint.address(ip_version)
        if network is not None and address is not None and address.gateway is not None:
            rank = network.internal, -endpoint.gateway_priority, network.raw_name
            candidates.append((*rank, network.id))
    return min(candidates)[-1] if candidates else None


def bridge_has_address(network: Network, ip_version: IpVersion) -> bool:
    """Return whether the network has a bridge to which the engine gives an address."""
    if network.driver != "bridge" or network.gateway_mode(ip_version) == "isolated":
        return False
    return not (ip_version == 4 and network.inhibit_ipv4)


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
