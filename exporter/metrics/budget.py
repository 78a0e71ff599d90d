"""What limits probing: the kill switch, the packet budget, the neighbour table."""

from collections.abc import Iterator

from exporter.metrics import labels as label
from exporter.metrics.family import OTHER, Family, Kind, Label, Samples, closed
from exporter.model.hoststate import HostState, TableSource
from exporter.model.snapshot import Snapshot

THROTTLES = ("neighbour_table", "conntrack", "budget")

PAUSED = Family(
    name="probing_paused",
    kind=Kind.GAUGE,
    help="Whether nothing is probed because probe.pause_file exists (1).",
)
PROBE_BUDGET = Family(
    name="probe_budget_packets_per_second",
    kind=Kind.GAUGE,
    help="Configured budget of packets.",
)
THROTTLED = Family(
    name="probe_throttled_total",
    kind=Kind.COUNTER,
    help="Probes put off to a later cycle.",
    labels=(
        Label(
            name="reason",
            text="What would have been overdrawn.",
            values=(*THROTTLES, OTHER),
        ),
    ),
    bound="4",
    most=lambda _: len(THROTTLES) + 1,
)
NEIGHBOUR_ENTRIES = Family(
    name="host_neighbour_entries",
    kind=Kind.GAUGE,
    help="Entries of the kernel's neighbour table, all namespaces; absent where it "
    "cannot be read.",
    labels=(label.IP_VERSION,),
    bound="2",
    most=lambda _: 2,
)
NEIGHBOUR_LIMIT = Family(
    name="host_neighbour_limit",
    kind=Kind.GAUGE,
    help="Most entries the neighbour table takes (gc_thresh3); the kernel's default "
    "where it cannot be read.",
    labels=(label.IP_VERSION,),
    bound="2",
    most=lambda _: 2,
)
NEIGHBOUR_FULLS = Family(
    name="host_neighbour_table_fulls_total",
    kind=Kind.COUNTER,
    help="Entries, anybody's, that found no room since the boot (table_fulls); absent "
    "where it cannot be read.",
    labels=(label.IP_VERSION,),
    bound="2",
    most=lambda _: 2,
)
NEIGHBOUR_INFO = Family(
    name="host_neighbour_info",
    kind=Kind.INFO,
    help="Where the neighbour tables are read.",
    labels=(
        Label(
            name="source",
            text="Whose namespace shows them: own, that of init, the engine's; "
            "init_entries: without the limits; none: assumed.",
            values=tuple(TableSource),
        ),
    ),
)
CONNTRACK_ENTRIES = Family(
    name="host_conntrack_entries",
    kind=Kind.GAUGE,
    help="Connections tracked where the engine's bridges are (nf_conntrack_count); "
    "absent where none are tracked.",
)
CONNTRACK_LIMIT = Family(
    name="host_conntrack_limit",
    kind=Kind.GAUGE,
    help="Most connections that are tracked there (nf_conntrack_max).",
)
FAMILIES = (
    PAUSED,
    PROBE_BUDGET,
    THROTTLED,
    NEIGHBOUR_ENTRIES,
    NEIGHBOUR_LIMIT,
    NEIGHBOUR_FULLS,
    NEIGHBOUR_INFO,
    CONNTRACK_ENTRIES,
    CONNTRACK_LIMIT,
)


def collect(snapshot: Snapshot) -> Iterator[Samples]:
    """Yield the samples of these families."""
    paused = Samples(PAUSED)
    paused.put(snapshot.paused is not None)
    yield paused
    budget = Samples(PROBE_BUDGET)
    budget.put(snapshot.packets_per_second)
    yield budget
    yield closed(THROTTLED, snapshot.tally.throttled, THROTTLES)
    yield from _neighbours(snapshot.host)
    info = Samples(NEIGHBOUR_INFO)
    info.put(1, snapshot.host.source)
    yield info
    entries, limit = Samples(CONNTRACK_ENTRIES), Samples(CONNTRACK_LIMIT)
    if snapshot.host.conntrack is not None:
        entries.put(snapshot.host.conntrack.entries)
        limit.put(snapshot.host.conntrack.limit)
    yield from (entries, limit)


def _neighbours(host: HostState) -> Iterator[Samples]:
    entries, fulls = Samples(NEIGHBOUR_ENTRIES), Samples(NEIGHBOUR_FULLS)
    limits = Samples(NEIGHBOUR_LIMIT)
    for ip_version, table in host.tables.items():
        version = label.ip_version(ip_version)
        limits.put(table.hard_limit, version)
        if table.entries is not None:
            entries.put(table.entries, version)
        if table.fulls is not None:
            fulls.put(table.fulls, version)
    yield from (entries, limits, fulls)
