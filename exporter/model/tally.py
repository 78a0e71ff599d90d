"""Counters and histograms of the daemon's life, as plain numbers.

A `Tally` is filled by the one task that finishes cycles (and, under its lock, by
the observers of API requests and events) and copied into every snapshot, so a
scrape never sees half a cycle and counters survive reloads.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TypeVar

from exporter.model.outcome import Observation, Protocol, Result, Scope
from exporter.model.pair import Pair
from exporter.model.topology import IpVersion

K = TypeVar("K")
V = TypeVar("V")

RTT_BOUNDS_S = tuple(25e-6 * 2**k for k in range(16))
"""25 µs to 0.82 s: a bridge answers in tens of microseconds."""
DNS_BOUNDS_S = tuple(100e-6 * 2**k for k in range(15))
"""100 µs to 1.6 s."""
CYCLE_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0)
"""50 ms to two minutes: a timeout, a full sweep, a sweep within a small budget."""
API_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""1 ms to 5 s: one container, a thousand, an engine under load."""


@dataclass(slots=True)
class Histogram:
    """A classic histogram with upper bounds in seconds."""

    bounds_s: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    """One a bound and one for +Inf, not cumulative; all 0 if none are given."""
    sum_s: float = 0.0

    def __post_init__(self) -> None:
        """Start at zero where nothing was counted yet."""
        if not self.counts:
            self.counts = [0] * (len(self.bounds_s) + 1)

    def observe(self, value_s: float) -> None:
        """Count one value, in seconds."""
        self.sum_s += value_s
        self.counts[bisect_left(self.bounds_s, value_s)] += 1


SeriesKey = tuple[Scope, str, IpVersion]
"""Scope, name of the destination's network (empty in scope gateway), family."""


