"""A UDP socket in a namespace, for the server that Docker puts at 127.0.0.11.

`open_resolver_socket` must run inside that namespace. It needs no capability there.
"""

import ctypes
import errno
import socket
import struct
from collections.abc import Iterator
from typing import Final

from exporter.errors import ProbeSocketError
from exporter.sockopt import ask_for_stamps, stamp_ns

SERVER: Final = ("127.0.0.11", 53)
"""moby:daemon/libnetwork/resolver.go; exists with a user-defined network only."""

_MESSAGE_BYTES: Final = 4096
_ANCILLARY_BYTES: Final = 128
_MOST_WAITING: Final = 512  # more than a receive buffer of the usual size holds
_UNSPECIFIED: Final = bytes(16)  # a sockaddr of family AF_UNSPEC
_SERVER: Final = struct.pack(
    "=H2s4s8x", socket.AF_INET, SERVER[1].to_bytes(2), socket.inet_aton(SERVER[0])
)
"""A sockaddr_in, ip(7)."""
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


Arrival = tuple[bytes | None, int | None]
"""A message, None: nobody listens there; and when it came, by CLOCK_REALTIME in ns."""


class ResolverSocket:
    """A non-blocking socket, connected to the server by `connect_anew`."""

    __slots__ = ("closed", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.closed = False

    def connect_anew(self) -> int:
        """Connect from a port not used before, and forget what waits; return an errno.

        Packets to the server are translated to a port that changes when the engine
        restarts. A translation lasts as long as its packets keep coming: a socket that
        kept its port would go on asking where nobody listens any more.

        Returns:
            0 if it is connected.
        """
        for address in (_UNSPECIFIED, _SERVER):
            if _LIBC.connect(self.sock.fileno(), address, len(address)):
                return ctypes.get_errno()
        for _ in self.waiting():
            pass
        return 0

    def waiting(self) -> Iterator[Arrival]:
        """Yield what waits, not more than fits a receive buffer.

        Of the errors, ECONNREFUSED alone says something of a question.
        """
        for _ in range(_MOST_WAITING):
            try:
                message, ancillary, _, _ = self.sock.recvmsg(
                    _MESSAGE_BYTES, _ANCILLARY_BYTES
                )
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ECONNREFUSED:
                    yield None, None
            else:
                yield message, stamp_ns(ancillary)

    def close(self) -> None:
        """Close it; may be called twice."""
        self.closed = True
        self.sock.close()


def open_resolver_socket() -> ResolverSocket:
    """Return a socket that is not connected yet.

    Raises:
        ProbeSocketError: descriptors or memory are short.
    """
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise ProbeSocketError(
            "a UDP socket", error.errno or 0, "raise the limit of open files"
        ) from error
    # Whatever the routes in there: no router passes the question on.
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    ask_for_stamps(sock)
    return ResolverSocket(sock)
