"""Rules of times on the page."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from exporter.web.words import machine_moment, moment, short_duration


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
