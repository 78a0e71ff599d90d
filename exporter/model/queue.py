"""The pairs inside networks that the neighbour table has no room for, in a queue.

Whose turn it is moves on, whether there was room or not. Who was put off comes first in
the rounds after, so that everybody is probed in a time that can be told.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import count, islice
from typing import NamedTuple

from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, Planned
from exporter.model.plan import PEERS, Places, Selection
from exporter.model.shares import TURN_S
from exporter.model.topology import IP_VERSIONS, IpVersion


class Queue:
    """Remembers who was put off, the longest waiting first."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._places: dict[Pair, int] = {}
        self._number = count()

    def first(self, most: int) -> Places:
        """Return who waits longest, and a number that is the smaller the longer.

        Args:
            most: so many at most; not all of thousands have to be looked at for the
                few that there is room for.
        """
        return dict(islice(self._places.items(), most))

    def keep(self, known: Iterable[Planned]) -> None:
        """Forget all others."""
        if self._places:
            there = {item.pair for item in known}
            self._places = {p: n for p, n in self._places.items() if p in there}

    def note(self, selection: Selection) -> None:
        """Take note of who was probed, and of who was put off."""
        if self._places:
            for item in selection.probed:
                self._places.pop(item.pair, None)
        for pair in selection.put_off:
            if pair not in self._places:
                self._places[pair] = next(self._number)


class Demand(NamedTuple):
    """The entries of one family's neighbour table that pairs ask for."""

    lasting: int
    """In every cycle: for the host, the gateways, and small networks."""
    turning: int
    """In one turn of the larger networks."""
    meshed: int
    """For every pair inside networks."""

    def cycles(
        self, lasting: int, per_turn: int, shares: int, interval_s: float
    ) -> int:
        """Return after how many cycles every pair inside networks had room.

        0 where there is room for all whose turn it is.

        Args:
            lasting: entries that may be used in every cycle.
            per_turn: entries that may be used for a minute, then others.
            shares: in which the sandboxes take turns.
            interval_s: between cycles.
        """
        # The entries of one turn are still there in the next.
        if self.lasting + 2 * self.turning <= lasting and self.turning <= per_turn:
            return 0
        # Of the turns of all, those that wake take theirs first.
        taken = 0 if shares == 1 else -(-self.lasting // shares)
        turns = -(-self.meshed // max(1, per_turn - taken))
        return turns * -int(-TURN_S // interval_s)


Demands = Mapping[IpVersion, Demand]


def demands_of(known: Collection[Planned]) -> Demands:
    """Return what some pairs ask for, of each family's table."""
    peers = Counter(
        (item.pair.scope, item.pair.source, item.pair.network, item.pair.ip_version)
        for item in known
        if item.pair.scope is not Scope.NAME
        and (item.decision.on_link or item.pair.scope is not Scope.CONTAINER)
        and not item.decision.is_left_alone
    )
    found = dict.fromkeys(IP_VERSIONS, Demand(0, 0, 0))
    for (scope, _, _, version), number in peers.items():
        lasting, turning, meshed = found[version]
        if scope is not Scope.CONTAINER or number <= PEERS:
            lasting += number
        else:
            turning += PEERS
        meshed += number if scope is Scope.CONTAINER else 0
        found[version] = Demand(lasting, turning, meshed)
    return found


def cycles_to_serve(
    demands: Demands, budget: NeighbourBudget, shares: int, interval_s: float
) -> int:
    """Return after how many cycles every pair inside networks had room.

    Args:
        demands: what they ask for.
        budget: of the neighbour tables.
        shares: in which the sandboxes take turns.
        interval_s: between cycles.
    """
    return max(
        demand.cycles(
            budget.lasting[version], budget.per_turn[version], shares, interval_s
        )
        for version, demand in demands.items()
    )
