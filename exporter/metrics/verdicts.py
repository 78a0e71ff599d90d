"""Verdict totals, network pairs, violations, coverage."""

from collections.abc import Iterator
from datetime import datetime

from exporter.metrics import labels as label
from exporter.metrics.facts import PairFacts
from exporter.metrics.family import Family, Kind, Samples
from exporter.metrics.sizes import Sizes
from exporter.model.cause import CauseId
from exporter.model.outcome import (
    VIOLATIONS,
    Expected,
    Observed,
    Protocol,
    Scope,
    Verdict,
)
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import IP_VERSIONS

VIOLATIONS_LIMIT = 200
"""Violations exported one by one, oldest first."""
CROSS_CELLS_NETWORKS = 40
"""Up to so many networks, conforming pairs of different networks have their cell."""
CONTRARY_CELLS_LIMIT = 5000
"""Cells against the promise, of different networks, with more networks than that."""

_E, _O, _V = Expected, Observed, Verdict
COMBINATIONS: tuple[tuple[Expected, Observed, Verdict], ...] = (
    (_E.REACHABLE, _O.REACHABLE, _V.AS_EXPECTED),
    (_E.REACHABLE, _O.REACHABLE, _V.UNVERIFIED),
    (_E.REACHABLE, _O.UNREACHABLE, _V.UNEXPECTED_UNREACHABLE),
    (_E.REACHABLE, _O.UNREACHABLE, _V.UNVERIFIED),
    (_E.REACHABLE, _O.ERROR, _V.UNVERIFIED),
    (_E.REACHABLE, _O.NOT_PROBED, _V.UNVERIFIED),
    (_E.REACHABLE, _O.NOT_PROBED, _V.SKIPPED),
    (_E.ISOLATED, _O.REACHABLE, _V.UNEXPECTED_REACHABLE),
    (_E.ISOLATED, _O.REACHABLE, _V.UNVERIFIED),
    (_E.ISOLATED, _O.UNREACHABLE, _V.AS_EXPECTED),
    (_E.ISOLATED, _O.UNREACHABLE, _V.UNVERIFIED),
    (_E.ISOLATED, _O.ERROR, _V.UNVERIFIED),
    (_E.ISOLATED, _O.NOT_PROBED, _V.UNVERIFIED),
    (_E.ISOLATED, _O.NOT_PROBED, _V.SKIPPED),
    (_E.UNKNOWN, _O.REACHABLE, _V.NOT_JUDGED),
    (_E.UNKNOWN, _O.UNREACHABLE, _V.NOT_JUDGED),
    (_E.UNKNOWN, _O.ERROR, _V.NOT_JUDGED),
    (_E.UNKNOWN, _O.NOT_PROBED, _V.NOT_JUDGED),
)
"""What a verdict can follow from; any other would still be exported."""

_CONTRARY = {
    (str(_E.REACHABLE), str(_O.UNREACHABLE)),
    (str(_E.ISOLATED), str(_O.REACHABLE)),
}

CONTAINER_PAIRS = Family(
    name="container_pairs",
    kind=Kind.GAUGE,
    help="Ordered pairs of containers by promise, observation and verdict.",
    labels=(label.IP_VERSION, label.EXPECTED, label.OBSERVED, label.VERDICT),
    bound="36, always all of them",
    most=lambda _: len(IP_VERSIONS) * len(COMBINATIONS),
)


def _most_cells(sizes: Sizes) -> int:
    columns = len(Expected) * len(Observed) * sizes.families
    if sizes.networks <= CROSS_CELLS_NETWORKS:
        return (sizes.networks + 1) * sizes.networks * columns
    return sizes.networks * columns + CONTRARY_CELLS_LIMIT


NETWORK_PAIRS = Family(
    name="network_pairs",
    kind=Kind.GAUGE,
    help="Ordered pairs of containers by networks, promise and observation, without "
    f"zeroes; with more than {CROSS_CELLS_NETWORKS} networks, conforming pairs of "
    "different networks are left out.",
    labels=(
        label.SOURCE_NETWORK,
        label.DESTINATION_NETWORK,
        label.IP_VERSION,
        label.EXPECTED,
        label.OBSERVED,
    ),
    bound="B²·V while all is well, at most 12·B·(B+1)·V; with more than "
    f"{CROSS_CELLS_NETWORKS} networks B·V, at most 12·B·V + {CONTRARY_CELLS_LIMIT}",
    most=_most_cells,
)
PAIR_VIOLATIONS = Family(
    name="pair_violations",
    kind=Kind.GAUGE,
    help="Pairs of every scope that contradict what is promised.",
    labels=(label.VIOLATION_KIND, label.IP_VERSION),
    bound="4, always all of them",
    most=lambda _: 4,
)
PAIR_VIOLATION_START = Family(
    name="pair_violation_start_timestamp_seconds",
    kind=Kind.GAUGE,
    help=f"When a pair began to contradict the promise; the {VIOLATIONS_LIMIT} oldest.",
    labels=(
        label.SOURCE,
        label.DESTINATION,
        label.SOURCE_NETWORK,
        label.DESTINATION_NETWORK,
        label.IP_VERSION,
        label.PROTOCOL,
        label.VIOLATION_KIND,
        label.CAUSE,
    ),
    bound=str(VIOLATIONS_LIMIT),
    most=lambda _: VIOLATIONS_LIMIT,
)
PAIR_VIOLATIONS_NOT_EXPORTED = Family(
    name="pair_violations_not_exported",
    kind=Kind.GAUGE,
    help="Violations beyond the limit of pair_violation_start_timestamp_seconds.",
)
PAIR_COVERAGE_RATIO = Family(
    name="pair_coverage_ratio",
    kind=Kind.GAUGE,
    help="Share of the pairs that may be probed of which a measurement is in force, "
    "all scopes; absent where there is no such pair.",
    labels=(label.EXPECTED,),
    bound="3",
    most=lambda _: 3,
)
PAIR_COVERAGE_BOUND = Family(
    name="pair_coverage_bound_seconds",
    kind=Kind.GAUGE,
    help="Time in which every pair that may be probed has its turn; longer while "
    "probes are put off (probe_throttled_total).",
)
PAIR_OLDEST_PROBE_AGE = Family(
    name="pair_oldest_probe_age_seconds",
    kind=Kind.GAUGE,
    help="Time since the pair that waits longest was probed, or became known.",
    labels=(label.EXPECTED,),
    bound="3",
    most=lambda _: 3,
)
FAMILIES = (
    CONTAINER_PAIRS,
    NETWORK_PAIRS,
    PAIR_VIOLATIONS,
    PAIR_VIOLATION_START,
    PAIR_VIOLATIONS_NOT_EXPORTED,
    PAIR_COVERAGE_RATIO,
    PAIR_COVERAGE_BOUND,
    PAIR_OLDEST_PROBE_AGE,
)


