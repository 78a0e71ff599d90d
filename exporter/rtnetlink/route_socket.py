"""Asks the kernel for the links, addresses and routes of one network namespace."""

import errno
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Final, Literal, Protocol, Self

from exporter.errors import NetlinkError, PacketError
from exporter.model.topology import HostInterface, HostRoute, IPAddress
from exporter.rtnetlink import message as codec
from exporter.rtnetlink import objects
from exporter.rtnetlink.message import Message
from exporter.rtnetlink.objects import Link, LinkAddress, NeighbourEntry, RouteEntry

RouteKind = Literal["local", "unicast", "blackhole", "unreachable", "prohibit", "none"]

_TIMEOUT_S: Final = 2.0
_MAX_DUMPS: Final = 5
"""Attempts at a consistent list while the kernel's tables change."""
_MAX_DATAGRAM_BYTES: Final = 1 << 20
_NETLINK_ROUTE: Final = 0

_KINDS: Final[dict[int, RouteKind]] = {
    objects.LOCAL: "local",
    objects.ANYCAST: "local",
    objects.BLACKHOLE: "blackhole",
    objects.UNREACHABLE: "unreachable",
    objects.PROHIBIT: "prohibit",
}
"""Every other type (broadcast and multicast too) goes out by an interface."""

_REFUSALS: Final[dict[int, RouteKind]] = {
    errno.EINVAL: "blackhole",
    errno.EHOSTUNREACH: "unreachable",
    errno.EACCES: "prohibit",
    errno.ENETUNREACH: "none",
    errno.ENETDOWN: "none",
    errno.ENODEV: "none",  # the device is gone
    errno.EAFNOSUPPORT: "none",  # IPv6 is not there at all
    errno.EOPNOTSUPP: "none",
}
"""How a lookup says that no packet would leave (net/ipv4/fib_semantics.c,
`fib_props`; IPv6 answers alike)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way that a packet to an address would take, as the kernel decides now."""

    kind: RouteKind
    """none: no route at all, or not by the device asked for."""
    interface_index: int | None = None
    interface: str | None = None
    gateway: IPAddress | None = None
    source: IPAddress | None = None
    """The source address that the kernel would choose."""


