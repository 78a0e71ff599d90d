"""Which pairs exist, and which of them one cycle probes.

The kernel's neighbour table is global to the host: a pair on one bridge costs two
entries in it, an entry stays for about 45 s, and a full table breaks everybody's
new connections. Pairs across bridges cost a source its gateway entry only. So
isolation is checked exhaustively, meshes inside a network are not.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b

from exporter.model.expectation import Promises
from exporter.model.outcome import Scope
from exporter.model.pair import Decision, Pair
from exporter.model.pairs import all_pairs
from exporter.model.policy import ALWAYS, NO_POLICY, Applied, Policy
from exporter.model.routing import gateway_of
from exporter.model.topology import (
    HOST,
    IPAddress,
    IpVersion,
    Network,
    NetworkId,
    Sandbox,
    SandboxId,
    Topology,
)

MESH_LIMIT = 9
"""Networks with at most this many sandboxes are probed as a full mesh."""
PEERS = 8
"""Peers of each sandbox in a larger network, in one epoch."""
EPOCH_CYCLES = 4
"""Cycles after which larger networks move on to other peers."""

NeighbourEntry = tuple[SandboxId, NetworkId, IPAddress]
"""An entry of the neighbour table: whose, on which network, for which address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A pair with its promise."""

    pair: Pair
    decision: Decision


def epoch_peers(
    members: Sequence[SandboxId], epoch: int
) -> frozenset[tuple[SandboxId, SandboxId]]:
    """Return the ordered pairs of one network that an epoch probes.

    Full mesh up to `MESH_LIMIT`; beyond, members stand in a ring in the order of a
    hash and each is paired with the `PEERS` whose distance is this epoch's turn,
    both directions together. Every pair has its turn within
    `ceil((n - 1) / PEERS)` epochs, and a member that comes or goes changes only
    the pairs that span its place.
    """
    ring = sorted(set(members), key=_place)
    count = len(ring)
    if count <= MESH_LIMIT:
        return frozenset((a, b) for a in ring for b in ring if a != b)
    step = PEERS // 2
    first = 1 + (epoch % epochs_to_cover(count)) * step
    chosen: set[tuple[SandboxId, SandboxId]] = set()
    for index, member in enumerate(ring):
        for distance in range(first, min(first + step, count // 2 + 1)):
            other = ring[(index + distance) % count]
            chosen.update(((member, other), (other, member)))
    return frozenset(chosen)


def _place(member: SandboxId) -> bytes:
    return blake2b(member.encode(), digest_size=8).digest()


def epochs_to_cover(count: int) -> int:
    """Return how many epochs pass until every pair of a network was probed."""
    if count <= MESH_LIMIT:
        return 1
    return -(-(count // 2) // (PEERS // 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What one cycle probes and what it leaves for later."""

    probed: tuple[Planned, ...]
    skipped: tuple[Planned, ...]
    throttled: int
    """Pairs among the skipped that the neighbour budget put off."""


class NeighbourBudget:
    """How many neighbour entries may still be made (DESIGN: do no harm)."""

    def __init__(self, allowed: int, known: Iterable[NeighbourEntry] = ()) -> None:
        """Start with a number of new entries and those that exist already.

        Args:
            allowed: entries that may be added now.
            known: entries used within the last 45 s; they cost nothing.
        """
        self._left = allowed
        self._known = set(known)
        self.added: set[NeighbourEntry] = set()
        self.used: set[NeighbourEntry] = set()

    def take(self, entries: Collection[NeighbourEntry]) -> bool:
        """Take what is new of these entries, all or none."""
        fresh = {entry for entry in entries if entry not in self._known}
        if len(fresh) > self._left:
            return False
        self._left -= len(fresh)
        self.used.update(entries)
        self._known |= fresh
        self.added |= fresh
        return True


def entries_of(topology: Topology, planned: Planned) -> tuple[NeighbourEntry, ...]:
    """Return the neighbour entries that probing a pair may make.

    On one link two: the source's, and what the answer needs at the other end. Of the
    host its own only: the container's is for its gateway, whose pair pays for it, and
    so the host's pairs, which control all others, fit in first. Across networks the
    source's for its gateway only: there isolation ends the probe's way.
    """
    pair, decision = planned.pair, planned.decision
    if pair.scope is Scope.NAME or not decision.has_route:
        return ()
    if pair.source == HOST:
        return ((HOST, pair.network, pair.address),)
    via = decision.source_network or pair.network
    source = topology.sandbox_by_id[pair.source]
    own = source.address_on(via, pair.ip_version)
    if own is None or not decision.on_link:
        return _gateway_entry(topology, source, via, pair.ip_version)
    there = (pair.source, via, pair.address)
    return there, (pair.destination_sandbox or HOST, via, own.address)


def _gateway_entry(
    topology: Topology, source: Sandbox, via: NetworkId, ip_version: IpVersion
) -> tuple[NeighbourEntry, ...]:
    endpoint, network = source.endpoint_on(via), topology.network_by_id[via]
    gateway = gateway_of(network, endpoint, ip_version) if endpoint else None
    return () if gateway is None else ((source.id, via, gateway),)


