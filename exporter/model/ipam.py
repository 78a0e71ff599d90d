"""How full subnets are, and which addresses are held twice.

The engine's own figures (API 1.52 and newer) are used where it gives them; else its
rules are applied to what the API shows. They were read in moby
`daemon/libnetwork/ipams/defaultipam` (what an allocator reserves) and
`daemon/libnetwork/network.go` (gateways, auxiliary addresses).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporter.model.prefixes import SATURATED, allocated, bounds_of
from exporter.model.routing import UNDERLAY_DRIVERS
from exporter.model.topology import (
    IPAddress,
    IPNetwork,
    IpVersion,
    Network,
    NetworkId,
    Subnet,
    Topology,
    version_of,
)

_GATEWAYS_ON_DEMAND = 28
"""Major version since which drivers may do without a gateway nobody asked for."""
_NEWEST = 99
"""Stands for an engine whose version has no number."""
_INVISIBLE_ENDPOINTS = "docker_gwbridge"
"""Its endpoints belong to the engine, so the API shows none of them."""

_Pool = tuple[str, IPNetwork]
"""What has an allocator of its own: networks of one scope with the same prefix
(macvlan allows several) share it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetUsage:
    """How full a subnet is; every number saturates at `SATURATED`."""

    network: str
    prefix: IPNetwork
    ip_version: IpVersion
    addresses: int
    """All addresses of the prefix, reserved ones too."""
    used: int | None
    """In use or reserved (network, broadcast, gateway, auxiliary); None where only
    the swarm's managers know."""
    available: int | None
    """Still to be had for new containers: free and within the IP range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Addresses that more than one endpoint of a network holds, sorted."""

    network: str
    addresses: tuple[IPAddress, ...] = ()
    macs: tuple[str, ...] = ()


def subnet_usage(topology: Topology) -> tuple[SubnetUsage, ...]:
    """Return the usage of every subnet that the engine allocates from.

    A subnet of a family that its network does not carry is not allocated at all.
    """
    taken = _taken(topology)
    return tuple(
        _usage(network, subnet, taken)
        for network, subnet in allocated(topology)
        if network.enabled(version_of(subnet.prefix))
    )


def _usage(
    network: Network, subnet: Subnet, taken: Mapping[_Pool, set[int]]
) -> SubnetUsage:
    used, available = subnet.addresses_used, subnet.dynamic_available
    if used is None and _is_countable(network):
        used = len(taken[_pool(network, subnet)])
    if available is None and _is_countable(network):
        first, last = bounds_of(subnet.allocated_from)
        inside = sum(first <= one <= last for one in taken[_pool(network, subnet)])
        available = last - first + 1 - inside
    return SubnetUsage(
        network=network.name,
        prefix=subnet.prefix,
        ip_version=version_of(subnet.prefix),
        addresses=min(subnet.prefix.num_addresses, SATURATED),
        used=None if used is None else min(used, SATURATED),
        available=None if available is None else min(available, SATURATED),
    )


def _is_countable(network: Network) -> bool:
    """Return whether every address in use is known to this engine's API."""
    return network.scope == "local" and network.raw_name != _INVISIBLE_ENDPOINTS


def _pool(network: Network, subnet: Subnet) -> _Pool:
    return network.scope, subnet.prefix


def _taken(topology: Topology) -> Mapping[_Pool, set[int]]:
    """Return the addresses in use or reserved, by allocator."""
    taken: defaultdict[_Pool, set[int]] = defaultdict(set)
    unknown: list[tuple[Network, Subnet]] = []
    held, gateways = _held(topology)
    for network, subnet in allocated(topology):
        prefix = subnet.prefix
        used = taken[_pool(network, subnet)]
        used.update(_reserved(prefix))
        used.update(int(address) for _, address in subnet.auxiliary)
        used.update(int(found) for found in held[network.id] if found in prefix)
        gateway = subnet.gateway or _first_in(prefix, gateways[network.id])
        if gateway is not None:
            used.add(int(gateway))
        elif _reserves_gateway(topology, network, version_of(prefix)):
            unknown.append((network, subnet))
    for network, subnet in unknown:
        free = _first_free(subnet.allocated_from, taken[_pool(network, subnet)])
        if free is not None:
            taken[_pool(network, subnet)].add(free)
    return taken


def _held(
    topology: Topology,
) -> tuple[
    defaultdict[NetworkId, set[IPAddress]], defaultdict[NetworkId, set[IPAddress]]
]:
    """Return the endpoints' addresses and gateways by network."""
    held: defaultdict[NetworkId, set[IPAddress]] = defaultdict(set)
    gateways: defaultdict[NetworkId, set[IPAddress]] = defaultdict(set)
    for container in topology.containers:
        for endpoint in container.endpoints:
            for found in endpoint.addresses:
                held[endpoint.network_id].add(found.address)
                if found.gateway is not None:
                    gateways[endpoint.network_id].add(found.gateway)
    return held, gateways


def _reserved(prefix: IPNetwork) -> Iterator[int]:
    """Yield what the allocator keeps for itself.

    The IPv4 network and broadcast address, except in a /31 or /32 (RFC 3021); the
    IPv6 subnet-router anycast address (RFC 4291, 2.6.1).
    """
    first, last = bounds_of(prefix)
    if prefix.version == 6:
        yield first
    elif prefix.prefixlen < 31:
        yield first
        yield last


def _first_in(prefix: IPNetwork, found: Iterable[IPAddress]) -> IPAddress | None:
    return min((one for one in found if one in prefix), key=int, default=None)


def _reserves_gateway(
    topology: Topology, network: Network, ip_version: IpVersion
) -> bool:
    """Return whether the engine takes a gateway although none was configured.

    Until 28 it always does; then drivers began to say that they need none.
    """
    if network.driver in ("null", "host"):  # no addresses, whatever is written there
        return False
    major = topology.engine.major or _NEWEST
    if major < _GATEWAYS_ON_DEMAND:
        return True
    if network.driver == "bridge":
        bare = ip_version == 4 and network.internal and network.inhibit_ipv4
        return not bare and network.gateway_mode(ip_version) != "isolated"
    if network.driver in UNDERLAY_DRIVERS:
        routed_out = bool(network.options.get("parent")) and not network.internal
        return major == _GATEWAYS_ON_DEMAND and routed_out
    return True


def _first_free(prefix: IPNetwork, taken: set[int]) -> int | None:
    first, last = bounds_of(prefix)
    return next((one for one in range(first, last + 1) if one not in taken), None)


def duplicate_addresses(topology: Topology) -> tuple[Duplicates, ...]:
    """Return, for each network, addresses that several running endpoints hold.

    Endpoints of an ipvlan network share their parent's MAC by design.
    """
    addresses: defaultdict[NetworkId, Counter[IPAddress]] = defaultdict(Counter)
    macs: defaultdict[NetworkId, Counter[str]] = defaultdict(Counter)
    for container in topology.containers:
        for endpoint in container.endpoints if container.running else ():
            network = endpoint.network_id
            addresses[network].update(found.address for found in endpoint.addresses)
            if endpoint.mac:
                macs[network][endpoint.mac.lower()] += 1
    return tuple(
        Duplicates(
            network=network.name,
            addresses=tuple(
                sorted(
                    (one for one, count in addresses[network.id].items() if count > 1),
                    key=lambda one: (one.version, int(one)),
                )
            ),
            macs=()
            if network.driver == "ipvlan"
            else tuple(sorted(m for m, count in macs[network.id].items() if count > 1)),
        )
        for network in topology.networks
    )
