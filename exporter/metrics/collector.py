"""From a snapshot to samples.

All of them follow from the snapshot but two families, which change by themselves and
which every scrape makes anew: `FRESH`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.metrics import (
    addresses,
    budget,
    daemon,
    detection,
    engine,
    inventory,
    paths,
    policy,
    probes,
    verdicts,
)
from exporter.metrics.catalogue import FAMILIES
from exporter.metrics.facts import PairFacts, gather
from exporter.metrics.family import Family, Samples
from exporter.metrics.inventory import ENDPOINT_INFO
from exporter.metrics.limit import enforce
from exporter.model.snapshot import Snapshot

SERIES_LIMIT = 20_000
"""Series of one exposition; some 2 µs each to render."""
FRESH = (verdicts.PAIR_OLDEST_PROBE_AGE, daemon.COLLECT_DURATION)
"""Families that change while a snapshot stays; last in every exposition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What was built from one snapshot."""

    snapshot: Snapshot
    detail: bool
    """Whether pairs are few enough to be shown one by one."""
    facts: PairFacts
    scrape: dict[Family, Samples]
    """Never changed once it is here."""


class Collector:
    """Builds what one snapshot after the other comes to."""

    def __init__(
        self, *, series_limit: int = SERIES_LIMIT, endpoint_info: bool = True
    ) -> None:
        """Start with nothing built.

        Args:
            series_limit: most series; beyond it detail is left out.
            endpoint_info: whether endpoints get their `_info` series.
        """
        self._left_out = frozenset() if endpoint_info else frozenset({ENDPOINT_INFO})
        self._series_limit = series_limit
        self._shown = True

    def built(self, snapshot: Snapshot) -> Built:
        """Return the samples of a snapshot.

        Whether pairs are shown one by one depends on whether they were before.
        """
        built = build(
            snapshot,
            shown=self._shown,
            series_limit=self._series_limit,
            left_out=self._left_out,
        )
        self._shown = built.detail
        return built


def build(
    snapshot: Snapshot,
    *,
    shown: bool,
    series_limit: int,
    left_out: frozenset[Family] = frozenset(),
) -> Built:
    """Build all samples of a snapshot, within the limit.

    Args:
        snapshot: what is known.
        shown: whether pairs were shown one by one until now.
        series_limit: most series.
        left_out: families that are not wanted.
    """
    facts = gather(snapshot)
    detail = paths.wants_detail(facts.detail_pairs, shown=shown)
    scrape = {family: Samples(family) for family in FAMILIES}
    for samples in _all(snapshot, facts, detail=detail):
        if samples.family not in left_out:
            scrape[samples.family] = samples
    # What a scrape adds has one sample for each promise, or one.
    scrape[verdicts.PAIR_OLDEST_PROBE_AGE] = verdicts.collect_age(facts, snapshot.taken)
    scrape[daemon.COLLECT_DURATION].put(0)
    _seal(scrape, series_limit)
    return Built(snapshot=snapshot, detail=detail, facts=facts, scrape=scrape)


def _all(snapshot: Snapshot, facts: PairFacts, *, detail: bool) -> Iterator[Samples]:
    yield from verdicts.collect(snapshot, facts)
    yield from paths.collect(snapshot, facts, detail=detail)
    yield from policy.collect(snapshot, facts)
    yield from probes.collect(snapshot)
    yield from budget.collect(snapshot)
    yield from inventory.collect(snapshot)
    yield from addresses.collect(snapshot)
    yield from detection.collect(snapshot)
    yield from engine.collect(snapshot)
    yield from daemon.collect(snapshot)


def _seal(scrape: dict[Family, Samples], series_limit: int) -> None:
    """Hold a scrape to its limit, and say how many series it has."""
    scrape[daemon.SERIES_LIMIT].put(series_limit)
    scrape[daemon.SERIES].put(0)
    for step in daemon.SHED_STEPS:
        scrape[daemon.SERIES_SHED].put(0, step)
    for step, count in enforce(scrape, series_limit).items():
        scrape[daemon.SERIES_SHED].values[(step,)] = count
    total = sum(samples.series for samples in scrape.values())
    scrape[daemon.SERIES].values[()] = total
