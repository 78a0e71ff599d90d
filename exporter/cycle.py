"""One pass over the plan: probe, confirm what looks wrong, judge.

Blocking; called from a worker thread. It knows no engine, no metrics and no HTTP:
topology and selection in, pair states out.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from exporter.clock import Clock
from exporter.model.outcome import VIOLATIONS, Expected, Observed, Verdict
from exporter.model.pair import Pair, PairState, since
from exporter.model.selection import Selection
from exporter.model.topology import HOST, SandboxId, Topology
from exporter.model.verdict import FLEETING, SUSPECTED, Ruling, Seen
from exporter.sightings import Blame, CycleSettings, Judged, Prober, Sightings

LookAgain = Callable[[frozenset[SandboxId]], None]
"""Makes sure that what is known of some sandboxes is of now."""
Diagnose = Callable[[Topology, tuple[PairState, ...]], tuple[PairState, ...]]
"""Returns the states of a cycle, the broken promises with their causes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleOutcome:
    """What a cycle found."""

    states: tuple[PairState, ...]
    """Of the pairs that were probed, in the order of the selection."""
    counted: tuple[Seen, ...]
    """Every observation with its packets, for the counters."""
    doubtful: frozenset[Pair]
    """To be looked at again soon: see `doubtful_pairs`."""


class CycleRunner:
    """Runs cycles over a prober."""

    def __init__(
        self,
        prober: Prober,
        clock: Clock,
        settings: CycleSettings,
        diagnose: Diagnose = lambda _, states: states,
    ) -> None:
        """Bind to a prober and a clock."""
        self._prober = prober
        self._clock = clock
        self._settings = settings
        self._diagnose = diagnose

    def renew(self) -> None:
        """Begin new connections: what is probed from now on meets the rules of now."""
        self._prober.renew()

    def run(
        self,
        topology: Topology,
        selection: Selection,
        previous: Mapping[Pair, PairState],
        is_there: Callable[[SandboxId], bool] = lambda _: True,
        look_again: LookAgain = lambda _: None,
    ) -> CycleOutcome:
        """Probe a selection and judge it.

        A pair with an end that vanished or was replaced during the cycle is dropped,
        never judged. What could not be opened at all is there, and unverified.

        Args:
            topology: what existed when the selection was made.
            selection: what to probe.
            previous: the newest state of each pair.
            is_there: what else is known of whether a sandbox still exists.
            look_again: told of the ends of promises that are newly broken, before
                `is_there` is asked.
        """
        opened = dict(self._prober.identities())
        cycle = Sightings(self._prober, self._settings, topology, selection)
        judged = self._look(cycle, selection, previous, self._young(topology))
        now = _Now(self._clock.now_utc(), self._clock.monotonic_s())
        broken = _newly_broken(judged)
        if broken:
            look_again(broken)
        now_open = self._prober.identities()
        lost = {
            one.id
            for one in topology.sandboxes
            if opened.get(one.id) != now_open.get(one.id) or not is_there(one.id)
        }
        kept = [
            one for one in judged if not lost or lost.isdisjoint(_ends(one.item.pair))
        ]
        states = tuple(
            _state(one, now) for one in kept if not _says_nothing(one, selection)
        )
        return CycleOutcome(
            states=self._diagnose(topology, states),
            counted=tuple((one.item, one.seen) for one in kept),
            doubtful=doubtful_pairs(states),
        )

    def _look(
        self,
        cycle: Sightings,
        selection: Selection,
        previous: Mapping[Pair, PairState],
        is_young: Callable[[Pair], bool],
    ) -> list[Judged]:
        """Probe, confirm what turned bad, and return the ruling on each pair."""
        blame = Blame(is_young, self._silent_before(), _has_answered)
        cycle.probe(selection.probed, self._settings.packets)
        earlier = [previous.get(item.pair) for item in selection.probed]
        judged = cycle.judge(selection.probed, earlier, blame)
        suspects = [
            one.item
            for one in judged
            if _is_to_be_confirmed(one.ruling, one.before)
            and not _says_nothing(one, selection)
        ]
        if suspects and self._settings.confirm_packets:
            cycle.confirm(suspects, selection.probed)
            judged = cycle.judge(selection.probed, earlier, blame)
        return judged

    def _young(self, topology: Topology) -> Callable[[Pair], bool]:
        now, grace = self._clock.now_utc(), timedelta(seconds=self._settings.grace_s)
        # What starts in the future has an age that nobody knows: the clock was set
        # back, perhaps by hours, for which no silence would count.
        young = {
            sandbox.id
            for sandbox in topology.sandboxes
            if sandbox.started is not None and abs(now - sandbox.started) < grace
        }
        return lambda pair: pair.source in young or str(pair.destination) in young

    def _silent_before(self) -> Callable[[PairState | None], bool]:
        limit_s = self._clock.monotonic_s() - self._settings.apart_s

        def was_silent(before: PairState | None) -> bool:
            if before is None or before.silent_since_s is None:
                return False
            if not self._settings.decides:
                return before.verdict is Verdict.UNEXPECTED_UNREACHABLE
            return before.silent_since_s <= limit_s

        return was_silent


