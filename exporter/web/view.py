"""A snapshot as the page shows it: plain values, safe to print, bounded in number."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.model.headline import Headline, Tone, headline_of, why_nothing
from exporter.model.outcome import Expected, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.words import ago, counted
from exporter.printable import printable
from exporter.web.breaches import Breach, PairId, breaches_of, seen
from exporter.web.networks import NetworkRow, network_rows
from exporter.web.words import Moment, moment, moment_at

ROWS_MAX = 200
"""Rows of a table; what is left out is counted."""
_REASONS_MAX = 20
_REFRESH_LEAST_S = 5
_MODULES = (
    "address",
    "api",
    "dom",
    "front",
    "grid",
    "live",
    "main",
    "matrix",
    "panel",
    "patch",
    "slowly",
    "spark",
    "words",
)
_LONG_S = 120
_NO_NETWORK = frozenset({"host", "null"})
"""Drivers without a network of their own."""

_TILES = (
    (Verdict.AS_EXPECTED, "as promised", Tone.GOOD),
    (Verdict.UNEXPECTED_REACHABLE, "isolation broken", Tone.BAD),
    (Verdict.UNEXPECTED_UNREACHABLE, "connection broken", Tone.BAD),
    (Verdict.UNVERIFIED, "not verified", Tone.DOUBT),
    (Verdict.SKIPPED, "not probed", Tone.IDLE),
    (Verdict.NOT_JUDGED, "nothing promised", Tone.IDLE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number of pairs."""

    count: str
    label: str
    tone: Tone
    """Idle where there is nothing to worry about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why some pairs are not verified."""

    pairs: str
    reason: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything the page says."""

    version: str
    engine: str
    headline: Headline
    isolation: str
    """How much of what is to be kept apart is."""
    scale: str
    """How much there is, and how much of it was verified."""
    cycle: Moment | None
    """When the newest cycle began; None before the first."""
    cycle_text: str
    """More of it."""
    tiles: tuple[Tile, ...]
    breaches: tuple[Breach, ...]
    doubts: tuple[Doubt, ...]
    notices: tuple[str, ...]
    networks: tuple[NetworkRow, ...]
    networks_left_out: int
    subnets: str
    metrics_link: str
    modules: tuple[str, ...]
    """Scripts that the first view needs."""
    refresh_s: int
    interval_s: float
    taken_s: float
    """Unix time of the snapshot."""
    now: Moment
    """This clock, by which the scripts tell ages."""
    taken: str


def view_of(
    snapshot: Snapshot,
    now: datetime,
    *,
    version: str,
    telemetry_path: str,
    pair_id: PairId,
) -> View:
    """Return what the page says of a snapshot at a moment."""
    found = snapshot.topology
    rows = tuple(network_rows(found)) if found else ()
    cycle = snapshot.cycle
    return View(
        version=version,
        engine=_engine(snapshot),
        headline=headline_of(snapshot, now),
        isolation=_isolation(snapshot, now),
        scale=_scale(snapshot),
        cycle=None if cycle is None else moment_at(cycle.started, now),
        cycle_text=_cycle(snapshot),
        tiles=tuple(_tiles(snapshot)),
        breaches=breaches_of(snapshot, now, pair_id),
        doubts=tuple(_doubts(snapshot)),
        notices=tuple(_notices(snapshot)),
        networks=rows[:ROWS_MAX],
        networks_left_out=max(0, len(rows) - ROWS_MAX),
        subnets=counted(sum(len(row.subnets) for row in rows), "subnet"),
        metrics_link=telemetry_path.removeprefix("/"),
        modules=_MODULES,
        refresh_s=max(_REFRESH_LEAST_S, round(snapshot.interval_s)),
        interval_s=snapshot.interval_s,
        taken_s=snapshot.taken.timestamp(),
        now=moment_at(now, now),
        taken=moment(snapshot.taken),
    )


def _engine(snapshot: Snapshot) -> str:
    if snapshot.topology is None:
        return "no engine yet"
    engine = snapshot.topology.engine
    text = f"{engine.product.capitalize()} {engine.version}, API {engine.api_version}"
    if engine.address:
        text += f", at {engine.address}"
    return printable(text if snapshot.engine_up else f"{text} (not answering)")


def _isolation(snapshot: Snapshot, now: datetime) -> str:
    """Return how it is about isolation, whatever else is broken."""
    if why_nothing(snapshot, now):
        return ""
    counts: Counter[Verdict] = Counter()
    for (scope, _, expected, _, verdict), count in snapshot.totals.items():
        if scope is Scope.CONTAINER and expected is Expected.ISOLATED:
            counts[verdict] += count
    if not counts:
        return ""
    words = (
        (Verdict.UNEXPECTED_REACHABLE, "broken"),
        (Verdict.AS_EXPECTED, "kept apart"),
        (Verdict.UNVERIFIED, "in doubt"),
        (Verdict.SKIPPED, "not probed yet"),
    )
    found = [f"{counts[one]:,} {text}" for one, text in words if counts[one]]
    return f"Isolation, in pairs: {', '.join(found)}."


def _scale(snapshot: Snapshot) -> str:
    found = snapshot.topology
    if found is None:
        return ""
    running = sum(one.running for one in found.containers)
    text = ", ".join(
        (
            counted(
                sum(one.driver not in _NO_NETWORK for one in found.networks), "network"
            ),
            counted(running, "running container"),
            counted(sum(snapshot.summary.values()), "pair"),
        )
    )
    ratio = snapshot.census.coverage_ratio
    if ratio is None:
        return text
    # Rounded down: what is left out never looks like nothing.
    share = f"coverage {int(ratio * 1000) / 10:g} %"
    return f"{text}; {share}, every pair has its turn within {_span(snapshot.cover_s)}"


def _span(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < _LONG_S else ago(timedelta(seconds=seconds))


def _cycle(snapshot: Snapshot) -> str:
    every = f"one is due every {snapshot.interval_s:g} s"
    cycle = snapshot.cycle
    if cycle is None:
        return f"No cycle has run yet; {every}."
    return f"Cycle {cycle.number:,} took {cycle.duration_s:.1f} s; {every}."


def _tiles(snapshot: Snapshot) -> Iterator[Tile]:
    for verdict, label, tone in _TILES:
        count = snapshot.summary[verdict]
        yield Tile(count=f"{count:,}", label=label, tone=tone if count else Tone.IDLE)


def _doubts(snapshot: Snapshot) -> Iterator[Doubt]:
    """Yield the reasons why pairs are not verified, most frequent first."""
    if not snapshot.summary[Verdict.UNVERIFIED]:
        return
    counts: Counter[str] = Counter()
    examples: dict[str, PairState] = {}
    for state in snapshot.pairs:
        if state.verdict is Verdict.UNVERIFIED:
            reason = _reason(state)
            counts[reason] += 1
            examples.setdefault(reason, state)
    for reason, count in counts.most_common(_REASONS_MAX):
        state = examples[reason]
        example = f"{snapshot.source_name(state)} → {snapshot.destination_name(state)}"
        yield Doubt(
            pairs=counted(count, "pair"),
            reason=printable(reason),
            example=printable(example),
        )


def _reason(state: PairState) -> str:
    return state.reason or seen(state)


def _notices(snapshot: Snapshot) -> Iterator[str]:
    if not snapshot.config_reload_ok:
        yield (
            "The newest configuration could not be loaded; the one before is in use. "
            "The log says why."
        )
    if snapshot.engine_up and not snapshot.stream_connected:
        yield "The engine's event stream is not open; changes are seen late."
    if snapshot.paused is not None:
        yield printable(snapshot.paused)
    yield from map(printable, snapshot.notices)
