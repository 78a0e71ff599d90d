"""Rules of what limits probing."""

from dataclasses import replace

from tests.fakes import snapshots
from tests.fakes.scrapes import by, matching, scrape


def test_the_configured_budget() -> None:
    """As in the configuration."""
    found = scrape(replace(snapshots.small(), packets_per_second=500.0))

    assert [500] == matching(found, "probe_budget_packets_per_second")


def test_a_pause_is_shown() -> None:
    """And so is that there is none."""
    paused = replace(snapshots.small(), paused="probing is paused: a file exists")
    found = [scrape(one) for one in (snapshots.small(), paused)]

    assert [[0], [1]] == [matching(one, "probing_paused") for one in found]


def test_what_was_put_off_by_reason() -> None:
    """Known reasons from 0 on, others in one."""
    found = scrape(
        snapshots.with_tally(
            snapshots.small(), throttled={"neighbour_table": 4, "moon": 1}
        )
    )

    expected = {("neighbour_table",): 4, ("budget",): 0, ("other",): 1}
    assert expected == by(found, "probe_throttled_total", "reason")


def test_the_neighbour_table_by_family() -> None:
    """How full it is, and how much it takes."""
    found = scrape(snapshots.small())

    assert {("4",): 37, ("6",): 5} == by(found, "host_neighbour_entries", "ip_version")
    assert {("4",): 1024, ("6",): 1024} == by(
        found, "host_neighbour_limit", "ip_version"
    )


def test_a_table_that_cannot_be_read_has_no_series() -> None:
    """Outside the initial namespace."""
    assert [] == matching(scrape(snapshots.never_up()), "host_neighbour_limit")
