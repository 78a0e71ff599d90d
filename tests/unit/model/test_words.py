"""Rules of numbers and ages."""

from datetime import timedelta

import pytest

from exporter.model.words import ago, counted


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
