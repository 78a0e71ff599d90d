"""How long pieces of work took of late, to tell how long the next may take."""

from collections import deque

_REMEMBERED = 20


class Durations:
    """The newest durations of one kind of work."""

    def __init__(self) -> None:
        """Start with none."""
        self._newest_s: deque[float] = deque(maxlen=_REMEMBERED)

    def add(self, took_s: float) -> None:
        """Remember one, in seconds, >= 0."""
        self._newest_s.append(took_s)

    @property
    def longest_s(self) -> float:
        """The longest of the last twenty, in seconds; 0 while there is none."""
        return max(self._newest_s, default=0.0)
