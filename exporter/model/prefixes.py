"""Who claims which prefix: overlaps, and what is left of the default pools.

Sources: moby `daemon/libnetwork/ipamutils/utils.go` (default pools),
`daemon/libnetwork/ipams/defaultipam` (how subnets are cut from them).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

from exporter.model.routing import UNDERLAY_DRIVERS
from exporter.model.topology import (
    IPNetwork,
    IpVersion,
    Network,
    Subnet,
    Topology,
    version_of,
)

SATURATED = 2**64 - 1
"""Greatest number of addresses that the engine reports (an unsigned 64 bit)."""

DEFAULT_POOLS: tuple[tuple[IPNetwork, int], ...] = (
    (IPv4Network("172.17.0.0/16"), 16),
    (IPv4Network("172.18.0.0/16"), 16),
    (IPv4Network("172.19.0.0/16"), 16),
    (IPv4Network("172.20.0.0/14"), 16),
    (IPv4Network("172.24.0.0/14"), 16),
    (IPv4Network("172.28.0.0/14"), 16),
    (IPv4Network("192.168.0.0/16"), 20),
)
"""Pools of an engine without `default-address-pools`: 31 subnets."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Overlap:
    """Two prefixes that claim the same addresses."""

    network: str
    other: str
    """A network's name, or a route as `ip route` prints it."""
    kind: Literal["docker", "host_route"]
    ip_version: IpVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUsage:
    """What is left of a default address pool."""

    base: IPNetwork
    prefix_length: int
    """Of the subnets that are cut from it."""
    subnets: int
    used: int
    """Subnets that a network or a host route overlaps."""


def bounds_of(prefix: IPNetwork) -> tuple[int, int]:
    """Return the first and last address of a prefix as integers."""
    first = int(prefix.network_address)
    return first, first + prefix.num_addresses - 1


def allocated(topology: Topology) -> Iterator[tuple[Network, Subnet]]:
    """Yield every subnet of every network that is a real prefix."""
    for network in topology.networks:
        for subnet in network.subnets:
            if subnet.prefix.prefixlen:  # the null IPAM driver says 0.0.0.0/0
                yield network, subnet


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A prefix with who claims it: a network, or a host route."""

    prefix: IPNetwork
    network: Network | None
    route: str = ""


def overlaps(topology: Topology) -> tuple[Overlap, ...]:
    """Return every network whose subnet another network or a host route claims too.

    Not an overlap: the routes of the engine's own bridges, default and IPv6
    link-local routes, a macvlan or ipvlan subnet and the host's routes to that LAN,
    and two such networks on one parent.
    """
    found: set[Overlap] = set()
    enclosing: list[_Claim] = []
    for claim in sorted(_claims(topology), key=lambda one: _place(one.prefix)):
        # Prefixes nest or are disjoint, so one stack holds all that enclose this one.
        while enclosing and not _encloses(enclosing[-1].prefix, claim.prefix):
            enclosing.pop()
        found.update(_clashes(claim, enclosing))
        enclosing.append(claim)
    return tuple(sorted(found))


def _claims(topology: Topology) -> Iterator[_Claim]:
    for network, subnet in allocated(topology):
        yield _Claim(prefix=subnet.prefix, network=network)
    for prefix, interface in _foreign_routes(topology):
        yield _Claim(prefix=prefix, network=None, route=f"{prefix} dev {interface}")


def _foreign_routes(topology: Topology) -> Iterator[tuple[IPNetwork, str]]:
    bridges = {network.bridge for network in topology.networks}
    for route in topology.host.routes:
        link_local = route.prefix.version == 6 and route.prefix.is_link_local
        if not route.prefix.prefixlen or link_local or route.interface in bridges:
            continue
        yield route.prefix, route.interface


def _place(prefix: IPNetwork) -> tuple[int, int, int]:
    return prefix.version, int(prefix.network_address), prefix.prefixlen


def _encloses(outer: IPNetwork, inner: IPNetwork) -> bool:
    """Return whether a prefix lies within one that does not stand behind it."""
    if outer.version != inner.version:
        return False
    return int(inner.network_address) <= bounds_of(outer)[1]


def _clashes(claim: _Claim, others: Iterable[_Claim]) -> Iterator[Overlap]:
    version = version_of(claim.prefix)
    for other in others:
        here, there = claim.network, other.network
        if here and there:
            if here.id != there.id and not _share_a_lan(here, there):
                first, second = sorted((here.name, there.name))
                yield Overlap(
                    network=first, other=second, kind="docker", ip_version=version
                )
            continue
        network = here or there
        if network and network.driver not in UNDERLAY_DRIVERS:
            route = claim.route or other.route
            yield Overlap(
                network=network.name,
                other=route,
                kind="host_route",
                ip_version=version,
            )


def _share_a_lan(left: Network, right: Network) -> bool:
    parent = left.options.get("parent")
    return (
        {left.driver, right.driver} <= UNDERLAY_DRIVERS
        and bool(parent)
        and parent == right.options.get("parent")
    )


def default_pools(topology: Topology) -> tuple[PoolUsage, ...]:
    """Return the default address pools with how much of them is gone.

    Networks of the swarm are allocated from other pools, so only local ones count.
    Of pools within one another the engine uses the outermost.
    """
    pools = topology.engine.default_pools
    if not pools and topology.engine.product == "docker":
        pools = DEFAULT_POOLS
    claimed = [
        subnet.prefix
        for network, subnet in allocated(topology)
        if network.scope == "local"
    ]
    claimed += [prefix for prefix, _ in _foreign_routes(topology)]
    return tuple(_pool(base, length, claimed) for base, length in _outermost(pools))


def _outermost(
    pools: Iterable[tuple[IPNetwork, int]],
) -> Iterator[tuple[IPNetwork, int]]:
    last: IPNetwork | None = None
    for base, length in sorted(pools, key=lambda pool: _place(pool[0])):
        if not base.prefixlen <= length <= base.max_prefixlen:
            continue
        if last is None or not _encloses(last, base):
            last = base
            yield base, length


def _pool(base: IPNetwork, length: int, claimed: Iterable[IPNetwork]) -> PoolUsage:
    shift = base.max_prefixlen - length
    first, last = bounds_of(base)
    blocks = sorted(
        (max(first, low) >> shift, min(last, high) >> shift)
        for low, high in (
            bounds_of(one) for one in claimed if one.version == base.version
        )
        if low <= last and high >= first
    )
    return PoolUsage(
        base=base,
        prefix_length=length,
        subnets=min(1 << (length - base.prefixlen), SATURATED),
        used=min(_covered(blocks), SATURATED),
    )


def _covered(intervals: Iterable[tuple[int, int]]) -> int:
    """Return how many integers sorted closed intervals cover."""
    covered, end = 0, -1
    for low, high in intervals:
        covered += max(0, high - max(low, end + 1) + 1)
        end = max(end, high)
    return covered
