"""Whose entries of the neighbour table are due, where it has no room for everybody's.

Each container costs two, for the host and for its gateway, and what is used in every
cycle never leaves the table: without turns the first few hundred containers would keep
it for themselves, and of the others no packet would ever be sent. So they take turns;
meanwhile the entries of those that rest leave the table.
"""

from collections.abc import Collection, Mapping
from itertools import islice

from exporter.model.outcome import Scope
from exporter.model.pair import Pair, PairState
from exporter.model.plan import EPOCH_CYCLES, place
from exporter.model.rations import TURN_S
from exporter.model.topology import HOST, SandboxId, Topology


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
    ends: dict[SandboxId, None] = {}
    for state in _broken(states):
        both = {state.pair.source, state.pair.destination_sandbox} - {HOST, None}
        if len(ends) + len(both) > most:
            break
        ends.update((end, None) for end in both if end is not None)
    return frozenset(ends)


def broken_inside(states: Mapping[Pair, PairState], most: int) -> frozenset[Pair]:
    """Return broken promises inside networks, up to so many; the oldest first."""
    inside = (
        state.pair
        for state in _broken(states)
        if state.pair.scope is Scope.CONTAINER and state.decision.on_link
    )
    return frozenset(islice(inside, most))


def _broken(states: Mapping[Pair, PairState]) -> list[PairState]:
    """Return what is broken, the oldest first."""
    broken = (state for state in states.values() if state.is_broken)
    return sorted(broken, key=lambda state: state.since)
