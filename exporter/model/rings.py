"""The pairs inside networks in one endless row, for where they have to take turns.

Network by network, and in each by distance round the ring in which its members stand
(`exporter.model.plan.place`). A place in the row is told without its number, so that
others may come and go: whoever stays is met within one round.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from typing import NamedTuple

from exporter.model.plan import place
from exporter.model.policy import opted_out
from exporter.model.topology import IpVersion, NetworkId, SandboxId, Topology

Ring = tuple[tuple[bytes, SandboxId], ...]
"""The members of a network with their places, in order."""
Rings = Mapping[NetworkId, Ring]


class Mark(NamedTuple):
    """A place in the row. Marks compare as they follow each other."""

    network: NetworkId
    distance: int
    place: bytes


class Two(NamedTuple):
    """Two members of one network, and where in the row they stand."""

    mark: Mark
    one: SandboxId
    other: SandboxId


def rings_of(
    topology: Topology, version: IpVersion, looks_at: Callable[[NetworkId], bool]
) -> Rings:
    """Return who meets whom in one family; who asked to be left alone meets nobody.

    Args:
        topology: what exists.
        version: the family.
        looks_at: whether a network is looked at.
    """
    alone = opted_out(topology)
    found: dict[NetworkId, list[tuple[bytes, SandboxId]]] = {}
    for sandbox in topology.sandboxes:
        if sandbox.id in alone:
            continue
        for endpoint in sandbox.endpoints:
            if any(one.ip_version == version for one in endpoint.addresses):
                ring = found.setdefault(endpoint.network_id, [])
                ring.append((place(sandbox.id), sandbox.id))
    return {
        network: tuple(sorted(ring))
        for network, ring in found.items()
        if len(ring) > 1 and looks_at(network)
    }


def row(rings: Rings, after: Mark | None = None) -> Iterator[Two]:
    """Yield every two members of one network once, beginning after a place."""
    if after is None:
        yield from _from(rings, None)
        return
    yield from _from(rings, after)
    yield from takewhile(lambda two: two.mark <= after, _from(rings, None))


def _from(rings: Rings, after: Mark | None) -> Iterator[Two]:
    start = after or Mark(NetworkId(""), 0, b"")
    networks = sorted(rings)
    for network in networks[bisect_left(networks, start.network) :]:
        ring, first = rings[network], 1
        if network == start.network:
            yield from _at(network, ring, start.distance, start.place)
            first = start.distance + 1
        for distance in range(first, len(ring) // 2 + 1):
            yield from _at(network, ring, distance)


def _at(
    network: NetworkId, ring: Ring, distance: int, after: bytes = b""
) -> Iterator[Two]:
    """Yield those of one network at a distance whose first stands after a place."""
    if not 0 < distance <= len(ring) // 2:  # the ring was a longer one
        return
    # Half way round each two meet from both sides.
    count = distance if 2 * distance == len(ring) else len(ring)
    first = bisect_right(ring, after, key=lambda member: member[0])
    for index in range(first, count):
        stands, one = ring[index]
        _, other = ring[(index + distance) % len(ring)]
        yield Two(Mark(network, distance, stands), one, other)
