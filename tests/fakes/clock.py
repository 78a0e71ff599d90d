"""A clock that stands still until a test sets it."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 2, 1, tzinfo=UTC)


class HandClock:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        """Begin at `START` and at 1000 s."""
        self.utc = START
        self.s = 1000.0
        self.step_s = 0.0
        """How far each reading of the monotonic clock moves it."""

    def monotonic_s(self) -> float:
        """Return the seconds of the clock that never goes back."""
        self.s += self.step_s
        return self.s

    def now_utc(self) -> datetime:
        """Return the wall clock."""
        return self.utc

    def move(self, seconds: float) -> None:
        """Let time pass on both."""
        self.s += seconds
        self.utc += timedelta(seconds=seconds)
