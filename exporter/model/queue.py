"""The pairs inside networks that the neighbour table has no room for, in a queue.

Whose turn it is moves on, whether there was room or not. Who was put off comes first in
the rounds after, so that everybody is probed in a time that can be told.
"""

from collections import Counter
from collections.abc import Collection
from itertools import count
from typing import Final, NamedTuple, Self

from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, Planned
from exporter.model.plan import PEERS, Places, Selection

TURN_S: Final = 60.0
"""Seconds in which the entries of some pairs leave the table and those of others come:
45 s, and what a cycle comes late."""


class Queue:
    """Remembers who was put off, the longest waiting first."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._places: dict[Pair, int] = {}
        self._number = count()

    @property
    def places(self) -> Places:
        """Return who waits, and a number that is the smaller the longer."""
        return self._places

    def note(self, selection: Selection, *, is_round: bool) -> None:
        """Take note of who was probed, and of who was put off.

        Args:
            selection: what of all that was wanted fits.
            is_round: everything was wanted, so nobody else is there.
        """
        stay = {} if is_round else dict(self._places)
        if stay:
            for item in selection.probed:
                stay.pop(item.pair, None)
        for pair in selection.put_off:
            place = self._places.get(pair)
            stay[pair] = next(self._number) if place is None else place
        self._places = stay


class Demand(NamedTuple):
    """The entries of the neighbour table that pairs ask for."""

    lasting: int
    """In every cycle: for the host, the gateways, and small networks."""
    turning: int
    """In one turn of the larger networks."""
    meshed: int
    """For every pair inside networks."""

    @classmethod
    def of(cls, known: Collection[Planned]) -> Self:
        """Return what some pairs ask for."""
        peers = Counter(
            (item.pair.scope, item.pair.source, item.pair.network, item.pair.ip_version)
            for item in known
            if item.pair.scope is not Scope.NAME
            and (item.decision.on_link or item.pair.scope is not Scope.CONTAINER)
            and not item.decision.is_left_alone
        )
        small = turning = meshed = 0
        for (scope, *_), number in peers.items():
            if scope is not Scope.CONTAINER or number <= PEERS:
                small += number
            else:
                turning += PEERS
            meshed += number if scope is Scope.CONTAINER else 0
        return cls(small, turning, meshed)

    def cycles(self, budget: NeighbourBudget, interval_s: float) -> int:
        """Return after how many cycles every pair inside networks had room.

        1 where there is room for all whose turn it is.

        Args:
            budget: of the neighbour table.
            interval_s: between cycles.
        """
        # The entries of one turn are still there in the next.
        lasting = self.lasting + 2 * self.turning
        if lasting <= budget.lasting and self.turning <= budget.per_turn:
            return 1
        turns = -(-self.meshed // max(1, budget.per_turn))
        return max(1, turns) * -int(-TURN_S // interval_s)
