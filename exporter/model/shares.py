"""Whose entries of the neighbour table are due, where it has no room for everybody's.

Each container costs two, for the host and for its gateway, and what is used in every
cycle never leaves the table: without turns the first few hundred containers would keep
it for themselves, and of the others no packet would ever be sent. So they take turns;
meanwhile the entries of those that rest leave the table.
"""

from collections.abc import Collection, Iterable, Mapping

from exporter.model.neighbours import NeighbourBudget, NeighbourEntry, entries_of
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, PairState, Planned
from exporter.model.plan import EPOCH_CYCLES, place
from exporter.model.topology import (
    HOST,
    IP_VERSIONS,
    IpVersion,
    SandboxId,
    Topology,
)

TURN_S = 60.0
"""How long a turn lasts at least: an entry that is no longer used stays for 45 s."""
_CONTROLS = (Scope.HOST, Scope.GATEWAY)


def shares(
    topology: Topology, known: Iterable[Planned], budget: NeighbourBudget
) -> int:
    """Return in how many shares the sandboxes take turns; 1: there is room for all.

    An odd number: what else goes by turns does so in powers of two, and all turns of
    the one are to meet all of the other.

    Args:
        topology: what exists.
        known: the pairs, with all of the host's and the gateways'.
        budget: of the neighbour table.
    """
    wanted: dict[IpVersion, set[NeighbourEntry]] = {v: set() for v in IP_VERSIONS}
    for item in known:
        if item.pair.scope in _CONTROLS and not item.decision.is_left_alone:
            wanted[item.pair.ip_version].update(entries_of(topology, item))
    count = max(
        1
        if len(entries) <= budget.lasting[version]
        else -(-len(entries) // max(1, budget.per_turn[version]))
        for version, entries in wanted.items()
    )
    return count if count == 1 else min(count, len(topology.sandboxes)) | 1


def steady(before: int, wanted: int) -> int:
    """Return in how many shares to go on: fewer only where half of them suffice.

    What others have in the table changes all the time. With the number everybody's
    share changes, and who was about to have his turn might miss it.
    """
    return before if wanted <= before < 2 * wanted else wanted


def turn_cycles(interval_s: float) -> int:
    """Return for how many cycles a turn lasts, a power of two."""
    least = max(EPOCH_CYCLES, -int(-TURN_S // interval_s))
    return 1 << (least - 1).bit_length()


def resting(
    topology: Topology, count: int, turn: int, awake: Collection[SandboxId]
) -> frozenset[SandboxId]:
    """Return the sandboxes whose turn it is not.

    Args:
        topology: what exists.
        count: of the shares.
        turn: counts the turns.
        awake: those that cannot rest.
    """
    if count == 1:
        return frozenset()
    return frozenset(
        one.id
        for one in topology.sandboxes
        if one.id not in awake
        and int.from_bytes(place(one.id), "big") % count != turn % count
    )


def broken_ends(states: Mapping[Pair, PairState], most: int) -> frozenset[SandboxId]:
    """Return the ends of broken promises, up to so many; the oldest first."""
    broken = sorted(
        (state for state in states.values() if state.is_broken),
        key=lambda state: state.since,
    )
    ends: dict[SandboxId, None] = {}
    for state in broken:
        both = {state.pair.source, state.pair.destination_sandbox} - {HOST, None}
        if len(ends) + len(both) > most:
            break
        ends.update((end, None) for end in both if end is not None)
    return frozenset(ends)
