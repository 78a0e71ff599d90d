"""A snapshot as the page shows it: plain values, safe to print, bounded in number."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from exporter.model.expectation import RULES
from exporter.model.headline import Headline, Tone, headline_of
from exporter.model.ipam import SubnetUsage, subnet_usage
from exporter.model.outcome import Scope, Verdict
from exporter.model.pair import Decision, PairState
from exporter.model.prefixes import SATURATED
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Topology
from exporter.model.words import ago, counted
from exporter.printable import printable
from exporter.web.words import machine_moment, moment, short_duration

ROWS_MAX = 200
"""Rows of a table; what is left out is counted."""
_REASONS_MAX = 20
_REFRESH_LEAST_S = 5

_TILES = (
    (Verdict.AS_EXPECTED, "as promised", Tone.GOOD),
    (Verdict.UNEXPECTED_REACHABLE, "isolation broken", Tone.BAD),
    (Verdict.UNEXPECTED_UNREACHABLE, "connection broken", Tone.BAD),
    (Verdict.UNVERIFIED, "not verified", Tone.DOUBT),
    (Verdict.SKIPPED, "not probed", Tone.IDLE),
    (Verdict.NOT_JUDGED, "nothing promised", Tone.IDLE),
)
_FAULTS = {
    (Verdict.UNEXPECTED_REACHABLE, False): "reaches",
    (Verdict.UNEXPECTED_UNREACHABLE, False): "does not reach",
    (Verdict.UNEXPECTED_REACHABLE, True): "resolves",
    (Verdict.UNEXPECTED_UNREACHABLE, True): "does not resolve",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number of pairs."""

    count: str
    label: str
    tone: Tone
    """Idle where there is nothing to worry about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken promise."""

    source: str
    fault: str
    destination: str
    source_network: str
    network: str
    address: str
    since: str
    since_machine: str
    age: str
    rule: str
    seen: str
    cause: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why some pairs are not verified."""

    pairs: str
    reason: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetRow:
    """How full a subnet is."""

    prefix: str
    used: str
    share: float | None
    """0 to 1; None where it means nothing (IPv6) or is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRow:
    """A network."""

    name: str
    driver: str
    containers: str
    subnets: tuple[SubnetRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything the page says."""

    version: str
    engine: str
    headline: Headline
    cycle: str
    tiles: tuple[Tile, ...]
    violations: tuple[Violation, ...]
    violations_left_out: int
    doubts: tuple[Doubt, ...]
    notices: tuple[str, ...]
    networks: tuple[NetworkRow, ...]
    networks_left_out: int
    subnets: str
    metrics_link: str
    refresh_s: int
    taken: str


def view_of(
    snapshot: Snapshot, now: datetime, *, version: str, telemetry_path: str
) -> View:
    """Return what the page says of a snapshot at a moment."""
    found = snapshot.topology
    rows = tuple(_networks(found)) if found else ()
    return View(
        version=version,
        engine=_engine(snapshot),
        headline=headline_of(snapshot, now),
        cycle=_cycle(snapshot, now),
        tiles=tuple(_tiles(snapshot)),
        violations=tuple(
            _violation(snapshot, state, now) for state in snapshot.violations[:ROWS_MAX]
        ),
        violations_left_out=max(0, len(snapshot.violations) - ROWS_MAX),
        doubts=tuple(_doubts(snapshot)),
        notices=tuple(_notices(snapshot)),
        networks=rows[:ROWS_MAX],
        networks_left_out=max(0, len(rows) - ROWS_MAX),
        subnets=counted(sum(len(row.subnets) for row in rows), "subnet"),
        metrics_link=telemetry_path.removeprefix("/"),
        refresh_s=max(_REFRESH_LEAST_S, round(snapshot.interval_s)),
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


def _cycle(snapshot: Snapshot, now: datetime) -> str:
    every = f"one is due every {snapshot.interval_s:g} s"
    cycle = snapshot.cycle
    if cycle is None:
        return f"No cycle has run yet; {every}."
    return (
        f"Cycle {cycle.number:,} began {ago(now - cycle.started)} ago, "
        f"at {moment(cycle.started)}, and took {cycle.duration_s:.1f} s; {every}."
    )


def _tiles(snapshot: Snapshot) -> Iterator[Tile]:
    for verdict, label, tone in _TILES:
        count = snapshot.summary[verdict]
        yield Tile(count=f"{count:,}", label=label, tone=tone if count else Tone.IDLE)


def _violation(snapshot: Snapshot, state: PairState, now: datetime) -> Violation:
    is_name = state.pair.scope is Scope.NAME
    return Violation(
        source=printable(snapshot.source_name(state)),
        fault=_FAULTS[state.verdict, is_name],
        destination=printable(snapshot.destination_name(state)),
        source_network=printable(snapshot.source_network_name(state) or ""),
        network=printable(snapshot.network_name(state)),
        address=str(state.pair.address),
        since=moment(state.since),
        since_machine=machine_moment(state.since),
        age=ago(now - state.since),
        rule=printable(_promise(state.decision)),
        seen=_seen(state),
        cause=printable(state.causes[0].sentence) if state.causes else "",
        evidence=printable(state.causes[0].evidence[0]) if state.causes else "",
    )


def _promise(decision: Decision) -> str:
    rule = RULES.get(decision.rule)
    if rule is not None:
        return rule.sentence
    reason = decision.policy_reason
    return f"{reason} ({decision.rule})" if reason else decision.rule


def _seen(state: PairState) -> str:
    observation = state.observation
    if observation.resolved:
        return printable(", ".join(observation.resolved))
    if observation.rtt_s is not None:
        return f"answered in {short_duration(observation.rtt_s)}"
    return str(observation.result).replace("_", " ")


def _doubts(snapshot: Snapshot) -> Iterator[Doubt]:
    """Yield the reasons why pairs are not verified, most frequent first."""
    counts: Counter[str] = Counter()
    examples: dict[str, PairState] = {}
    for state in snapshot.pairs:
        if state.verdict is Verdict.UNVERIFIED:
            reason = state.reason or _seen(state)
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


def _networks(found: Topology) -> Iterator[NetworkRow]:
    usages: defaultdict[str, list[SubnetUsage]] = defaultdict(list)
    for usage in subnet_usage(found):
        usages[usage.network].append(usage)
    for network in found.networks:
        if network.driver == "null":
            continue
        shares_host = network.driver == "host"
        members = found.host_members if shares_host else found.sandboxes_on(network.id)
        yield NetworkRow(
            name=printable(network.name),
            driver=printable(network.driver),
            containers=f"{len(members):,}",
            subnets=tuple(_subnet(usage) for usage in usages[network.name]),
        )


def _subnet(usage: SubnetUsage) -> SubnetRow:
    if usage.used is None:
        return SubnetRow(prefix=str(usage.prefix), used="not known here", share=None)
    if usage.addresses >= SATURATED:
        return SubnetRow(
            prefix=str(usage.prefix), used=f"{usage.used:,} used", share=None
        )
    return SubnetRow(
        prefix=str(usage.prefix),
        used=f"{usage.used:,} of {usage.addresses:,}",
        share=usage.used / usage.addresses,
    )
