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
from exporter.web.lobby import Lobby
from exporter.web.protocol import BoundedProtocol, Limits

_SHORT_OF = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_AT_ONCE = 16
"""Connections taken in one turn of the event loop. A quarter of what one client may
have: who has spoken is heard before so many come behind that it would have to go."""
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
        """Begin to accept; to be called on the event loop.

        Args:
            listener: a listening socket; closed by who has opened it.
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
        self._lobby = Lobby(crowd, limits.request_s, self._welcome)
        self._greetings: set[asyncio.Task[None]] = set()
        self._breath: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._go_on()

    def close(self) -> None:
        """Take no more connections; those there stay, if they have said something."""
        if self._breath is not None:
            self._breath.cancel()
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener)
        self._lobby.close()
        for greeting in self._greetings:
            greeting.cancel()

    async def wait_closed(self) -> None:
        """Wait until nobody is being greeted any more."""
        await asyncio.gather(*self._greetings, return_exceptions=True)

    def _go_on(self) -> None:
        self._breath = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        """Take some of those who wait in line.

        The others have to wait for a turn of the event loop, in which everybody who is
        known goes on.
        """
        for _ in range(_AT_ONCE):
            try:
                connection, address = self._listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno in _SHORT_OF:
                    self._loop.remove_reader(self._listener)
                    self._breath = self._loop.call_later(_BREATH_S, self._go_on)
                    break
                continue
            connection.setblocking(False)
            self._lobby.enter(connection, client_of(address))
        self._lobby.look()

    def _welcome(self, connection: socket.socket, seat: Seat) -> None:
        greeting = _Greeting(connection, seat)
        task = self._loop.create_task(self._greet(greeting))
        seat.leave = lambda: _cancel(task)
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


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


@dataclass(slots=True, eq=False)
class _Greeting:
    """A socket on its way to a connection."""

    connection: socket.socket
    seat: Seat
    begun: bool = False
    """A transport owns the socket, and closes it whatever happens."""
    made: bool = False
