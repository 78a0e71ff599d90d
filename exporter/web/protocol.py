"""HTTP/1.1 of uvicorn, with the bounds that it lacks."""

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from exporter.web.crowd import Crowd, Seat, Use

Ask = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What clients may use of this process."""

    greeting_s: float = 5.0
    """Seconds in which TLS must be agreed upon, from its first byte."""
    request_s: float = 10.0
    """Seconds in which a request must have arrived whole, headers and body; and in
    which a new connection must begin with one."""
    stall_s: float = 10.0
    """Seconds in which a client must take 64 KiB of its answer, or the rest of it."""
    keep_alive_s: int = 7
    """Seconds an idle connection is kept. No multiple of usual scrape intervals: a
    client that asks just when we close would see an error."""
    grace_s: int = 2
    """Seconds that responses under way get when stopping."""
    connections_max: int = 128
    """For a further one another is closed that does nothing, so that clients can never
    use up the file descriptors that probing needs."""
    client_connections_max: int = 64
    """The same of one client: an address, or 64 bits of one of IPv6; all of the
    loopback addresses are one."""
    header_bytes_max: int = 16 << 10
    headers_max: int = 100
    body_bytes_max: int = 64 << 10
    """Declared ones; nothing here reads a body."""


class BoundedProtocol(H11Protocol):
    """Closes connections whose request does not come, or whose answer is not taken.

    uvicorn itself waits for ever for the rest of a request ("slowloris"), and for a
    client that does not read.
    """

    def __init__(
        self, config: Config, state: ServerState, limits: Limits, crowd: Crowd
    ) -> None:
        """Wait for a connection; `seat` and `sans` are set before it is made."""
        super().__init__(config, state, {})
        self._limits = limits
        self._crowd = crowd
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self.seat: Seat | None = None
        self.sans: frozenset[str] = frozenset()
        """Names of which the client's certificate has one; empty for any."""
        self.is_current: Ask = lambda: True
        """Whether the rules by which the client was greeted are in force."""
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take a connection."""
        super().connection_made(transport)
        if self.seat is not None:
            self.seat.leave = transport.abort
        if self.sans and not self.sans & _names_of(transport):
            self._refused = True
            transport.abort()
        else:
            self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Read on; the time for a request runs from its first byte."""
        if self._refused:
            return
        if not (self._is_in_work() or self.is_current()):
            # It may not be let in again; if it may, it is by the rules of now.
            self.transport.abort()
            return
        # What answers carry beside their own headers (RFC 9110, 6.6.1); uvicorn has it
        # renewed by a clock that ticks whether anybody asks or not.
        date = formatdate(usegmt=True).encode()
        self.server_state.default_headers = [(b"date", date)]
        super().data_received(data)
        self._expect_request()
        self._show_use()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._cancel_deadline()
        self._cancel_stall()
        super().connection_lost(exc)
        if self.seat is not None:
            self._crowd.left(self.seat)

    def on_response_complete(self) -> None:
        """Go on with the next request.

        Unless this one's body is still to come, or the rules have changed.
        """
        if self.conn.their_state is h11.SEND_BODY or not self.is_current():
            self.transport.close()
        super().on_response_complete()
        self._show_use()
        self._expect_reading()

    def pause_writing(self) -> None:
        """Give the client some time to read."""
        super().pause_writing()
        self._turns(Use.STALLED)
        self._expect_reading()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._cancel_stall()
        self._show_use()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; nobody need read that."""
        super().send_400_response(msg)
        self._expect_reading()

    def _show_use(self) -> None:
        """Take note of whether a request is in work."""
        self._turns(Use.BUSY if self._is_in_work() else Use.WAITING)

    def _is_in_work(self) -> bool:
        # There is none before the first request.
        return not getattr(self.cycle, "response_complete", True)

    def _turns(self, use: Use) -> None:
        if self.seat is not None:
            self._crowd.turns(self.seat, use)

    def _expect_request(self) -> None:
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._cancel_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self._limits.request_s, self._close)

    def _close(self) -> None:
        self.transport.close()
        self._expect_reading()

    def _expect_reading(self) -> None:
        if self._stall is None and self.transport.get_write_buffer_size():
            self._stall = self.loop.call_later(self._limits.stall_s, self._let_go)

    def _let_go(self) -> None:
        """End it: a close would wait for the client to read the rest."""
        self._stall = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


def _names_of(transport: asyncio.Transport) -> set[str]:
    """Return the subject alternative names of a client's certificate."""
    shown = transport.get_extra_info("peercert") or {}
    return {
        str(ipaddress.ip_address(name.strip())) if kind == "IP Address" else name
        for kind, name in shown.get("subjectAltName", ())
    }
