"""Container pairs by kind: all that is promised alike, decided once and counted.

A thousand containers make a million pairs of some thousand kinds. Two sandboxes are of
one kind if no promise and no entry of the policy tells them apart: the same networks,
the same subnets around each address, the same way out, the same switches. So one
pair speaks for all that lead from one kind to an endpoint of another.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from exporter.model.outcome import Scope
from exporter.model.pair import CountKey, Decision, Pair
from exporter.model.pairs import families_of, names_of
from exporter.model.policy import Applied
from exporter.model.routing import default_route, subnet_of
from exporter.model.topology import (
    IP_VERSIONS,
    ContainerId,
    Endpoint,
    IPAddress,
    IpVersion,
    NetworkId,
    Sandbox,
    SandboxId,
    Topology,
)

Decide = Callable[[Pair], Decision]


@dataclass(frozen=True, kw_only=True)
class Block:
    """The pairs from every sandbox of one kind to one address of every other's."""

    sources: tuple[Sandbox, ...]
    destinations: tuple[Sandbox, ...]
    """The same tuple as `sources` where the kinds are the same, else disjoint."""
    endpoint: int
    """Which of a destination's endpoints."""
    address: int
    """Which of that endpoint's addresses."""
    decision: Decision
    """Of every one of them."""

    @property
    def network(self) -> NetworkId:
        """Return the network of the destinations' addresses."""
        return self.destinations[0].endpoints[self.endpoint].network_id

    @property
    def ip_version(self) -> IpVersion:
        """Return the family of the destinations' addresses."""
        found = self.destinations[0].endpoints[self.endpoint]
        return found.addresses[self.address].ip_version

    @property
    def key(self) -> CountKey:
        """Return what its pairs are counted by."""
        return Scope.CONTAINER, self.network, self.ip_version, self.decision

    @property
    def size(self) -> int:
        """Return the number of pairs."""
        among = self.sources is self.destinations
        return len(self.sources) * (len(self.destinations) - among)

    @property
    def turns(self) -> int:
        """Return how many numbers `pair` takes; a few of them are no pair."""
        return len(self.sources) * len(self.destinations)

    def pair(self, turn: int) -> Pair | None:
        """Return one of the pairs; each has its turn, and neighbours share no end.

        Args:
            turn: 0 <= turn < `turns`.

        Returns:
            None where both ends were the same sandbox.
        """
        shift, place = divmod(turn, len(self.sources))
        source = self.sources[place]
        destination = self.destinations[(place + shift) % len(self.destinations)]
        if source is destination:
            return None
        return self.between(source, destination)

    def between(self, source: Sandbox, destination: Sandbox) -> Pair:
        """Return the pair of one of the sources and another one of the destinations."""
        return _pair(source, destination, self.endpoint, self.address)


Kinds = tuple[tuple[Sandbox, ...], ...]


def blocks(topology: Topology, among: Kinds, decide: Decide) -> Iterator[Block]:
    """Yield every container pair of a topology, in blocks.

    Args:
        topology: what exists.
        among: its `kinds`.
        decide: what is expected of a pair; called once a block.
    """
    for sources in among:
        families = families_of(topology, sources[0])
        for destinations in among:
            if sources is destinations and len(sources) == 1:
                continue
            # Of one kind the first and the second, else the first of each.
            source, destination = sources[0], destinations[sources is destinations]
            for endpoint, address in _places(topology, destination, families):
                yield Block(
                    sources=sources,
                    destinations=destinations,
                    endpoint=endpoint,
                    address=address,
                    decision=decide(_pair(source, destination, endpoint, address)),
                )


def _places(
    topology: Topology, destination: Sandbox, families: Collection[IpVersion]
) -> Iterator[tuple[int, int]]:
    for endpoint, found in enumerate(destination.endpoints):
        known = found.network_id in topology.network_by_id
        for address, one in enumerate(found.addresses):
            if known and one.ip_version in families:
                yield endpoint, address


def _pair(source: Sandbox, destination: Sandbox, endpoint: int, address: int) -> Pair:
    found = destination.endpoints[endpoint]
    to = found.addresses[address]
    owner = ContainerId(destination.id)
    return Pair(
        Scope.CONTAINER,
        source.id,
        owner,
        found.network_id,
        to.address,
        to.ip_version,
    )


def kinds(topology: Topology, applied: Applied) -> Kinds:
    """Return the sandboxes that no promise tells apart, together.

    Args:
        topology: what exists.
        applied: the policy on it.
    """
    prefixes = _Prefixes(topology)
    found: dict[object, list[Sandbox]] = {}
    for sandbox in topology.sandboxes:
        key = (
            tuple(_endpoint_key(topology, one, prefixes) for one in sandbox.endpoints),
            tuple(default_route(topology, sandbox, v) for v in IP_VERSIONS),
            _switches(topology, sandbox),
            applied.marks(sandbox.id),
        )
        found.setdefault(key, []).append(sandbox)
    return tuple(tuple(members) for members in found.values())


def _endpoint_key(
    topology: Topology, endpoint: Endpoint, prefixes: "_Prefixes"
) -> object:
    return (
        endpoint.network_id if endpoint.network_id in topology.network_by_id else None,
        endpoint.implicit,
        tuple(
            (one.ip_version, one.prefix_length, prefixes.around(one.address))
            for one in endpoint.addresses
        ),
        tuple(endpoint.sysctls.items()),
    )


def _switches(topology: Topology, sandbox: Sandbox) -> object:
    owner = topology.container_by_id.get(ContainerId(sandbox.id))
    return None if owner is None else tuple(sorted(owner.sysctls.items()))


class _Prefixes:
    """Every subnet that a route may have, and which of them hold an address."""

    def __init__(self, topology: Topology) -> None:
        found = {
            subnet.prefix for network in topology.networks for subnet in network.subnets
        }
        found.update(
            subnet_of(address)
            for sandbox in topology.sandboxes
            for endpoint in sandbox.endpoints
            for address in endpoint.addresses
        )
        self._all = [
            (int(one.network_address), int(one.netmask), one.version) for one in found
        ]

    def around(self, address: IPAddress) -> frozenset[int]:
        """Return which prefixes hold an address, by their place among all."""
        number, version = int(address), address.version
        return frozenset(
            place
            for place, (first, mask, family) in enumerate(self._all)
            if family == version and number & mask == first
        )


def names_by_kind(topology: Topology, among: Kinds) -> Iterator[tuple[Pair, int]]:
    """Yield one pair of scope `name` of every sort, and how many there are of it."""
    kind_of = {one.id: members for members in among for one in members}
    for sources in among:
        for pair in names_of(topology, sources[0]):
            members = kind_of[SandboxId(str(pair.destination))]
            same = members is sources
            if members[same].id == pair.destination_sandbox:
                yield pair, len(sources) * (len(members) - same)
