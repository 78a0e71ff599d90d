"""The HTTP server: uvicorn on sockets of our own, stopped when we say so."""

import asyncio
import contextlib
from collections.abc import Generator, Sequence

import uvicorn
from starlette.types import ASGIApp

from exporter.web.listen import BACKLOG, address_text, listen
from exporter.web.protocol import Limits, protocol_with

_TICK_S = 1.0
"""How often the `Date` header is renewed; it tells whole seconds."""
_TICKS_A_DATE = 10
"""uvicorn renews it when its counter is a multiple of this."""


class _Server(uvicorn.Server):
    """Leaves signals to the program, and waits without looking ten times a second.

    Those looks cost 0.2 % of a core, as much as all else that the event loop does on
    a host of fifty containers.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._is_over = asyncio.Event()

    def stop(self) -> None:
        """Let `serve` return. To be called on the event loop."""
        self.should_exit = True
        self._is_over.set()

    async def main_loop(self) -> None:
        """Renew the date until told to stop."""
        while not await self.on_tick(_TICKS_A_DATE):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_over.wait(), _TICK_S)

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
    ) -> None:
        """Listen; requests wait until `serve` runs.

        Args:
            app: what answers.
            addresses: host (empty for every interface) and port (0 for any).
            limits: what clients may use.

        Raises:
            ListenError: an address cannot be listened on.
        """
        limits = limits or Limits()
        self._server = _Server(
            uvicorn.Config(
                app,
                http=protocol_with(limits),
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                limit_concurrency=limits.busy_from,
                h11_max_incomplete_event_size=limits.header_bytes_max,
                timeout_keep_alive=limits.keep_alive_s,
                timeout_graceful_shutdown=limits.grace_s,
            )
        )
        self._sockets = listen(addresses)
        self._addresses = tuple(
            (str(name[0]), int(name[1]))
            for name in (listener.getsockname() for listener in self._sockets)
        )

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Return host and port really listened on, one for each socket."""
        return self._addresses

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the addresses as a browser wants them."""
        return tuple(f"http://{address_text(*one)}/" for one in self._addresses)

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
        for listener in self._sockets:
            listener.close()
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
