"""One immutable picture of everything known, swapped by one reference.

`/metrics`, the page, the JSON and the terminal all read a `Snapshot`; none of them
asks the engine or sends a packet.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from exporter.model.census import Census, census
from exporter.model.detection import NO_DETECTION, Detection
from exporter.model.history import NO_HISTORY, HistoryView
from exporter.model.hoststate import HostState
from exporter.model.many import counted, outstanding
from exporter.model.outcome import (
    VIOLATIONS,
    Expected,
    Observed,
    Scope,
    Verdict,
    observed_of,
)
from exporter.model.pair import CountKey, PairState, unprobed
from exporter.model.policy import NO_POLICY, Policy, PolicyEntry
from exporter.model.rtts import NO_RTTS, RttView
from exporter.model.tally import Tally
from exporter.model.topology import HOST, IpVersion, NetworkId, Topology

TotalKey = tuple[Scope, IpVersion, Expected, Observed, Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleInfo:
    """When and how the newest cycle ran."""

    number: int
    trigger: str
    """interval, change, start, recheck, firewall, link, sysctl, watch or check."""
    started: datetime
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything known at one moment."""

    taken: datetime
    topology: Topology | None = None
    """None until the engine answered for the first time."""
    engine_up: bool = False
    """The engine answers now; if not, no pair is verified."""
    stream_connected: bool = False
    """The event stream is open."""
    pairs: Sequence[PairState] = ()
    """In the order of the plan: by scope, then by source and destination name."""
    aside: Mapping[CountKey, int] = field(default_factory=dict)
    """Numbers of the pairs that exist beside `pairs`, where these are a sample; none
    of them was probed of late."""
    sampled_since: datetime | None = None
    """Since when `pairs` are a sample; None where they are all."""
    cover_s: float = 15.0
    """Seconds in which every pair has its turn, while no cycle is put off."""
    cycle: CycleInfo | None = None
    interval_s: float = 15.0
    """Configured time between cycles."""
    packets_per_second: float = 2000.0
    """Configured budget."""
    host: HostState = field(default_factory=HostState)
    """The host's tables when the newest cycle began."""
    tally: Tally = field(default_factory=Tally)
    paused: str | None = None
    """Why nothing is probed, where somebody wants it so; for a user."""
    notices: tuple[str, ...] = ()
    """What does not work here and what still does, one line each."""
    policy: Policy = NO_POLICY
    """The user's own; which of its entries have expired follows from `taken`."""
    detection: Detection = NO_DETECTION
    """How changes on the host are noticed."""
    history: HistoryView = NO_HISTORY
    """What verdicts were before."""
    rtts: RttView = NO_RTTS
    """The newest round-trip times."""
    longest_cycle_s: float = 0.0
    """Of the newest cycles, of whatever trigger."""
    longest_survey_s: float = 0.0
    """Of the newest looks at the engine."""
    config_reload_ok: bool = True
    config_reloaded: datetime | None = None
    """Time of the last good (re)load."""

    @cached_property
    def violations(self) -> tuple[PairState, ...]:
        """Pairs whose promise is broken, oldest first."""
        broken = [s for s in outstanding(self.pairs) if s.verdict in VIOLATIONS]
        return tuple(sorted(broken, key=lambda state: state.since))

    @cached_property
    def totals(self) -> Mapping[TotalKey, int]:
        """Number of pairs by scope, family, expected, observed and verdict."""
        alike = Counter(
            (
                state.pair.scope,
                state.pair.ip_version,
                state.decision.expected,
                state.observation.result,
                state.verdict,
            )
            for state in self.pairs
        )
        totals: Counter[TotalKey] = Counter()
        for (scope, version, expected, result, verdict), count in alike.items():
            totals[scope, version, expected, observed_of(result), verdict] += count
        for (scope, _, version, decision), count in self.aside.items():
            verdict = unprobed(decision)
            key = scope, version, decision.expected, Observed.NOT_PROBED, verdict
            totals[key] += count
        return totals

    @cached_property
    def summary(self) -> Mapping[Verdict, int]:
        """Number of pairs by verdict, every verdict present."""
        counts = counted(self.pairs)
        for (_, _, _, decision), count in self.aside.items():
            counts[unprobed(decision)] += count
        return {verdict: counts[verdict] for verdict in Verdict}

    @cached_property
    def census(self) -> Census:
        """Every pair, counted by where it stands in a matrix."""
        up = self.engine_up
        return census(self.pairs, self.aside, self.topology, engine_up=up)

    @property
    def turn_before(self) -> datetime:
        """Return when the pair that waits longest had its turn, at the latest."""
        return max(
            self.sampled_since or self.taken,
            self.taken - timedelta(seconds=self.cover_s),
        )

    @cached_property
    def expired(self) -> tuple[tuple[int, PolicyEntry], ...]:
        """Entries of the policy that decide nothing any more, with their numbers."""
        return self.policy.expired(self.taken.date())

    def source_name(self, state: PairState) -> str:
        """Return the name of a pair's source: a container's, or `host`."""
        source = state.pair.source
        if source == HOST:
            return str(HOST)
        found = self.topology and self.topology.sandbox_by_id.get(source)
        return found.name if found else _short(source)

    def destination_name(self, state: PairState) -> str:
        """Return the name of a pair's destination: a container's, or `gateway`."""
        destination = state.pair.destination
        if destination is None:
            return "gateway"
        found = self.topology and self.topology.container_by_id.get(destination)
        return found.name if found else _short(destination)

    def network_name(self, state: PairState) -> str:
        """Return the name of the destination address's network."""
        return self._network_name(state.pair.network)

    def source_network_name(self, state: PairState) -> str | None:
        """Return the name of the network the source's route uses, None without."""
        wanted = state.decision.source_network
        return None if wanted is None else self._network_name(wanted)

    def _network_name(self, wanted: NetworkId) -> str:
        network = self.topology and self.topology.network_by_id.get(wanted)
        return network.name if network else _short(wanted)


def _short(object_id: str) -> str:
    """Return an id as the engine's own command shows it."""
    return object_id[:12]
