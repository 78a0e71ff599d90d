"""Rules of what the metrics say of a policy."""

from dataclasses import replace
from datetime import UTC, datetime

from exporter.metrics.policy import DATED_ENTRIES_LIMIT
from exporter.model.policy import Policy
from tests.fakes import snapshots
from tests.fakes.policies import TODAY, entry
from tests.fakes.scrapes import by, scrape


def test_entries_by_state() -> None:
    """What has expired is not in force."""
    found = by(scrape(snapshots.policed()), "policy_entries", "state")

    assert {("active",): 3, ("expired",): 1} == found


def test_entries_without_a_policy() -> None:
    """Both states are there, so that an alert has something to look at."""
    found = scrape(snapshots.never_up())

    assert {("active",): 0, ("expired",): 0} == by(found, "policy_entries", "state")


def test_dated_entries() -> None:
    """Whether they have expired, and when they do; none without a date."""
    found = scrape(snapshots.policed())
    midnights = [datetime(2026, 1, day, tzinfo=UTC).timestamp() for day in (2, 1)]

    assert {("1", 'a "known" leak'): 0, ("2", ""): 1} == by(
        found, "policy_entry_expired", "entry", "reason"
    )
    assert {("1",): midnights[0], ("2",): midnights[1]} == by(
        found, "policy_entry_expiry_timestamp_seconds", "entry"
    )


def test_dated_entries_are_bounded() -> None:
    """However long the policy is; the totals still count them all."""
    entries = (entry(until=TODAY),) * (DATED_ENTRIES_LIMIT + 1)
    found = scrape(replace(snapshots.small(), policy=Policy(entries)))

    assert DATED_ENTRIES_LIMIT == len(by(found, "policy_entry_expired", "entry"))
    assert DATED_ENTRIES_LIMIT == len(
        by(found, "policy_entry_expiry_timestamp_seconds", "entry")
    )
    assert DATED_ENTRIES_LIMIT + 1 == by(found, "policy_entries", "state")["active",]


def test_pairs_by_what_is_expected() -> None:
    """Each pair that an entry decides, whatever its verdict."""
    found = by(scrape(snapshots.policed()), "policy_pairs", "expect")

    assert {("reachable",): 2, ("isolated",): 1, ("ignore",): 4} == found
