"""The pairs inside networks in one endless row, for where they have to take turns.

Network by network, each member with all that stand behind it, in the order of a hash
(`exporter.model.plan.place`). Where two stand follows from them alone, so that others
may come and go: whoever stays is met once in a round.
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
    one: bytes
    other: bytes


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
    start = after or Mark(NetworkId(""), b"", b"")
    networks = sorted(rings)
    for network in networks[bisect_left(networks, start.network) :]:
        ring, first, behind = rings[network], 0, b""
        if network == start.network:
            first, behind = _stands(ring, start.one), start.other
            if first < len(ring) and ring[first][0] != start.one:  # it has gone
                behind = b""
        for index in range(first, len(ring)):
            stands, one = ring[index]
            for place_, other in ring[max(index + 1, _after(ring, behind)) :]:
                yield Two(Mark(network, stands, place_), one, other)
            behind = b""


def _stands(ring: Ring, member: bytes) -> int:
    """Return where a member stands, or who comes after it where it has gone."""
    return bisect_left(ring, member, key=lambda each: each[0])


def _after(ring: Ring, member: bytes) -> int:
    """Return who comes after a member."""
    return bisect_right(ring, member, key=lambda each: each[0])