@dataclass(slots=True)
class Tally:
    """Everything that is counted; a number never goes back, its series may end."""

    packets_sent: Counter[SeriesKey] = field(default_factory=Counter)
    packets_received: Counter[SeriesKey] = field(default_factory=Counter)
    packets_lost: Counter[SeriesKey] = field(default_factory=Counter)
    """Of pairs that are promised to reach each other, counted once the deadline has
    passed: lost + received never exceeds sent, and isolation is no loss."""
    duplicates: Counter[Scope] = field(default_factory=Counter)
    late: Counter[Scope] = field(default_factory=Counter)
    probes: Counter[tuple[Scope, Protocol, Result]] = field(default_factory=Counter)
    rtt: dict[SeriesKey, Histogram] = field(default_factory=dict)
    dns_lookups: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By network name and result; without what has no embedded DNS to ask."""
    dns_duration: dict[str, Histogram] = field(default_factory=dict)
    """By network name."""
    cycles: Counter[str] = field(default_factory=Counter)
    """By outcome: completed, failed, skipped (no engine, or paused)."""
    cycle_overruns: int = 0
    """Cycles skipped because the one before was still at work."""
    cycle_duration: Histogram = field(default_factory=lambda: Histogram(CYCLE_BOUNDS_S))
    control_failures: Counter[Scope] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
    """Probes put off, by reason: neighbour_table, conntrack, budget."""
    api_requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By endpoint class and HTTP code."""
    api_duration: Histogram = field(default_factory=lambda: Histogram(API_BOUNDS_S))
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By type and action of the engine's events."""
    resyncs: Counter[str] = field(default_factory=Counter)
    """By reason: start, interval, gap."""
    errors: Counter[str] = field(default_factory=Counter)
    """Unexpected exceptions, by stage."""
    changes: Counter[str] = field(default_factory=Counter)
    """Bursts of changes on the host, by what told of them."""
    sweeps: Counter[str] = field(default_factory=Counter)
    """Cycles that a change on the host asked for, by trigger."""
    sweeps_put_off: int = 0
    """Of those, the ones that came later, as there had been so many."""

    def add(
        self, pair: Pair, network: str, seen: Observation, *, promised: bool = True
    ) -> None:
        """Count what became of one pair's packets in one cycle.

        Args:
            pair: the pair that was probed.
            network: name of the destination's network.
            seen: what was seen; `SKIPPED` is not counted.
            promised: a reply is promised; else silence is no loss.
        """
        if seen.result is Result.SKIPPED:
            return
        if pair.scope is Scope.NAME:
            self._add_lookup(network, seen)
        else:
            self._add_packets(pair, network, seen, promised)

    def _add_lookup(self, network: str, seen: Observation) -> None:
        self.probes[(Scope.NAME, Protocol.DNS, seen.result)] += 1
        if seen.result is Result.NO_RESOLVER:
            return
        self.dns_lookups[(network, str(seen.result))] += 1
        histogram = self.dns_duration.setdefault(network, Histogram(DNS_BOUNDS_S))
        for duration_s in seen.rtts_s:
            histogram.observe(duration_s)

    def _add_packets(
        self, pair: Pair, network: str, seen: Observation, promised: bool
    ) -> None:
        scope = pair.scope
        key = (scope, "" if scope is Scope.GATEWAY else network, pair.ip_version)
        self.probes[(scope, Protocol.ICMP, seen.result)] += 1
        if key not in self.rtt:
            self.rtt[key] = Histogram(RTT_BOUNDS_S)
            self.packets_received[key] = self.packets_lost[key] = 0
        self.packets_sent[key] += seen.sent
        # Most pairs of most hosts are isolated: of silence nothing more is to be added.
        if seen.received:
            self.packets_received[key] += seen.received
        if promised and seen.sent > seen.received:
            self.packets_lost[key] += seen.sent - seen.received
        if seen.duplicates:
            self.duplicates[scope] += seen.duplicates
        if seen.late:
            self.late[scope] += seen.late
        for rtt_s in seen.rtts_s:
            self.rtt[key].observe(rtt_s)

    def count_overrun(self) -> None:
        """Count a cycle that was due while the one before was still at work."""
        self.cycle_overruns += 1

    def count_skipped(self) -> None:
        """Count a cycle that was due without an engine, or while probing is paused."""
        self.cycles["skipped"] += 1

    def count_throttled(self, reason: str, probes: int) -> None:
        """Count probes that are put off to a later cycle."""
        self.throttled[reason] += probes

    def count_resync(self, reason: str) -> None:
        """Count a listing of everything."""
        self.resyncs[reason] += 1

    def count_changes(self, sources: Iterable[str]) -> None:
        """Count a burst of changes on the host.

        Args:
            sources: of `model.detection.CHANGE_SOURCES`.
        """
        self.changes.update(sources)

    def count_sweep(self, trigger: str) -> None:
        """Count a cycle that a change on the host, or the lack of a source, asked for.

        Args:
            trigger: firewall, link, sysctl or watch.
        """
        self.sweeps[trigger] += 1

    def count_put_off(self) -> None:
        """Count a sweep that has to wait."""
        self.sweeps_put_off += 1

    def count_error(self, stage: str) -> None:
        """Count an unexpected exception; one of a cycle is a failed cycle too."""
        self.errors[stage] += 1
        if stage == "cycle":
            self.cycles["failed"] += 1

    def retain_networks(self, names: Collection[str]) -> None:
        """Drop the series of networks that no longer exist."""
        keep = {*names, ""}
        for counter in (self.packets_sent, self.packets_received, self.packets_lost):
            _drop(counter, lambda key: key[1] not in keep)
        _drop(self.rtt, lambda key: key[1] not in keep)
        _drop(self.dns_lookups, lambda key: key[0] not in keep)
        _drop(self.dns_duration, lambda name: name not in keep)

    def copy(self) -> "Tally":
        """Return a copy that later counting does not change."""
        return deepcopy(self)


def _drop(table: dict[K, V], is_gone: Callable[[K], bool]) -> None:
    for key in [key for key in table if is_gone(key)]:
        del table[key]
