"""Rules of the series about the exporter itself."""

from dataclasses import replace

import pytest

from exporter import __version__
from tests.fakes import snapshots
from tests.fakes.report_samples import STARTED
from tests.fakes.scrapes import by, matching, scrape


def test_cycles_by_outcome() -> None:
    """From 0 on."""
    found = by(scrape(snapshots.small()), "cycles_total", "outcome")

    assert {("completed",): 1, ("failed",): 0, ("skipped",): 0} == found


def test_cycle_durations_are_a_histogram() -> None:
    """One cycle, of 1.1 s."""
    found = by(scrape(snapshots.small()), "cycle_duration_seconds_bucket", "le")

    assert (0, 1) == (found[("1.0",)], found[("2.5",)])


def test_the_newest_cycle_ended_when_it_ended() -> None:
    """It began at noon and took 1.1 s."""
    found = scrape(snapshots.small())

    ended = pytest.approx(STARTED.timestamp() + 1.1)
    assert [ended] == matching(found, "last_cycle_timestamp_seconds")


def test_before_the_first_cycle_none_has_ended() -> None:
    """Not in 1970."""
    found = scrape(snapshots.never_up())

    assert [] == matching(found, "last_cycle_timestamp_seconds")
    assert [0, 0, 0] == matching(found, "cycles_total")


def test_overruns_and_interval() -> None:
    """How often a cycle was due too early, and how often one is due."""
    seen = replace(snapshots.small(), interval_s=30.0)
    counted = seen.tally.copy()
    counted.cycle_overruns = 3
    found = scrape(replace(seen, tally=counted))

    assert [3] == matching(found, "cycle_overruns_total")
    assert [30] == matching(found, "cycle_interval_seconds")


@pytest.mark.parametrize("ok", [True, False])
def test_the_newest_reload(*, ok: bool) -> None:
    """Whether it succeeded, and since when what is in force is."""
    found = scrape(replace(snapshots.small(), config_reload_ok=ok))

    hour_ago = STARTED.timestamp() - 3600
    assert [ok] == matching(found, "config_last_reload_successful")
    assert [hour_ago] == matching(found, "config_last_reload_success_timestamp_seconds")


def test_a_configuration_never_loaded_has_no_time() -> None:
    """Not in 1970."""
    found = scrape(snapshots.never_up())

    assert [] == matching(found, "config_last_reload_success_timestamp_seconds")


def test_the_version() -> None:
    """The package's own."""
    found = by(scrape(snapshots.small()), "build_info", "version")

    assert {(__version__,): 1} == found


def test_errors_by_stage() -> None:
    """From 0 on, others in one."""
    found = scrape(
        snapshots.with_tally(snapshots.small(), errors={"cycle": 2, "moon": 1})
    )

    expected = {("survey",): 0, ("cycle",): 2, ("detection",): 0, ("other",): 1}
    assert expected == by(found, "errors_total", "stage")
