"""What is known of every pair between cycles: the one mutable picture.

Fed by cycles, read by nobody but through the snapshots it makes. Used from the event
loop only; `Tally` counts by other threads go through `count`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from threading import Lock

from exporter.cycle import CycleOutcome
from exporter.durations import Durations
from exporter.model.aging import MaxAge, carried, is_too_old, max_age, stale
from exporter.model.bounds import Turns
from exporter.model.history import History
from exporter.model.hoststate import HostState
from exporter.model.outcome import VIOLATIONS, Expected, Verdict
from exporter.model.pair import CountKey, Pair, PairState, Planned
from exporter.model.plan import cycles_to_cover
from exporter.model.policy import NO_POLICY, Policy
from exporter.model.restraint import under_watch
from exporter.model.rtts import Rtts
from exporter.model.sample import KEPT_CYCLES
from exporter.model.selection import Selection
from exporter.model.snapshot import CycleInfo, Snapshot
from exporter.model.tally import Tally
from exporter.model.topology import HOST, Topology

QUIET = frozenset({Verdict.AS_EXPECTED, Verdict.NOT_JUDGED, Verdict.SKIPPED})
"""Verdicts that need no line when a pair appears with them."""

_AT_ONCE = 256
"""Probes that are counted without giving the counters free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A pair's verdict that is not what it was."""

    before: PairState | None
    after: PairState


