"""What verdicts were before: the changes of each pair, and the outages of the host.

Kept in memory and bounded: an operator who comes at night asks what happened since the
evening, not since last year. What was wrong is kept apart from what was fine, so that
many good changes never push out a bad one.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final

from exporter.model.cause import CauseId
from exporter.model.outcome import VIOLATIONS, Verdict
from exporter.model.pair import Pair, PairState

PAIRS: Final = 2000
"""Pairs whose changes are kept; those that changed last."""
WRONG: Final = 16
"""Newest changes of one pair to a broken promise, or to what nobody could verify."""
FINE: Final = 4
"""Newest changes of one pair to any other verdict."""
EVENTS: Final = 1000
"""Newest changes of all pairs together."""
OUTAGES: Final = 500
"""Newest outages that are over; those that last are always kept."""
_WRONG: Final = VIOLATIONS | {Verdict.UNVERIFIED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A pair's verdict that became another one."""

    number: int
    """Counts the events of this process, from 1."""
    at: datetime
    before: Verdict | None
    """None: the pair is new."""
    state: PairState
    """What it was from then on."""


class OutageKind(StrEnum):
    """What was out; a closed set."""

    ENGINE = "engine"
    """No engine answered: nothing was verified."""
    UNEXPECTED_REACHABLE = "unexpected_reachable"
    UNEXPECTED_UNREACHABLE = "unexpected_unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time in which a promise was broken, or nobody could look."""

    kind: OutageKind
    began: datetime
    ended: datetime | None = None
    """None while it lasts."""
    pair: Pair | None = None
    """None where it was the engine."""
    names: tuple[str, str, str] | None = None
    """Source, destination and network when it began: they may be gone by now."""
    cause: CauseId | None = None
    """The likeliest, as far as it was known."""

    def duration(self, now: datetime) -> timedelta:
        """Return how long it lasted, up to now; never negative."""
        return max(timedelta(), (self.ended or now) - self.began)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryView:
    """The history at one moment; does not change any more."""

    events: tuple[Event, ...] = ()
    """Of all pairs, the newest last."""
    outages: tuple[Outage, ...] = ()
    """Those that last, then those that are over; the newest first each."""
    by_pair: Mapping[Pair, tuple[Event, ...]] = field(default_factory=dict)
    """The changes that are kept of each pair, the newest last."""


NO_HISTORY = HistoryView()


@dataclass(slots=True)
class _Kept:
    """The changes of one pair."""

    wrong: deque[Event] = field(default_factory=lambda: deque(maxlen=WRONG))
    fine: deque[Event] = field(default_factory=lambda: deque(maxlen=FINE))

    def add(self, event: Event) -> None:
        kept = self.wrong if event.state.verdict in _WRONG else self.fine
        kept.append(event)

    def newest_last(self) -> tuple[Event, ...]:
        return tuple(sorted((*self.wrong, *self.fine), key=lambda one: one.number))


class History:
    """Takes note of changes; used by one thread."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._count = 0
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._pairs: OrderedDict[Pair, _Kept] = OrderedDict()
        self._open: dict[Pair | None, Outage] = {}
        self._over: deque[Outage] = deque(maxlen=OUTAGES)
        self._view: HistoryView | None = NO_HISTORY

    def note(
        self,
        pair: Pair,
        before: Verdict | None,
        state: PairState,
        *,
        names: tuple[str, str, str],
        now: datetime,
    ) -> None:
        """Take note that a pair's verdict became another one.

        What was broken when nobody could look any more is not over by that.

        Args:
            pair: which.
            before: its verdict until now; None if it is new.
            state: what it is now.
            names: of source, destination and the destination's network.
            now: the moment.
        """
        self._count += 1
        event = Event(number=self._count, at=now, before=before, state=state)
        self._events.append(event)
        self._pairs.setdefault(pair, _Kept()).add(event)
        self._pairs.move_to_end(pair)
        self._make_room()
        kind = OutageKind(state.verdict) if state.verdict in VIOLATIONS else None
        lasting = self._open.get(pair)
        if not state.is_broken or (kind and lasting and lasting.kind is not kind):
            self._close(pair, now)
        if kind and pair not in self._open:
            self._open[pair] = Outage(
                kind=kind,
                began=now,
                pair=pair,
                names=names,
                cause=state.causes[0].id if state.causes else None,
            )
        self._view = None

    def engine_away(self, now: datetime) -> None:
        """Take note that no engine answers; a second time changes nothing."""
        if None not in self._open:
            self._open[None] = Outage(kind=OutageKind.ENGINE, began=now)
            self._view = None

    def engine_back(self, now: datetime) -> None:
        """Take note that it answers again."""
        self._close(None, now)

    def gone(self, pairs: Iterable[Pair], now: datetime) -> None:
        """Take note that pairs do not exist any more: their outages are over."""
        for pair in pairs:
            self._close(pair, now)

    def view(self) -> HistoryView:
        """Return the history of now; the same object until something changes."""
        if self._view is None:
            lasting = sorted(self._open.values(), key=lambda one: one.began)
            kept = {pair: one.newest_last() for pair, one in self._pairs.items()}
            self._view = HistoryView(
                events=tuple(self._events),
                outages=(*reversed(lasting), *reversed(self._over)),
                by_pair=kept,
            )
        return self._view

    def _close(self, pair: Pair | None, now: datetime) -> None:
        lasting = self._open.pop(pair, None)
        if lasting is not None:
            self._over.append(replace(lasting, ended=max(now, lasting.began)))
            self._view = None

    def _make_room(self) -> None:
        """Forget pairs that changed longest ago; what is broken stays, if it can."""
        while len(self._pairs) > PAIRS:
            fine = (one for one in islice(self._pairs, 8))
            oldest = next(iter(self._pairs))
            self._pairs.pop(next((p for p in fine if p not in self._open), oldest))
