"""One immutable picture of everything known, swapped by one reference.

`/metrics`, the page, the JSON and the terminal all read a `Snapshot`; none of them
asks the engine or sends a packet.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from exporter.model.detection import NO_DETECTION, Detection
from exporter.model.outcome import VIOLATIONS, Expected, Observed, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.policy import NO_POLICY, Policy, PolicyEntry
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
    pairs: tuple[PairState, ...] = ()
    """In the order of the plan: by scope, then by source and destination name."""
    cycle: CycleInfo | None = None
    interval_s: float = 15.0
    """Configured time between cycles."""
    packets_per_second: float = 2000.0
    """Configured budget."""
    neighbour_limit: Mapping[IpVersion, int] = field(default_factory=dict)
    """gc_thresh3, or the kernel's default where it cannot be read, by family."""
    neighbour_entries: Mapping[IpVersion, int] = field(default_factory=dict)
    """Everybody's entries in the host's tables now, by family."""
    tally: Tally = field(default_factory=Tally)
    notices: tuple[str, ...] = ()
    """What does not work here and what still does, one line each."""
    policy: Policy = NO_POLICY
    """The user's own; which of its entries have expired follows from `taken`."""
    detection: Detection = NO_DETECTION
    """How changes on the host are noticed."""
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
        broken = [state for state in self.pairs if state.verdict in VIOLATIONS]
        return tuple(sorted(broken, key=lambda state: state.since))

    @cached_property
    def totals(self) -> Mapping[TotalKey, int]:
        """Number of pairs by scope, family, expected, observed and verdict."""
        totals: Counter[TotalKey] = Counter()
        for state in self.pairs:
            totals[
                (
                    state.pair.scope,
                    state.pair.ip_version,
                    state.decision.expected,
                    state.observation.observed,
                    state.verdict,
                )
            ] += 1
        return totals

    @cached_property
    def summary(self) -> Mapping[Verdict, int]:
        """Number of pairs by verdict, every verdict present."""
        counts = Counter(state.verdict for state in self.pairs)
        return {verdict: counts[verdict] for verdict in Verdict}

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
