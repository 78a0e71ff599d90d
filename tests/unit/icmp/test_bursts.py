"""Replies matched together, against the same replies matched each for itself."""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.icmp.bursts import FEWEST, BurstMatcher
from exporter.icmp.echoes import NO_REPLY, EchoRound
from exporter.icmp.matching import Matcher
from exporter.icmp.packet import Echo, Identity, encode_reply
from exporter.icmp.probes import Ping
from exporter.icmp.receive import (
    DATA_OFFSET,
    MESSAGES,
    SENDER_IPV6_OFFSET,
    SLOT_BYTES,
    STAMP_OFFSET,
    Receiver,
)
from exporter.icmp.sockets import EchoSocket
from exporter.model.topology import IPAddress, IpVersion, SandboxId
from exporter.sockopt import STAMP
from tests.property.test_packet import datagram
from tests.unit.icmp.test_matching import NoPaths

OURS = Identity(0x1234, 0x0102030405060708)
SOURCE = SandboxId("a")
CYCLE, FIRST_SEQUENCE, PAIRS, PASSES = 7, 3, 10, 2
BASE: dict[int, IPAddress] = {4: IPv4Address("10.9.0.0"), 6: IPv6Address("fd00::")}

Packet = tuple[IPAddress, bytes]
"""Where a reply comes from, and its message."""


class Burst:
    """A round of which all packets were sent 1 ms ago, and slots to fill."""

    def __init__(self, ip_version: IpVersion) -> None:
        """Begin the round."""
        self.ip_version: IpVersion = ip_version
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket = EchoSocket(self.sock, ip_version=ip_version, source=SOURCE)
        self.round = EchoRound(
            [
                Ping(SOURCE, BASE[ip_version] + pair, 1, count=PASSES)
                for pair in range(PAIRS)
            ],
            identity=OURS,
            cycle=CYCLE,
            first_sequence=FIRST_SEQUENCE,
            timeout_ns=10**9,
            find=lambda _: self.socket,
            paths=NoPaths(),
        )
        self.now_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        for packet in range(self.round.packets):
            self.round.sent_ns[packet] = self.now_ns - 10**6
        self.round.outstanding = self.round.packets
        self.socket.outstanding = self.round.packets
        self.received = Receiver()

    def right(self, pair: int, number: int = 0) -> Packet:
        """Return the right reply to a packet."""
        packet = number * PAIRS + pair
        sequence = (FIRST_SEQUENCE - packet) % 0xFFFF
        echo = Echo(OURS.identifier, sequence, OURS.cookie, CYCLE, pair, number)
        message = encode_reply(echo, self.ip_version)
        if self.ip_version == 6:  # the kernel's own, over addresses that we don't see
            message = message[:2] + bytes([pair, 7]) + message[4:]
        return BASE[self.ip_version] + pair, message

    def lay(self, slot: int, packet: Packet) -> None:
        """Put a reply into a slot, as the kernel would."""
        source, message = packet
        start = slot * SLOT_BYTES
        slots = self.received.slots
        stamp = divmod(self.now_ns + slot, 10**9)
        STAMP.pack_into(slots, start + STAMP_OFFSET, *stamp)
        if isinstance(source, IPv4Address):
            data = datagram(source, message)
        else:
            data = message
            family = int(socket.AF_INET6).to_bytes(2, sys.byteorder)
            slots[start : start + 2] = family
            sender = start + SENDER_IPV6_OFFSET
            slots[sender : sender + 16] = source.packed
        at = start + DATA_OFFSET
        slots[at : at + len(data)] = data
        self.received.lengths[slot] = len(data)

    def match(self, *packets: Packet) -> bool:
        """Return whether these are matched together."""
        for slot, packet in enumerate(packets):
            self.lay(slot, packet)
        return BurstMatcher().match(
            self.round, self.socket, self.received, len(packets)
        )

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


@pytest.fixture(params=[4, 6])
def burst(request: pytest.FixtureRequest) -> Iterator[Burst]:
    """A round that waits for replies, of either family."""
    made = Burst(request.param)
    yield made
    made.close()


def test_right_replies_are_taken(burst: Burst) -> None:
    """In any order; each with the time between its own two stamps."""
    order = [3, 0, 9, 5]

    assert burst.match(*map(burst.right, order))
    taken = [10**6 + order.index(pair) for pair in sorted(order)]
    rtts = burst.round.rtt_ns
    assert taken == [rtts[pair] for pair in sorted(order)]
    assert 2 * PAIRS - 4 == rtts.count(NO_REPLY)
    assert (2 * PAIRS - 4,) * 2 == (burst.round.outstanding, burst.socket.outstanding)


