"""Connections taken from the listening sockets, each greeted by the rules of now.

asyncio's own server has one TLS context for its life; here every connection gets the
one that is in force, and a certificate that was renewed is shown without a restart.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass

from exporter.access import Access
from exporter.web.crowd import Crowd, Seat, client_of
from exporter.web.protocol import BoundedProtocol, Limits

_SHORT_OF = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_BREATH_S = 0.2
"""Seconds until it is tried again where the system is short of something."""
_FAREWELL_S = 2.0
"""Seconds in which a client may say goodbye in TLS."""


class Acceptor:
    """Takes connections from one listening socket; uvicorn sees a server in it."""

    def __init__(
        self,
        listener: socket.socket,
        make: Callable[[], BoundedProtocol],
        access: Callable[[], Access],
        crowd: Crowd,
        limits: Limits,
    ) -> None:
        """Begin to accept.

        Args:
            listener: a listening socket; closed by `close`.
            make: makes the protocol of a connection.
            access: returns the rules in force.
            crowd: who is connected, everywhere.
            limits: what clients may use.
        """
        self._listener = listener
        self._make = make
        self._access = access
        self._crowd = crowd
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._greetings: set[asyncio.Task[None]] = set()
        listener.setblocking(False)
        self._task = self._loop.create_task(self._accept())

    def close(self) -> None:
        """Take no more connections; those there stay."""
        self._task.cancel()
        for greeting in self._greetings:
            greeting.cancel()

    async def wait_closed(self) -> None:
        """Wait until nobody is being greeted any more."""
        await asyncio.gather(self._task, *self._greetings, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            try:
                connection, address = await self._loop.sock_accept(self._listener)
            except OSError as error:
                if error.errno in _SHORT_OF:
                    await asyncio.sleep(_BREATH_S)
                continue
            self._seat(connection, client_of(address))
            # Many who wait in line must not keep everybody else from their turn.
            await asyncio.sleep(0)

    def _seat(self, connection: socket.socket, client: str) -> None:
        task: asyncio.Task[None] | None = None

        def leave() -> None:
            if task is not None:
                task.cancel()

        seat = self._crowd.enter(client, leave)
        if seat is None:
            connection.close()
            return
        greeting = _Greeting(connection, seat)
        task = self._loop.create_task(self._greet(greeting))
        self._greetings.add(task)
        task.add_done_callback(self._greetings.discard)
        task.add_done_callback(lambda _: self._greeted(greeting))

    def _greeted(self, greeting: "_Greeting") -> None:
        """Clean up after what has not become a connection."""
        if not greeting.made:
            self._crowd.left(greeting.seat)
        if not greeting.begun:
            greeting.connection.close()

    async def _greet(self, greeting: "_Greeting") -> None:
        """Make a connection of a socket."""
        rules = self._access()
        protocol = self._make()
        protocol.seat, protocol.sans = greeting.seat, rules.allowed_sans
        protocol.is_current = lambda: self._access() == rules
        greeting.begun = True
        # A client that is no TLS client, or has no certificate, is its own affair.
        with contextlib.suppress(OSError):
            await self._loop.connect_accepted_socket(
                lambda: protocol,
                greeting.connection,
                ssl=rules.tls,
                ssl_handshake_timeout=self._limits.greeting_s if rules.tls else None,
                ssl_shutdown_timeout=_FAREWELL_S if rules.tls else None,
            )
            greeting.made = True


@dataclass(slots=True, eq=False)
class _Greeting:
    """A socket on its way to a connection."""

    connection: socket.socket
    seat: Seat
    begun: bool = False
    """A transport owns the socket, and closes it whatever happens."""
    made: bool = False
