"""Requests and replies arrive whole, with their descriptors, or tell what is wrong."""

import array
import json
import os
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from exporter.broker import wire
from exporter.broker.wire import Malformed, NotReceived, Reply
from exporter.errors import BrokerFailed, BrokerGone, NetnsGone
from tests.fakes.scarcity import at_most, descriptors

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A channel, by its two ends."""
    one, other = socket.socketpair()
    with one, other:
        for end in (one, other):
            end.settimeout(5)
        yield one, other


def raw(body: bytes, count: int = 0, length: int | None = None) -> bytes:
    """Return a request as bytes."""
    return struct.pack("=IH", len(body) if length is None else length, count) + body


def test_a_request_arrives_as_it_was(ends: Ends) -> None:
    """With what it is about."""
    read, write = os.pipe()
    wire.send_request(ends[0], {"do": "look", "name": "\udcff"}, [read])
    request, (copy,) = wire.receive_request(ends[1])

    assert request == {"do": "look", "name": "\udcff"}
    assert os.path.sameopenfile(copy, read)
    assert not os.get_inheritable(copy)
    for number in (read, write, copy):
        os.close(number)


def test_several_requests_are_kept_apart(ends: Ends) -> None:
    """However the stream cuts them."""
    text = raw(b'{"a": 1}') + raw(b'{"b": 2}')
    for byte in text:
        ends[0].send(bytes([byte]))

    assert wire.receive_request(ends[1]) == ({"a": 1}, [])
    assert wire.receive_request(ends[1]) == ({"b": 2}, [])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(raw(b"{"), id="no JSON"),
        pytest.param(raw(b"\xff\xfe"), id="no text"),
        pytest.param(raw(b""), id="nothing"),
        pytest.param(raw(b"[1]"), id="no object"),
        pytest.param(raw(b"9" * 5000), id="a number that Python will not read"),
        pytest.param(raw(b"[" * 200_000), id="too deep"),
        pytest.param(raw(b"", length=wire.REQUEST_BYTES + 1), id="too long"),
        pytest.param(raw(b"{}", count=wire.MOST_LENT + 1), id="about too many"),
    ],
)
def test_what_is_no_request_is_malformed(ends: Ends, text: bytes) -> None:
    """Whatever it is instead."""
    sender = threading.Thread(target=ends[0].sendall, args=(text,))
    sender.start()
    with pytest.raises(Malformed):
        wire.receive_request(ends[1])
    sender.join()


def test_descriptors_of_what_is_malformed_are_closed(ends: Ends) -> None:
    """They would else fill the process up."""
    before = descriptors()
    ends[0].sendall(raw(b"[]", count=1))
    socket.send_fds(ends[0], [b"+"], [0])
    with pytest.raises(Malformed):
        wire.receive_request(ends[1])

    assert descriptors() == before


def test_descriptors_that_nobody_waits_for_are_closed(ends: Ends) -> None:
    """Beside the bytes of a request, or more than it speaks of."""
    before = descriptors()
    socket.send_fds(ends[0], [raw(b"{}")], [0, 0, 0])
    assert wire.receive_request(ends[1]) == ({}, [])

    ends[0].sendall(raw(b"{}", count=1))
    socket.send_fds(ends[0], [b"+"], [0, 0, 0])
    with pytest.raises(NotReceived):
        wire.receive_request(ends[1])

    assert descriptors() == before


@pytest.mark.parametrize("sent", [0, 3, 6, 8], ids=str)
def test_an_end_that_closes_is_gone(ends: Ends, sent: int) -> None:
    """In the middle of a request or of a reply, too."""
    before = descriptors()
    text = raw(b"{}", count=1)
    ends[0].sendall(text[:sent])
    ends[0].shutdown(socket.SHUT_RDWR)
    with pytest.raises(BrokerGone):
        wire.receive_request(ends[1])

    assert descriptors() == before


def test_a_request_that_would_not_be_read_is_not_sent(ends: Ends) -> None:
    """The channel stays as it was."""
    with pytest.raises(BrokerFailed):
        wire.send_request(ends[0], {"do": "x" * wire.REQUEST_BYTES})
    wire.send_request(ends[0], {"do": "y"})

    assert wire.receive_request(ends[1])[0] == {"do": "y"}


@pytest.mark.parametrize("count", [0, 1, 250, 251, 600], ids=str)
def test_a_reply_arrives_with_its_descriptors(ends: Ends, count: int) -> None:
    """However many, in their order; the sender's are closed."""
    before = descriptors()
    files = [os.memfd_create(str(number)) for number in range(count)]
    for number, file in enumerate(files):
        os.write(file, str(number).encode())
    notes = (("info", "200", 0.25),)
    sender = threading.Thread(
        target=wire.send_reply, args=(ends[0], Reply({"a": 1}, files, notes))
    )
    sender.start()
    found = wire.receive_reply(ends[1])
    sender.join()

    assert (found.value, found.notes) == ({"a": 1}, notes)
    assert [int(os.pread(fd, 9, 0)) for fd in found.descriptors] == [*range(count)]
    assert not any(map(os.get_inheritable, found.descriptors))
    for file in found.descriptors:
        os.close(file)
    assert descriptors() == before


def test_where_no_descriptor_is_left_the_channel_stays_in_step(ends: Ends) -> None:
    """The next reply is not read from the middle of this one."""
    before = descriptors()
    wire.send_reply(ends[0], Reply("first", [os.dup(0) for _ in range(300)]))
    wire.send_reply(ends[0], Reply("second"))
    with at_most(100):
        found = wire.receive_reply(ends[1])

    assert isinstance(found.value, NotReceived)
    assert found.descriptors == ()
    assert wire.receive_reply(ends[1]).value == "second"
    assert descriptors() == before


def test_what_cannot_be_sent_is_told(ends: Ends) -> None:
    """And its descriptors are closed."""
    before = descriptors()
    wire.send_reply(ends[0], Reply(threading.Lock(), [os.dup(0)]))
    found = wire.receive_reply(ends[1])

    assert isinstance(found.value, BrokerFailed)
    assert found.descriptors == []
    assert descriptors() == before


def test_descriptors_are_closed_where_nobody_receives_them(ends: Ends) -> None:
    """The other end has ended."""
    before = descriptors()
    ends[1].shutdown(socket.SHUT_RDWR)
    with pytest.raises(OSError, match=r".*"):
        wire.send_reply(ends[0], Reply(None, [os.dup(0)]))

    assert descriptors() == before


def test_errors_arrive_with_their_fields(ends: Ends) -> None:
    """They are raised over there as they were here."""
    wire.send_reply(ends[0], Reply(NetnsGone("/path")))
    found = wire.receive_reply(ends[1]).value

    assert isinstance(found, NetnsGone)
    assert (found.path, str(found)) == ("/path", str(NetnsGone("/path")))


def test_readable_is_told_in_time(ends: Ends) -> None:
    """And that nothing came."""
    assert not wire.is_readable(ends[0].fileno(), 0)
    ends[1].send(json.dumps({}).encode())
    assert wire.is_readable(ends[0].fileno(), 5)


def test_arrays_are_of_descriptors_size() -> None:
    """SCM_RIGHTS carries C's int."""
    assert array.array("i").itemsize == struct.calcsize("i")
