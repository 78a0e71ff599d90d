"""What one cycle probes of a plan, within what the neighbour table bears."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
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


def select(
    topology: Topology,
    planned: Iterable[Planned],
    *,
    epoch: int,
    budget: NeighbourBudget,
    everything: bool = False,
    resting: Resting = MappingProxyType({}),
    rationed: Collection[IpVersion] = (),
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
        rationed: families whose pairs inside networks are left out; they go round in
            a row (`exporter.model.rings`).
        watched: those of them, and of whose turn it is not, that are due all the same.
    """
    turns = None if everything else _turns(topology, epoch)
    ordered = sorted(planned, key=_priority)
    due = [
        item
        for item in ordered
        if not item.decision.is_left_alone
        and (item.pair in watched or _is_due(item, turns))
    ]
    kept: set[Pair] = set()
    refused: list[Planned] = []
    for item in _fairly(due, epoch, budget):
        is_left_out = _is_in_row(item, rationed) and item.pair not in watched
        if is_left_out or _rests(item, resting):
            refused.append(item)
        elif budget.take(entries_of(topology, item)):
            kept.add(item.pair)
        else:
            refused.append(item)
    return Selection(
        probed=tuple(item for item in ordered if item.pair in kept),
        skipped=tuple(item for item in ordered if item.pair not in kept),
        throttled=len(refused),
        put_off=frozenset(i.pair for i in refused if _priority(i) == _ON_LINK),
        resting=resting,
    )


def _fairly(
    due: list[Planned], epoch: int, budget: NeighbourBudget
) -> Iterable[Planned]:
    """Return pairs in order; where not all on one link fit, others first each epoch.

    Else those at the end would never be probed. Both directions stay together.
    """
    if 2 * len(due) <= budget.least:
        return due

    def lot(item: Planned) -> tuple[int, bytes]:
        first = _priority(item)
        if first < _ON_LINK:
            return first, b""
        ends = sorted((str(item.pair.source), str(item.pair.destination)))
        return first, blake2b(f"{epoch} {ends}".encode(), digest_size=8).digest()

    return sorted(due, key=lot)


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
    idle = resting.get(pair.ip_version)
    meshed = pair.scope is Scope.CONTAINER and decision.on_link
    if not idle or pair.scope is Scope.NAME or meshed or not decision.has_route:
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
