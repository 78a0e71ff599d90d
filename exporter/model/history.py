"""What verdicts were before: the changes of each pair, and the outages of the host.

Kept in memory and bounded: an operator who comes at night asks what happened since the
evening, not since last year. What was wrong is kept apart from what was fine, so that
many good changes never push out a bad one.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
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
WRONG_EVENTS: Final = 700
"""Newest changes of all pairs together to something wrong."""
FINE_EVENTS: Final = 300
"""Newest changes of all pairs together to any other verdict."""
OUTAGES: Final = 500
"""Newest outages that are over."""
LASTING: Final = 2000
"""Outages that last, at most; those of further pairs are counted."""
AT_ONCE: Final = 2000
"""Changes of one moment that are kept, at most; further ones are counted."""
Names = tuple[str, str, str]
"""Of source, destination and the destination's network."""
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
    names: Names | None = None
    """Source, destination and network when it began: they may be gone by now."""
    cause: CauseId | None = None
    """The likeliest, as far as it was known."""
    reason: str = ""
    """Why, in words; empty where nothing is known."""

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
    not_kept: int = 0
    """Outages since the start for which there was no room."""
    by_pair: Mapping[Pair, tuple[Event, ...]] = field(default_factory=dict)
    """The changes that are kept of each pair, the newest last."""


NO_HISTORY = HistoryView()


@dataclass(slots=True)
class _Kept:
    """The newest changes, what was wrong apart from what was fine."""

    wrong: deque[Event]
    fine: deque[Event]
    _view: tuple[Event, ...] | None = None

    def add(self, event: Event) -> None:
        kept = self.wrong if event.state.verdict in _WRONG else self.fine
        kept.append(event)
        self._view = None

    def newest_last(self) -> tuple[Event, ...]:
        if self._view is None:
            both = (*self.wrong, *self.fine)
            self._view = tuple(sorted(both, key=lambda one: one.number))
        return self._view


def _kept(wrong: int, fine: int) -> _Kept:
    return _Kept(deque(maxlen=wrong), deque(maxlen=fine))


class History:
    """Takes note of changes; used by one thread."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._count = self._not_kept = 0
        self._moment: tuple[datetime | None, int] = None, 0
        self._events = _kept(WRONG_EVENTS, FINE_EVENTS)
        self._pairs: OrderedDict[Pair, _Kept] = OrderedDict()
        self._open: dict[Pair | None, Outage] = {}
        self._over: deque[Outage] = deque(maxlen=OUTAGES)
        self._view: HistoryView | None = NO_HISTORY

    def note(
        self,
        before: PairState | None,
        state: PairState,
        *,
        names: Callable[[PairState], Names],
        now: datetime,
    ) -> None:
        """Take note that a pair's verdict became another one.

        What was broken when nobody could look any more is not over by that. Of many
        changes at one moment those come first that matter.

        Args:
            before: what it was until now; None if it is new.
            state: what it is now.
            names: returns those of source, destination and the destination's network.
            now: the moment.
        """
        self._count += 1
        pair = state.pair
        kind = OutageKind(state.verdict) if state.verdict in VIOLATIONS else None
        lasting = self._open.get(pair)
        if lasting and (not state.is_broken or (kind and lasting.kind is not kind)):
            self._close(pair, now, before)
        if self._is_one_of_many(now):
            self._not_kept += kind is not None and pair not in self._open
            return
        verdict = before.verdict if before else None
        self._keep(Event(number=self._count, at=now, before=verdict, state=state))
        if kind and pair not in self._open:
            self._begin(kind, state, names, now)
        self._view = None

    def _is_one_of_many(self, now: datetime) -> bool:
        at, count = self._moment
        self._moment = now, count + 1 if at == now else 1
        return self._moment[1] > AT_ONCE

    def _keep(self, event: Event) -> None:
        pair = event.state.pair
        self._events.add(event)
        self._pairs.setdefault(pair, _kept(WRONG, FINE)).add(event)
        self._pairs.move_to_end(pair)
        self._make_room()

    def _begin(
        self,
        kind: OutageKind,
        state: PairState,
        names: Callable[[PairState], Names],
        now: datetime,
    ) -> None:
        if len(self._open) >= LASTING:
            self._not_kept += 1
            return
        cause, reason = _why(state)
        self._open[state.pair] = Outage(
            kind=kind,
            began=now,
            pair=state.pair,
            names=names(state),
            cause=cause,
            reason=reason,
        )

    def engine_away(self, now: datetime, reason: str = "") -> None:
        """Take note that no engine answers, and why; a second time changes nothing."""
        if None not in self._open:
            kind = OutageKind.ENGINE
            self._open[None] = Outage(kind=kind, began=now, reason=reason)
            self._view = None

    def engine_back(self, now: datetime) -> None:
        """Take note that it answers again."""
        self._close(None, now)

    def gone(self, states: Iterable[PairState], now: datetime) -> None:
        """Take note that pairs do not exist any more: their outages are over."""
        for state in states:
            self._close(state.pair, now, state)

    def view(self) -> HistoryView:
        """Return the history of now; the same object until something changes."""
        if self._view is None:
            lasting = sorted(self._open.values(), key=lambda one: one.began)
            kept = {pair: one.newest_last() for pair, one in self._pairs.items()}
            self._view = HistoryView(
                events=self._events.newest_last(),
                outages=(*reversed(lasting), *reversed(self._over)),
                not_kept=self._not_kept,
                by_pair=kept,
            )
        return self._view

    def _close(
        self, pair: Pair | None, now: datetime, last: PairState | None = None
    ) -> None:
        """Take note that an outage is over; what was known of it last stays."""
        lasting = self._open.pop(pair, None)
        if lasting is None:
            return
        if last is not None and last.causes:
            cause, reason = _why(last)
            lasting = replace(lasting, cause=cause, reason=reason)
        self._over.append(replace(lasting, ended=max(now, lasting.began)))
        self._view = None

    def _make_room(self) -> None:
        """Forget pairs that changed longest ago; what is broken stays, if it can."""
        while len(self._pairs) > PAIRS:
            fine = (one for one in islice(self._pairs, 8))
            oldest = next(iter(self._pairs))
            self._pairs.pop(next((p for p in fine if p not in self._open), oldest))


def _why(state: PairState) -> tuple[CauseId | None, str]:
    """Return the likeliest cause of a broken promise, and the reason in words."""
    if not state.causes:
        return None, state.reason
    return state.causes[0].id, state.causes[0].sentence
