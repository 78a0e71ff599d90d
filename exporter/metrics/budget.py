"""What limits probing: the kill switch, the packet budget, the neighbour table."""

from collections.abc import Iterator

from exporter.metrics import labels as label
from exporter.metrics.family import OTHER, Family, Kind, Label, Samples, closed
from exporter.model.snapshot import Snapshot

THROTTLES = ("neighbour_table", "budget")

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
    bound="3",
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
    help="Most entries the neighbour table takes (gc_thresh3).",
    labels=(label.IP_VERSION,),
    bound="2",
    most=lambda _: 2,
)
FAMILIES = (PAUSED, PROBE_BUDGET, THROTTLED, NEIGHBOUR_ENTRIES, NEIGHBOUR_LIMIT)


def collect(snapshot: Snapshot) -> Iterator[Samples]:
    """Yield the samples of these families."""
    paused = Samples(PAUSED)
    paused.put(snapshot.paused is not None)
    yield paused
    budget = Samples(PROBE_BUDGET)
    budget.put(snapshot.packets_per_second)
    yield budget
    yield closed(THROTTLED, snapshot.tally.throttled, THROTTLES)
    for family, table in (
        (NEIGHBOUR_ENTRIES, snapshot.neighbour_entries),
        (NEIGHBOUR_LIMIT, snapshot.neighbour_limit),
    ):
        samples = Samples(family)
        for ip_version, count in table.items():
            samples.put(count, label.ip_version(ip_version))
        yield samples