def _says_nothing(one: Judged, selection: Selection) -> bool:
    """Return whether a silence proves nothing only as nobody asked its destination.

    Then it is as if nobody had asked: a leak would have answered.
    """
    ruling = one.ruling
    return (
        ruling.verdict is Verdict.UNVERIFIED
        and ruling.observation.observed is Observed.UNREACHABLE
        and one.item.decision.expected is Expected.ISOLATED
        and selection.is_unproven(one.item.pair)
        and not (one.before is not None and one.before.is_broken)
    )


def doubtful_pairs(states: Collection[PairState]) -> frozenset[Pair]:
    """Return the pairs that another cycle decides, none where all is decided.

    Those that answered for a moment, and those that were silent in one cycle only; with
    these every other silence that is unverified: what it rests on may be the same end.
    """
    fleeting = frozenset(state.pair for state in states if state.reason == FLEETING)
    if not any(state.reason == SUSPECTED for state in states):
        return fleeting
    return fleeting | frozenset(
        state.pair
        for state in states
        if state.verdict is Verdict.UNVERIFIED
        and state.observation.observed is Observed.UNREACHABLE
    )


def _has_answered(before: PairState | None) -> bool:
    """Return whether a pair that is to be isolated answered in the cycle before."""
    return before is not None and _leaked(before)


class _Now(NamedTuple):
    """The end of a cycle, on both clocks."""

    utc: datetime
    monotonic_s: float


def _newly_broken(judged: Iterable[Judged]) -> frozenset[SandboxId]:
    """Return the sandboxes at the ends of promises that were not broken before."""
    return frozenset(
        end
        for one in judged
        if one.ruling.verdict in VIOLATIONS and _turned_bad(one.ruling, one.before)
        for end in _ends(one.item.pair)
        if end != HOST
    )


def _is_to_be_confirmed(ruling: Ruling, previous: PairState | None) -> bool:
    """Return whether one packet is too little to believe it.

    What turned bad; and that a leak has ended, as a reply may be lost or late.
    """
    silent = ruling.observation.observed is Observed.UNREACHABLE
    if silent and previous is not None and _leaked(previous):
        return True
    return _turned_bad(ruling, previous)


def _leaked(state: PairState) -> bool:
    return state.verdict is Verdict.UNEXPECTED_REACHABLE or state.reason == FLEETING


def _turned_bad(ruling: Ruling, previous: PairState | None) -> bool:
    doubtful = ruling.verdict in VIOLATIONS or (
        ruling.verdict is Verdict.UNVERIFIED
        and ruling.observation.observed is Observed.UNREACHABLE
    )
    return doubtful and (previous is None or previous.verdict is not ruling.verdict)


def _state(one: Judged, now: _Now) -> PairState:
    """Return a pair's new state; `since` is kept while the verdict is."""
    item, ruling = one.item, one.ruling
    return PairState(
        pair=item.pair,
        decision=item.decision,
        observation=ruling.observation,
        controls=one.controls,
        verdict=ruling.verdict,
        reason=ruling.reason,
        since=since(one.before, ruling.verdict, now.utc),
        probed=now.utc,
        silent_since_s=_silent_since_s(ruling, one.before, now.monotonic_s),
    )


def _silent_since_s(
    ruling: Ruling, previous: PairState | None, now_s: float
) -> float | None:
    silent = ruling.verdict is Verdict.UNEXPECTED_UNREACHABLE
    if not silent and ruling.reason != SUSPECTED:
        return None
    before_s = None if previous is None else previous.silent_since_s
    return now_s if before_s is None else before_s


def _ends(pair: Pair) -> tuple[SandboxId, ...]:
    if pair.destination is None:
        return (pair.source,)
    return pair.source, SandboxId(pair.destination)
