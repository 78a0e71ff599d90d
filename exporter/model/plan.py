"""Which pairs exist, and which of them one cycle probes.

A pair on one bridge costs two entries of the host's neighbour table, pairs across
bridges cost a source its gateway entry only (`exporter.model.neighbours`). So isolation
is checked exhaustively, meshes inside a network are not.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from hashlib import blake2b

from exporter.model.expectation import Promises
from exporter.model.kinds import Block, Kinds, blocks, kinds, names_by_kind
from exporter.model.outcome import Scope
from exporter.model.pair import CountKey, Decision, Pair, Planned, count_key
from exporter.model.pairs import all_pairs, unanswered
from exporter.model.policy import ALWAYS, NO_POLICY, Applied, Policy
from exporter.model.topology import (
    Network,
    NetworkId,
    SandboxId,
    Topology,
)

MESH_LIMIT = 9
"""Networks with at most this many sandboxes are probed as a full mesh."""
PEERS = 8
"""Peers of each sandbox in a larger network, in one epoch."""
EPOCH_CYCLES = 4
"""Cycles after which larger networks move on to other peers."""


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
    ring = sorted(set(members), key=place)
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


def place(member: SandboxId) -> bytes:
    """Return where a member stands in the ring: its hash, so that others may go."""
    return blake2b(member.encode(), digest_size=8).digest()


def epochs_to_cover(count: int) -> int:
    """Return how many epochs pass until every pair of a network was probed."""
    if count <= MESH_LIMIT:
        return 1
    return -(-(count // 2) // (PEERS // 2))


def cycles_to_cover(topology: Topology) -> int:
    """Return how many cycles pass until every pair inside networks was probed."""
    epochs = max(
        (
            epochs_to_cover(len(topology.sandboxes_on(network.id)))
            for network in topology.networks
        ),
        default=1,
    )
    return 1 if epochs == 1 else epochs * EPOCH_CYCLES


class Plan:
    """Every pair of a topology with its promise, of the networks that are looked at."""

    def __init__(
        self,
        topology: Topology,
        scopes: Collection[Scope],
        networks: Callable[[Network], bool],
        policy: Policy = NO_POLICY,
        today: date = ALWAYS,
    ) -> None:
        """Bind to a topology; nothing is decided yet.

        Args:
            topology: what exists.
            scopes: the scopes to look at.
            networks: whether a network is looked at; both ends' must be.
            policy: the user's own, which comes after Docker's promises.
            today: in UTC; entries of the policy that have expired decide nothing.
        """
        self.topology = topology
        self.scopes = frozenset(scopes) - unanswered(topology)
        self.today = today
        self._promises = Promises(topology)
        self._applied = Applied(policy, topology, today)
        self._wanted = {net.id for net in topology.networks if networks(net)}

    @cached_property
    def everything(self) -> tuple[Planned, ...]:
        """All of them; a thousand containers make a million."""
        return tuple(self.items(all_pairs(self.topology, self.scopes)))

    @cached_property
    def kinds(self) -> Kinds:
        """The sandboxes that no promise tells apart, together."""
        return kinds(self.topology, self._applied)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The container pairs, in blocks that are promised alike."""
        if Scope.CONTAINER not in self.scopes:
            return ()
        found = blocks(self.topology, self.kinds, self._decide)
        return tuple(
            block
            for block in found
            if self._is_wanted(block.network, block.decision.source_network)
        )

    @cached_property
    def across(self) -> tuple[Block, ...]:
        """Those of them that are no pairs of peers on one network."""
        return tuple(
            one for one in self.blocks if not is_peer(one.decision, one.network)
        )

    @cached_property
    def names(self) -> int:
        """How many names are asked for."""
        return sum(
            count for (scope, *_), count in self.counts.items() if scope is Scope.NAME
        )

    @cached_property
    def counts(self) -> Mapping[CountKey, int]:
        """How many pairs there are of each sort, without going through them all."""
        counts: Counter[CountKey] = Counter()
        few = self.scopes & {Scope.HOST, Scope.GATEWAY}
        counts.update(map(count_key, self.items(all_pairs(self.topology, few))))
        for block in self.blocks:
            counts[block.key] += block.size
        if Scope.NAME in self.scopes:
            for pair, count in names_by_kind(self.topology, self.kinds):
                for item in self.items((pair,)):
                    counts[count_key(item)] += count
        return counts

    @cached_property
    def size(self) -> int:
        """How many pairs there are."""
        return sum(self.counts.values())

    def items(self, pairs: Iterable[Pair]) -> Iterator[Planned]:
        """Yield pairs of the topology with their promises, without unwanted ones."""
        for pair in pairs:
            if pair.network in self._wanted:
                decision = self._decide(pair)
                if self._is_wanted(pair.network, decision.source_network):
                    yield Planned(pair=pair, decision=decision)

    def looks_at(self, network: NetworkId) -> bool:
        """Return whether a network is looked at."""
        return network in self._wanted

    def _decide(self, pair: Pair) -> Decision:
        return self._applied.decide(pair, self._promises.decide(pair))

    def _is_wanted(self, network: NetworkId, way: NetworkId | None) -> bool:
        return network in self._wanted and (way is None or way in self._wanted)


def plan(
    topology: Topology,
    scopes: Collection[Scope],
    networks: Callable[[Network], bool],
    policy: Policy = NO_POLICY,
    today: date = ALWAYS,
) -> tuple[Planned, ...]:
    """Return every pair with its promise; the arguments are those of `Plan`."""
    return Plan(topology, scopes, networks, policy, today).everything


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


def is_peer(decision: Decision, network: NetworkId) -> bool:
    """Return whether both ends are peers on a network, where they take turns.

    The destination alone may be on it, and yet in a subnet of the source's own: two
    networks may have one subnet, of some drivers.
    """
    return decision.on_link and decision.source_network == network


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
