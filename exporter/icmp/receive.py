"""Many replies in one system call, and the error queue (recvmmsg(2), ip(7)).

A call of recvmsg for each reply costs a tenth of a whole probe more (measured), hence
recvmmsg, which Python does not offer, by ctypes. One `Receiver` serves all sockets of
a thread: what it holds is read before the next call.

Each message has a slot of `SLOT_BYTES`:

    offset  size
         0    32  sockaddr of the sender
        32    64  one control message: cmsghdr, then seconds and nanoseconds
        96    96  the datagram
"""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator
from ctypes import addressof, c_int, c_uint, c_void_p, create_string_buffer, memmove
from typing import Final, NamedTuple

from exporter.model.topology import IpVersion
from exporter.sockopt import IP_RECVERR, IPV6_RECVERR

MESSAGES: Final = 64
"""Received in one call at most."""

SLOT_BYTES: Final = 192
DATA_OFFSET: Final = 96
_DATA_BYTES: Final = SLOT_BYTES - DATA_OFFSET  # an IPv4 header of 60, an echo of 28
_NAME_BYTES: Final = 32
_CONTROL_BYTES: Final = DATA_OFFSET - _NAME_BYTES

STAMP_OFFSET: Final = _NAME_BYTES + struct.calcsize("@Nii")
"""Behind the cmsghdr (length, level, type) of the only control message."""

SENDER_IPV6_OFFSET: Final = 8
"""Of the address in a sockaddr_in6: family, port, flow information come first."""

_ERROR_BYTES: Final = 2048
_EXTENDED_ERROR: Final = struct.Struct("=IBBBxII")  # linux/errqueue.h


# Native alignment; "0P" pads to that of a pointer, as the end of a struct does.
_IOVEC: Final = struct.Struct("@PN")
_MSGHDR: Final = struct.Struct("@PIPNPNi0P")
_MMSGHDR: Final = struct.Struct("@PIPNPNi0PI0P")


class Receiver:
    """Buffers for one call of recvmmsg at a time."""

    def __init__(self) -> None:
        self._memory = create_string_buffer(MESSAGES * SLOT_BYTES)
        self._iovecs = create_string_buffer(MESSAGES * _IOVEC.size)
        self._headers = create_string_buffer(MESSAGES * _MMSGHDR.size)
        for index in range(MESSAGES):
            slot = addressof(self._memory) + index * SLOT_BYTES
            iovec = addressof(self._iovecs) + index * _IOVEC.size
            header = (slot, _NAME_BYTES, iovec, 1, slot + _NAME_BYTES, _CONTROL_BYTES)
            _IOVEC.pack_into(
                self._iovecs, index * _IOVEC.size, slot + DATA_OFFSET, _DATA_BYTES
            )
            _MMSGHDR.pack_into(self._headers, index * _MMSGHDR.size, *header, 0, 0)
        # The kernel overwrites lengths and flags: every call starts from this copy.
        self._fresh = self._headers.raw
        self._recvmmsg = ctypes.CDLL(None, use_errno=True).recvmmsg
        self._arguments = (
            c_void_p(addressof(self._headers)),
            c_uint(MESSAGES),
            c_int(socket.MSG_DONTWAIT),
            c_void_p(None),
        )
        self.slots = memoryview(self._memory).cast("B")
        """All slots, one behind the other."""
        words = memoryview(self._headers).cast("B").cast("I")
        self.lengths = words[_MSGHDR.size // 4 :: _MMSGHDR.size // 4]
        """Bytes of each datagram, cut to what the slot holds."""

    def receive(self, fd: int) -> int:
        """Fill the slots with what waits on a socket; return how many, 0 for nothing.

        Raises:
            OSError: an error waits on the socket; it is cleared by this.
        """
        memmove(self._arguments[0], self._fresh, len(self._fresh))
        count: int = self._recvmmsg(fd, *self._arguments)
        if count < 0:
            number = ctypes.get_errno()
            if number in {errno.EAGAIN, errno.EINTR}:
                return 0
            raise OSError(number, os.strerror(number))
        return count


class QueuedError(NamedTuple):
    """One entry of a socket's error queue (struct sock_extended_err)."""

    number: int
    """The errno."""
    origin: int
    """1 local, 2 ICMP, 3 ICMPv6."""
    kind: int
    """ICMP type."""
    code: int
    destination: str
    """Of the packet that caused it."""
    quote: bytes
    """What is quoted of that packet, from its ICMP header on."""


def queued_errors(sock: socket.socket, ip_version: IpVersion) -> Iterator[QueuedError]:
    """Take everything from a socket's error queue.

    It holds errors about everybody's packets in the namespace, not ours alone: a raw
    socket is told of all of its protocol.
    """
    wanted = (
        (socket.IPPROTO_IP, IP_RECVERR)
        if ip_version == 4
        else (socket.IPPROTO_IPV6, IPV6_RECVERR)
    )
    while True:
        try:
            quote, ancillary, _, address = sock.recvmsg(
                _ERROR_BYTES, _ERROR_BYTES, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
            )
        except OSError:  # EAGAIN: empty. Anything else would only come again.
            return
        for level, kind, data in ancillary:
            if (level, kind) == wanted and len(data) >= _EXTENDED_ERROR.size:
                number, origin, icmp_type, code, _, _ = _EXTENDED_ERROR.unpack_from(
                    data
                )
                destination = str(address[0]) if address else ""
                yield QueuedError(number, origin, icmp_type, code, destination, quote)
