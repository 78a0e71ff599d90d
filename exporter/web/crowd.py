"""Who is connected, and who has to go when somebody else comes.

A client that does nothing keeps nobody out: room is made by closing the connection that
has waited longest, of the client that has most.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

_V6_SITE = 64
"""Bits of an IPv6 address that tell clients apart; the rest is theirs to choose."""
_REMEMBERED = 256
"""Addresses: one that connects a thousand times is read once."""


class Use(IntEnum):
    """What a connection is doing; the least goes first."""

    WAITING = 0
    """For a greeting, or for a request that is not there yet."""
    STALLED = 1
    """For a client that does not read its answer."""
    BUSY = 2
    """It is being answered."""


@dataclass(slots=True, eq=False)
class Seat:
    """One connection."""

    client: str
    leave: Callable[[], None]
    """Closes it at once."""
    use: Use = Use.WAITING


class Crowd:
    """The connections there are; the one that has done nothing for longest first."""

    def __init__(self, most: int, most_of_one: int) -> None:
        """Start empty.

        Args:
            most: connections in all.
            most_of_one: connections of one client.
        """
        self._most = most
        self._most_of_one = most_of_one
        self._seats: dict[Seat, None] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._seats)

    def __iter__(self) -> Iterator[Seat]:
        """Return them, as they stand now."""
        return iter([*self._seats])

    def enter(self, client: str, leave: Callable[[], None]) -> Seat | None:
        """Take a connection in, and send another one away if need be.

        Args:
            client: who comes, by `client_of`.
            leave: closes the connection at once.

        Returns:
            None where everybody else is busy: the connection is to be closed.
        """
        if self._counts[client] >= self._most_of_one:
            if not self._dismiss(client):
                return None
        elif len(self._seats) >= self._most:
            largest = self._counts.most_common(1)[0][0]
            if not self._dismiss(largest) and not self._dismiss(None):
                return None
        seat = Seat(client, leave)
        self._seats[seat] = None
        self._counts[client] += 1
        return seat

    def turns(self, seat: Seat, use: Use) -> None:
        """Take note of what a connection does now; it is the newest of those."""
        if seat in self._seats and seat.use is not use:
            seat.use = use
            del self._seats[seat]
            self._seats[seat] = None

    def heard(self, seat: Seat) -> None:
        """Take note that a connection has said its first word: it is the newest."""
        if seat in self._seats:
            del self._seats[seat]
            self._seats[seat] = None

    def left(self, seat: Seat) -> None:
        """Take note that a connection has ended."""
        if seat in self._seats:
            del self._seats[seat]
            self._counts[seat.client] -= 1
            if not self._counts[seat.client]:
                del self._counts[seat.client]

    def _dismiss(self, client: str | None) -> bool:
        """Close one connection, of a client if given; return whether one could be."""
        for use in (Use.WAITING, Use.STALLED):
            for seat in self._seats:
                if seat.use is use and client in (None, seat.client):
                    self.left(seat)
                    seat.leave()
                    return True
        return False


def client_of(address: object) -> str:
    """Return who is behind an address, as far as it can be told.

    Args:
        address: as `socket.accept` returns it.

    >>> client_of(("192.0.2.7", 4242)), client_of(("127.0.0.9", 1))
    ('192.0.2.7', 'loopback')
    >>> client_of(("2001:db8::1:2:3:4", 4242, 0, 0)), client_of("")
    ('2001:db8::/64', 'local')
    """
    if not isinstance(address, tuple):
        return "local"
    return _site_of(address[0])


@lru_cache(_REMEMBERED)
def _site_of(address: str) -> str:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    if ip.is_loopback:
        return "loopback"
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((ip, _V6_SITE), strict=False))