class Board:
    """Holds the pair states and counters, and makes snapshots of them."""

    def __init__(
        self,
        interval_s: float,
        packets_per_second: float,
        max_age_s: float | None = None,
    ) -> None:
        """Start with nothing known.

        Args:
            interval_s: seconds between cycles.
            packets_per_second: the budget, for the snapshot.
            max_age_s: the age at which a state says nothing any more; None takes
                what the interval and the size of the networks ask for.
        """
        self._interval_s = interval_s
        self._fixed_age_s = max_age_s
        self._packets_per_second = packets_per_second
        self._states: dict[Pair, PairState] = {}
        self._tally = Tally()
        self._lock = Lock()
        self._cycles = 0
        self._cycle: CycleInfo | None = None
        self._topology: Topology | None = None
        self._aside: Mapping[CountKey, int] = {}
        self._sampled_since: datetime | None = None
        self._turns = Turns()
        self._durations = Durations()
        self._history, self._rtts = History(), Rtts()

    @property
    def states(self) -> Mapping[Pair, PairState]:
        """Return the newest state of each pair."""
        return self._states

    @property
    def cycles(self) -> int:
        """Return how many cycles have ended."""
        return self._cycles

    def configure(self, interval_s: float, packets_per_second: float) -> None:
        """Take over reloaded settings."""
        self._interval_s = interval_s
        self._packets_per_second = packets_per_second

    def count(self, add: Callable[[Tally], None]) -> None:
        """Let a callable change the counters; safe from any thread."""
        with self._lock:
            add(self._tally)

    def absorb(
        self,
        topology: Topology,
        planned: Iterable[Planned],
        outcome: CycleOutcome,
        now: datetime,
        *,
        aside: Mapping[CountKey, int] | None = None,
        turns: Turns | None = None,
    ) -> tuple[Change, ...]:
        """Take over what a cycle found; return the verdicts that changed.

        Args:
            topology: what existed.
            planned: the pairs to know of; all others are forgotten.
            outcome: what the cycle found.
            now: the end of the cycle.
            aside: numbers of the pairs that exist beside the planned ones, where
                these are a sample.
            turns: after how many cycles every pair has had its turn; None follows
                from the size of the networks.
        """
        items = tuple(planned)
        self._topology = topology
        self._aside = aside or {}
        self._turns = turns or Turns.of_all(cycles_to_cover(topology))
        if not self._aside:
            self._sampled_since = None
        elif self._sampled_since is None:
            self._sampled_since = now
        fresh = {state.pair: state for state in outcome.states}
        before, self._states = (
            self._states,
            carried(items, fresh, self._states, now, self._max_age()),
        )
        self._rtts.note(fresh, self._states, now)
        self._history.engine_back(now)
        self._history.gone(
            (s for p, s in before.items() if s.is_broken and p not in self._states), now
        )
        return self._noted(_changes(before, self._states), now)

    def count_cycle(
        self, topology: Topology, selection: Selection, outcome: CycleOutcome
    ) -> None:
        """Count what a cycle sent and saw; safe from any thread.

        Of a large host it takes tens of milliseconds, so not on the event loop; nor is
        the lock held for so long, as that would make the event loop wait.
        """
        names = {network.id: network.name for network in topology.networks}
        counted = outcome.counted
        for first in range(0, len(counted), _AT_ONCE):
            with self._lock:
                for item, observation in counted[first : first + _AT_ONCE]:
                    name = names.get(item.pair.network)
                    if name is not None:
                        promised = item.decision.expected is Expected.REACHABLE
                        self._tally.add(item.pair, name, observation, promised=promised)
        failed = Counter(
            state.pair.scope
            for state in outcome.states
            if False in (state.controls.source, state.controls.destination)
        )
        with self._lock:
            self._tally.control_failures.update(failed)
            if selection.throttled:
                self._tally.throttled["neighbour_table"] += selection.throttled
            self._tally.retain_networks(tuple(names.values()))

    def finish_cycle(self, info: CycleInfo) -> None:
        """Note that a cycle has ended."""
        self._cycle = info
        self._cycles += 1
        self._durations.add(info.duration_s)
        with self._lock:
            self._tally.cycles["completed"] += 1
            self._tally.cycle_duration.observe(info.duration_s)

    def outage(self, now: datetime, reason: str = "") -> tuple[Change, ...]:
        """Take back every verdict: the engine is away and nothing is verified.

        Returns the changes of what was broken: only that is worth a line beside the
        one that says the engine is away.
        """
        before = self._states
        self._states = {
            pair: stale(state, now, "too old: the engine does not answer")
            for pair, state in before.items()
        }
        broken = {pair: s for pair, s in self._states.items() if s.was_broken}
        self._history.engine_away(now, reason)
        return self._noted(_changes(before, broken), now)

    def spare(self, wanted: tuple[Planned, ...]) -> tuple[Planned, ...]:
        """Return what is probed beside a nearly full connection table; count the rest.

        Safe from the thread that runs the cycle.
        """
        watched = under_watch(wanted, self._states)
        put_off = len(wanted) - len(watched)
        self.count(lambda tally: tally.count_throttled("conntrack", put_off))
        return watched

    def pass_over(self, topology: Topology | None, now: datetime) -> tuple[Change, ...]:
        """Take note that a cycle is left out, as probing is paused.

        Pairs that are gone are forgotten, what is too old is taken back.
        """
        self.count(Tally.count_skipped)
        if topology is not None:
            self._topology = topology
            self._states = {
                pair: state
                for pair, state in self._states.items()
                if _is_in(topology, pair)
            }
        return self._take_back(now, "too old: probing is paused")

    def age(self, now: datetime) -> tuple[Change, ...]:
        """Take back what has become too old, where no cycle comes to its end."""
        return self._take_back(now, "too old")

    def _take_back(self, now: datetime, reason: str) -> tuple[Change, ...]:
        limit, before = self._max_age(), self._states
        self._states = {
            pair: stale(state, now, reason)
            if state.probed is not None
            and is_too_old(state.probed, now, limit.of(state))
            else state
            for pair, state in before.items()
        }
        return self._noted(_changes(before, self._states), now)

    def _noted(self, changes: tuple[Change, ...], now: datetime) -> tuple[Change, ...]:
        """Put changes into the history, broken promises first, and return them."""
        look = Snapshot(taken=now, topology=self._topology)

        def names(state: PairState) -> tuple[str, str, str]:
            source, destination = look.source_name(state), look.destination_name(state)
            return source, destination, look.network_name(state)

        for change in sorted(
            changes, key=lambda one: one.after.verdict not in VIOLATIONS
        ):
            self._history.note(change.before, change.after, names=names, now=now)
        return changes

    def snapshot(
        self,
        now: datetime,
        *,
        engine_up: bool,
        stream_connected: bool,
        notices: tuple[str, ...],
        host: HostState,
        policy: Policy = NO_POLICY,
    ) -> Snapshot:
        """Return an immutable picture of everything known.

        Args:
            now: the moment it is taken.
            engine_up: the engine answers.
            stream_connected: its event stream is open.
            notices: what does not work here, a line each.
            host: the host's tables.
            policy: what is in force; what of it has expired is a notice.
        """
        with self._lock:
            tally = self._tally.copy()
        return Snapshot(
            taken=now,
            topology=self._topology,
            engine_up=engine_up,
            stream_connected=stream_connected,
            pairs=tuple(self._states.values()),
            aside=self._aside,
            sampled_since=self._sampled_since,
            cover_s=self._turns.longest * self._period_s,
            cycle=self._cycle,
            history=self._history.view(),
            rtts=self._rtts.view(),
            longest_cycle_s=self._durations.longest_s,
            interval_s=self._interval_s,
            packets_per_second=self._packets_per_second,
            host=host,
            tally=tally,
            notices=(*notices, *policy.notices(now.date())),
            policy=policy,
        )

    @property
    def _period_s(self) -> float:
        """Return the seconds from one turn to the next: a late cycle skips some."""
        intervals = ceil(self._durations.longest_s / self._interval_s)
        return max(1, intervals) * self._interval_s

    def _max_age(self) -> MaxAge:
        """Return the age at which a state says nothing any more."""
        if self._fixed_age_s is not None:
            return MaxAge.of_all(self._fixed_age_s)
        least = KEPT_CYCLES if self._aside else 3
        return max_age(self._turns, self._period_s, least)


def _changes(
    before: Mapping[Pair, PairState], after: Mapping[Pair, PairState]
) -> tuple[Change, ...]:
    changes: list[Change] = []
    for pair, state in after.items():
        old = before.get(pair)
        if old is None:
            if state.verdict not in QUIET:
                changes.append(Change(before=None, after=state))
        elif old.verdict is not state.verdict and not (
            old.verdict in QUIET and state.verdict in QUIET
        ):
            changes.append(Change(before=old, after=state))
    return tuple(changes)


def _is_in(topology: Topology, pair: Pair) -> bool:
    ends = (pair.source, pair.destination_sandbox)
    return pair.network in topology.network_by_id and all(
        end in topology.sandbox_by_id for end in ends if end not in (HOST, None)
    )
