"""By what changes are noticed, how soon, and what became of them."""

from collections.abc import Iterator

from exporter.metrics.family import OTHER, Family, Kind, Label, Samples, closed
from exporter.model.detection import CHANGE_SOURCES, DetectionSource
from exporter.model.snapshot import Snapshot
from exporter.model.sweep import SWEEPS

SOURCES = tuple(str(source) for source in DetectionSource)
ENGINE_LAG_S = 0.25
"""The engine's events are collected for so long at most."""

SOURCE = Label(name="source", text="What tells of changes.", values=SOURCES)
ACTIVE = Family(
    name="detection_source_active",
    kind=Kind.GAUGE,
    help="Whether a source of changes is in use (1) or not (0); representatives are "
    "pairs of every two networks, probed where nobody tells of changes of the packet "
    "filter.",
    labels=(SOURCE,),
    bound=f"{len(SOURCES)}, always all of them",
    most=lambda _: len(SOURCES),
)
BOUND = Family(
    name="detection_bound_seconds",
    kind=Kind.GAUGE,
    help="Time from a change to the verdicts on what it may have touched, at most, by "
    "how long the newest cycles took; only of sources in use.",
    labels=(SOURCE,),
    bound=str(len(SOURCES)),
    most=lambda _: len(SOURCES),
)
CHANGES = Family(
    name="detection_changes_total",
    kind=Kind.COUNTER,
    help="Bursts of changes on the host that were noticed; sysctls also where tables "
    "of iptables-legacy came or went.",
    labels=(
        Label(
            name="source",
            text="What told of them.",
            values=(*CHANGE_SOURCES, OTHER),
        ),
    ),
    bound=f"{len(CHANGE_SOURCES) + 1}, {len(CHANGE_SOURCES)} of them always",
    most=lambda _: len(CHANGE_SOURCES) + 1,
)
SWEEP_CYCLES = Family(
    name="detection_sweeps_total",
    kind=Kind.COUNTER,
    help="Cycles that looked at once at what a change may have touched, or at "
    "representatives.",
    labels=(Label(name="trigger", text="What asked for it.", values=(*SWEEPS, OTHER)),),
    bound=f"{len(SWEEPS) + 1}, {len(SWEEPS)} of them always",
    most=lambda _: len(SWEEPS) + 1,
)
PUT_OFF = Family(
    name="detection_sweeps_delayed_total",
    kind=Kind.COUNTER,
    help="Sweeps that had to wait, as changes followed one another without end.",
)
FAMILIES = (ACTIVE, BOUND, CHANGES, SWEEP_CYCLES, PUT_OFF)


def collect(snapshot: Snapshot) -> Iterator[Samples]:
    """Yield the samples of these families."""
    lags_s = {
        state.source: state.lag_s
        for state in snapshot.detection.sources
        if state.active
    }
    if snapshot.stream_connected:
        lags_s[DetectionSource.DOCKER_EVENTS] = ENGINE_LAG_S + snapshot.longest_survey_s
    active, bound = Samples(ACTIVE), Samples(BOUND)
    for source in DetectionSource:
        active.put(source in lags_s, source)
        if source in lags_s:
            # One cycle may be at work then, and one more looks at the change.
            bound.put(lags_s[source] + 2 * snapshot.longest_cycle_s, source)
    yield active
    yield bound
    yield closed(CHANGES, snapshot.tally.changes, CHANGE_SOURCES)
    yield closed(SWEEP_CYCLES, snapshot.tally.sweeps, SWEEPS)
    put_off = Samples(PUT_OFF)
    put_off.put(snapshot.tally.sweeps_put_off)
    yield put_off
