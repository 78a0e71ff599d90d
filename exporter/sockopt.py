"""Linux socket options that Python's `socket` does not name, and receive stamps.

Numbers are those of include/uapi/asm-generic/socket.h and linux/in.h, the same on every
architecture that Docker runs on (alpha, mips, parisc and sparc differ).
"""

import errno
import socket
import struct
from collections.abc import Iterable
from ctypes import c_long, sizeof
from typing import Final

IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
SO_ATTACH_FILTER: Final = 26
_SO_SNDBUFFORCE: Final = 32
_SO_RCVBUFFORCE: Final = 33

_STAMP_OLD: Final = 35  # SO_TIMESTAMPNS: a timespec of two longs
_STAMP_NEW: Final = 64  # SO_TIMESTAMPNS_NEW: 64-bit seconds everywhere (Linux 5.1)
SO_TIMESTAMPNS: Final = _STAMP_OLD if sizeof(c_long) == 8 else _STAMP_NEW
"""With either, a stamp is two 64-bit numbers: seconds and nanoseconds."""

STAMP: Final = struct.Struct("=qq")


def set_buffer_bytes(sock: socket.socket, size: int) -> None:
    """Ask for receive and send buffers of this many bytes.

    Beyond net.core.rmem_max and wmem_max that needs CAP_NET_ADMIN; without it the
    kernel silently gives what these allow. It counts 832 bytes for a reply of ours.
    """
    for forced, polite in (
        (_SO_RCVBUFFORCE, socket.SO_RCVBUF),
        (_SO_SNDBUFFORCE, socket.SO_SNDBUF),
    ):
        try:
            sock.setsockopt(socket.SOL_SOCKET, forced, size)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, polite, size)


def ask_for_stamps(sock: socket.socket) -> None:
    """Have the kernel stamp what arrives, with CLOCK_REALTIME in nanoseconds."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def stamp_ns(ancillary: Iterable[tuple[int, int, bytes]]) -> int | None:
    """Return when a message arrived, CLOCK_REALTIME in nanoseconds; None: unstamped."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind in (_STAMP_OLD, _STAMP_NEW):
            if len(data) != STAMP.size:
                continue
            seconds, nanoseconds = STAMP.unpack(data)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return None


def forget_error(sock: socket.socket) -> int:
    """Clear the error that waits on a socket and return its errno, 0 if none waits."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def is_refusal(error: OSError) -> bool:
    """Return whether a privilege is missing, and not the network at fault."""
    return error.errno in {errno.EPERM, errno.EACCES}
