"""The only way to learn the time: one protocol, one system implementation."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Monotonic time for intervals, UTC for people."""

    def monotonic_s(self) -> float:
        """Return seconds of a clock that never goes back (CLOCK_MONOTONIC)."""
        ...

    def now_utc(self) -> datetime:
        """Return the wall clock, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic_s(self) -> float:
        """Return CLOCK_MONOTONIC in seconds."""
        return time.monotonic()

    def now_utc(self) -> datetime:
        """Return the wall clock, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that may ask
