"""HTTP/1.1 of uvicorn, with the bounds that it lacks."""

import asyncio
from dataclasses import dataclass

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What clients may use of this process."""

    request_s: float = 10.0
    """Seconds in which a request must have arrived whole, headers and body."""
    keep_alive_s: int = 7
    """Seconds an idle connection is kept. No multiple of usual scrape intervals: a
    client that asks just when we close would see an error."""
    grace_s: int = 2
    """Seconds that responses under way get when stopping."""
    busy_from: int = 64
    """Connections from which on requests are answered 503."""
    connections_max: int = 128
    """Further ones are closed at once, so that clients can never use up the file
    descriptors that probing needs."""
    header_bytes_max: int = 16 << 10


class BoundedProtocol(H11Protocol):
    """Closes connections that are too many, or whose request does not come.

    uvicorn itself waits for ever for the rest of a request ("slowloris").
    """

    limits = Limits()
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take a connection, or close it."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections_max:
            transport.abort()
        else:
            self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Read on; the time for a request runs from its first byte."""
        super().data_received(data)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._cancel()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._cancel()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(
                self.limits.request_s, self.transport.close
            )

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def protocol_with(limits: Limits) -> type[BoundedProtocol]:
    """Return the protocol with some limits; uvicorn wants a class."""

    class Protocol(BoundedProtocol):
        """The protocol of one server."""

    Protocol.limits = limits
    return Protocol
