"""Times as people read them."""

from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.model.words import ago


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time, and how long ago it was when the page was made."""

    text: str
    machine: str
    """For the attribute of a `time` element."""
    age: str


def moment(when: datetime) -> str:
    """Return a time in UTC to the second."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def machine_moment(when: datetime) -> str:
    """Return a time for the attribute of a `time` element."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment_at(when: datetime, now: datetime) -> Moment:
    """Return a time as it is shown at another."""
    return Moment(text=moment(when), machine=machine_moment(when), age=ago(now - when))


def short_duration(seconds: float) -> str:
    """Return a round-trip time.

    >>> short_duration(74e-6), short_duration(0.00153), short_duration(0.25)
    ('74 µs', '1.53 ms', '250 ms')
    """
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.3g} ms"
