"""Rules of the series about how changes are noticed."""

from dataclasses import replace

import pytest

from exporter.metrics.detection import ENGINE_LAG_S
from exporter.model.detection import Detection, DetectionSource, SourceState
from exporter.model.snapshot import Snapshot
from tests.fakes import snapshots
from tests.fakes.scrapes import by, matching, scrape

NFTABLES, SYSCTLS = DetectionSource.NFTABLES, DetectionSource.SYSCTLS


def watched(*, stream: bool = True) -> Snapshot:
    """Return the demo, where nftables tell and sysctls cannot be read."""
    states = (
        SourceState(source=NFTABLES, active=True, lag_s=0.25),
        SourceState(source=SYSCTLS, active=False, lag_s=5.0),
    )
    return replace(
        snapshots.small(),
        detection=Detection(sources=states),
        longest_cycle_s=1.5,
        longest_survey_s=0.5,
        stream_connected=stream,
    )


def test_every_source_is_there_always() -> None:
    """In use or not."""
    found = by(scrape(watched()), "detection_source_active", "source")

    assert {
        ("docker_events",): 1,
        ("nftables",): 1,
        ("links",): 0,
        ("sysctls",): 0,
        ("representatives",): 0,
    } == found


def test_a_bound_is_of_a_source_in_use() -> None:
    """Its lag, a cycle that may be in the way, and the cycle that looks."""
    found = by(scrape(watched()), "detection_bound_seconds", "source")

    assert {
        ("docker_events",): ENGINE_LAG_S + 0.5 + 3.0,
        ("nftables",): 0.25 + 3.0,
    } == pytest.approx(found)


def test_events_count_while_their_stream_is_open() -> None:
    """Without them changes show with the next listing."""
    found = scrape(watched(stream=False))

    assert 0 == by(found, "detection_source_active", "source")[("docker_events",)]
    assert ("docker_events",) not in by(found, "detection_bound_seconds", "source")


def test_counters_start_at_zero() -> None:
    """And keep to their closed sets."""
    counted = snapshots.with_tally(
        snapshots.small(),
        changes={"nftables": 3, "moon": 1},
        sweeps={"firewall": 2, "moon": 1},
    )
    found = scrape(counted)

    assert {("links",): 0, ("nftables",): 3, ("sysctls",): 0, ("other",): 1} == by(
        found, "detection_changes_total", "source"
    )
    assert {
        ("firewall",): 2,
        ("link",): 0,
        ("sysctl",): 0,
        ("watch",): 0,
        ("other",): 1,
    } == by(found, "detection_sweeps_total", "trigger")
    assert [0] == matching(found, "detection_sweeps_delayed_total")
