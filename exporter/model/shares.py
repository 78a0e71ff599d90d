"""Whose entries of the neighbour table are due, where it has no room for everybody's.

Each container costs three, for the host, its gateway and itself, and what is used in
every cycle never leaves the table: without turns the first few hundred containers would
keep it for themselves, and of the others no packet would ever be sent. So they take
turns; meanwhile the entries of those that rest leave the table.

A silence proves isolation only while both ends are known to be alive. So two shares are
awake at a time, and in a known time each has met each other. From one turn to the next
one of the two stays, so that only the other's entries are new.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from exporter.model.neighbours import PerFamily
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, PairState
from exporter.model.plan import place
from exporter.model.rations import TURN_S
from exporter.model.topology import HOST, IpVersion, SandboxId, Topology

Cuts = tuple[bytes, ...]
"""Between the shares, in the row of all sandboxes by their `place`."""
_END: Final = b"\xff" * 16  # behind every place


def steady(before: int, wanted: int) -> int:
    """Return in how many shares to go on: fewer only where half of them suffice.

    What others have in the table changes all the time. With the number everybody's
    share changes, and who was about to have his turn might miss it.
    """
    return before if wanted <= before < 2 * wanted else wanted


def turn_cycles(interval_s: float) -> int:
    """Return for how many cycles a turn lasts, a power of two.

    More than one: who failed in the first has another.
    """
    least = max(2, -int(-TURN_S // interval_s))
    return 1 << (least - 1).bit_length()


def turns_to_meet(count: int) -> int:
    """Return after how many turns every two of so many shares have met."""
    return count * (count // 2) if count > 1 else 1


def at_work(count: int, turn: int) -> frozenset[int]:
    """Return the two shares whose turn it is.

    Round and round in steps of one, then of two, up to half of them: as their number is
    a prime, each round comes by all of them, and two that are so far apart meet in it.

    Args:
        count: of the shares, a prime from 3.
        turn: counts the turns.
    """
    step = 1 + turn // count % (count // 2)
    here = turn * step % count
    return frozenset({here, (here + step) % count})


def costs(topology: Topology, version: IpVersion) -> dict[SandboxId, int]:
    """Return the entries of one family that each sandbox takes while it is awake."""
    found = dict[SandboxId, int]()
    for one in topology.sandboxes:
        addresses = sum(
            address.ip_version == version
            for endpoint in one.endpoints
            for address in endpoint.addresses
        )
        found[one.id] = 2 * addresses + 1 if addresses else 0
    return found


def cuts_of(costs: Mapping[SandboxId, int], count: int) -> Cuts:
    """Return where to cut the row of all sandboxes, for shares that cost the same.

    Args:
        costs: of each.
        count: of the shares.
    """
    total, passed, found = sum(costs.values()), 0, list[bytes]()
    for stands, cost in sorted((place(one), cost) for one, cost in costs.items()):
        while len(found) + 1 < count and passed * count >= (len(found) + 1) * total:
            found.append(stands)
        passed += cost
    return (*found, *[_END] * (count - 1 - len(found)))


def are_even(costs: Mapping[SandboxId, int], cuts: Cuts) -> bool:
    """Return whether cuts still make shares that cost about the same.

    Who comes and goes changes nobody's share; in time some grow.
    """
    sizes = Counter[int]()
    for one, cost in costs.items():
        sizes[share_of(one, cuts)] += cost
    fair = sizes.total() / (len(cuts) + 1)
    return max(sizes.values(), default=0) <= 1.5 * fair + max(costs.values(), default=0)


def share_of(member: SandboxId, cuts: Cuts) -> int:
    """Return which share a sandbox belongs to, from 0."""
    return bisect_right(cuts, place(member))


def resting(
    topology: Topology, cuts: Cuts, turn: int, awake: Collection[SandboxId]
) -> frozenset[SandboxId]:
    """Return the sandboxes whose turn it is not.

    Args:
        topology: what exists.
        cuts: between the shares, whose number is a prime from 3.
        turn: counts the turns.
        awake: those that cannot rest.
    """
    due = at_work(len(cuts) + 1, turn)
    return frozenset(
        one.id
        for one in topology.sandboxes
        if one.id not in awake and share_of(one.id, cuts) not in due
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
