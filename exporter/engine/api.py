"""What the rest asks of an engine: a few GET requests and one stream of events."""

from collections.abc import Callable, Iterator
from typing import Literal, Protocol

from exporter.engine.foreign import JsonObject

RequestKind = Literal[
    "version",
    "info",
    "networks",
    "network",
    "containers",
    "container",
    "events",
    "other",
]
"""Every kind of request, for the metrics: a closed set."""

RequestObserver = Callable[[RequestKind, str, float], None]
"""Called after each request with its kind, the HTTP status code or `error`, and its
duration in seconds (for `events` until the engine began to answer). Called from the
thread that asked."""


class EventStream(Protocol):
    """Events of the engine as they happen, as objects of its JSON."""

    def __iter__(self) -> Iterator[JsonObject]:
        """Yield events until the stream is closed here or ends over there.

        Raises:
            EngineUnavailable: the connection broke.
            EngineProtocolError: what arrived is not an event.
        """
        ...

    def close(self) -> None:
        """End the stream, from any thread, even while another waits in it."""
        ...


class EngineClient(Protocol):
    """An engine's API. Blocking; every method may raise an `EngineError`."""

    @property
    def address(self) -> str:
        """Where the engine is, as in DOCKER_HOST."""
        ...

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        ...

    def version(self) -> JsonObject:
        """Ask for the engine's version, and speak that API version from now on."""
        ...

    def info(self) -> JsonObject:
        """Ask for the engine's configuration."""
        ...

    def networks(self) -> object:
        """Ask for the list of networks."""
        ...

    def network(self, identity: str) -> JsonObject | None:
        """Ask for one network; None when it is gone."""
        ...

    def containers(self) -> object:
        """Ask for the list of containers, stopped ones too."""
        ...

    def container(self, identity: str) -> JsonObject | None:
        """Ask for one container; None when it is gone."""
        ...

    def events(self, since_ns: int) -> EventStream:
        """Open the stream of events.

        Args:
            since_ns: Unix time in nanoseconds; the engine repeats what it remembers
                from then on (the last 256 events).
        """
        ...

    def close(self) -> None:
        """Close every connection but the event streams."""
        ...
