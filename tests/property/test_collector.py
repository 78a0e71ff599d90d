"""What holds for the exposition of any snapshot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest as classic
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)

from exporter.metrics import Exposition
from exporter.metrics.catalogue import FAMILIES, most_series
from exporter.metrics.collector import build
from exporter.metrics.sizes import Sizes
from exporter.metrics.text import EOF, head, lines
from exporter.model.outcome import Scope
from exporter.model.snapshot import Snapshot
from tests.fakes.library_text import Library
from tests.fakes.scrapes import matching, scrape, strays
from tests.fakes.snapshots import StillClock
from tests.strategies_model import snapshots

MEASURED = ("pair_reachable", "pair_rtt", "endpoint_host", "endpoint_expected")
HOUSEHOLD = 300
"""More than what every scrape has, whatever the host."""

pytestmark = pytest.mark.timeout(120)  # 500 snapshots in CI


@given(snapshots())
def test_it_parses_and_holds_what_the_catalogue_says(snapshot: Snapshot) -> None:
    """Whatever the names are: no series twice, closed sets closed, its size known."""
    found = scrape(snapshot)

    assert [] == strays(found)
    assert [sum(map(len, found.values()))] == matching(found, "series")


@given(snapshots())
def test_every_family_keeps_its_bound(snapshot: Snapshot) -> None:
    """The documented greatest number of series is one."""
    sizes = Sizes.of(snapshot)
    built = build(snapshot, shown=True, series_limit=10**9)

    over = [
        (family.name, built.scrape[family].series, family.most(sizes))
        for family in FAMILIES
        if built.scrape[family].series > family.most(sizes)
    ]
    assert [] == over
    assert sum(one.series for one in built.scrape.values()) <= most_series(sizes)


@given(snapshots())
def test_openmetrics_parses_strictly(snapshot: Snapshot) -> None:
    """With as many samples as the classic text."""
    exposition = Exposition(lambda: snapshot, StillClock())
    text = exposition.render("application/openmetrics-text").body.decode()

    families = list(openmetrics_families(text))  # type: ignore[no-untyped-call]
    series = matching(scrape(snapshot), "series")
    assert series == [sum(len(family.samples) for family in families)]


@given(snapshots())
def test_the_text_is_what_the_library_writes(snapshot: Snapshot) -> None:
    """Byte by byte, in both formats."""
    built = build(snapshot, shown=True, series_limit=10**9)
    there = [one for one in built.scrape.values() if one.series]
    for encode, is_openmetrics in ((classic, False), (openmetrics, True)):
        ours = "".join(
            head(one.family, is_openmetrics=is_openmetrics) + lines(one)
            for one in there
        )

        assert encode(Library(there)).decode().removesuffix(EOF) == ours


@given(snapshots())
def test_no_pair_is_lost_and_none_is_made_up(snapshot: Snapshot) -> None:
    """Totals are totals, and nothing is measured while the engine is down."""
    found = scrape(snapshot)
    containers = [s for s in snapshot.pairs if s.pair.scope is Scope.CONTAINER]
    shown = len(matching(found, "pair_violation_start_timestamp_seconds"))
    measured = [name for name in found if name.startswith(MEASURED)]

    violations = len(snapshot.violations)
    assert len(containers) == sum(matching(found, "container_pairs"))
    assert violations == sum(matching(found, "pair_violations"))
    assert (violations > 0) == (shown > 0)
    assert shown <= violations
    assert snapshot.engine_up or not measured


@given(snapshots(), st.integers(1, HOUSEHOLD))
def test_the_limit_holds_or_everything_that_may_go_is_gone(
    snapshot: Snapshot, limit: int
) -> None:
    """Verdict totals and violations are the same with it and without."""
    whole, least = scrape(snapshot), scrape(snapshot, series_limit=limit)

    shed = sum(matching(least, "series_shed"))
    assert matching(whole, "series")[0] - shed == matching(least, "series")[0]
    assert matching(least, "series")[0] <= limit or "endpoint_info" not in least
    for name in ("container_pairs", "pair_violations", "pair_violations_not_exported"):
        assert whole[name] == least[name]