def plan(
    topology: Topology,
    scopes: Collection[Scope],
    networks: Callable[[Network], bool],
    policy: Policy = NO_POLICY,
    today: date = ALWAYS,
) -> tuple[Planned, ...]:
    """Return every pair with its promise, of the networks that are looked at.

    Args:
        topology: what exists.
        scopes: the scopes to look at.
        networks: whether a network is looked at; both ends' must be.
        policy: the user's own, which comes after Docker's promises.
        today: in UTC; entries of the policy that have expired decide nothing.
    """
    promises, applied = Promises(topology), Applied(policy, topology, today)
    wanted = {network.id for network in topology.networks if networks(network)}
    planned = (
        Planned(pair=pair, decision=applied.decide(pair, promises.decide(pair)))
        for pair in all_pairs(topology, scopes)
        if pair.network in wanted
    )
    return tuple(
        item
        for item in planned
        if item.decision.source_network is None
        or item.decision.source_network in wanted
    )


def focus(
    planned: Collection[Planned], networks: Collection[NetworkId]
) -> tuple[Planned, ...]:
    """Return the pairs with an end on one of some networks."""
    return tuple(
        item
        for item in planned
        if item.pair.network in networks or item.decision.source_network in networks
    )


def touching(
    planned: Collection[Planned], changed: Collection[SandboxId]
) -> tuple[Planned, ...]:
    """Return the pairs with a changed end, and those that control them."""
    return about(
        planned,
        {
            item.pair
            for item in planned
            if item.pair.source in changed or item.pair.destination_sandbox in changed
        },
    )


def about(planned: Collection[Planned], pairs: Collection[Pair]) -> tuple[Planned, ...]:
    """Return some pairs, those of them that are planned, and what controls them."""
    items = [item for item in planned if item.pair in pairs]
    wanted = {item.pair for item in items} | needed_for(items, planned)
    return tuple(item for item in planned if item.pair in wanted)


def changed_sandboxes(before: Topology | None, after: Topology) -> set[SandboxId]:
    """Return the sandboxes that are new, or that something about them changed.

    A network whose options or subnets changed changes all sandboxes on it.
    """
    if before is None:
        return {sandbox.id for sandbox in after.sandboxes}
    old_networks = before.network_by_id
    touched = {
        network.id
        for network in after.networks
        if old_networks.get(network.id) != network
    }
    return {
        sandbox.id
        for sandbox in after.sandboxes
        if before.sandbox_by_id.get(sandbox.id) != sandbox
        or any(endpoint.network_id in touched for endpoint in sandbox.endpoints)
    }


def select(
    topology: Topology,
    planned: Iterable[Planned],
    *,
    epoch: int,
    budget: NeighbourBudget,
    everything: bool = False,
) -> Selection:
    """Choose what one cycle probes.

    Host, gateway and name pairs and pairs across networks first: they cost at most
    one entry an endpoint; then the meshes inside networks, both directions of a
    pair together. Pairs whose packets would leave the host are never probed, nor
    are those with an end that asked to be left alone.

    Args:
        topology: what exists.
        planned: every pair with its promise.
        epoch: whose turn it is in networks beyond `MESH_LIMIT`.
        budget: what the neighbour table still bears; it is drawn from.
        everything: ask for every pair, whatever the turn; the budget still holds.
    """
    turns = None if everything else _turns(topology, epoch)
    ordered = sorted(planned, key=_priority)
    kept: set[Pair] = set()
    refused = 0
    for item in ordered:
        if item.decision.is_left_alone or not _has_turn(item, turns):
            continue
        if budget.take(entries_of(topology, item)):
            kept.add(item.pair)
        else:
            refused += 1
    return Selection(
        probed=tuple(item for item in ordered if item.pair in kept),
        skipped=tuple(item for item in ordered if item.pair not in kept),
        throttled=refused,
    )


def _priority(item: Planned) -> int:
    if item.pair.scope in (Scope.GATEWAY, Scope.HOST):
        return 0
    return 2 if item.decision.on_link and item.pair.scope is Scope.CONTAINER else 1


Turns = Mapping[NetworkId, frozenset[tuple[SandboxId, SandboxId]]]


def _turns(topology: Topology, epoch: int) -> Turns:
    return {
        network.id: epoch_peers(
            [sandbox.id for sandbox in topology.sandboxes_on(network.id)], epoch
        )
        for network in topology.networks
    }


def _has_turn(item: Planned, turns: Turns | None) -> bool:
    pair = item.pair
    meshed = pair.scope is Scope.NAME or (
        pair.scope is Scope.CONTAINER and item.decision.on_link
    )
    if turns is None or not meshed:
        return True
    ends = (pair.source, pair.destination_sandbox)
    return ends in turns.get(pair.network, frozenset())


def needed_for(pairs: Iterable[Planned], planned: Iterable[Planned]) -> set[Pair]:
    """Return the host and gateway pairs that control a set of pairs.

    A verdict needs, from the same cycle, an exchange of the source over the
    interface its route uses, and an answer of the destination.
    """
    sources: set[tuple[SandboxId, NetworkId | None]] = set()
    destinations: set[tuple[SandboxId, NetworkId]] = set()
    for item in pairs:
        sources.add((item.pair.source, item.decision.source_network))
        destination = item.pair.destination_sandbox
        if destination is not None:
            destinations.add((destination, item.pair.network))
            sources.add((destination, item.pair.network))
    return {
        item.pair
        for item in planned
        if (
            item.pair.scope is Scope.GATEWAY
            and (item.pair.source, item.decision.source_network) in sources
        )
        or (
            item.pair.scope is Scope.HOST
            and (item.pair.destination_sandbox, item.pair.network) in destinations
        )
    }
