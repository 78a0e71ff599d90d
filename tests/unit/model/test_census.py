"""What all pairs add up to, by where they stand in a matrix."""

from collections import Counter
from dataclasses import replace

import pytest

from exporter.model.outcome import Verdict
from exporter.model.pair import count_key
from exporter.model.snapshot import Snapshot
from exporter.model.topology import NetworkId
from tests.fakes.report_samples import skipped
from tests.fakes.snapshots import (
    engine_down,
    never_up,
    policed,
    published,
    small,
    violations,
)
from tests.fakes.topologies import demo

SAMPLES = [small(), violations(), policed(), engine_down(), never_up()]


@pytest.mark.parametrize("snapshot", SAMPLES)
def test_it_counts_what_the_summary_counts(snapshot: Snapshot) -> None:
    """Each pair once."""
    counts = Counter[Verdict]()
    for sort, count in snapshot.census.sorts.items():
        counts[sort.verdict] += count

    assert counts == Counter(snapshot.summary)


def test_pairs_are_told_apart_by_both_networks() -> None:
    """And by verdict; the host has none."""
    places = Counter[tuple[object, ...]]()
    for sort, count in violations().census.sorts.items():
        places[sort.scope, sort.source_network, sort.network] += count
    bridge, mine = NetworkId("net-bridge"), NetworkId("net-mybridge")

    assert places["container", bridge, mine] == 4
    assert places["container", bridge, bridge] == 2
    assert places["host", None, mine] == 2


def test_coverage_counts_what_is_to_be_probed() -> None:
    """What a sample leaves aside is not measured, and what is left alone not due."""
    whole = small()
    half = whole.pairs[: len(whole.pairs) // 2]
    rest = whole.pairs[len(half) :]
    sampled = replace(whole, pairs=half, aside=Counter(map(count_key, rest)))
    alone = replace(
        whole,
        pairs=tuple(
            replace(one, decision=replace(one.decision, opted_out=True))
            for one in whole.pairs
        ),
    )

    assert whole.census.coverage_ratio == 1
    assert sampled.census.coverage_ratio == len(half) / len(whole.pairs)
    assert alone.census.coverage_ratio is None


def test_what_was_not_probed_is_not_covered() -> None:
    """Nor is anything while the engine is away."""
    away = engine_down().census
    seen = published(demo(), skipped("bridge1"))

    assert (away.due, away.measured) == (len(small().pairs), 0)
    assert seen.census.measured == len(seen.pairs) - 3
