"""The UDP sockets by which Docker's resolver is asked; none leaves this process.

By such a socket anything could be sent to anybody. So who asks has a number of each,
says which names it wants to know, and is told what came back.
"""

import errno
import os
import socket
import threading
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from exporter.broker.wire import Malformed
from exporter.dns.exchange import Exchanged, Query, exchange
from exporter.dns.resolver import ResolverSocket

MOST: Final = 1 << 14
"""Sockets that are open at once: a container has one, and a second for a moment."""


class Resolvers:
    """The sockets by their numbers; for several threads at a time."""

    def __init__(self) -> None:
        self._sockets: dict[int, ResolverSocket] = {}
        self._lock = threading.Lock()

    def keep(self, number: int, sock: socket.socket) -> None:
        """Keep a socket of a namespace under a number, and close it some time.

        Raises:
            Malformed: there is one under this number.
            OSError: too many are open.
        """
        with self._lock:
            if number not in self._sockets and len(self._sockets) < MOST:
                self._sockets[number] = ResolverSocket(sock)
                return
            is_taken = number in self._sockets
        sock.close()
        if is_taken:
            raise Malformed("resolver")
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def close(self, number: int) -> None:
        """Close a socket: it keeps its namespace alive; others are passed over."""
        with self._lock:
            found = self._sockets.pop(number, None)
            if found is not None:
                found.close()

    def exchange(
        self,
        numbers: Sequence[int],
        anew: Collection[int],
        queries: Iterable[Query],
        names: frozenset[str],
    ) -> Exchanged:
        """Ask as `dns.exchange.exchange`; other names than some count as not sent.

        Args:
            numbers: of sockets.
            names: that may be asked for.

        Raises:
            Malformed: there is no such socket.
        """
        wanted = [(query, query.question.name in names) for query in queries]
        with self._lock:
            try:
                sockets = [self._sockets[number] for number in numbers]
            except KeyError as error:
                raise Malformed("resolvers") from error
            allowed = [query for query, is_allowed in wanted if is_allowed]
            found = exchange(sockets, anew, allowed)
        sent = iter(found.sent)
        stamps = [
            next(sent) if is_allowed else -errno.ENOENT for _, is_allowed in wanted
        ]
        return Exchanged(stamps, found.heard)