def collect(snapshot: Snapshot, facts: PairFacts) -> Iterator[Samples]:
    """Yield the samples of these families but the age, which changes by itself."""
    yield _container_pairs(snapshot)
    yield _network_pairs(snapshot, facts)
    yield _violation_totals(snapshot)
    yield from _violations(snapshot)
    coverage = Samples(PAIR_COVERAGE_RATIO)
    for expected, found in facts.coverage.items():
        coverage.put(found.measured / found.pairs, expected)
    yield coverage
    bound = Samples(PAIR_COVERAGE_BOUND)
    bound.put(snapshot.cover_s)
    yield bound


def collect_age(facts: PairFacts, now: datetime) -> Samples:
    """Return the age of the oldest probe by promise, now."""
    ages = Samples(PAIR_OLDEST_PROBE_AGE)
    for expected, found in facts.coverage.items():
        ages.put(max(0.0, (now - found.oldest).total_seconds()), expected)
    return ages


def is_conforming(cell: tuple[str, ...]) -> bool:
    """Return whether the labels of a `NETWORK_PAIRS` sample keep the promise."""
    return cell[-2:] not in _CONTRARY


def _container_pairs(snapshot: Snapshot) -> Samples:
    samples = Samples(CONTAINER_PAIRS)
    for ip_version in label.IP_VERSION.values:
        for combination in COMBINATIONS:
            samples.put(0, ip_version, *combination)
    for key, count in snapshot.totals.items():
        scope, version, expected, observed, verdict = key
        if scope is Scope.CONTAINER:
            samples.add(count, label.ip_version(version), expected, observed, verdict)
    return samples


def _network_pairs(snapshot: Snapshot, facts: PairFacts) -> Samples:
    topology = snapshot.topology
    names = topology.network_by_id if topology else {}
    few = len(names) <= CROSS_CELLS_NETWORKS
    samples, contrary = Samples(NETWORK_PAIRS), Samples(NETWORK_PAIRS)
    for key, count in facts.cells.items():
        source, destination, version, expected, observed = key
        there = names.get(destination)
        if there is None:
            continue
        here = names.get(source) if source else None
        cell = (
            here.name if here else "",
            there.name,
            label.ip_version(version),
            str(expected),
            str(observed),
        )
        if few or source == destination:
            samples.add(count, *cell)
        elif not is_conforming(cell):
            contrary.add(count, *cell)
    most_pairs_first = sorted(
        contrary.values.items(), key=lambda one: (-one[1], one[0])
    )
    samples.values.update(most_pairs_first[:CONTRARY_CELLS_LIMIT])
    return samples


def _violation_totals(snapshot: Snapshot) -> Samples:
    samples = Samples(PAIR_VIOLATIONS)
    for kind in label.VIOLATION_KIND.values:
        for ip_version in label.IP_VERSION.values:
            samples.put(0, kind, ip_version)
    for (_, version, _, _, verdict), count in snapshot.totals.items():
        if verdict in VIOLATIONS:
            samples.add(count, verdict, label.ip_version(version))
    return samples


def _violations(snapshot: Snapshot) -> Iterator[Samples]:
    """Yield the oldest violations and how many are left out.

    Pairs that differ in nothing a label says (two names of one container) are one
    series, with the time of the oldest.
    """
    starts = Samples(PAIR_VIOLATION_START)
    left_out = 0
    for state in snapshot.violations:
        if len(starts.values) < VIOLATIONS_LIMIT:
            starts.put(state.since.timestamp(), *_violation_labels(snapshot, state))
        else:
            left_out += 1
    yield starts
    overflow = Samples(PAIR_VIOLATIONS_NOT_EXPORTED)
    overflow.put(left_out)
    yield overflow


def _violation_labels(snapshot: Snapshot, state: PairState) -> tuple[str, ...]:
    protocol = Protocol.DNS if state.pair.scope is Scope.NAME else Protocol.ICMP
    return (
        snapshot.source_name(state),
        snapshot.destination_name(state),
        snapshot.source_network_name(state) or "",
        snapshot.network_name(state),
        label.ip_version(state.pair.ip_version),
        protocol,
        state.verdict,
        state.causes[0].id if state.causes else CauseId.UNKNOWN,
    )
