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

    expected = {
        ("neighbour_table",): 4,
        ("conntrack",): 0,
        ("budget",): 0,
        ("other",): 1,
    }
    assert expected == by(found, "probe_throttled_total", "reason")


def test_the_neighbour_table_by_family() -> None:
    """How full it is, and how much it takes."""
    found = scrape(snapshots.small())

    assert {("4",): 37, ("6",): 5} == by(found, "host_neighbour_entries", "ip_version")
    assert {("4",): 1024, ("6",): 1024} == by(
        found, "host_neighbour_limit", "ip_version"
    )


def test_overflows_and_where_they_are_read() -> None:
    """Since the boot, whoever's."""
    found = scrape(snapshots.small())
    fulls = by(found, "host_neighbour_table_fulls_total", "ip_version")

    assert fulls == {("4",): 2, ("6",): 0}
    assert by(found, "host_neighbour_info", "source") == {("own",): 1}


def test_the_connection_table() -> None:
    """As full as it is, and its limit."""
    found = scrape(snapshots.small())

    assert [41] == matching(found, "host_conntrack_entries")
    assert [262_144] == matching(found, "host_conntrack_limit")


def test_a_table_that_cannot_be_read_has_no_series() -> None:
    """Zero entries would be a lie; the limit that is gone by is shown."""
    found = scrape(snapshots.never_up())

    for name in (
        "host_neighbour_entries",
        "host_neighbour_table_fulls_total",
        "host_conntrack_entries",
        "host_conntrack_limit",
    ):
        assert [] == matching(found, name)
    assert [1024, 1024] == matching(found, "host_neighbour_limit")
    assert by(found, "host_neighbour_info", "source") == {("none",): 1}
