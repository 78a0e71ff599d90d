"""Numbers and times as people read them."""

from datetime import UTC, datetime, timedelta

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "promise"), counted(1200, "promise")
    ('1 promise', '1,200 promises')
    """
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def ago(age: timedelta) -> str:
    """Return an age in its largest unit, rounded down.

    >>> ago(timedelta(seconds=119)), ago(timedelta(days=2, hours=5))
    ('1 minute', '2 days')
    """
    seconds = max(0, int(age.total_seconds()))
    for length, name in _UNITS:
        if seconds >= length:
            return counted(seconds // length, name)
    return counted(0, "second")


def moment(when: datetime) -> str:
    """Return a time in UTC to the second."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def machine_moment(when: datetime) -> str:
    """Return a time for the attribute of a `time` element."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def short_duration(seconds: float) -> str:
    """Return a round-trip time.

    >>> short_duration(74e-6), short_duration(0.00153), short_duration(0.25)
    ('74 µs', '1.53 ms', '250 ms')
    """
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.3g} ms"
