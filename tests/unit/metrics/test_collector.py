"""Rules of what a scrape shows: one snapshot, nothing kept but what was built."""

import re
from dataclasses import replace
from datetime import datetime

import pytest
from prometheus_client.registry import REGISTRY  # to see that it is left alone

from exporter.metrics import Exposition
from exporter.model.snapshot import Snapshot
from tests.fakes import snapshots
from tests.fakes.report_samples import crowd, snapshot
from tests.fakes.scrapes import Scrape, matching, parsed, scrape
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


def shown(exposition: Exposition) -> Scrape:
    """Return what a scrape shows."""
    return parsed(exposition.render().body.decode())


def value(exposition: Exposition, name: str) -> float | None:
    """Return the value of a family's first sample, None if it has none."""
    return next(iter(matching(shown(exposition), name)), None)


def test_the_global_registry_stays_out_of_it() -> None:
    """Its metrics would appear in every scrape of the process."""
    scrape(snapshots.small())

    names = REGISTRY._names_to_collectors  # noqa: SLF001 - no public way to look
    assert [] == [name for name in names if name.startswith("dockernet")]


def test_a_scrape_takes_one_snapshot() -> None:
    """A second one might be another."""
    source = Source(snapshots.small())
    Exposition(source, StillClock()).render()

    assert 1 == source.asked


def test_every_scrape_shows_the_newest_snapshot() -> None:
    """What was built before is not shown again."""
    source = Source(snapshots.small())
    exposition = Exposition(source, StillClock())
    before = value(exposition, "docker_up")
    source.current = snapshots.engine_down()

    assert (1, 0) == (before, value(exposition, "docker_up"))


def test_what_is_gone_has_no_series() -> None:
    """No metric object outlives its scrape."""
    source = Source(snapshot(crowd({"a": 2, "b": 2})))
    exposition = Exposition(source, StillClock())
    exposition.render()
    source.current = snapshot(crowd({"a": 2}))

    left = [
        labels
        for series in shown(exposition).values()
        for labels in map(dict, series)
        if "b" in (labels.get("network"), labels.get("source_network"))
    ]
    assert [] == left


def test_two_scrapes_of_one_snapshot_are_alike() -> None:
    """It is rendered once."""
    exposition = Exposition(Source(snapshots.small()), StillClock())

    assert exposition.render() == exposition.render()


def test_ages_go_on_while_nothing_is_published() -> None:
    """A stalled daemon is seen to be stalled."""

    class LaterClock(StillClock):
        """A clock an hour later."""

        def now_utc(self) -> datetime:
            """Return 13:00 and a few seconds."""
            return super().now_utc().replace(hour=13)

    exposition = Exposition(Source(snapshots.small()), LaterClock())

    assert 3607 == value(exposition, "pair_oldest_probe_age_seconds")


def test_how_long_rendering_took() -> None:
    """One look at the clock before and one after."""
    exposition = Exposition(Source(snapshots.small()), StillClock())

    duration = pytest.approx(0.001)
    assert duration == value(exposition, "collect_duration_seconds")


def test_detail_comes_back_only_well_below_the_limit() -> None:
    """45 containers are 2070 pairs, 43 are 1892, 38 are 1482."""
    source = Source(snapshot(crowd({"a": 43})))
    exposition = Exposition(source, StillClock())
    seen = []
    for containers in (43, 45, 43, 38, 43):
        source.current = snapshot(crowd({"a": containers}))
        seen.append(value(exposition, "pair_detail_enabled"))

    assert [1, 0, 0, 1, 1] == seen


def test_detail_does_not_flap_while_a_snapshot_stays() -> None:
    """A scrape in between changes nothing."""
    source = Source(snapshot(crowd({"a": 45})))
    exposition = Exposition(source, StillClock())
    value(exposition, "pair_detail_enabled")
    source.current = snapshot(crowd({"a": 43}))

    again = [value(exposition, "pair_detail_enabled") for _ in range(3)]
    assert [0, 0, 0] == again


def test_an_engine_that_goes_away_takes_its_measurements_along() -> None:
    """And brings them back."""
    source = Source(snapshots.small())
    exposition = Exposition(source, StillClock())
    seen = []
    for engine_up in (True, False, True):
        source.current = replace(snapshots.small(), engine_up=engine_up)
        seen.append(value(exposition, "pair_reachable"))

    assert [1, None, 1] == seen


def test_families_without_samples_are_left_out() -> None:
    """No empty headings."""
    text = Exposition(snapshots.never_up, StillClock()).render().body.decode()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}

    assert names == {f"dockernet_{bare(name)}" for name in parsed(text)}
    assert "dockernet_network_info" not in names


def bare(sample: str) -> str:
    """Return the name of a sample's family."""
    return re.sub(r"_(bucket|sum|count)$", "", sample)


def test_endpoint_info_can_be_switched_off() -> None:
    """Its series change whenever a container is replaced; not everybody wants them."""
    found = shown(Exposition(snapshots.small, StillClock(), endpoint_info=False))

    assert "endpoint_info" not in found
    assert "network_info" in found
