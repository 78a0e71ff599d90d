"""What one cycle looks at where there are more pairs than one cycle can probe.

A thousand containers make a million pairs. Each cycle takes all of the host's and the
gateways', the peers whose turn it is inside networks, and some of every block of pairs
across networks, in rotation, so that each pair has its turn in a known time. What is
broken stays under watch whatever its turn. The rest is counted, never forgotten.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from exporter.model.kinds import Block
from exporter.model.outcome import Observed, Scope, Verdict
from exporter.model.pair import CountKey, Pair, PairState, Planned, count_key
from exporter.model.pairs import all_pairs, names_of, pairs_between
from exporter.model.plan import (
    EPOCH_CYCLES,
    PEERS,
    Plan,
    cycles_to_cover,
    epoch_peers,
    is_peer,
    place,
)
from exporter.model.rotation import Rotation, cycles_of
from exporter.model.topology import Sandbox, SandboxId, Topology

ENUMERATED = 20_000
"""Up to so many pairs are probed in a cycle; beyond, some in each."""
KEPT = 100_000
"""Up to so many pairs each is kept, whatever its turn."""
ACROSS = 5_000
"""Pairs across networks in a cycle of a sample, about; at least one a block."""
NAMES = 2_000
"""Names asked in a cycle of a sample, about: each is work for the engine."""
WATCHED = 5_000
"""Broken promises that are probed in every cycle of a sample, the oldest first."""
KEPT_CYCLES = 2 * EPOCH_CYCLES
"""How long a sample keeps what it found to be fine."""
_BUSY = 0.7
"""Part of the packets of an interval that a plan may take before it is a sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a cycle looks at, and how many pairs it leaves aside."""

    due: tuple[Planned, ...]
    """Whose turn it is, what changed, and what is under watch."""
    known: tuple[Planned, ...]
    """Everything that is worth keeping: what is due, and what was found of late."""
    aside: Mapping[CountKey, int]
    """The number of all other pairs."""
    cycles: int
    """After so many every pair has had its turn."""


def is_sampled(plan: Plan, packets: float) -> bool:
    """Return whether there are too many pairs to go through in every cycle.

    Args:
        plan: the pairs.
        packets: that an interval has room for.
    """
    if plan.size > KEPT:
        return True
    most = min(ENUMERATED, packets * _BUSY)
    return plan.size > most and plan.size - _beyond_turns(plan) > most


def _beyond_turns(plan: Plan) -> int:
    """Return how many pairs inside networks, and names, have no turn in a cycle."""
    inside = sum(one.size for one in plan.blocks if is_peer(one.decision, one.network))
    due = PEERS * sum(
        len(endpoint.addresses)
        for sandbox in plan.topology.sandboxes
        for endpoint in sandbox.endpoints
    )
    return max(0, inside - due) + max(0, plan.names - due)


def sample(
    plan: Plan,
    cycle: int,
    states: Mapping[Pair, PairState],
    *,
    changed: Collection[SandboxId] = (),
    fresh_from: datetime,
) -> Sample:
    """Return what is due in a cycle.

    Args:
        plan: the pairs.
        cycle: counts the cycles.
        states: what is known.
        changed: sandboxes to look at in any case, whatever their turn.
        fresh_from: what was found before then, and is fine, is not kept.
    """
    watched = _watched(plan.topology, states)
    wanted = dict.fromkeys(chain(_turns(plan, cycle), _about(plan, changed), watched))
    due = tuple(plan.items(wanted))
    kept = (
        pair
        for pair, state in states.items()
        if pair not in wanted
        and state.probed is not None
        and state.probed >= fresh_from
        and not state.is_broken  # those under watch are due already
        and exists(plan.topology, pair)
    )
    known = due + tuple(plan.items(kept))
    aside = Counter(plan.counts)
    aside.subtract(map(count_key, known))
    return Sample(
        due=due,
        known=known,
        aside={key: count for key, count in aside.items() if count > 0},
        cycles=_cycles(plan),
    )


def _cycles(plan: Plan) -> int:
    """Return after how many cycles every pair has had its turn."""
    pace = _pace(plan.across)
    crossing = max((cycles_of(block, pace) for block in plan.across), default=1)
    names = -(-len(plan.topology.sandboxes) // _askers(plan))
    asked = names if Scope.NAME in plan.scopes else 1
    return max(cycles_to_cover(plan.topology), crossing, asked)


def exists(topology: Topology, pair: Pair) -> bool:
    """Return whether a pair of scope container or name is one of a topology."""
    source = topology.sandbox_by_id.get(pair.source)
    destination = topology.sandbox_by_id.get(SandboxId(str(pair.destination)))
    if source is None or destination is None:
        return False
    if pair.scope is Scope.NAME:
        return any(pair == one for one in names_of(topology, source))
    endpoint = destination.endpoint_on(pair.network)
    return endpoint is not None and any(
        found.address == pair.address for found in endpoint.addresses
    )


def _turns(plan: Plan, cycle: int) -> Iterator[Pair]:
    """Yield the pairs whose turn it is."""
    topology, scopes = plan.topology, plan.scopes
    yield from all_pairs(topology, scopes & {Scope.HOST, Scope.GATEWAY})
    if Scope.CONTAINER in scopes:
        yield from _peers(topology, cycle)
        yield from _crossing(plan, cycle)
    if Scope.NAME in scopes:
        yield from _names(plan, cycle)


def _peers(topology: Topology, cycle: int) -> Iterator[Pair]:
    known = topology.sandbox_by_id
    for network in topology.networks:
        members = [one.id for one in topology.sandboxes_on(network.id)]
        for here, there in sorted(epoch_peers(members, cycle // EPOCH_CYCLES)):
            yield from pairs_between(topology, known[here], known[there], network.id)


def _pace(across: Collection[Block]) -> int:
    """Return how many pairs of each block are due in one cycle, about."""
    return max(1, ACROSS // max(1, len(across)))


def _crossing(plan: Plan, cycle: int) -> Iterator[Pair]:
    rotation, pace = Rotation(plan.topology.sandboxes), _pace(plan.across)
    for block in plan.across:
        yield from rotation.due(block, cycle, pace)


def _askers(plan: Plan) -> int:
    """Return how many sandboxes ask for all names that they may, in one cycle."""
    sandboxes = len(plan.topology.sandboxes)
    return max(1, NAMES * sandboxes // max(NAMES, plan.names))


def _names(plan: Plan, cycle: int) -> Iterator[Pair]:
    ring = sorted(plan.topology.sandboxes, key=lambda one: place(one.id))
    pace = _askers(plan)
    for turn in range(cycle * pace, cycle * pace + min(pace, len(ring))):
        yield from names_of(plan.topology, ring[turn % len(ring)])


def _about(plan: Plan, changed: Collection[SandboxId]) -> Iterator[Pair]:
    """Yield a few pairs of each sandbox that changed: with one of every kind."""
    if Scope.CONTAINER not in plan.scopes:
        return
    topology = plan.topology
    others = [members[0] for members in plan.kinds] + [
        members[-1] for members in plan.kinds if len(members) > 1
    ]
    for identity in changed:
        sandbox = topology.sandbox_by_id.get(identity)
        if sandbox is not None:
            for other in others:
                if other.id != identity:
                    yield from _both_ways(topology, sandbox, other)


def _both_ways(topology: Topology, one: Sandbox, other: Sandbox) -> Iterator[Pair]:
    for source, destination in ((one, other), (other, one)):
        for endpoint in destination.endpoints:
            yield from pairs_between(topology, source, destination, endpoint.network_id)


def _watched(topology: Topology, states: Mapping[Pair, PairState]) -> list[Pair]:
    """Return what is broken or in doubt, the oldest first, as far as it exists."""
    bad = [
        state
        for state in states.values()
        if state.is_broken
        or (
            state.verdict is Verdict.UNVERIFIED
            and state.observation.observed is not Observed.NOT_PROBED
        )
    ]
    bad.sort(key=lambda state: (not state.is_broken, state.since))
    meshed = (Scope.CONTAINER, Scope.NAME)
    return [
        state.pair
        for state in bad[:WATCHED]
        if state.pair.scope in meshed and exists(topology, state.pair)
    ]
