"""The newest round-trip times of some pairs: enough for a small picture of each.

Flat arrays, not objects: two thousand pairs take 2.2 MB, and a copy of them less than
a millisecond.
"""

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from exporter.model.outcome import Result
from exporter.model.pair import Pair, PairState

PAIRS: Final = 2000
"""Pairs of which times are kept: those that answered first, as long as they exist."""
NEWEST: Final = 60
"""Times kept of each."""
Point = tuple[float, float | None]
"""Unix time in seconds, and the round-trip time in seconds; None: no reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RttView:
    """The times at one moment; does not change any more."""

    slots: Mapping[Pair, int] = field(default_factory=dict)
    counts: "array[int]" = field(default_factory=lambda: array("L"))
    """How many were noted so far, by slot."""
    at_s: "array[float]" = field(default_factory=lambda: array("d"))
    rtts_s: "array[float]" = field(default_factory=lambda: array("f"))
    """Not a number: no reply."""

    def of(self, pair: Pair) -> tuple[Point, ...] | None:
        """Return the times of a pair, the newest last; None where none are kept."""
        slot = self.slots.get(pair)
        if slot is None:
            return None
        count, first = self.counts[slot], slot * NEWEST
        places = [first + n % NEWEST for n in range(max(0, count - NEWEST), count)]
        return tuple(
            (self.at_s[one], None if math.isnan(rtt := self.rtts_s[one]) else rtt)
            for one in places
        )


NO_RTTS = RttView()


class Rtts:
    """Takes note of round-trip times; used by one thread."""

    def __init__(self) -> None:
        """Start with nothing; the arrays grow with the number of pairs."""
        self._slots: dict[Pair, int] = {}
        self._free: list[int] = []
        self._counts = array("L")
        self._at_s = array("d")
        self._rtts_s = array("f")
        self._view: RttView | None = NO_RTTS

    def note(
        self,
        states: Mapping[Pair, PairState],
        known: Mapping[Pair, PairState],
        now: datetime,
    ) -> None:
        """Take note of what a cycle saw.

        The cost is that of `PAIRS` look-ups, however many pairs there are.

        Args:
            states: of the pairs that were probed.
            known: all that exist; others are forgotten.
            now: when it was.
        """
        at_s = now.timestamp()
        for pair in [pair for pair in self._slots if pair not in known]:
            self._free.append(self._slots.pop(pair))
        for pair, slot in self._slots.items():
            state = states.get(pair)
            if state is not None and state.observation.result is not Result.SKIPPED:
                self._put(slot, at_s, state.observation.rtt_s)
        if len(self._slots) < PAIRS:
            self._take_in(states.values(), at_s)
        self._view = None

    def _take_in(self, states: Iterable[PairState], at_s: float) -> None:
        """Begin with pairs that have answered, while there is room."""
        for state in states:
            if state.observation.rtts_s and state.pair not in self._slots:
                slot = self._free.pop() if self._free else self._grown()
                self._slots[state.pair] = slot
                self._counts[slot] = 0
                self._put(slot, at_s, state.observation.rtt_s)
                if len(self._slots) == PAIRS:
                    return

    def _grown(self) -> int:
        slot = len(self._counts)
        self._counts.append(0)
        self._at_s.extend([0.0] * NEWEST)
        self._rtts_s.extend([math.nan] * NEWEST)
        return slot

    def _put(self, slot: int, at_s: float, rtt_s: float | None) -> None:
        place = slot * NEWEST + self._counts[slot] % NEWEST
        self._at_s[place] = at_s
        self._rtts_s[place] = math.nan if rtt_s is None else rtt_s
        self._counts[slot] += 1

    def view(self) -> RttView:
        """Return the times of now; the same object until something is noted."""
        if self._view is None:
            self._view = RttView(
                slots=dict(self._slots),
                counts=self._counts[:],
                at_s=self._at_s[:],
                rtts_s=self._rtts_s[:],
            )
        return self._view
