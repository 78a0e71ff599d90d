"""Asking in many namespaces at once: what is sent, and what has come.

Nobody waits for answers here: who asks looks again later. Stamps are the kernel's, and
of the moment of sending: how late one looks makes no difference to a round-trip time.
"""

import errno
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple, Protocol

from exporter.dns.message import Question, encode_query
from exporter.dns.resolver import ResolverSocket
from exporter.errors import PacketError

MOST: Final = 256
"""Resolvers and queries of one exchange."""
_PIECE: Final = 8
_PAUSE_S: Final = 0.0005
"""After each piece: one engine answers all containers, and its queue would be measured.
64 at once took 0.8 to 1.1 ms in the mean, 8 at once 0.15."""


class Resolver(Protocol):
    """Where questions can be asked in one namespace."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be asked any more."""
        ...

    def close(self) -> None:
        """Let go of it; may be called twice."""
        ...


class Query(NamedTuple):
    """A question that shall be sent."""

    resolver: int
    """Where to ask: an index."""
    question: Question
    transaction: int
    """16 bits."""


Heard = tuple[int, bytes | None, int | None]
"""The index of a resolver, and an `Arrival` there."""


class Exchanged(NamedTuple):
    """What became of it."""

    sent: list[int]
    """When each query was sent, by CLOCK_REALTIME in ns; an errno below 0 if it was
    not."""
    heard: list[Heard]
    """What came."""


Exchange = Callable[[Sequence[Resolver], Collection[int], Sequence[Query]], Exchanged]
"""As `exchange`, over resolvers of whatever kind."""


def exchange(
    sockets: Sequence[ResolverSocket], anew: Collection[int], queries: Sequence[Query]
) -> Exchanged:
    """Send queries, and return what waits on all of the sockets after that.

    Args:
        sockets: that are open, at most `MOST`.
        anew: which of them are connected first, from ports not used before.
        queries: at most `MOST`.
    """
    failed = {
        index: number for index in anew if (number := sockets[index].connect_anew())
    }
    heard: list[Heard] = []
    sent = []
    for number, query in enumerate(queries):
        if number and number % _PIECE == 0:
            time.sleep(_PAUSE_S)
        if query.resolver in failed:
            sent.append(-failed[query.resolver])
        else:
            sent.append(_send(sockets[query.resolver], query, heard))
    for index, sock in enumerate(sockets):
        heard += [(index, *found) for found in sock.waiting()]
    return Exchanged(sent, heard)


def _send(sock: ResolverSocket, query: Query, heard: list[Heard]) -> int:
    """Return when a query was sent, or an errno below 0."""
    try:
        message = encode_query(query.question, query.transaction)
    except PacketError:  # no name that DNS can carry: nothing to ask
        return -errno.EINVAL
    for _ in range(2):
        stamp = time.clock_gettime_ns(time.CLOCK_REALTIME)
        try:
            sock.sock.send(message)
        except ConnectionRefusedError:  # of an earlier question; this one is unsent
            heard.append((query.resolver, None, None))
        except OSError as error:
            return -(error.errno or errno.EIO)
        else:
            return stamp
    return -errno.ECONNREFUSED
