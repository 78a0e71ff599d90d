"""One round of echo requests: flat state, sending, and what became of each pair.

State is kept by pair and by packet in lists and arrays, never an object each: a million
pairs are one round. The thread of the loop sends and matches; the caller's thread
prepares before and reads the observations afterwards.
"""

import errno
import socket
import time
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from exporter.icmp.packet import ECHO, ECHO_BYTES, REQUEST_KIND, Identity, Quote
from exporter.icmp.probes import Ping
from exporter.icmp.results import may_be_of_earlier_packet, result_of_errno, worse
from exporter.icmp.sockets import EchoSocket
from exporter.model.outcome import Result
from exporter.model.topology import IPAddress, SandboxId

NO_REPLY: Final = -1
"""In `EchoRound.rtt_ns`: nothing came."""
UNMEASURED: Final = -2
"""In `EchoRound.rtt_ns`: a reply, but the clock was set meanwhile."""

_RESENDS: Final = 2
_STEP_NS: Final = 1_000_000  # NTP slews by less than this within a round


class Paths(Protocol):
    """What the kernel of a source says about a way, asked in the loop's thread."""

    def refusal(self, ping: Ping) -> Result | None:
        """Return why a guarded ping must not be sent, None if it may."""
        ...

    def is_routed(self, ping: Ping) -> bool:
        """Return whether there is a usable route."""
        ...

    def suspect(self, source: SandboxId) -> None:
        """Look whether a source is gone, and close it if so."""
        ...


@dataclass(slots=True)
class EchoGroup:
    """Pings that are sent alike: through one socket, with one time to live."""

    echo_socket: EchoSocket
    ttl: int
    guarded: bool
    """The route is asked for each packet before it is sent."""
    indices: list[int] = field(default_factory=list)


