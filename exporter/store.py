"""Holds the newest snapshot: one reference, swapped whole, read without a lock."""

from collections.abc import Callable

from exporter.model.snapshot import Snapshot


class SnapshotStore:
    """The one place that every reader looks at."""

    def __init__(self, first: Snapshot) -> None:
        """Start with a snapshot, so that there always is one."""
        self._current = first
        self._told: Callable[[], None] = lambda: None

    def tell(self, told: Callable[[], None]) -> None:
        """Have something called after each change; it must return at once."""
        self._told = told

    def publish(self, snapshot: Snapshot) -> None:
        """Replace the snapshot."""
        self._current = snapshot
        self._told()

    def current(self) -> Snapshot:
        """Return the newest snapshot."""
        return self._current
