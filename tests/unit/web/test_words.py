"""Rules of numbers and times on the page."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from exporter.web.words import ago, counted, machine_moment, moment, short_duration


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(seconds=-5), "0 seconds"),
        (timedelta(), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=119), "1 minute"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(days=2, hours=5), "2 days"),
    ],
    ids=str,
)
def test_ages(age: timedelta, expected: str) -> None:
    """An age has its largest unit; a clock that went back makes none negative."""
    assert expected == ago(age)


def test_counts() -> None:
    """One is not a plural, and thousands are set apart."""
    assert ["0 pairs", "1 pair", "1,200 pairs"] == [
        counted(count, "pair") for count in (0, 1, 1200)
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(74e-6, "74 µs"), (0.00153, "1.53 ms"), (0.25, "250 ms")],
    ids=str,
)
def test_round_trip_times(seconds: float, expected: str) -> None:
    """Three figures are enough."""
    assert expected == short_duration(seconds)


def test_moments_are_utc() -> None:
    """Times are the same whatever zone they came in."""
    when = datetime(2026, 1, 1, 1, 0, 7, 900_000, timezone(timedelta(hours=2)))

    assert "2025-12-31 23:00:07 UTC" == moment(when)
    assert "2025-12-31T23:00:07Z" == machine_moment(when)
    assert moment(when) == moment(when.astimezone(UTC))
