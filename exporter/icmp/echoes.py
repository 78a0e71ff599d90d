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
from typing import Final, NamedTuple, Protocol, Self

from exporter.icmp.batch import SEQUENCES, EchoBatch, Pass
from exporter.icmp.packet import REQUEST_KIND, Identity, Quote
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
    indices: "array[int]" = field(default_factory=lambda: array("I"))


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
            find: the socket for a ping, or why there is none; asked once for all pings
                of one source, family, device and time to live.
        """
        self.pings = pings
        self.cycle = cycle
        self.size = len(pings)
        self.passes = 0
        """Packets of the pair that has most."""
        self.timeout_ns = timeout_ns
        self.outstanding = 0
        """Packets sent that nothing has answered yet."""
        self.addresses: list[bytes] = []
        self.sockets: list[EchoSocket | None] = []
        self.duplicates: Counter[int] = Counter()
        self.groups: list[EchoGroup] = []
        self._identity = identity
        self._first_sequence = first_sequence
        self._paths = paths
        self._texts: list[tuple[bytes, int]] = []
        self._failures: dict[int, Result] = {}
        self._suspected: set[SandboxId] = set()
        self._batch = EchoBatch()
        self._prepare(_Grouping(find, self.groups))
        self.packets = self.size * self.passes
        """Packet `number` of pair `index` is packet number * size + index."""
        self.sent_ns = array("q", bytes(8 * self.packets))
        """CLOCK_REALTIME of each packet, 0: not sent."""
        self.rtt_ns = array("q", [NO_REPLY]) * self.packets
        self.clock_offset_ns = _clock_offset_ns()
        """Of CLOCK_REALTIME to CLOCK_MONOTONIC, when it began."""

    def _prepare(self, grouping: "_Grouping") -> None:
        # By identity: hashing an address takes as long as all the rest (measured).
        known: dict[int, _Target] = {}
        counts: set[int] = set()
        sockets, addresses, texts = self.sockets, self.addresses, self._texts
        last: tuple[object, ...] | None = None
        group: EchoGroup | Result = Result.SKIPPED
        for index, ping in enumerate(self.pings):
            source, destination, ttl, device, own, count = ping
            target = known.get(id(destination))
            if target is None:
                target = known[id(destination)] = _Target.of(destination)
            packed, text, ip_version, _ = target
            kind = (source, ip_version, ttl, device, own)
            if kind != last:
                last, group = kind, grouping.of(kind, ping)
            addresses.append(packed)
            texts.append(text)
            if isinstance(group, Result):
                sockets.append(None)
                self._failures[index] = group
            else:
                sockets.append(group.echo_socket)
                group.indices.append(index)
            counts.add(count)
        self.passes = max(counts, default=0)

    def common(self, kind: int, number: int) -> Pass:
        """Return what all packets `number` have in common: see `batch`."""
        first = (self._first_sequence - number * self.size) % SEQUENCES
        return Pass(kind, self._identity, self.cycle, number, first)

    def send(self, group: EchoGroup, start: int, stop: int, number: int) -> None:
        """Send packet `number` of the group's pairs from `start` to `stop`.

        Args:
            stop: at most `batch.MOST` beyond `start`.
        """
        echo_socket = group.echo_socket
        if echo_socket.closed:
            return
        echo_socket.set_ttl(group.ttl)
        indices = self._due(group, start, stop, number)
        kind = REQUEST_KIND[echo_socket.ip_version]
        self._batch.fill(self.common(kind, number), indices)
        base, sent_ns, sent = number * self.size, self.sent_ns, len(indices)
        texts = map(self._texts.__getitem__, indices)
        sendto = echo_socket.sock.sendto
        now_ns, clock = time.clock_gettime_ns, time.CLOCK_REALTIME
        for index, message, text in zip(
            indices, self._batch.messages, texts, strict=False
        ):
            stamp = now_ns(clock)
            try:
                sendto(message, text)
            except OSError as error:
                stamp = self._resend(group, index, message, error)
                if not stamp:
                    sent -= 1
                    continue
            sent_ns[base + index] = stamp
        if not echo_socket.closed:  # meanwhile, because its container has ended
            self.outstanding += sent
            echo_socket.outstanding += sent

    def _due(
        self, group: EchoGroup, start: int, stop: int, number: int
    ) -> Sequence[int]:
        pings = self.pings
        indices: Sequence[int] = group.indices[start:stop]
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

    def _resend(
        self, group: EchoGroup, index: int, message: memoryview, error: OSError
    ) -> int:
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
                echo_socket.sock.sendto(message, self._texts[index])
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
            first = (self._first_sequence - quote.sequence) % SEQUENCES
            candidates = range(first, self.packets, SEQUENCES)
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

    def failures(self) -> dict[int, Result]:
        """Return why pairs got no reply, by index; only silence where there is none.

        A reply outweighs it. That a source was closed outweighs what came before.
        """
        gone = {
            index: Result.NETNS_ERROR
            for group in self.groups
            if group.echo_socket.closed
            for index in group.indices
        }
        return {**self._failures, **gone}


class _Target(NamedTuple):
    """A destination in the forms that are needed of it."""

    packed: bytes
    text: tuple[bytes, int]
    """For sendto; bytes, because text is encoded in every call."""
    ip_version: int
    address: IPAddress
    """Kept, so that nothing else gets its identity."""

    @classmethod
    def of(cls, address: IPAddress) -> Self:
        """Return the forms of an address."""
        return cls(address.packed, (str(address).encode(), 0), address.version, address)


class _Grouping:
    """Finds the group of each ping, and asks for each kind of ping only once."""

    def __init__(
        self, find: Callable[[Ping], EchoSocket | Result], groups: list[EchoGroup]
    ) -> None:
        self._find = find
        self._groups = groups
        self._known: dict[tuple[object, ...], EchoGroup | Result] = {}

    def of(self, kind: tuple[object, ...], ping: Ping) -> EchoGroup | Result:
        """Return the group of a ping, or why there is no socket for it.

        Args:
            kind: what all pings that are sent alike have in common.
        """
        found = self._known.get(kind)
        if found is None:
            found = self._known[kind] = self._group(ping)
        return found

    def _group(self, ping: Ping) -> EchoGroup | Result:
        found = self._find(ping)
        if isinstance(found, Result):
            return found
        made = EchoGroup(found, ping.ttl, ping.own or ping.device is not None)
        self._groups.append(made)
        return made


def _clock_offset_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_REALTIME) - time.monotonic_ns()
