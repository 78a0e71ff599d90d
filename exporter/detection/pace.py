"""When what was touched is looked at: not amid a burst, and not without end.

One `docker run` is dozens of notifications within some 100 ms, and a daemon that
rebuilds its rules edits them for seconds. Pure: time is passed in, in monotonic
seconds.
"""

from dataclasses import dataclass, field

from exporter.detection.touched import NOTHING, Touched


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How long a burst of changes is waited for, in seconds."""

    quiet_s: float
    """Due so long after the last change."""
    most_s: float
    """Due so long after the first change in any case."""


FILTER_WINDOW = Window(quiet_s=0.05, most_s=0.25)
LINK_WINDOW = Window(quiet_s=0.15, most_s=0.5)
"""Longer: the engine's own word of what it does to links comes meanwhile, and tells
more than they do."""


@dataclass(slots=True)
class Settling:
    """Collects what was touched until a change of its kind has settled."""

    touched: Touched = NOTHING
    _spans: dict[Window, tuple[float, float]] = field(default_factory=dict)
    """First and last change of each kind."""

    def add(self, touched: Touched, now_s: float) -> None:
        """Take a change into account; one that touched nothing is none.

        Who changed something may be told after what was changed.
        """
        if touched or self._spans:
            self.touched |= touched
        if touched:
            window = FILTER_WINDOW if touched.is_filter else LINK_WINDOW
            first_s, _ = self._spans.get(window, (now_s, now_s))
            self._spans[window] = (first_s, now_s)

    def due_s(self) -> float | None:
        """Return when a look is due, None if nothing was touched."""
        return min(
            (
                min(last_s + window.quiet_s, first_s + window.most_s)
                for window, (first_s, last_s) in self._spans.items()
            ),
            default=None,
        )

    def take(self) -> Touched:
        """Return what was collected and start anew."""
        touched, self.touched = self.touched, NOTHING
        self._spans.clear()
        return touched


class Allowance:
    """How many sweeps may follow one another: a bucket that fills slowly.

    Sweeps that take long fill it slower, so that a storm of changes never makes more
    than a small share of the time a sweep.

    Args:
        burst: sweeps that may follow one another at once, >= 1.
        refill_s: seconds until one more may, > 0.
        share: of the time that sweeps may take for ever, in (0, 1].
    """

    def __init__(
        self, *, burst: int = 4, refill_s: float = 5.0, share: float = 0.2
    ) -> None:
        self._burst = burst
        self._least_s = self._refill_s = refill_s
        self._share = share
        self._left = float(burst)
        self._at_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """Return in how many seconds a sweep may begin, 0 if now."""
        self._fill(now_s)
        return max(0.0, 1.0 - self._left) * self._refill_s

    def spend(self, now_s: float, took_s: float) -> None:
        """Take one sweep from what is left.

        Args:
            now_s: its end.
            took_s: how long it worked, >= 0.
        """
        self._fill(now_s)
        self._left -= 1.0
        self._refill_s = max(self._least_s, took_s / self._share)

    def _fill(self, now_s: float) -> None:
        if self._at_s is not None:
            gained = (now_s - self._at_s) / self._refill_s
            self._left = min(float(self._burst), self._left + gained)
        self._at_s = now_s
