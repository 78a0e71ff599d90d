"""One round of DNS questions: flat state, asking, and what became of each.

A question that nobody answered is asked once more after half of its time.
"""

import errno
import secrets
import time
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from exporter.dns.message import (
    NOERROR,
    NXDOMAIN,
    Question,
    Reply,
    decode_reply,
    encode_query,
)
from exporter.dns.resolver import ResolverSocket, connect_all
from exporter.errors import PacketError
from exporter.model.outcome import Observation, Result

_MOST_PENDING: Final = 1 << 15  # of the 2^16 numbers that a transaction can have
_MOST_ERRORS: Final = 8  # one waits on a socket at a time
_REFUSALS: Final = frozenset({errno.EPERM, errno.EACCES})
_NOBODY: Final = frozenset(
    {errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}
    | {errno.EADDRNOTAVAIL}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One question of a round."""

    question: Question
    resolver: ResolverSocket | Result
    """Where to ask, or why it cannot be asked."""
    count: int = 1


class _Sent(NamedTuple):
    """A query that was sent: what a reply with its transaction is about."""

    asking: int
    """Its index."""
    packet: int
    """number * size + index, as in `exporter.icmp.echoes`."""
    sent_ns: int


@dataclass(slots=True)
class LookupGroup:
    """The questions to one server."""

    resolver: ResolverSocket
    indices: list[int] = field(default_factory=list)
    pending: dict[int, _Sent] = field(default_factory=dict)
    """By transaction."""
    connected: bool | None = None
    """None before the first question of the round."""


class LookupRound:
    """All questions of one round."""

    def __init__(self, askings: Sequence[Asking], *, timeout_s: float) -> None:
        self.size = len(askings)
        self.passes = max((asking.count for asking in askings), default=0)
        self.outstanding = 0
        """Questions asked that nothing has settled yet."""
        self.foreign_total = 0
        """Datagrams that answered no question of ours."""
        self.groups: list[LookupGroup] = []
        self._askings = askings
        self._retry_after_s = timeout_s / 2
        self._timeout_ns = int(timeout_s * 1e9)
        packets = self.size * self.passes
        self._settled = bytearray(packets)
        self._failures: dict[int, Result] = {}
        self._replies: dict[int, Reply] = {}
        self._rtts_s: dict[int, list[float]] = {}
        self._sent = array("I", bytes(4 * self.size))
        self._received = array("I", bytes(4 * self.size))
        self._duplicates = array("I", bytes(4 * self.size))
        self._retries: deque[tuple[float, LookupGroup, int, int]] = deque()
        self._by_resolver: dict[ResolverSocket, LookupGroup] = {}
        for index, asking in enumerate(askings):
            resolver = asking.resolver
            if isinstance(resolver, Result):
                self._failures[index] = resolver
                continue
            if resolver not in self._by_resolver:
                group = self._by_resolver[resolver] = LookupGroup(resolver)
                self.groups.append(group)
            self._by_resolver[resolver].indices.append(index)

    def send(self, group: LookupGroup, start: int, stop: int, number: int) -> None:
        """Ask question `number` of the group's names from `start` to `stop`."""
        if group.resolver.closed or not self._is_connected(group):
            return
        for index in group.indices[start:stop]:
            if number < self._askings[index].count:
                packet = number * self.size + index
                self.outstanding += 1
                if self._ask(group, index, packet):
                    due = time.monotonic() + self._retry_after_s
                    self._retries.append((due, group, index, packet))
                else:
                    self._settle(packet)

    def retry(self) -> float | None:
        """Ask again what is due; return when the next one is, None if none is.

        The time is one of CLOCK_MONOTONIC, in seconds.
        """
        while self._retries:
            due, group, index, packet = self._retries[0]
            if self._settled[packet] or group.resolver.closed:
                self._retries.popleft()
                continue
            if due > time.monotonic():
                return due
            self._retries.popleft()
            self._ask(group, index, packet)
        return None

    def _is_connected(self, group: LookupGroup) -> bool:
        if group.connected is None:
            self._connect()
        return bool(group.connected)

    def _connect(self) -> None:
        """Connect every socket of the round, once, before the first question."""
        resolvers = self._by_resolver.keys()
        failed = connect_all(one for one in resolvers if not one.closed)
        for group in self.groups:
            number = failed.get(group.resolver)
            group.connected = number is None
            if number is not None:
                for index in group.indices:
                    self._failures[index] = _result_of_errno(number)

    def _ask(self, group: LookupGroup, index: int, packet: int) -> bool:
        """Send one query; return whether an answer can come."""
        pending = group.pending
        if len(pending) >= _MOST_PENDING:
            self._failures[index] = Result.SEND_ERROR
            return False
        transaction = secrets.randbits(16)
        while transaction in pending:
            transaction = secrets.randbits(16)
        try:
            query = encode_query(self._askings[index].question, transaction)
        except PacketError:  # no name that DNS can carry: nothing to ask
            self._failures[index] = Result.SEND_ERROR
            return False
        for _ in range(2):
            stamp = time.clock_gettime_ns(time.CLOCK_REALTIME)
            try:
                group.resolver.sock.send(query)
            except ConnectionRefusedError:  # of an earlier question; this one is unsent
                self._refuse(group)
            except OSError as error:
                self._failures[index] = _result_of_errno(error.errno or 0)
                return False
            else:
                pending[transaction] = _Sent(index, packet, stamp)
                self._sent[index] += 1
                return True
        self._failures[index] = Result.NO_RESOLVER
        return False

    def drain(self, resolver: ResolverSocket) -> None:
        """Take everything that waits on a socket."""
        group = self._by_resolver.get(resolver)
        errors = 0
        while not resolver.closed and errors < _MOST_ERRORS:
            try:
                datagram = resolver.receive()
            except OSError as error:
                errors += 1
                if group is not None and error.errno == errno.ECONNREFUSED:
                    self._refuse(group)
                continue
            if datagram is None:
                return
            if group is None or not self._accept(group, *datagram):
                self.foreign_total += 1

    def _accept(self, group: LookupGroup, message: bytes, stamp: int | None) -> bool:
        transaction = int.from_bytes(message[:2], "big")
        sent = group.pending.get(transaction)
        if sent is None:
            return False
        question = self._askings[sent.asking].question
        try:
            reply = decode_reply(message, question, transaction)
        except PacketError:
            return False  # the right one may still come
        del group.pending[transaction]
        if self._settled[sent.packet]:
            self._duplicates[sent.asking] += 1
            return True
        self._received[sent.asking] += 1
        self._settle(sent.packet)
        if stamp is not None and 0 <= stamp - sent.sent_ns <= self._timeout_ns:
            rtts_s = self._rtts_s.setdefault(sent.asking, [])
            rtts_s.append((stamp - sent.sent_ns) / 1e9)
        known = self._replies.get(sent.asking)
        if known is None or _result_of_reply(known) is not Result.OK:
            self._replies[sent.asking] = reply
        return True

    def _refuse(self, group: LookupGroup) -> None:
        """Nobody listens: that is true of every question still open there."""
        for sent in group.pending.values():
            self._failures[sent.asking] = Result.NO_RESOLVER
            self._settle(sent.packet)
        group.pending.clear()

    def _settle(self, packet: int) -> None:
        if not self._settled[packet]:
            self._settled[packet] = 1
            self.outstanding -= 1

    def forget(self, resolver: ResolverSocket) -> None:
        """Expect nothing any more from a socket that was closed."""
        group = self._by_resolver.get(resolver)
        if group is not None:
            for sent in group.pending.values():
                self._settle(sent.packet)
            group.pending.clear()

    def observations(self, *, complete: bool) -> Iterator[Observation]:
        """Yield what became of each question, in order.

        Args:
            complete: every question was asked and had its time; otherwise what is open
                was not measured.
        """
        silence = Result.TIMEOUT if complete else Result.SKIPPED
        for index, asking in enumerate(self._askings):
            reply = self._replies.get(index)
            resolver = asking.resolver
            if reply is not None:
                result = _result_of_reply(reply)
            elif isinstance(resolver, ResolverSocket) and resolver.closed:
                result = Result.NETNS_ERROR
            else:
                result = self._failures.get(index, silence)
            yield Observation(
                result=result,
                sent=self._sent[index],
                received=self._received[index],
                duplicates=self._duplicates[index],
                rtts_s=tuple(self._rtts_s.get(index, ())),
                resolved=tuple(str(address) for address in reply.addresses)
                if reply
                else (),
            )


def _result_of_reply(reply: Reply) -> Result:
    if reply.rcode == NOERROR and reply.addresses:
        return Result.OK
    if reply.rcode == NXDOMAIN or (reply.rcode == NOERROR and not reply.truncated):
        return Result.NXDOMAIN
    return Result.SERVFAIL


def _result_of_errno(number: int) -> Result:
    """Return what a failed send to the server says.

    It is on the loopback: without a route there nobody can listen. EPERM and EACCES
    are of the container's own packet filter or of a prohibit route.
    """
    if number in _NOBODY:
        return Result.NO_RESOLVER
    return Result.REFUSED_BY_KERNEL if number in _REFUSALS else Result.SEND_ERROR
