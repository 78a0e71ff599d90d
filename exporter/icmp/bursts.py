"""The replies to a burst, matched together.

Nearly always everything that waits on a socket are first replies to the chunk that was
just sent. Whether that is so is decided by columns: what the replies must be is made
from the pairs that they name, and compared with what they are, all bytes of all of them
at once. It costs a third of matching each for itself (measured). Where anything at all
is odd, nothing is decided here, and `matching` looks at each.
"""

import socket
import struct
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from exporter.icmp.batch import EchoBatch, number_of, pairs_of
from exporter.icmp.echoes import NO_REPLY, EchoRound
from exporter.icmp.packet import ECHO_BYTES, PLAIN_IPV4, PLAIN_IPV4_HEAD, REPLY_KIND
from exporter.icmp.receive import (
    DATA_OFFSET,
    SENDER_IPV6_OFFSET,
    SLOT_BYTES,
    STAMP_OFFSET,
    Receiver,
)
from exporter.icmp.sockets import EchoSocket
from exporter.sockopt import STAMP

FEWEST: Final = 4
"""Below, matching each for itself is quicker."""

_GAP: Final = DATA_OFFSET - STAMP_OFFSET - STAMP.size


class _Slot(NamedTuple):
    """How to read a slot of a family (see `receive`)."""

    fields: struct.Struct
    order: Any
    """Takes from its fields: head, source, message, seconds, nanoseconds."""
    head: int
    length: int
    """Of the datagram, bytes."""
    has_checksum: bool
    """Is ours to check; that of ICMPv6 the kernel has checked (RFC 3542 §3.1)."""


# In native order and unaligned ("="), as the stamps and the family are; messages and
# addresses are strings of bytes.
_SLOTS: Final = {
    4: _Slot(
        struct.Struct(
            f"={STAMP_OFFSET}xqq{_GAP}xB11x4s4x{ECHO_BYTES}s"
            f"{SLOT_BYTES - DATA_OFFSET - PLAIN_IPV4.size}x"
        ),
        itemgetter(2, 3, 4, 0, 1),
        PLAIN_IPV4_HEAD,
        PLAIN_IPV4.size,
        has_checksum=True,
    ),
    6: _Slot(
        struct.Struct(
            f"=H{SENDER_IPV6_OFFSET - 2}x16s"
            f"{STAMP_OFFSET - SENDER_IPV6_OFFSET - 16}xqq"
            f"{_GAP}x{ECHO_BYTES}s{SLOT_BYTES - DATA_OFFSET - ECHO_BYTES}x"
        ),
        itemgetter(0, 1, 4, 2, 3),
        int(socket.AF_INET6),
        ECHO_BYTES,
        has_checksum=False,
    ),
}


class BurstMatcher:
    """Matches all replies that one call received, or none of them."""

    def __init__(self) -> None:
        self._expected = EchoBatch()

    def match(
        self,
        current: EchoRound,
        echo_socket: EchoSocket,
        received: Receiver,
        count: int,
    ) -> bool:
        """Note the replies in the first `count` slots, or return False and do nothing.

        Args:
            count: `FEWEST` to `receive.MESSAGES`.
        """
        slot = _SLOTS[echo_socket.ip_version]
        memory = received.slots[: count * SLOT_BYTES]
        columns = tuple(zip(*slot.fields.iter_unpack(memory), strict=True))
        heads, sources, messages, seconds, nanoseconds = slot.order(columns)
        if (
            received.lengths[:count].tolist().count(slot.length) != count
            or heads.count(slot.head) != count
        ):
            return False
        joined = b"".join(messages)
        number, pairs = number_of(messages[0]), pairs_of(joined)
        if number >= current.passes or max(pairs) >= current.size:
            return False
        self._expected.fill(
            current.common(REPLY_KIND[echo_socket.ip_version], number), pairs
        )
        if not self._expected.is_equal(joined, checksums=slot.has_checksum):
            return False
        of_pairs = itemgetter(*pairs)
        if (
            of_pairs(current.addresses) != sources
            or of_pairs(current.sockets).count(echo_socket) != count
        ):
            return False
        stamps = [
            s * 1_000_000_000 + n for s, n in zip(seconds, nanoseconds, strict=True)
        ]
        return _note(current, echo_socket, number, pairs, stamps)


def _note(
    current: EchoRound,
    echo_socket: EchoSocket,
    number: int,
    pairs: Sequence[int],
    stamps: list[int],
) -> bool:
    """Note first replies that came in time; return False if one is not like that."""
    count, base = len(pairs), number * current.size
    packets = [base + pair for pair in pairs] if base else pairs
    of_packets = itemgetter(*packets)
    if len(set(pairs)) != count or of_packets(current.rtt_ns).count(NO_REPLY) != count:
        return False
    sent_ns = of_packets(current.sent_ns)
    rtts_ns = [stamp - sent for stamp, sent in zip(stamps, sent_ns, strict=True)]
    # A packet that was not sent has the stamp 0, and so a round trip of decades.
    if min(rtts_ns) < 0 or max(rtts_ns) > current.timeout_ns:
        return False
    rtt_ns = current.rtt_ns
    for packet, rtt in zip(packets, rtts_ns, strict=True):
        rtt_ns[packet] = rtt
    current.outstanding -= count
    echo_socket.outstanding -= count
    return True
