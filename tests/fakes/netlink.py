"""A kernel that answers netlink requests as a test says, faults included."""

import struct
from collections.abc import Callable, Sequence
from socket import AF_INET

from exporter.rtnetlink import RouteSocket
from exporter.rtnetlink.message import (
    DONE,
    ERROR,
    LINK,
    ROUTE,
    Message,
    decode_messages,
    encode_attribute,
    encode_message,
)

Answers = Sequence[Message | bytes | OSError]
"""Datagrams of one message each, raw ones, and what receiving raises."""


class FakeChannel:
    """Answers each request with what the test's function makes of it.

    A message of the sequence 0 gets the request's.
    """

    def __init__(self, answer: Callable[[Message], Answers]) -> None:
        self._answer = answer
        self._waiting: list[Message | bytes | OSError] = []
        self.requests: list[Message] = []
        self.closed = False

    def send(self, data: bytes) -> None:
        """Take a request."""
        (request,) = decode_messages(data)
        self.requests.append(request)
        for answer in self._answer(request):
            if isinstance(answer, Message) and answer.sequence == 0:
                self._waiting.append(addressed(answer, request.sequence))
            else:
                self._waiting.append(answer)

    def receive(self, timeout_s: float) -> bytes:
        """Return the next datagram; there is never more to wait for."""
        if not self._waiting or timeout_s <= 0:
            raise TimeoutError
        answer = self._waiting.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return encode_message(answer) if isinstance(answer, Message) else answer

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


def addressed(message: Message, sequence: int) -> Message:
    """Return a message as the answer to a request."""
    return Message(
        type=message.type,
        flags=message.flags,
        sequence=sequence,
        port=message.port,
        body=message.body,
    )


U32 = struct.Struct("=I")
MAC = bytes.fromhex("024200000001")


def message(
    kind: int, body: bytes = b"", *, flags: int = 0, sequence: int = 0
) -> Message:
    """Return a message of the kernel."""
    return Message(type=kind, flags=flags, sequence=sequence, port=0, body=body)


def link_body(
    index: int = 3, name: str = "br0", *, flags: int = 0x41, hardware: int = 1
) -> bytes:
    """Return the body of an RTM_NEWLINK."""
    return (
        LINK.pack(0, hardware, index, flags, 0)
        + encode_attribute(3, name.encode() + b"\0")
        + encode_attribute(1, MAC)
        + encode_attribute(4, U32.pack(1400))
        + encode_attribute(10, U32.pack(9))
        + encode_attribute(5, U32.pack(8))
    )


def route_body(*attributes: bytes, kind: int = 1, family: int = AF_INET) -> bytes:
    """Return the body of an RTM_NEWROUTE to 10.0.0.0/8 or fd00::/8, main table."""
    destination = (b"\x0a" if family == AF_INET else b"\xfd").ljust(
        4 if family == AF_INET else 16, b"\0"
    )
    head = ROUTE.pack(family, 8, 0, 0, 254, 0, 0, kind, 0)
    return head + encode_attribute(1, destination) + b"".join(attributes)


def failure(number: int) -> Message:
    """Return the kernel's error answer."""
    return message(ERROR, struct.pack("=i", -number) + bytes(16))


DONE_MESSAGE = message(DONE, struct.pack("=i", 0))
OUT_OF_3 = encode_attribute(4, U32.pack(3))


def socket_that(
    answer: Callable[[Message], Answers],
) -> tuple[RouteSocket, FakeChannel]:
    """Return a route socket over a kernel that answers so."""
    channel = FakeChannel(answer)
    return RouteSocket(channel=channel, timeout_s=0.5), channel
