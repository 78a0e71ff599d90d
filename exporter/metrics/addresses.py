"""Subnets, overlaps, default address pools, duplicate addresses."""

from collections.abc import Iterator

from exporter.metrics import labels as label
from exporter.metrics.family import Family, Kind, Label, Samples
from exporter.model.ipam import duplicate_addresses, subnet_usage
from exporter.model.prefixes import default_pools, overlaps
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Topology

OVERLAPS_LIMIT = 100

_SUBNET = (
    label.NETWORK,
    Label(name="subnet", text="The subnet's prefix."),
    label.IP_VERSION,
)
_POOL = (Label(name="pool", text="The pool's prefix."),)

SUBNET_ADDRESSES = Family(
    name="subnet_addresses",
    kind=Kind.GAUGE,
    help="All addresses of a subnet, reserved ones too; at most 2^64 - 1.",
    labels=_SUBNET,
    bound="S",
    most=lambda sizes: sizes.subnets,
)
SUBNET_USED = Family(
    name="subnet_addresses_used",
    kind=Kind.GAUGE,
    help="Addresses of a subnet in use or reserved, the engine's own figure from API "
    "1.52 on; absent where only the swarm's managers know.",
    labels=_SUBNET,
    bound="S",
    most=lambda sizes: sizes.subnets,
)
SUBNET_AVAILABLE = Family(
    name="subnet_dynamic_addresses_available",
    kind=Kind.GAUGE,
    help="Addresses that new containers can still get: free and within the IP range; "
    "absent where only the swarm's managers know.",
    labels=_SUBNET,
    bound="S",
    most=lambda sizes: sizes.subnets,
)
SUBNET_OVERLAP = Family(
    name="subnet_overlap",
    kind=Kind.GAUGE,
    help="A network whose subnet another network or a route of the host claims too; "
    "always 1.",
    labels=(
        label.NETWORK,
        Label(name="other_network", text="The other network, or the route."),
        label.IP_VERSION,
        Label(
            name="other", text="What the other one is.", values=("docker", "host_route")
        ),
    ),
    bound=f"overlaps only, at most {OVERLAPS_LIMIT}",
    most=lambda _: OVERLAPS_LIMIT,
)
POOL_SUBNETS = Family(
    name="default_pool_subnets",
    kind=Kind.GAUGE,
    help="Subnets that can be cut from a default address pool.",
    labels=_POOL,
    bound="P; 7 unless configured",
    most=lambda sizes: sizes.pools,
)
POOL_SUBNETS_USED = Family(
    name="default_pool_subnets_used",
    kind=Kind.GAUGE,
    help="Subnets of a default address pool that a network or a host route overlaps.",
    labels=_POOL,
    bound="P; 7 unless configured",
    most=lambda sizes: sizes.pools,
)
DUPLICATES = Family(
    name="duplicate_addresses",
    kind=Kind.GAUGE,
    help="Addresses that more than one running container holds on a network.",
    labels=(
        label.NETWORK,
        Label(name="kind", text="Kind of address.", values=("ip", "mac")),
    ),
    bound="2·B",
    most=lambda sizes: 2 * sizes.networks,
)
FAMILIES = (
    SUBNET_ADDRESSES,
    SUBNET_USED,
    SUBNET_AVAILABLE,
    SUBNET_OVERLAP,
    POOL_SUBNETS,
    POOL_SUBNETS_USED,
    DUPLICATES,
)


def collect(snapshot: Snapshot) -> Iterator[Samples]:
    """Yield the samples of these families; none before the engine answered."""
    topology = snapshot.topology
    if topology is None:
        yield from map(Samples, FAMILIES)
        return
    yield from _subnets(topology)
    found = Samples(SUBNET_OVERLAP)
    for overlap in overlaps(topology)[:OVERLAPS_LIMIT]:
        version = label.ip_version(overlap.ip_version)
        found.put(1, overlap.network, overlap.other, version, overlap.kind)
    yield found
    yield from _pools(topology)
    duplicates = Samples(DUPLICATES)
    for network in duplicate_addresses(topology):
        duplicates.put(len(network.addresses), network.network, "ip")
        duplicates.put(len(network.macs), network.network, "mac")
    yield duplicates


def _subnets(topology: Topology) -> Iterator[Samples]:
    addresses, used = Samples(SUBNET_ADDRESSES), Samples(SUBNET_USED)
    available = Samples(SUBNET_AVAILABLE)
    for usage in subnet_usage(topology):
        version = label.ip_version(usage.ip_version)
        values = (usage.network, str(usage.prefix), version)
        addresses.put(usage.addresses, *values)
        if usage.used is not None:
            used.put(usage.used, *values)
        if usage.available is not None:
            available.put(usage.available, *values)
    yield from (addresses, used, available)


def _pools(topology: Topology) -> Iterator[Samples]:
    subnets, used = Samples(POOL_SUBNETS), Samples(POOL_SUBNETS_USED)
    for pool in default_pools(topology):
        subnets.put(pool.subnets, str(pool.base))
        used.put(pool.used, str(pool.base))
    yield from (subnets, used)
