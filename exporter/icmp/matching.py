"""Which reply, and which ICMP error, belongs to which packet of the running round.

A reply counts only if type, identifier, cookie, checksum, cycle, pair and source
address are those of a packet that was sent through the same socket. All else is a
duplicate, late (of an earlier round, or after its time), or foreign.
"""

import socket
import struct
import sys
from collections import Counter
from typing import Final, NamedTuple

from exporter.errors import PacketError
from exporter.icmp.bursts import FEWEST, BurstMatcher
from exporter.icmp.echoes import NO_REPLY, UNMEASURED, EchoRound
from exporter.icmp.packet import (
    ECHO_BYTES,
    PLAIN_IPV4,
    PLAIN_IPV4_HEAD,
    REPLY_KIND,
    Identity,
    decode_datagram,
    decode_quote,
)
from exporter.icmp.receive import (
    DATA_OFFSET,
    MESSAGES,
    SENDER_IPV6_OFFSET,
    SLOT_BYTES,
    STAMP_OFFSET,
    Receiver,
    queued_errors,
)
from exporter.icmp.results import result_of_error
from exporter.icmp.sockets import EchoSocket
from exporter.model.topology import SandboxId
from exporter.sockopt import STAMP, forget_error

_LATE_KEYS: Final = 10_000  # a flood of replies from made-up sources ends here
_MOST_ERRORS_PENDING: Final = 8

# A sockaddr_in6 and the echo message behind it, as they lie in a slot.
_IPV6_SLOT: Final = struct.Struct(
    f"!B{SENDER_IPV6_OFFSET - 1}x16s{DATA_OFFSET - SENDER_IPV6_OFFSET - 16}xHHHHQIII"
)


class _Layout(NamedTuple):
    """How to read a slot: the struct and its offset, and what must be found."""

    fields: struct.Struct
    offset: int
    head: int
    length: int
    kind: int


_LAYOUTS: Final = {
    4: _Layout(
        PLAIN_IPV4, DATA_OFFSET, PLAIN_IPV4_HEAD, PLAIN_IPV4.size, REPLY_KIND[4]
    ),
    6: _Layout(
        _IPV6_SLOT,
        0,
        int(socket.AF_INET6).to_bytes(2, sys.byteorder)[0],
        ECHO_BYTES,
        REPLY_KIND[6],
    ),
}


class Matcher:
    """Receives for all echo sockets of a thread."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._receiver = Receiver()
        self._bursts = BurstMatcher()
        self._round: EchoRound | None = None
        self._last_cycle = -1
        self._late: Counter[tuple[SandboxId, bytes]] = Counter()
        self.foreign_total = 0
        """Packets that claimed our identifier and were not ours, or were damaged."""

    def renew(self, identity: Identity) -> None:
        """Match replies to another identifier from now on."""
        self._identity = identity

    def begin(self, current: EchoRound) -> None:
        """Match against this round from now on."""
        self._round = current
        self._last_cycle = current.cycle

    def end(self) -> None:
        """The round is over: whatever still comes for it is late."""
        self._round = None

    def take_late(self) -> Counter[tuple[SandboxId, bytes]]:
        """Return the late replies since the last call, by source and address."""
        late, self._late = self._late, Counter()
        return late

    def drain(self, echo_socket: EchoSocket) -> None:
        """Take everything that waits on a socket."""
        errors = 0
        while not echo_socket.closed:
            try:
                count = self._receiver.receive(echo_socket.fd)
            except OSError:
                errors += 1
                if errors > _MOST_ERRORS_PENDING:
                    return
                self.take_errors(echo_socket)
                continue
            self.accept(echo_socket, self._receiver, count)
            if count < MESSAGES:
                return

    def accept(self, echo_socket: EchoSocket, received: Receiver, count: int) -> None:
        """Take the first `count` slots of what was received on a socket."""
        current = self._round
        if (
            current is not None
            and count >= FEWEST
            and self._bursts.match(current, echo_socket, received, count)
        ):
            return
        for slot in range(count):
            self._accept_one(echo_socket, received, slot)

    def _accept_one(
        self, echo_socket: EchoSocket, received: Receiver, slot: int
    ) -> None:
        slots, offset = received.slots, slot * SLOT_BYTES
        fields, start, head, length, kind = _LAYOUTS[echo_socket.ip_version]
        first, source, *message = fields.unpack_from(slots, offset + start)
        seconds, nanoseconds = STAMP.unpack_from(slots, offset + STAMP_OFFSET)
        stamp = seconds * 1_000_000_000 + nanoseconds
        is_ipv4 = echo_socket.ip_version == 4
        if (
            received.lengths[slot] == length
            and first == head
            and message[0] == kind
            and (message[2], message[4]) == self._identity
            and not (is_ipv4 and sum(message) % 0xFFFF)
        ):
            self._match(echo_socket, source, message[5:], stamp)
        elif is_ipv4:
            data = offset + DATA_OFFSET
            datagram = bytes(slots[data : data + received.lengths[slot]])
            self._accept_odd(echo_socket, datagram, stamp)
        else:
            self.foreign_total += 1

    def _accept_odd(self, echo_socket: EchoSocket, datagram: bytes, stamp: int) -> None:
        """Look closer at what is no plain IPv4 reply: it may carry IP options."""
        try:
            source, echo = decode_datagram(datagram)
        except PacketError:
            self.foreign_total += 1
            return
        if (echo.identifier, echo.cookie) != self._identity:
            self.foreign_total += 1
            return
        self._match(echo_socket, source.packed, list(echo[3:]), stamp)

    def _match(
        self, echo_socket: EchoSocket, source: bytes, which: list[int], stamp: int
    ) -> None:
        """Find the packet that a reply of ours answers.

        Args:
            which: cycle, pair and number.
        """
        cycle, pair, number = which
        current = self._round
        if current is None or cycle != current.cycle:
            if cycle <= self._last_cycle:
                self._note_late(echo_socket, source)
            else:
                self.foreign_total += 1
            return
        packet = number * current.size + pair
        if (
            pair >= current.size
            or packet >= current.packets
            or current.addresses[pair] != source
            or not current.sent_ns[packet]
        ):
            self.foreign_total += 1
            return
        if current.sockets[pair] is not echo_socket:
            return  # another socket of ours in that namespace hears it as well
        if current.rtt_ns[packet] != NO_REPLY:
            current.duplicates[pair] += 1
            return
        rtt = stamp - current.sent_ns[packet]
        if not 0 <= rtt <= current.timeout_ns:
            if not current.clock_was_stepped():
                self._note_late(echo_socket, source)
                return
            rtt = UNMEASURED
        current.rtt_ns[packet] = rtt
        current.outstanding -= 1
        echo_socket.outstanding -= 1

    def _note_late(self, echo_socket: EchoSocket, source: bytes) -> None:
        key = (echo_socket.source, source)
        if key in self._late or len(self._late) < _LATE_KEYS:
            self._late[key] += 1

    def take_errors(self, echo_socket: EchoSocket) -> None:
        """Empty a socket's error queue; note what concerns the running round."""
        current = self._round
        for error in queued_errors(echo_socket.sock, echo_socket.ip_version):
            result = result_of_error(error.number, error.origin, error.kind, error.code)
            if current is None or result is None:
                continue
            try:
                quote = decode_quote(error.quote, echo_socket.ip_version)
            except PacketError:
                continue
            index = current.index_of(echo_socket, quote, error.destination)
            if index is not None:
                current.fail(index, result)
        forget_error(echo_socket.sock)
