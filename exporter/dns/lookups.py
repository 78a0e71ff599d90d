"""One round of DNS questions: flat state, asking, and what became of each.

A question that nobody answered is asked once more after half of its time. Answers are
taken when somebody looks: whenever something is asked, and in between by `look`.
"""

import errno
import secrets
import time
from array import array
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from exporter.dns import exchange
from exporter.dns.exchange import Exchange, Exchanged, Query, Resolver
from exporter.dns.message import (
    NOERROR,
    NXDOMAIN,
    Question,
    Reply,
    decode_reply,
)
from exporter.errors import PacketError
from exporter.model.outcome import Observation, Result

_MOST_PENDING: Final = 1 << 15  # of the 2^16 numbers that a transaction can have
_REFUSALS: Final = frozenset({errno.EPERM, errno.EACCES})
_NOBODY: Final = frozenset(
    {errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}
    | {errno.EADDRNOTAVAIL}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One question of a round."""

    question: Question
    resolver: Resolver | Result
    """Where to ask, or why it cannot be asked."""
    count: int = 1


class _Sent(NamedTuple):
    """A query that was sent: what a reply with its transaction is about."""

    asking: int
    """Its index."""
    packet: int
    """number * size + index, as in `exporter.icmp.echoes`."""
    sent_ns: int


@dataclass(slots=True, eq=False)
class _Group:
    """The questions to one server."""

    resolver: Resolver
    pending: dict[int, _Sent] = field(default_factory=dict)
    """By transaction."""
    connected: bool = False
    """A question of the round went out by it."""


class LookupRound:
    """All questions of one round.

    Args:
        exchange: asks over the resolvers of the askings.
    """

    def __init__(
        self, askings: Sequence[Asking], *, timeout_s: float, exchange: Exchange
    ) -> None:
        self.size = len(askings)
        self.passes = max((asking.count for asking in askings), default=0)
        self.outstanding = 0
        """Questions asked that nothing has settled yet."""
        self.foreign_total = 0
        """Datagrams that answered no question of ours."""
        self._askings = askings
        self._exchange = exchange
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
        self._retries: deque[tuple[float, int]] = deque()
        """When, and which packet."""
        self._by_resolver: dict[Resolver, _Group] = {}
        self._groups: list[_Group | None] = []
        """Of each asking; None: it cannot be asked."""
        for index, asking in enumerate(askings):
            resolver = asking.resolver
            if isinstance(resolver, Result):
                self._failures[index] = resolver
                self._groups.append(None)
                continue
            group = self._by_resolver.setdefault(resolver, _Group(resolver))
            self._groups.append(group)

    def send(self, start: int, stop: int, number: int) -> int:
        """Ask question `number` of the names from `start` to `stop`, at once.

        Args:
            stop: at most `exchange.MOST` beyond `start`.

        Returns:
            how many questions that were.
        """
        due = [
            number * self.size + index
            for index in range(start, min(stop, self.size))
            if number < self._askings[index].count
        ]
        return self._ask(due, self._begin)

    def retry(self) -> float | None:
        """Ask again what is due; return when the next one is, None if none is.

        The time is one of CLOCK_MONOTONIC, in seconds.
        """
        due_s = self._next_retry_s()
        if due_s is None or due_s > time.monotonic():
            return due_s
        self.look()  # the answer may have come since
        due: list[int] = []
        while (due_s := self._next_retry_s()) is not None and len(due) < exchange.MOST:
            if due_s > time.monotonic():
                break
            due.append(self._retries.popleft()[1])
        self._ask(due, self._repeat)
        return due_s

    def _next_retry_s(self) -> float | None:
        while self._retries:
            due_s, packet = self._retries[0]
            if not self._settled[packet] and self._open_group(packet) is not None:
                return due_s
            self._retries.popleft()
        return None

    def _open_group(self, packet: int) -> _Group | None:
        group = self._groups[packet % self.size]
        return None if group is None or group.resolver.closed else group

    def look(self) -> None:
        """Take every answer that has come."""
        open_ones = [
            group
            for group in self._by_resolver.values()
            if group.pending and not group.resolver.closed
        ]
        for start in range(0, len(open_ones), exchange.MOST):
            some = open_ones[start : start + exchange.MOST]
            found = self._exchange([group.resolver for group in some], (), ())
            self._hear(some, found)

    def _ask(self, packets: Iterable[int], then: Callable[[int, int], None]) -> int:
        """Send a query for each packet, and take what has come; return how many.

        Args:
            then: called with each packet, and when it was sent or an errno below 0.
        """
        at: dict[_Group, int] = {}
        queries, asked = [], []
        for packet in packets:
            group = self._open_group(packet)
            if group is None:
                continue
            index = packet % self.size
            if len(group.pending) >= _MOST_PENDING:
                self._failures[index] = Result.SEND_ERROR
                then(packet, -errno.EAGAIN)
                continue
            transaction = _unused(group.pending)
            group.pending[transaction] = _Sent(index, packet, 0)
            question = self._askings[index].question
            queries.append(Query(at.setdefault(group, len(at)), question, transaction))
            asked.append((group, transaction, packet))
        if not asked:
            return 0
        groups = [*at]
        anew = [index for index, group in enumerate(groups) if not group.connected]
        found = self._exchange([group.resolver for group in groups], anew, queries)
        for (group, transaction, packet), stamp in zip(asked, found.sent, strict=True):
            sent = group.pending.pop(transaction)
            if stamp > 0:
                group.pending[transaction] = sent._replace(sent_ns=stamp)
                group.connected = True
                self._sent[sent.asking] += 1
            else:
                self._failures[sent.asking] = _result_of_errno(-stamp)
            then(packet, stamp)
        self._hear(groups, found)
        return len(asked)

    def _begin(self, packet: int, stamp: int) -> None:
        """Wait for an answer to a first question, if it was sent."""
        if stamp > 0:
            self.outstanding += 1
            due_s = time.monotonic() + self._retry_after_s
            self._retries.append((due_s, packet))
        else:
            self._settled[packet] = 1

    def _repeat(self, _packet: int, _stamp: int) -> None:
        """The first question may still be answered."""

    def _hear(self, groups: Sequence[_Group], found: Exchanged) -> None:
        for index, message, stamp in found.heard:
            group = groups[index]
            if message is None:
                self._refuse(group)
            elif not self._accept(group, message, stamp):
                self.foreign_total += 1

    def _accept(self, group: _Group, message: bytes, stamp: int | None) -> bool:
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

    def _refuse(self, group: _Group) -> None:
        """Nobody listens: that is true of every question still open there."""
        for sent in group.pending.values():
            self._failures[sent.asking] = Result.NO_RESOLVER
            self._settle(sent.packet)
        group.pending.clear()

    def _settle(self, packet: int) -> None:
        if not self._settled[packet]:
            self._settled[packet] = 1
            self.outstanding -= 1

    def forget(self, resolver: Resolver) -> None:
        """Expect nothing any more from a resolver that was closed."""
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
            elif not isinstance(resolver, Result) and resolver.closed:
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


def _unused(pending: Container[int]) -> int:
    """Return a transaction that nothing else is asked under."""
    transaction = secrets.randbits(16)
    while transaction in pending:
        transaction = secrets.randbits(16)
    return transaction


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
