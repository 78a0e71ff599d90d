"""The HTTP server: uvicorn on sockets of our own, stopped when we say so."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from exporter.access import Access
from exporter.web.accept import Acceptor
from exporter.web.bounds import Bounds
from exporter.web.crowd import Crowd
from exporter.web.listen import BACKLOG, UNIX, address_text, listen
from exporter.web.protocol import BoundedProtocol, Limits


class _Server(uvicorn.Server):
    """Leaves signals to the program, and waits without looking ten times a second.

    Those looks, for the sake of the header `Date`, cost 0.2 % of a core, as much as all
    else that the event loop does on a host of fifty containers, and a seventh of the
    daemon's work where they come once a second; each request looks for itself.
    """

    def __init__(
        self, config: uvicorn.Config, limits: Limits, access: Callable[[], Access]
    ) -> None:
        super().__init__(config)
        self._is_over = asyncio.Event()
        self._limits = limits
        self._access = access
        self._crowd = Crowd(limits.connections_max, limits.client_connections_max)
        self._acceptors: list[Acceptor] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections by ourselves, for the sake of the rules of each."""
        self.servers = []  # uvicorn closes what is in it; there is none of its own
        self._acceptors = [
            Acceptor(one, self._protocol, self._access, self._crowd, self._limits)
            for one in sockets or ()
        ]
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and let answers under way be finished."""
        for acceptor in self._acceptors:
            acceptor.close()
        for acceptor in self._acceptors:
            await acceptor.wait_closed()
        await super().shutdown(sockets)

    def abort(self) -> None:
        """End every connection at once."""
        for acceptor in self._acceptors:
            acceptor.close()
        for seat in self._crowd:
            seat.leave()

    def _protocol(self) -> BoundedProtocol:
        return BoundedProtocol(
            self.config, self.server_state, self._limits, self._crowd
        )

    @property
    def connections(self) -> int:
        """Return how many connections there are."""
        return len(self._crowd)

    def stop(self) -> None:
        """Let `serve` return. To be called on the event loop."""
        self.should_exit = True
        self._is_over.set()

    async def main_loop(self) -> None:
        """Wait until told to stop."""
        await self._is_over.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing."""
        yield


class WebServer:
    """Serves an application on some addresses until told to stop."""

    def __init__(
        self,
        app: ASGIApp,
        addresses: Sequence[tuple[str, int]],
        limits: Limits | None = None,
        access: Callable[[], Access] = Access,
        socket_mode: int = 0o660,
    ) -> None:
        """Listen; requests wait until `serve` runs.

        Args:
            app: what answers.
            addresses: host (empty for every interface) and port (0 for any); or
                unix:PATH and anything.
            limits: what clients may use.
            access: returns the rules in force, for each connection.
            socket_mode: permissions of Unix sockets.

        Raises:
            ListenError: an address cannot be listened on.
        """
        limits = limits or Limits()
        self._server = _Server(
            uvicorn.Config(
                Bounds(app, limits),
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                h11_max_incomplete_event_size=limits.header_bytes_max,
                timeout_keep_alive=limits.keep_alive_s,
                timeout_graceful_shutdown=limits.grace_s,
            ),
            limits,
            access,
        )
        self._access = access
        self._sockets = listen(addresses, socket_mode)
        self._addresses = tuple(_address_of(listener) for listener in self._sockets)
        self._files = [_File(host) for host, _ in self._addresses if _is_file(host)]

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Return host and port really listened on, one for each socket."""
        return self._addresses

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the addresses as a browser wants them."""
        scheme = "http" if self._access().tls is None else "https"
        return tuple(
            host if _is_file(host) else f"{scheme}://{address_text(host, port)}/"
            for host, port in self._addresses
        )

    @property
    def connections(self) -> int:
        """Return how many connections there are."""
        return self._server.connections

    async def serve(self) -> None:
        """Answer requests until `stop` or cancellation; then close everything."""
        try:
            await self._server.serve(sockets=self._sockets)
        finally:
            self.close()

    def stop(self) -> None:
        """Let `serve` return: no new requests, those under way get some grace.

        To be called on the event loop.
        """
        self._server.stop()

    def close(self) -> None:
        """Close everything at once; after `serve` there is nothing left to do."""
        # First: the event loop must forget a socket before its number is another's.
        self._server.abort()
        for listener in self._sockets:
            listener.close()
        for file in self._files:
            file.remove()


class _File:
    """The name of a Unix socket, which stays behind when the socket is closed."""

    def __init__(self, host: str) -> None:
        self._path = Path(host.removeprefix(UNIX))
        self._identity = self._look()

    def remove(self) -> None:
        """Remove it, unless somebody else has put another in its place."""
        if self._identity is not None and self._look() == self._identity:
            # Where we may not, the process that has our privileges does.
            with contextlib.suppress(FileNotFoundError, PermissionError):
                self._path.unlink()
        self._identity = None

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._path.lstat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _is_file(host: str) -> bool:
    return host.startswith(UNIX)


def _address_of(listener: socket.socket) -> tuple[str, int]:
    """Return what a socket listens on."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"{UNIX}{os.fsdecode(name)}", 0
    return str(name[0]), int(name[1])
