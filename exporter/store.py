"""Holds the newest snapshot: one reference, swapped whole, read without a lock."""

from exporter.model.snapshot import Snapshot


class SnapshotStore:
    """The one place that every reader looks at."""

    def __init__(self, first: Snapshot) -> None:
        """Start with a snapshot, so that there always is one."""
        self._current = first

    def publish(self, snapshot: Snapshot) -> None:
        """Replace the snapshot."""
        self._current = snapshot

    def current(self) -> Snapshot:
        """Return the newest snapshot."""
        return self._current