def test_replies_of_a_later_pass_are_taken(burst: Burst) -> None:
    """They belong to the second packet of their pairs."""
    assert burst.match(*[burst.right(pair, 1) for pair in range(4)])
    assert [NO_REPLY] * PAIRS == list(burst.round.rtt_ns[:PAIRS])
    assert 4 == PAIRS - burst.round.rtt_ns[PAIRS:].count(NO_REPLY)


def _flip(place: int) -> Callable[[Burst], Packet]:
    def spoilt(burst: Burst) -> Packet:
        source, message = burst.right(3)
        changed = bytearray(message)
        changed[place] ^= 1
        return source, bytes(changed)

    return spoilt


ODD: dict[str, Callable[[Burst], Packet]] = {
    **{f"byte {n}": _flip(n) for n in range(28) if n not in {2, 3}},
    "source": lambda burst: (burst.right(4)[0], burst.right(3)[1]),
    "longer": lambda burst: (burst.right(3)[0], burst.right(3)[1] + b"x"),
    "shorter": lambda burst: (burst.right(3)[0], burst.right(3)[1][:-1]),
    "twice": lambda burst: burst.right(0),
    "another pass": lambda burst: burst.right(3, 1),
    "a pass too many": lambda burst: burst.right(3, 2),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("place", [0, 3])
def test_anything_odd_decides_nothing(
    burst: Burst, odd: Callable[[Burst], Packet], place: int
) -> None:
    """One spoilt reply among good ones: none of them is taken here."""
    packets = [burst.right(0), burst.right(1), burst.right(2)]
    packets.insert(place, odd(burst))

    assert not burst.match(*packets)
    assert [NO_REPLY] * 2 * PAIRS == list(burst.round.rtt_ns)
    assert (2 * PAIRS,) * 2 == (burst.round.outstanding, burst.socket.outstanding)


def _forget_sending(burst: Burst) -> None:
    burst.round.sent_ns[2] = 0


def _answer_before(burst: Burst) -> None:
    burst.round.rtt_ns[2] = 1


def _be_late(burst: Burst) -> None:
    burst.round.sent_ns[2] -= 10**9


def _be_early(burst: Burst) -> None:
    burst.round.sent_ns[2] += 10**7


def _be_of_another_socket(burst: Burst) -> None:
    burst.round.sockets[2] = None


@pytest.mark.parametrize(
    "happen",
    [_forget_sending, _answer_before, _be_late, _be_early, _be_of_another_socket],
)
def test_a_round_in_which_a_reply_is_odd(
    burst: Burst, happen: Callable[[Burst], None]
) -> None:
    """Not sent, answered, out of its time, or through another socket."""
    happen(burst)
    before = list(burst.round.rtt_ns)

    assert not burst.match(*map(burst.right, range(4)))
    assert before == list(burst.round.rtt_ns)


@pytest.mark.parametrize("pair", [0, PAIRS])
def test_a_burst_of_what_was_never_sent(burst: Burst, pair: int) -> None:
    """Packets beyond the last, pairs beyond the last: alike, and none of them ours."""
    number = 0 if pair else PASSES

    assert not burst.match(*[burst.right(pair + n, number) for n in range(4)])


def test_a_wrong_ipv4_checksum_is_odd() -> None:
    """A raw IPv4 socket receives what is damaged, too."""
    burst = Burst(4)
    matched = [
        burst.match(*map(burst.right, range(3)), _flip(n)(burst)) for n in (2, 3)
    ]
    burst.close()

    assert [False, False] == matched


def test_an_ipv4_header_with_options_is_odd() -> None:
    """Its message is not where the others have theirs."""
    burst = Burst(4)
    for slot in range(4):
        burst.lay(slot, burst.right(slot))
    burst.received.slots[3 * SLOT_BYTES + DATA_OFFSET] = 0x46
    matched = BurstMatcher().match(burst.round, burst.socket, burst.received, 4)
    burst.close()

    assert not matched


@given(st.lists(st.integers(0, PAIRS * 3 - 1), min_size=FEWEST, max_size=MESSAGES))
def test_together_is_as_each_for_itself(numbers: list[int]) -> None:
    """The same replies, duplicates and strangers among them: the same outcome."""
    seen = []
    for step in (len(numbers), 1):
        burst = Burst(4)
        matcher = Matcher(OURS)
        matcher.begin(burst.round)
        packets = [burst.right(n % PAIRS, n // PAIRS) for n in numbers]
        for start in range(0, len(packets), step):
            some = packets[start : start + step]
            for slot, packet in enumerate(some):
                burst.lay(slot, packet)
            matcher.accept(burst.socket, burst.received, len(some))
        burst.close()
        answered = [rtt != NO_REPLY for rtt in burst.round.rtt_ns]
        seen.append(
            (answered, burst.round.duplicates, matcher.foreign_total,
             burst.round.outstanding)
        )  # fmt: skip

    assert seen[0] == seen[1]