class Channel(Protocol):
    """What carries datagrams to the kernel and back."""

    def send(self, data: bytes) -> None:
        """Send one request; raises OSError."""
        ...

    def receive(self, timeout_s: float) -> bytes:
        """Return the next datagram whole; raises TimeoutError, other OSError."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class RouteSocket:
    """A socket to the routing tables of the namespace that it is made in.

    A context manager; for one thread at a time. Where methods raise, it is
    `NetlinkError` (the kernel's errno; ETIMEDOUT; EINTR if the tables never stood
    still) or `PacketError` (an answer that does not parse).

    Args:
        channel: what stands in for the kernel.
        timeout_s: bound of each call, seconds, > 0.
    """

    def __init__(
        self, *, channel: Channel | None = None, timeout_s: float = _TIMEOUT_S
    ) -> None:
        self._channel = channel or KernelChannel()
        self._timeout_s = timeout_s
        self._sequences = count(1)
        self._names: dict[int, str] = {}

    def links(self) -> tuple[Link, ...]:
        """Return every interface, by index."""
        answers = self._dump("list of links", codec.list_links)
        links = [objects.parse_link(m.body) for m in _of(answers, codec.NEW_LINK)]
        links.sort(key=lambda link: link.index)
        self._names = {link.index: link.name for link in links}
        return tuple(links)

    def addresses(self) -> tuple[LinkAddress, ...]:
        """Return every address of both families, by interface index, IPv4 first."""
        answers = self._dump("list of addresses", codec.list_addresses)
        parsed = (
            objects.parse_address(m.body) for m in _of(answers, codec.NEW_ADDRESS)
        )
        found = [address for address in parsed if address is not None]
        found.sort(key=lambda a: (a.index, a.address.version))
        return tuple(found)

    def interfaces(self) -> tuple[HostInterface, ...]:
        """Return every interface with its addresses, by index."""
        links = self.links()
        by_index: dict[int, list[tuple[IPAddress, int]]] = {}
        for found in self.addresses():
            entry = (found.address, found.prefix_length)
            by_index.setdefault(found.index, []).append(entry)
        return tuple(
            HostInterface(
                name=link.name,
                index=link.index,
                up=link.up,
                mtu=link.mtu,
                mac=link.mac,
                addresses=tuple(by_index.get(link.index, ())),
            )
            for link in links
        )

    def routes(self) -> tuple[HostRoute, ...]:
        """Return the main table's routes of both families, one for each interface.

        Routes that lead nowhere (blackhole, unreachable, prohibit) have the interface
        "": they claim their prefix all the same.
        """
        answers = self._dump("list of routes", codec.list_routes)
        found: dict[HostRoute, None] = {}
        for answer in _of(answers, codec.NEW_ROUTE):
            entry = objects.parse_route(answer.body)
            if entry is None or entry.cloned or entry.table != objects.MAIN_TABLE:
                continue
            found |= dict.fromkeys(self._host_routes(entry))
        return tuple(found)

    def neighbours(self) -> tuple[NeighbourEntry, ...]:
        """Return every entry of both families' neighbour tables."""
        answers = self._dump("list of neighbours", codec.list_neighbours)
        parsed = (
            objects.parse_neighbour(m.body) for m in _of(answers, codec.NEW_NEIGHBOUR)
        )
        return tuple(entry for entry in parsed if entry is not None)

    def route_to(self, address: IPAddress, *, device: int | None = None) -> Route:
        """Return the way that a packet to an address would take now.

        Args:
            device: index of the interface that the sending socket is bound to. For
                IPv4 the kernel then assumes the address on that link wherever no route
                by it exists (net/ipv4/route.c), for IPv6 it finds none.
        """
        what = f"route to {address}"
        sequence = next(self._sequences)
        request = codec.ask_route(sequence, address, device)
        try:
            answer = self._ask(what, sequence, request, codec.NEW_ROUTE)
        except NetlinkError as error:
            if error.errno not in _REFUSALS:
                raise
            return Route(kind=_REFUSALS[error.errno])
        entry = objects.parse_route(answer.body)
        if entry is None:
            raise PacketError(f"rtnetlink: the {what} is of another family")
        kind = _KINDS.get(entry.kind, "unicast")
        if kind not in ("local", "unicast") or not entry.hops:
            return Route(kind=kind)
        hop = entry.hops[0]
        return Route(
            kind=kind,
            interface_index=hop.index,
            interface=self._name_of(hop.index),
            gateway=hop.gateway,
            source=entry.source,
        )

    def close(self) -> None:
        """Close the socket; may be called again."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _host_routes(self, entry: RouteEntry) -> Iterator[HostRoute]:
        if entry.kind in (objects.UNICAST, objects.LOCAL):
            for hop in entry.hops:
                name = self._name_of(hop.index)
                if name is not None:  # else it went while we were reading
                    yield HostRoute(prefix=entry.prefix, interface=name)
        elif entry.kind in _KINDS:  # IPv6 shows these on lo, where nothing goes
            yield HostRoute(prefix=entry.prefix, interface="")

    def _name_of(self, index: int) -> str | None:
        """Return the name of an interface, None if it is gone.

        Names are asked for once: an index is not given again, and an interface that
        routes lead to is up, which forbids renaming (before Linux 6.2).
        """
        if index not in self._names:
            sequence = next(self._sequences)
            request = codec.ask_link(sequence, index)
            try:
                answer = self._ask("name of a link", sequence, request, codec.NEW_LINK)
            except NetlinkError as error:
                if error.errno != errno.ENODEV:
                    raise
                return None
            self._names[index] = objects.parse_link(answer.body).name
        return self._names[index]

    def _dump(self, what: str, request_of: Callable[[int], bytes]) -> list[Message]:
        """Return a list that did not change while it was read (NLM_F_DUMP_INTR)."""
        deadline_s = time.monotonic() + self._timeout_s
        for _ in range(_MAX_DUMPS):
            sequence = next(self._sequences)
            answers = list(
                self._answers(what, sequence, request_of(sequence), deadline_s)
            )
            if not any(m.flags & codec.DUMP_INTERRUPTED for m in answers):
                return answers
        raise NetlinkError(what, errno.EINTR)

    def _ask(self, what: str, sequence: int, request: bytes, kind: int) -> Message:
        deadline_s = time.monotonic() + self._timeout_s
        for answer in self._answers(what, sequence, request, deadline_s):
            if answer.type == kind:
                return answer
        raise PacketError(f"rtnetlink: no answer to the {what}")

    def _answers(
        self, what: str, sequence: int, request: bytes, deadline_s: float
    ) -> Iterator[Message]:
        """Send a request and yield what answers it, the closing DONE included."""
        try:
            self._channel.send(request)
            while True:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise NetlinkError(what, errno.ETIMEDOUT)
                for answer in codec.decode_messages(self._channel.receive(left_s)):
                    if answer.sequence != sequence:
                        continue  # the rest of a list that was given up
                    if answer.type in (codec.ERROR, codec.DONE) and answer.error():
                        raise NetlinkError(what, answer.error())
                    yield answer
                    if answer.type in (codec.ERROR, codec.DONE):
                        return
        except TimeoutError as error:
            raise NetlinkError(what, errno.ETIMEDOUT) from error
        except OSError as error:
            raise NetlinkError(what, error.errno or errno.EIO) from error


class KernelChannel:
    """A netlink socket in the namespace of the thread that makes it.

    Args:
        protocol: what it leads to (netlink(7), "family"); the routing tables.
        made: a socket of that protocol, made elsewhere.

    Raises:
        NetlinkError: it cannot be made.
    """

    def __init__(
        self, protocol: int = _NETLINK_ROUTE, *, made: socket.socket | None = None
    ) -> None:
        if made is not None:
            self._socket = made
            return
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        except OSError as error:
            raise NetlinkError("socket", error.errno or errno.EIO) from error

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def send(self, data: bytes) -> None:
        """Send one request to the kernel."""
        self._socket.sendto(data, (0, 0))

    def receive(self, timeout_s: float) -> bytes:
        """Return the kernel's next datagram; what other processes send is dropped."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            self._socket.settimeout(left_s)
            # Its whole length first: a truncated datagram could not be asked for again.
            length = self._socket.recv_into(
                bytearray(1), 1, socket.MSG_PEEK | socket.MSG_TRUNC
            )
            if length > _MAX_DATAGRAM_BYTES:
                raise OSError(errno.EMSGSIZE, "a netlink datagram of over 1 MB")
            data, _ancillary, flags, sender = self._socket.recvmsg(max(length, 1))
            if flags & socket.MSG_TRUNC:
                raise OSError(errno.EMSGSIZE, "a truncated netlink datagram")
            if sender[0] == 0:
                return data

    def close(self) -> None:
        """Close the socket; may be called again."""
        self._socket.close()


def _of(answers: Iterable[Message], kind: int) -> Iterator[Message]:
    return (answer for answer in answers if answer.type == kind)
