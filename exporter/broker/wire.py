"""How requests and replies travel: over a stream socket, one after the other.

A request is JSON and is believed by nobody: who may be taken over sends it. A reply is
a pickle, as only the process with the privileges sends any, and descriptors. Each is
led by its length; descriptors follow in messages of a byte.
"""

import array
import errno
import json
import os
import pickle
import select
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from exporter.errors import BrokerFailed, BrokerGone

REQUEST_BYTES: Final = 1 << 20
"""Of the longest request: the ways of 256 addresses, the bridges of 4,000 networks."""
MOST_LENT: Final = 1
"""Descriptors that a request may be about."""
_HEAD: Final = struct.Struct("=IH")
"""Bytes that follow, and descriptors after them."""
_DESCRIPTORS: Final = 250
"""In one message; the kernel takes 253 (SCM_MAX_FD in include/net/scm.h)."""
_PIECE: Final = 1 << 16


class Malformed(Exception):
    """A request that nobody of ours would send."""


class NotReceived(OSError):
    """Descriptors that were sent could not be had here; nothing else is amiss."""

    def __init__(self) -> None:
        super().__init__(errno.EMFILE, os.strerror(errno.EMFILE))


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request brought."""

    value: object
    """Anything that `pickle` takes; an exception is raised over there."""
    descriptors: Sequence[int] = ()
    """Closed here once they are passed on."""
    notes: Sequence[tuple[str, str, float]] = field(default=())
    """Requests to the engine, as a `RequestObserver` is told of them."""


def send_request(
    channel: socket.socket, request: Mapping[str, object], about: Sequence[int] = ()
) -> None:
    """Send a request, about at most `MOST_LENT` descriptors.

    Raises:
        OSError: it was not sent, or in part.
        BrokerFailed: it is too long to be sent.
    """
    body = json.dumps(request).encode()
    if len(body) > REQUEST_BYTES:
        raise BrokerFailed(f"a request of {len(body)} bytes")
    channel.sendall(_HEAD.pack(len(body), len(about)) + body)
    _send_descriptors(channel, about)


def receive_request(channel: socket.socket) -> tuple[dict[str, object], list[int]]:
    """Return the next request and the descriptors that came with it.

    Raises:
        BrokerGone: the other end is closed.
        Malformed: it is none.
        NotReceived: no descriptor is left here; the next request can be received.
    """
    length, count = _head(channel)
    if length > REQUEST_BYTES or count > MOST_LENT:
        raise Malformed(f"{length} bytes, {count} descriptors")
    body = _bytes(channel, length)
    descriptors = _receive_descriptors(channel, count)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        _close(descriptors)
        raise Malformed("no JSON") from error
    if not isinstance(found, dict):
        _close(descriptors)
        raise Malformed("no object")
    return found, descriptors


def send_reply(channel: socket.socket, reply: Reply) -> None:
    """Send a reply, and close its descriptors here; raises OSError.

    What cannot be sent is replaced by `BrokerFailed`.
    """
    descriptors = reply.descriptors
    try:
        try:
            body = pickle.dumps((reply.value, tuple(reply.notes)))
        except Exception as error:  # noqa: BLE001 - by what stands in the value
            _close(descriptors)
            descriptors = ()
            body = pickle.dumps((BrokerFailed(repr(error)), ()))
        channel.sendall(_HEAD.pack(len(body), len(descriptors)) + body)
        _send_descriptors(channel, descriptors)
    finally:
        _close(descriptors)


def receive_reply(channel: socket.socket) -> Reply:
    """Return the next reply; its descriptors are the caller's.

    Raises:
        BrokerGone: the other end is closed.
    """
    length, count = _head(channel)
    body = _bytes(channel, length)
    try:
        descriptors = _receive_descriptors(channel, count)
    except NotReceived as error:
        return Reply(error)
    value, notes = pickle.loads(body)  # noqa: S301 - of the more trusted end
    return Reply(value, descriptors, notes)


def is_readable(descriptor: int, timeout_s: float) -> bool:
    """Return whether a descriptor becomes readable in time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def _head(channel: socket.socket) -> tuple[int, int]:
    length, count = _HEAD.unpack(_bytes(channel, _HEAD.size))
    return length, count


def _bytes(channel: socket.socket, length: int) -> bytearray:
    found = bytearray()
    while len(found) < length:
        piece = channel.recv(min(_PIECE, length - len(found)))
        if not piece:
            raise BrokerGone
        found += piece
    return found


def _send_descriptors(channel: socket.socket, descriptors: Sequence[int]) -> None:
    for start in range(0, len(descriptors), _DESCRIPTORS):
        some = array.array("i", descriptors[start : start + _DESCRIPTORS])
        channel.sendmsg(
            [b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, some.tobytes())]
        )


def _receive_descriptors(channel: socket.socket, count: int) -> list[int]:
    """Return so many descriptors; all of the messages are read in any case.

    Raises:
        BrokerGone: the other end is closed.
        NotReceived: not all of them came.
    """
    found: list[int] = []
    try:
        for start in range(0, count, _DESCRIPTORS):
            found += _receive_some(channel, min(_DESCRIPTORS, count - start))
    except BaseException:
        _close(found)
        raise
    if len(found) != count:
        _close(found)
        raise NotReceived
    return found


def _receive_some(channel: socket.socket, count: int) -> "array.array[int]":
    found = array.array("i")
    room = socket.CMSG_SPACE(count * found.itemsize)
    data, ancillary, _, _ = channel.recvmsg(1, room, socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(content[: len(content) - len(content) % found.itemsize])
    if not data:
        raise BrokerGone
    return found


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
