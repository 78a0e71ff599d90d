"""What one cycle probes of a plan, within what the neighbour table bears."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import itemgetter
from types import MappingProxyType

from exporter.model.neighbours import NeighbourBudget, entries_of
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, Planned
from exporter.model.plan import epoch_peers, is_peer
from exporter.model.topology import (
    HOST,
    IpVersion,
    NetworkId,
    SandboxId,
    Topology,
)

_ON_LINK = 2
"""Priority of pairs inside networks: after all others."""

Resting = Mapping[IpVersion, frozenset[SandboxId]]
"""The sandboxes whose turn it is not, in each family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What one cycle probes and what it leaves for later."""

    probed: tuple[Planned, ...]
    skipped: tuple[Planned, ...]
    throttled: int
    """Pairs among the skipped that the neighbour budget put off."""
    put_off: frozenset[Pair] = frozenset()
    """Those of them inside networks."""
    resting: Resting = field(default_factory=dict)
    """Sandboxes that cost no entries of their own now."""
    unproven: Resting = field(default_factory=dict)
    """These, and those that the host was to ask and the budget did not bear it: only
    peers say whether they are alive."""

    def is_unproven(self, pair: Pair) -> bool:
        """Return whether nobody but a peer was asked whether the destination lives."""
        ends = self.unproven.get(pair.ip_version, ())
        return pair.destination_sandbox in ends


def select(
    topology: Topology,
    planned: Iterable[Planned],
    *,
    epoch: int,
    budget: NeighbourBudget,
    everything: bool = False,
    resting: Resting = MappingProxyType({}),
    rationed: Mapping[IpVersion, int | None] = MappingProxyType({}),
    watched: Collection[Pair] = (),
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
        resting: sandboxes that may cost no entries of their own now.
        rationed: families whose pairs inside networks go round in a row
            (`exporter.model.rings`), and so many entries that they may add here all
            the same; None: they are left out.
        watched: those of them, and of whose turn it is not, that are due in any case.
    """
    turns = None if everything else _turns(topology, epoch)
    ordered = sorted(((_priority(item), item) for item in planned), key=itemgetter(0))
    due = [
        (number, priority, item)
        for number, (priority, item) in enumerate(ordered)
        if not item.decision.is_left_alone
        and (item.pair in watched or _is_due(item, turns))
    ]
    kept, purse, ways = set[int](), _Purse(rationed), _Ways(topology, budget)
    refused: list[_Due] = []
    for one in _fairly(due, epoch, budget):
        number, _, item = one
        if rationed and item.pair not in watched and _is_in_row(item, rationed):
            cost = budget.cost(entries_of(topology, item))
            may_take = purse.pay(item.pair.ip_version, cost)
        else:
            may_take = not (resting and _rests(item, resting))
        if may_take and ways.take(item):
            kept.add(number)
        else:
            refused.append(one)
    return Selection(
        probed=tuple(item for n, (_, item) in enumerate(ordered) if n in kept),
        skipped=tuple(item for n, (_, item) in enumerate(ordered) if n not in kept),
        throttled=len(refused),
        put_off=frozenset(i.pair for _, rank, i in refused if rank == _ON_LINK),
        resting=resting,
        unproven=_unproven(resting, refused),
    )


def _unproven(resting: Resting, refused: Iterable["_Due"]) -> Resting:
    """Return who rests, and those whose control by the host is among the refused."""
    found = {version: set(idle) for version, idle in resting.items()}
    for _, _, item in refused:
        pair = item.pair
        if pair.scope is Scope.HOST and pair.destination_sandbox is not None:
            found.setdefault(pair.ip_version, set()).add(pair.destination_sandbox)
    return {version: frozenset(ends) for version, ends in found.items()}


_Due = tuple[int, int, Planned]
"""A pair with its number and its priority."""


def _fairly(due: list[_Due], epoch: int, budget: NeighbourBudget) -> Iterable[_Due]:
    """Return pairs in order; where not all on one link fit, others first each epoch.

    Else those at the end would never be probed. Both directions stay together.
    """
    if 2 * len(due) <= budget.least:
        return due

    def lot(one: _Due) -> tuple[int, bytes]:
        _, first, item = one
        if first < _ON_LINK:
            return first, b""
        ends = sorted((str(item.pair.source), str(item.pair.destination)))
        return first, blake2b(f"{epoch} {ends}".encode(), digest_size=8).digest()

    return sorted(due, key=lot)


class _Ways:
    """Takes the entries of pairs, and looks once only at those of one way out.

    All pairs of a source that cross networks by one of its networks need the same: its
    entry for the gateway.
    """

    def __init__(self, topology: Topology, budget: NeighbourBudget) -> None:
        self._topology = topology
        self._budget = budget
        self._known: dict[tuple[SandboxId, NetworkId, IpVersion], bool] = {}

    def take(self, item: Planned) -> bool:
        """Return whether the budget bears a pair, and draw from it."""
        pair, decision = item.pair, item.decision
        network = decision.source_network
        crosses = pair.scope is Scope.CONTAINER and not decision.on_link
        if not crosses or network is None or not decision.has_route:
            return self._budget.take(entries_of(self._topology, item))
        way = pair.source, network, pair.ip_version
        found = self._known.get(way)
        if found is None:
            found = self._budget.take(entries_of(self._topology, item))
            self._known[way] = found
        return found


class _Purse:
    """What pairs that go round in a row may add here."""

    def __init__(self, rationed: Mapping[IpVersion, int | None]) -> None:
        self._left = dict(rationed)

    def pay(self, version: IpVersion, cost: int) -> bool:
        """Return whether so much is left, and take it."""
        left = self._left[version]
        if left is None or cost > left:
            return False
        self._left[version] = left - cost
        return True


def _is_in_row(item: Planned, rationed: Collection[IpVersion]) -> bool:
    pair = item.pair
    return (
        pair.ip_version in rationed
        and pair.scope is Scope.CONTAINER
        and is_peer(item.decision, pair.network)
    )


def _rests(item: Planned, resting: Resting) -> bool:
    """Return whether a pair needs an entry for the host's or gateway's sake in vain."""
    pair, decision = item.pair, item.decision
    if pair.scope is Scope.NAME:  # asked on the source's own loopback, in IPv4
        return pair.source in resting.get(4, ())
    idle = resting.get(pair.ip_version)
    meshed = pair.scope is Scope.CONTAINER and decision.on_link
    if not idle or meshed or not decision.has_route:
        return False
    return (pair.destination_sandbox if pair.source == HOST else pair.source) in idle


def _priority(item: Planned) -> int:
    if item.pair.scope in (Scope.GATEWAY, Scope.HOST):
        return 0
    meshed = item.decision.on_link and item.pair.scope is Scope.CONTAINER
    return _ON_LINK if meshed else 1


Turns = Mapping[NetworkId, frozenset[tuple[SandboxId, SandboxId]]]


def _turns(topology: Topology, epoch: int) -> Turns:
    return {
        network.id: epoch_peers(
            [sandbox.id for sandbox in topology.sandboxes_on(network.id)], epoch
        )
        for network in topology.networks
    }


def _is_due(item: Planned, turns: Turns | None) -> bool:
    pair = item.pair
    meshed = pair.scope is Scope.CONTAINER and is_peer(item.decision, pair.network)
    if turns is None or not (meshed or pair.scope is Scope.NAME):
        return True
    ends = (pair.source, pair.destination_sandbox)
    return ends in turns.get(pair.network, ())