class EchoRound:
    """All pings of one round."""

    def __init__(
        self,
        pings: Sequence[Ping],
        *,
        identity: Identity,
        cycle: int,
        first_sequence: int,
        timeout_ns: int,
        find: Callable[[Ping], EchoSocket | Result],
        paths: Paths,
    ) -> None:
        """Prepare to send.

        Args:
            first_sequence: so chosen that rounds do not share sequence numbers soon:
                an ICMP error may quote nothing else.
            find: the socket for a ping, or why there is none.
        """
        self.pings = pings
        self.cycle = cycle
        self.size = len(pings)
        self.passes = max((ping.count for ping in pings), default=0)
        self.packets = self.size * self.passes
        """Packet `number` of pair `index` is packet number * size + index."""
        self.timeout_ns = timeout_ns
        self.outstanding = 0
        """Packets sent that nothing has answered yet."""
        self.addresses: list[bytes] = []
        self.sockets: list[EchoSocket | None] = []
        self.sent_ns = array("q", bytes(8 * self.packets))
        """CLOCK_REALTIME of each packet, 0: not sent."""
        self.rtt_ns = array("q", [NO_REPLY]) * self.packets
        self.duplicates: Counter[int] = Counter()
        self.groups: list[EchoGroup] = []
        self._identity = identity
        self._first_sequence = first_sequence
        self._paths = paths
        self._texts: list[tuple[str, int]] = []
        self._failures: dict[int, Result] = {}
        self._suspected: set[SandboxId] = set()
        self._buffer = bytearray(ECHO_BYTES)
        self.clock_offset_ns = _clock_offset_ns()
        """Of CLOCK_REALTIME to CLOCK_MONOTONIC, when it began."""
        self._prepare(find)

    def _prepare(self, find: Callable[[Ping], EchoSocket | Result]) -> None:
        known: dict[IPAddress, tuple[bytes, tuple[str, int]]] = {}
        groups: dict[tuple[EchoSocket, int, bool], EchoGroup] = {}
        for index, ping in enumerate(self.pings):
            destination = ping.destination
            if destination not in known:
                known[destination] = (destination.packed, (str(destination), 0))
            packed, text = known[destination]
            self.addresses.append(packed)
            self._texts.append(text)
            found = find(ping)
            if isinstance(found, Result):
                self.sockets.append(None)
                self._failures[index] = found
                continue
            self.sockets.append(found)
            key = (found, ping.ttl, ping.own or ping.device is not None)
            if key not in groups:
                groups[key] = EchoGroup(*key)
                self.groups.append(groups[key])
            groups[key].indices.append(index)

    def send(self, group: EchoGroup, start: int, stop: int, number: int) -> None:
        """Send packet `number` of the group's pairs from `start` to `stop`."""
        echo_socket = group.echo_socket
        if echo_socket.closed:
            return
        echo_socket.set_ttl(group.ttl)
        identifier, cookie = self._identity
        kind, cycle = REQUEST_KIND[echo_socket.ip_version], self.cycle
        fixed = -(kind + identifier + cookie + cycle + number)
        base = number * self.size
        first_sequence, texts, sent_ns = self._first_sequence, self._texts, self.sent_ns
        pack_into, buffer = ECHO.pack_into, self._buffer
        sendto = echo_socket.sock.sendto
        now_ns, clock = time.clock_gettime_ns, time.CLOCK_REALTIME
        sent = 0
        for index in self._due(group, start, stop, number):
            sequence = (first_sequence + base + index) & 0xFFFF
            check = (fixed - sequence - index) % 0xFFFF  # see packet.checksum
            pack_into(
                buffer, 0,
                kind, check, identifier, sequence, cookie, cycle, index, number,
            )  # fmt: skip
            stamp = now_ns(clock)
            try:
                sendto(buffer, texts[index])
            except OSError as error:
                stamp = self._resend(group, index, error)
                if not stamp:
                    continue
            sent_ns[base + index] = stamp
            sent += 1
        if not echo_socket.closed:  # meanwhile, because its container has ended
            self.outstanding += sent
            echo_socket.outstanding += sent

    def _due(
        self, group: EchoGroup, start: int, stop: int, number: int
    ) -> Sequence[int]:
        indices = group.indices[start:stop]
        pings = self.pings
        if number:
            indices = [index for index in indices if number < pings[index].count]
        if not group.guarded:
            return indices
        allowed = []
        for index in indices:
            refusal = self._paths.refusal(pings[index])
            if refusal is None:
                allowed.append(index)
            else:
                self.fail(index, refusal)
        return allowed

    def _resend(self, group: EchoGroup, index: int, error: OSError) -> int:
        """Return the stamp of a second attempt where that was due, 0 if it failed.

        An ICMP error about an earlier packet waits on the socket and fails one call;
        the next one goes through. A socket bound to an interface that was made anew
        has to be bound again: ENODEV says so in IPv4, ENETUNREACH in IPv6.
        """
        echo_socket, number = group.echo_socket, error.errno or 0
        for _ in range(_RESENDS):
            if echo_socket.closed:
                return 0
            rebound = (
                echo_socket.device is not None
                and result_of_errno(number) is Result.NO_ROUTE
                and echo_socket.bind()
            )
            if not rebound and not may_be_of_earlier_packet(number):
                break
            stamp = time.clock_gettime_ns(time.CLOCK_REALTIME)
            try:
                echo_socket.sock.sendto(self._buffer, self._texts[index])
            except OSError as again:
                number = again.errno or 0
            else:
                return stamp
        self._note_errno(echo_socket, index, number)
        return 0

    def _note_errno(self, echo_socket: EchoSocket, index: int, number: int) -> None:
        ping = self.pings[index]
        if number == errno.ENETUNREACH and ping.source not in self._suspected:
            self._suspected.add(ping.source)
            self._paths.suspect(ping.source)
        routed = self._paths.is_routed(ping) if number == errno.EINVAL else None
        self.fail(index, result_of_errno(number, routed=routed))

    def fail(self, index: int, result: Result) -> None:
        """Note what happened to one packet of a pair; a reply still outweighs it."""
        self._failures[index] = worse(self._failures.get(index), result)

    def index_of(
        self, echo_socket: EchoSocket, quote: Quote, destination: str
    ) -> int | None:
        """Return which pair an ICMP error is about, None if none of this round.

        Args:
            quote: what it quotes of the request.
            destination: of the request, as text.
        """
        if quote.identifier != self._identity.identifier:
            return None
        echo = quote.echo
        if echo is None:
            first = (quote.sequence - self._first_sequence) & 0xFFFF
            candidates = range(first, self.packets, 1 << 16)
        elif echo.cookie == self._identity.cookie and echo.cycle == self.cycle:
            candidates = range(echo.number * self.size + echo.pair, self.packets)[:1]
        else:
            return None
        family = echo_socket.sock.family
        packed = socket.inet_pton(family, destination.partition("%")[0])
        for packet in candidates:
            index = packet % self.size
            if (
                self.sent_ns[packet]
                and self.sockets[index] is echo_socket
                and self.addresses[index] == packed
            ):
                return index
        return None

    def clock_was_stepped(self) -> bool:
        """Return whether CLOCK_REALTIME was set, not just slewed, in this round."""
        return abs(_clock_offset_ns() - self.clock_offset_ns) > _STEP_NS

    def failure_of(self, index: int) -> Result | None:
        """Return why a pair got no reply, None where there was only silence."""
        echo_socket = self.sockets[index]
        if echo_socket is not None and echo_socket.closed:
            return Result.NETNS_ERROR
        return self._failures.get(index)


def _clock_offset_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_REALTIME) - time.monotonic_ns()
