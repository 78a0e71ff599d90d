"""The exporter itself: cycles, configuration, errors, and what a scrape costs."""

from collections.abc import Iterator
from datetime import timedelta

from exporter import __version__
from exporter.metrics.family import (
    HISTOGRAM_EXTRA,
    OTHER,
    Family,
    Kind,
    Label,
    Samples,
    closed,
)
from exporter.model.snapshot import Snapshot
from exporter.model.tally import CYCLE_BOUNDS_S

CYCLE_OUTCOMES = ("completed", "failed", "skipped")
STAGES = ("survey", "cycle", "detection")
SHED_STEPS = (
    "pair_detail",
    "network_pairs",
    "endpoint_info",
    "histograms",
    "endpoints",
)
"""What is left out at the series limit, in this order."""
_CYCLE_SERIES = len(CYCLE_BOUNDS_S) + HISTOGRAM_EXTRA

CYCLE_DURATION = Family(
    name="cycle_duration_seconds",
    kind=Kind.HISTOGRAM,
    help="Time that probe cycles took.",
    bound=str(_CYCLE_SERIES),
    most=lambda _: _CYCLE_SERIES,
)
CYCLES = Family(
    name="cycles_total",
    kind=Kind.COUNTER,
    help="Probe cycles by outcome; skipped where there was no engine, or probing was "
    "paused.",
    labels=(
        Label(name="outcome", text="How it ended.", values=(*CYCLE_OUTCOMES, OTHER)),
    ),
    bound="4, 3 of them always",
    most=lambda _: len(CYCLE_OUTCOMES) + 1,
)
CYCLE_OVERRUNS = Family(
    name="cycle_overruns_total",
    kind=Kind.COUNTER,
    help="Cycles that were due while the one before was still at work.",
)
CYCLE_INTERVAL = Family(
    name="cycle_interval_seconds",
    kind=Kind.GAUGE,
    help="Configured time between cycles.",
)
LAST_CYCLE = Family(
    name="last_cycle_timestamp_seconds",
    kind=Kind.GAUGE,
    help="When the newest cycle ended; absent before the first.",
)
CONFIG_RELOAD_OK = Family(
    name="config_last_reload_successful",
    kind=Kind.GAUGE,
    help="Whether the newest (re)load of the configuration succeeded (1) or the older "
    "one is still in force (0).",
)
CONFIG_RELOADED = Family(
    name="config_last_reload_success_timestamp_seconds",
    kind=Kind.GAUGE,
    help="When the configuration in force was loaded.",
)
BUILD_INFO = Family(
    name="build_info",
    kind=Kind.INFO,
    help="This exporter.",
    labels=(Label(name="version", text="Version of dockernet-exporter."),),
)
ERRORS = Family(
    name="errors_total",
    kind=Kind.COUNTER,
    help="Unexpected exceptions; each is a bug, see the log.",
    labels=(Label(name="stage", text="Where.", values=(*STAGES, OTHER)),),
    bound=f"{len(STAGES) + 1}, {len(STAGES)} of them always",
    most=lambda _: len(STAGES) + 1,
)
SERIES = Family(
    name="series",
    kind=Kind.GAUGE,
    help="Series of this exposition.",
)
SERIES_LIMIT = Family(
    name="series_limit",
    kind=Kind.GAUGE,
    help="Series at which detail is left out, the least important first.",
)
SERIES_SHED = Family(
    name="series_shed",
    kind=Kind.GAUGE,
    help="Series left out at the series limit, in the order of the steps.",
    labels=(Label(name="step", text="What is left out.", values=SHED_STEPS),),
    bound=f"{len(SHED_STEPS)}, always all of them",
    most=lambda _: len(SHED_STEPS),
)
COLLECT_DURATION = Family(
    name="collect_duration_seconds",
    kind=Kind.GAUGE,
    help="Time that rendering took, once for all scrapes of a snapshot.",
)
FAMILIES = (
    CYCLE_DURATION,
    CYCLES,
    CYCLE_OVERRUNS,
    CYCLE_INTERVAL,
    LAST_CYCLE,
    CONFIG_RELOAD_OK,
    CONFIG_RELOADED,
    BUILD_INFO,
    ERRORS,
    SERIES,
    SERIES_LIMIT,
    SERIES_SHED,
    COLLECT_DURATION,
)


def single(family: Family, value: float | None) -> Samples:
    """Return a family's one sample, none where there is no value."""
    samples = Samples(family)
    if value is not None:
        samples.put(value)
    return samples


def collect(snapshot: Snapshot) -> Iterator[Samples]:
    """Yield the samples of these families but those about the scrape itself."""
    tally = snapshot.tally
    duration = Samples(CYCLE_DURATION)
    duration.merge(tally.cycle_duration)
    yield duration
    yield closed(CYCLES, tally.cycles, CYCLE_OUTCOMES)
    yield single(CYCLE_OVERRUNS, tally.cycle_overruns)
    yield single(CYCLE_INTERVAL, snapshot.interval_s)
    yield single(LAST_CYCLE, _last_cycle(snapshot))
    yield single(CONFIG_RELOAD_OK, snapshot.config_reload_ok)
    reloaded = snapshot.config_reloaded
    yield single(CONFIG_RELOADED, reloaded.timestamp() if reloaded else None)
    build = Samples(BUILD_INFO)
    build.put(1, __version__)
    yield build
    yield closed(ERRORS, tally.errors, STAGES)


def _last_cycle(snapshot: Snapshot) -> float | None:
    cycle = snapshot.cycle
    if cycle is None:
        return None
    return (cycle.started + timedelta(seconds=cycle.duration_s)).timestamp()
