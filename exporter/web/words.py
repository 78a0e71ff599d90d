"""Times as people read them."""

from datetime import UTC, datetime


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
