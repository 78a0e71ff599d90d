"""Whose entries of the neighbour table are due, where it has no room for everybody's.

Each container costs two, for the host and for its gateway, and what is used in every
cycle never leaves the table: without turns the first few hundred containers would keep
it for themselves, and of the others no packet would ever be sent. So they take turns;
meanwhile the entries of those that rest leave the table.
"""

from collections.abc import Collection, Iterable, Mapping

from exporter.model.neighbours import PerFamily
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, PairState
from exporter.model.plan import EPOCH_CYCLES, place
from exporter.model.rations import TURN_S
from exporter.model.topology import HOST, IpVersion, SandboxId, Topology


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


def broken(states: Mapping[Pair, PairState]) -> list[PairState]:
    """Return what is broken, the oldest first."""
    found = (state for state in states.values() if state.is_broken)
    return sorted(found, key=lambda state: state.since)


def broken_ends(found: Iterable[PairState], most: int) -> frozenset[SandboxId]:
    """Return the ends of what is `broken`, up to so many; the oldest first."""
    ends: dict[SandboxId, None] = {}
    for state in found:
        both = {state.pair.source, state.pair.destination_sandbox} - {HOST, None}
        if len(ends) + len(both) > most:
            break
        ends.update((end, None) for end in both if end is not None)
    return frozenset(ends)


def broken_inside(found: Iterable[PairState], most: PerFamily) -> frozenset[Pair]:
    """Return what of it is inside networks, up to so many; the oldest first."""
    inside: dict[IpVersion, list[Pair]] = {version: [] for version in most}
    for state in found:
        if state.pair.scope is Scope.CONTAINER and state.decision.on_link:
            inside[state.pair.ip_version].append(state.pair)
    return frozenset(
        pair for version, pairs in inside.items() for pair in pairs[: most[version]]
    )
