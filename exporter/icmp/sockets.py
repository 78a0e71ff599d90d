"""Raw ICMP sockets: how they are made, filtered and bound (raw(7), icmp(7), packet(7)).

`open_echo_socket` must run inside the network namespace that the socket shall stay in.
"""

import ctypes
import errno
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from exporter.errors import ProbeSocketError
from exporter.icmp.packet import REPLY_KIND
from exporter.model.topology import IpVersion, SandboxId
from exporter.sockopt import (
    IP_RECVERR,
    IPV6_RECVERR,
    SO_ATTACH_FILTER,
    ask_for_stamps,
    is_refusal,
    set_buffer_bytes,
)

BUFFER_BYTES: Final = 4 * 1024 * 1024
"""The default 212992 holds 256 replies and loses the next one silently (measured)."""

_SOL_RAW: Final = 255
_ICMP_FILTER: Final = 1  # include/uapi/linux/icmp.h: a mask of types, 1 blocks
_ICMP6_FILTER: Final = 1  # include/uapi/linux/icmpv6.h: 256 bits, 1 blocks

# Classic BPF (include/uapi/linux/bpf_common.h): how to load, jump and return.
_LOAD_HEADER_BYTES: Final = 0xB1  # ldx 4 * (byte[k] & 0xf): past the IPv4 header
_LOAD_BYTE_FROM_X: Final = 0x50
_LOAD_HALF_FROM_X: Final = 0x48
_LOAD_BYTE: Final = 0x30
_LOAD_HALF: Final = 0x28
_JUMP_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_INSTRUCTION: Final = struct.Struct("=HBBI")
_WHOLE: Final = 0xFFFFFFFF


Bind = Callable[[socket.socket, str], bool]
"""As `bind_to_device`."""


class EchoSocket:
    """A raw ICMP socket in some namespace, with what the sender must remember of it."""

    __slots__ = (
        "_bind",
        "closed",
        "device",
        "fd",
        "ip_version",
        "outstanding",
        "sock",
        "source",
        "ttl",
    )

    def __init__(
        self,
        sock: socket.socket,
        *,
        ip_version: IpVersion,
        source: SandboxId,
        device: str | None = None,
        bind: Bind | None = None,
    ) -> None:
        self._bind = bind or bind_to_device
        self.sock = sock
        self.source = source
        self.fd = sock.fileno()
        self.ip_version: IpVersion = ip_version
        self.device = device
        """The only interface it sends and receives on; None: as the routes say."""
        self.ttl = 0
        """As set last; 0: the kernel's default."""
        self.outstanding = 0
        """Packets sent in this round that nothing has answered yet."""
        self.closed = False

    def listen_for(self, identifier: int) -> None:
        """Hear replies to this identifier only, from now on."""
        _attach(self.sock, reply_filter(self.ip_version, identifier))

    def set_ttl(self, ttl: int) -> None:
        """Let what is sent from now on pass `ttl` - 1 routers, 1 <= ttl <= 255."""
        if ttl == self.ttl:
            return
        if self.ip_version == 4:
            self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        else:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
        self.ttl = ttl

    def bind(self) -> bool:
        """Bind to the device by its name; return False while there is none of it.

        The kernel keeps the index of the interface: a bridge that was removed and made
        again under its name needs this once more.
        """
        if self.device is None:
            return True
        return self._bind(self.sock, self.device)

    def close(self) -> None:
        """Close it; may be called twice."""
        self.closed = True
        self.sock.close()


def bind_to_device(sock: socket.socket, device: str) -> bool:
    """Bind a socket to a device by its name; return False while there is none of it.

    A socket that is bound already needs CAP_NET_RAW (`sock_bindtoindex`).

    Raises:
        OSError: the kernel refuses.
    """
    name = device.encode() + b"\0"
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)
    except OSError as error:
        if error.errno == errno.ENODEV:
            return False
        raise
    return True


def open_echo_socket(
    ip_version: IpVersion,
    identifier: int,
    source: SandboxId,
    device: str | None = None,
) -> EchoSocket | None:
    """Return a socket that hears replies to `identifier` only; None: no such family.

    Raises:
        ProbeSocketError: CAP_NET_RAW is missing, or descriptors or memory are short.
    """
    family, protocol = (
        (socket.AF_INET, socket.IPPROTO_ICMP)
        if ip_version == 4
        else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    )
    what = f"a raw ICMP socket for IPv{ip_version}"
    try:
        sock = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:  # a kernel with ipv6.disable=1
            return None
        raise probe_socket_error(what, error) from error
    try:
        _set_up(sock, ip_version, identifier)
        made = EchoSocket(sock, ip_version=ip_version, source=source, device=device)
        made.bind()
    except OSError as error:
        sock.close()
        raise probe_socket_error(what, error) from error
    return made


def probe_socket_error(what: str, error: OSError) -> ProbeSocketError:
    """Return the error of this project that an OS error means for a probe socket."""
    if is_refusal(error):
        remedy = "grant CAP_NET_RAW"
    elif error.errno in {errno.EMFILE, errno.ENFILE}:
        remedy = "raise the limit of open files (LimitNOFILE, ulimit -n)"
    else:
        remedy = "report it with the kernel's version"
    return ProbeSocketError(what, error.errno or 0, remedy)


def _set_up(sock: socket.socket, ip_version: IpVersion, identifier: int) -> None:
    if ip_version == 4:
        accept_type = struct.pack("=I", ~(1 << (REPLY_KIND[4] >> 8)) & 0xFFFFFFFF)
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, accept_type)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    else:
        reply_type = REPLY_KIND[6] >> 8
        words = [0xFFFFFFFF] * 8
        words[reply_type // 32] &= ~(1 << reply_type % 32)
        accept_type = struct.pack("=8I", *words)
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, accept_type)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    _attach(sock, reply_filter(ip_version, identifier))
    with suppress(BlockingIOError):  # what came in before the filter stood
        while True:
            sock.recv(1)
    ask_for_stamps(sock)
    with suppress(OSError):  # smaller buffers still work, for smaller chunks
        set_buffer_bytes(sock, BUFFER_BYTES)


def reply_filter(ip_version: IpVersion, identifier: int) -> bytes:
    """Return the classic BPF program that keeps our own echo replies.

    A load beyond the end of the packet drops it. The IPv4 program starts at the IP
    header, the IPv6 one at the ICMPv6 header: that is what such sockets receive.
    """
    reply_type = REPLY_KIND[ip_version] >> 8
    if ip_version == 4:
        program = [
            (_LOAD_HEADER_BYTES, 0, 0, 0),
            (_LOAD_BYTE_FROM_X, 0, 0, 0),
            (_JUMP_IF_EQUAL, 0, 3, reply_type),
            (_LOAD_HALF_FROM_X, 0, 0, 4),
            (_JUMP_IF_EQUAL, 0, 1, identifier),
        ]
    else:
        program = [
            (_LOAD_BYTE, 0, 0, 0),
            (_JUMP_IF_EQUAL, 0, 3, reply_type),
            (_LOAD_HALF, 0, 0, 4),
            (_JUMP_IF_EQUAL, 0, 1, identifier),
        ]
    program += [(_RETURN, 0, 0, _WHOLE), (_RETURN, 0, 0, 0)]
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in program)


def _attach(sock: socket.socket, program: bytes) -> None:
    # struct sock_fprog: a count and a pointer; the kernel copies the program.
    memory = ctypes.create_string_buffer(program, len(program))
    count = len(program) // _INSTRUCTION.size
    fprog = struct.pack("HP", count, ctypes.addressof(memory))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
