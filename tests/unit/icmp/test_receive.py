"""Receiving in batches, over a pair of sockets that needs no privilege."""

import socket
from collections.abc import Iterator

import pytest

from exporter.icmp.receive import (
    DATA_OFFSET,
    MESSAGES,
    SLOT_BYTES,
    STAMP_OFFSET,
    Receiver,
    queued_errors,
)
from exporter.sockopt import (
    IP_RECVERR,
    STAMP,
    ask_for_stamps,
    forget_error,
    set_buffer_bytes,
    stamp_ns,
)

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A sender, and a receiver whose messages are stamped."""
    sender, receiver = socket.socketpair(
        socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
    )
    ask_for_stamps(receiver)
    yield sender, receiver
    sender.close()
    receiver.close()


def data(receiver: Receiver, slot: int) -> bytes:
    """Return the datagram in a slot."""
    start = slot * SLOT_BYTES + DATA_OFFSET
    return bytes(receiver.slots[start : start + receiver.lengths[slot]])


def test_nothing_waits(pair: Pair) -> None:
    """An empty socket gives 0 at once."""
    assert 0 == Receiver().receive(pair[1].fileno())


def test_messages_in_order_with_stamps(pair: Pair) -> None:
    """Every message has its bytes, its length and a stamp of its own."""
    receiver = Receiver()
    for text in (b"one", b"", b"three"):
        pair[0].send(text)

    assert 3 == receiver.receive(pair[1].fileno())
    assert [b"one", b"", b"three"] == [data(receiver, slot) for slot in range(3)]
    stamps = [
        STAMP.unpack_from(receiver.slots, slot * SLOT_BYTES + STAMP_OFFSET)
        for slot in range(3)
    ]
    assert stamps == sorted(set(stamps))


def test_a_call_takes_what_it_has_room_for() -> None:
    """The rest stays for the next call, whose lengths start afresh."""
    receiver = Receiver()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waiting,
    ):
        waiting.bind(("127.0.0.1", 0))
        sender.connect(waiting.getsockname())
        for number in range(MESSAGES + 1):
            sender.send(bytes(number))

        assert MESSAGES == receiver.receive(waiting.fileno())
        assert list(range(MESSAGES)) == list(receiver.lengths)
        assert 1 == receiver.receive(waiting.fileno())
        assert MESSAGES == receiver.lengths[0]


def test_a_long_message_is_cut_to_its_slot(pair: Pair) -> None:
    """What does not fit is lost, and the next slot is not touched."""
    receiver = Receiver()
    pair[0].send(b"x" * 1000)
    pair[0].send(b"next")

    assert 2 == receiver.receive(pair[1].fileno())
    assert b"x" * (SLOT_BYTES - DATA_OFFSET) == data(receiver, 0)
    assert b"next" == data(receiver, 1)


def test_an_error_that_waits_is_raised() -> None:
    """The caller learns that the error queue is to be read."""
    with socket.socket() as unconnected, pytest.raises(OSError, match="connected"):
        Receiver().receive(unconnected.fileno())


def test_no_errors_are_queued() -> None:
    """An empty error queue yields nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)

        assert [] == list(queued_errors(sock, 4))
        assert 0 == forget_error(sock)


def test_stamp_of_ancillary_data(pair: Pair) -> None:
    """What recvmsg returns holds the stamp; without one there is None."""
    pair[0].send(b"x")
    _, ancillary, _, _ = pair[1].recvmsg(10, 100)

    assert (stamp_ns(ancillary) or 0) > 1_700_000_000 * 10**9
    assert stamp_ns([]) is None
    assert stamp_ns([(socket.SOL_SOCKET, 35, b"short")]) is None
    assert stamp_ns([(0, 35, bytes(16))]) is None


def test_stamps_of_either_kind_are_read() -> None:
    """Old (35) and new (64) stamps carry the same two numbers."""
    for kind in (35, 64):
        ancillary = [(socket.SOL_SOCKET, kind, STAMP.pack(2, 7))]

        assert 2_000_000_007 == stamp_ns(ancillary)


def test_buffers_grow() -> None:
    """As far as the system allows; the kernel doubles what is asked for."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        set_buffer_bytes(sock, 65536)

        assert 2 * 65536 == sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
