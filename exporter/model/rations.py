"""How much of the host's neighbour table each sort of pair may have.

Three entries a container, for the host, its gateway and itself, are needed for every
verdict; each two on one network that meet need two more. What is used in every cycle
never leaves the table. So where all of it does not fit, what is inside networks goes
round in a row (`exporter.model.rings`), and where not even the first fits, the
containers take turns (`exporter.model.shares`).
"""

from collections.abc import Iterable, Mapping
from itertools import count
from math import ceil, inf, isqrt
from typing import NamedTuple

from exporter.model.neighbours import NeighbourBudget, NeighbourEntry, entries_of
from exporter.model.pair import Planned
from exporter.model.plan import MESH_LIMIT, PEERS
from exporter.model.rings import Rings
from exporter.model.topology import IP_VERSIONS, IpVersion, Topology

TURN_S = 60.0
"""How long a turn lasts at least: an entry that is no longer used stays for 45 s."""
_FRESH_S = 45.0
"""After which an entry that was used is no longer surely there."""
_LEAST = 8
"""Entries a minute with which nothing can be done in turns."""


class Need(NamedTuple):
    """The entries of one family that pairs ask for."""

    controls: int
    """For the host, the gateways, and each asking itself."""
    small: int
    """For all pairs inside networks that are met in every cycle."""
    turning: int
    """For those inside larger networks whose turn it is."""
    meshed: int
    """For all pairs inside networks."""


class Ration(NamedTuple):
    """What pairs may have of one family's table."""

    shares: int = 1
    """In which the sandboxes take turns, a prime; 1: all have what they need in every
    cycle."""
    inside: float = inf
    """Entries that pairs inside networks may add in a cycle."""
    is_closed: bool = False
    """The table is full of others' entries: nothing can be promised."""

    @property
    def is_short(self) -> bool:
        """Whether pairs inside networks go round in a row."""
        return self.inside < inf


Rations = Mapping[IpVersion, Ration]


def need_of(
    topology: Topology, controls: Iterable[Planned], rings: Rings, version: IpVersion
) -> Need:
    """Return what the pairs of one family ask for.

    Args:
        topology: what exists.
        controls: the host's and the gateways' pairs, of any family.
        rings: who meets whom inside networks, of this family.
        version: the family.
    """
    wanted: set[NeighbourEntry] = set()
    for item in controls:
        if item.pair.ip_version == version and not item.decision.is_left_alone:
            wanted.update(entries_of(topology, item))
    counts = [len(ring) for ring in rings.values()]
    return Need(
        controls=len(wanted),
        small=sum(n * (n - 1) for n in counts if n <= MESH_LIMIT),
        turning=sum(n * PEERS for n in counts if n > MESH_LIMIT),
        meshed=sum(n * (n - 1) for n in counts),
    )


def ration_of(need: Need, room: int, share: int, interval_s: float) -> Ration:
    """Return what pairs of one family may have.

    What is used in every cycle may fill three quarters of the room, and an eighth is
    left to who cannot wait. What changes is there two to three times over, as it stays
    for up to 90 s after its last use. Of the shares two are awake, of which one is new
    (`exporter.model.shares`); both are where each cycle pays anew.

    Args:
        need: what they ask for.
        room: entries that the table bears beside those of others.
        share: entries that may be added in a minute.
        interval_s: between cycles; where it is long, each pays anew.
    """
    lasting, in_turn = room * 3 // 4, need.turning
    steady = need.controls + need.small
    is_paid_anew = interval_s >= _FRESH_S
    at_once = steady + in_turn if is_paid_anew else in_turn
    if steady + 3 * in_turn <= lasting and at_once <= share:
        return Ration()
    per_turn = min(share, room * 2 // 7)
    if per_turn < _LEAST:
        return Ration(inside=0.0, is_closed=True)
    if need.controls <= (min(lasting, share // 2) if is_paid_anew else lasting):
        shares, left = 1, min(share, (room * 7 // 8 - need.controls) // 2)
        if is_paid_anew:
            left = min(left, share - need.controls)
    else:
        part = per_turn // 2 if need.meshed else per_turn * 3 // 4
        part = max(1, part // 2) if is_paid_anew else part
        shares, left = prime_from(ceil(need.controls / part)), per_turn // 2
    return Ration(shares, left * min(1.0, interval_s / TURN_S))


def prime_from(least: int) -> int:
    """Return the smallest prime that is at least so large, and at least 3."""
    return next(
        number
        for number in count(max(3, least) | 1, 2)
        if all(number % one for one in range(3, isqrt(number) + 1, 2))
    )


def rations_of(
    needs: Mapping[IpVersion, Need], budget: NeighbourBudget, interval_s: float
) -> dict[IpVersion, Ration]:
    """Return what pairs of each family may have now."""
    return {
        version: ration_of(
            needs[version], budget.room[version], budget.share[version], interval_s
        )
        for version in IP_VERSIONS
    }


def cycles_inside(need: Need, ration: Ration, unless: int) -> int:
    """Return after how many cycles every pair inside networks had its turn.

    Args:
        need: what they ask for.
        ration: what they have.
        unless: the answer where all have what they ask for.
    """
    if not ration.is_short or ration.is_closed or not need.meshed:
        return unless
    # After a start the controls come first; and what is left of a cycle's ration may
    # not be enough for two.
    return max(unless, ceil((need.meshed + need.controls) / ration.inside) + 1)
