"""Since when containers are on networks, as far as the engine's events tell.

The engine's answers do not say when an endpoint was made. What began before we listened
is not known.
"""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from exporter.engine.events import EngineEvent
from exporter.model.topology import ContainerId, NetworkId

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LIMIT: Final = 10_000
"""Attachments remembered; the oldest are forgotten first."""

Attachment = tuple[ContainerId, NetworkId]


class Attachments:
    """Remembers `network connect` until `network disconnect`; for any thread."""

    def __init__(self, limit: int = _LIMIT) -> None:
        """Remember nothing yet.

        Args:
            limit: how many are remembered, > 0.
        """
        self._limit = limit
        self._since: dict[Attachment, datetime] = {}
        self._lock = threading.Lock()

    def note(self, event: EngineEvent) -> None:
        """Take an event into account; most tell nothing here."""
        container, network = event.container, event.network
        if event.type != "network" or container is None or network is None:
            return
        with self._lock:
            # Anew in any case, so that the newest stand last.
            self._since.pop((container, network), None)
            if event.action == "connect" and event.time_ns:
                since = _EPOCH + timedelta(microseconds=event.time_ns // 1000)
                self._since[container, network] = since
            while len(self._since) > self._limit:
                self._since.pop(next(iter(self._since)))

    def known(self) -> Mapping[Attachment, datetime]:
        """Return what is known now; a copy."""
        with self._lock:
            return dict(self._since)
