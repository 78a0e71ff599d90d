"""Rules of the collector: one snapshot a scrape, nothing kept but what was built."""

from dataclasses import replace
from datetime import datetime

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.registry import REGISTRY  # to see that it is left alone

from exporter.metrics.catalogue import FAMILIES
from exporter.metrics.collector import Collector
from exporter.model.snapshot import Snapshot
from tests.fakes import snapshots
from tests.fakes.report_samples import crowd, snapshot
from tests.fakes.scrapes import matching, scrape
from tests.fakes.snapshots import StillClock


class Source:
    """Where snapshots come from, and how often it was asked."""

    def __init__(self, current: Snapshot) -> None:
        self.current = current
        self.asked = 0

    def __call__(self) -> Snapshot:
        """Return the current snapshot."""
        self.asked += 1
        return self.current


def value(collector: Collector, name: str) -> float | None:
    """Return the value of a family's one sample, None if it has none."""
    for metric in collector.collect():
        for sample in metric.samples:
            if sample.name == f"dockernet_{name}":
                return sample.value
    return None


def test_registering_takes_no_snapshot() -> None:
    """A collector describes itself; nothing is collected for that."""
    source = Source(snapshots.small())
    registry = CollectorRegistry(auto_describe=True)
    registry.register(Collector(source, StillClock()))

    assert 0 == source.asked


def test_the_global_registry_stays_out_of_it() -> None:
    """Its metrics would appear in every scrape of the process."""
    scrape(snapshots.small())

    names = REGISTRY._names_to_collectors  # noqa: SLF001 - no public way to look
    assert [] == [name for name in names if name.startswith("dockernet")]


def test_every_family_is_described() -> None:
    """With no sample."""
    described = list(Collector(Source(snapshots.small()), StillClock()).describe())

    assert len(FAMILIES) == len(described)
    assert [] == [metric for metric in described if metric.samples]


def test_a_scrape_takes_one_snapshot() -> None:
    """A second one might be another."""
    source = Source(snapshots.small())
    list(Collector(source, StillClock()).collect())

    assert 1 == source.asked


def test_every_scrape_shows_the_newest_snapshot() -> None:
    """What was built before is not shown again."""
    source = Source(snapshots.small())
    collector = Collector(source, StillClock())
    before = value(collector, "docker_up")
    source.current = snapshots.engine_down()

    assert (1, 0) == (before, value(collector, "docker_up"))


def test_what_is_gone_has_no_series() -> None:
    """No metric object outlives its scrape."""
    source = Source(snapshot(crowd({"a": 2, "b": 2})))
    collector = Collector(source, StillClock())
    list(collector.collect())
    source.current = snapshot(crowd({"a": 2}))

    left = [
        sample.labels
        for metric in collector.collect()
        for sample in metric.samples
        if "b" in (sample.labels.get("network"), sample.labels.get("source_network"))
    ]
    assert [] == left


def test_two_scrapes_of_one_snapshot_are_alike() -> None:
    """But for how long they took."""
    collector = Collector(Source(snapshots.small()), StillClock())
    first, second = list(collector.collect()), list(collector.collect())

    assert first == second


def test_ages_go_on_while_nothing_is_published() -> None:
    """A stalled daemon is seen to be stalled."""

    class LaterClock(StillClock):
        """A clock an hour later."""

        def now_utc(self) -> datetime:
            """Return 13:00 and a few seconds."""
            return super().now_utc().replace(hour=13)

    collector = Collector(Source(snapshots.small()), LaterClock())

    assert 3607 == value(collector, "pair_oldest_probe_age_seconds")


def test_the_scrapes_own_duration() -> None:
    """One look at the clock before and one after."""
    collector = Collector(Source(snapshots.small()), StillClock())

    duration = pytest.approx(0.001)
    assert duration == value(collector, "collect_duration_seconds")


def test_detail_comes_back_only_well_below_the_limit() -> None:
    """45 containers are 2070 pairs, 43 are 1892, 38 are 1482."""
    source = Source(snapshot(crowd({"a": 43})))
    collector = Collector(source, StillClock())
    shown = []
    for containers in (43, 45, 43, 38, 43):
        source.current = snapshot(crowd({"a": containers}))
        shown.append(value(collector, "pair_detail_enabled"))

    assert [1, 0, 0, 1, 1] == shown


def test_detail_does_not_flap_while_a_snapshot_stays() -> None:
    """A scrape in between changes nothing."""
    source = Source(snapshot(crowd({"a": 45})))
    collector = Collector(source, StillClock())
    value(collector, "pair_detail_enabled")
    source.current = snapshot(crowd({"a": 43}))

    again = [value(collector, "pair_detail_enabled") for _ in range(3)]
    assert [0, 0, 0] == again


def test_an_engine_that_goes_away_takes_its_measurements_along() -> None:
    """And brings them back."""
    source = Source(snapshots.small())
    collector = Collector(source, StillClock())
    seen = []
    for engine_up in (True, False, True):
        source.current = replace(snapshots.small(), engine_up=engine_up)
        seen.append(value(collector, "pair_reachable"))

    assert [1, None, 1] == seen


def test_families_without_samples_are_left_out() -> None:
    """No empty headings."""
    collector = Collector(Source(snapshots.never_up()), StillClock())

    assert [] == [metric for metric in collector.collect() if not metric.samples]
    assert [] == matching(scrape(snapshots.never_up()), "network_info")


def test_endpoint_info_can_be_switched_off() -> None:
    """Its series change whenever a container is replaced; not everybody wants them."""
    registry = CollectorRegistry()
    registry.register(Collector(snapshots.small, StillClock(), endpoint_info=False))

    names = {metric.name for metric in registry.collect()}

    assert "dockernet_endpoint_info" not in names
    assert "dockernet_endpoint" not in names
    assert "dockernet_network" in names or "dockernet_network_info" in names
