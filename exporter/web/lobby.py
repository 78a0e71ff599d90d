"""Connections that have said nothing yet: each costs a descriptor, and next to no time.

Neither TLS nor HTTP is made for one before its first byte is there. So a thousand that
never say anything pass through in the time of a few that do.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass

from exporter.web.crowd import Crowd, Seat


@dataclass(frozen=True, slots=True, eq=False)
class _Visitor:
    """Somebody who has not spoken."""

    connection: socket.socket
    seat: Seat
    until_s: float
    """When patience ends, on the loop's clock."""


class Lobby:
    """Waits for the first byte of many sockets, with one entry in the event loop."""

    def __init__(
        self,
        crowd: Crowd,
        patience_s: float,
        welcome: Callable[[socket.socket, Seat], None],
    ) -> None:
        """Open; to be called on the event loop.

        Args:
            crowd: who is connected, everywhere.
            patience_s: how long nothing may be said; then the connection is closed.
            welcome: takes a connection over, as soon as there is something to read.
        """
        self._crowd = crowd
        self._patience_s = patience_s
        self._welcome = welcome
        self._loop = asyncio.get_running_loop()
        # A level of its own: a socket in the loop's selector costs six times as much.
        self._ready = select.epoll()
        self._loop.add_reader(self._ready.fileno(), self.look)
        self._visitors: dict[int, _Visitor] = {}
        """By file descriptor. All are given the same time: who came first is first."""
        self._alarm: asyncio.TimerHandle | None = None

    def enter(self, connection: socket.socket, client: str) -> None:
        """Take a socket in; it is ours from now on, and closed if there is no room.

        Args:
            connection: an accepted socket.
            client: who is behind it, by `client_of`.
        """
        descriptor = connection.fileno()
        seat = self._crowd.enter(client, lambda: self._close(descriptor))
        if seat is None:
            connection.close()
            return
        until_s = self._loop.time() + self._patience_s
        self._visitors[descriptor] = _Visitor(connection, seat, until_s)
        self._ready.register(descriptor, select.EPOLLIN)
        if self._alarm is None:
            self._alarm = self._loop.call_at(until_s, self._sweep)

    def look(self) -> None:
        """Welcome who has spoken, or has gone."""
        for descriptor, _ in self._ready.poll(0):
            self._ready.unregister(descriptor)
            visitor = self._visitors.pop(descriptor)
            self._crowd.heard(visitor.seat)
            self._welcome(visitor.connection, visitor.seat)

    def close(self) -> None:
        """Send everybody away."""
        for visitor in [*self._visitors.values()]:
            self._dismiss(visitor)
        if self._alarm is not None:
            self._alarm.cancel()
        if not self._ready.closed:
            self._loop.remove_reader(self._ready.fileno())
            self._ready.close()

    def _close(self, descriptor: int) -> None:
        # The kernel takes what is closed out of the epoll by itself.
        self._visitors.pop(descriptor).connection.close()

    def _dismiss(self, visitor: _Visitor) -> None:
        self._crowd.left(visitor.seat)
        visitor.seat.leave()

    def _sweep(self) -> None:
        """Send those away whose time is over."""
        self._alarm = None
        now_s = self._loop.time()
        for visitor in [*self._visitors.values()]:
            if visitor.until_s > now_s:
                self._alarm = self._loop.call_at(visitor.until_s, self._sweep)
                return
            self._dismiss(visitor)
