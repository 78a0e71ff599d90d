"""Netlink messages and their attributes as bytes: framing and requests, no I/O.

Sources: netlink(7), rtnetlink(7), RFC 3549; include/uapi/linux/netlink.h,
rtnetlink.h, if_link.h. All numbers are in the machine's byte order, and everything is
padded to 4 bytes:

    message    length u32 | type u16 | flags u16 | sequence u32 | port u32 | body
    attribute  length u16 | type u16 | value     (both lengths count their header)
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, AF_UNSPEC
from typing import Final

from exporter.errors import PacketError

ERROR: Final = 2  # NLMSG_ERROR
DONE: Final = 3  # NLMSG_DONE
NEW_LINK: Final = 16
GET_LINK: Final = 18
NEW_ADDRESS: Final = 20
GET_ADDRESS: Final = 22
NEW_ROUTE: Final = 24
GET_ROUTE: Final = 26
NEW_NEIGHBOUR: Final = 28
GET_NEIGHBOUR: Final = 30

DUMP_INTERRUPTED: Final = 0x10  # NLM_F_DUMP_INTR: it changed while it was listed
_REQUEST: Final = 0x01
_DUMP: Final = 0x300

_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_ATTRIBUTE_TYPE: Final = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_ERROR_CODE: Final = struct.Struct("=i")

LINK: Final = struct.Struct("=BxHiII")
"""ifinfomsg: family, hardware type, index, flags, mask of changes."""
ADDRESS: Final = struct.Struct("=BBBBI")
"""ifaddrmsg: family, prefix length, flags, scope, interface index."""
ROUTE: Final = struct.Struct("=BBBBBBBBI")
"""rtmsg: family, destination's and source's prefix length, TOS, table, protocol,
scope, type, flags."""
NEIGHBOUR: Final = struct.Struct("=BxxxiHBB")
"""ndmsg: family, interface index, state, flags, type."""

_IFLA_EXT_MASK: Final = 29
_SKIP_STATISTICS: Final = 8  # RTEXT_FILTER_SKIP_STATS
_RTA_DST: Final = 1
_RTA_OIF: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One netlink message."""

    type: int
    flags: int
    sequence: int
    port: int
    body: bytes

    def error(self) -> int:
        """Return the errno of an ERROR or DONE message, 0 if it reports none.

        Raises:
            PacketError: an ERROR message without a code.
        """
        if len(self.body) < _ERROR_CODE.size:
            if self.type == ERROR:
                raise PacketError("netlink: an error message without a code")
            return 0
        code: int = _ERROR_CODE.unpack_from(self.body)[0]
        return abs(code)


def decode_messages(data: bytes) -> tuple[Message, ...]:
    """Return the messages of one datagram.

    Raises:
        PacketError: a length does not fit.
    """
    messages = []
    offset = 0
    while offset < len(data):
        if len(data) - offset < _HEADER.size:
            raise PacketError(f"netlink: {len(data) - offset} bytes are no header")
        length, kind, flags, sequence, port = _HEADER.unpack_from(data, offset)
        if not _HEADER.size <= length <= len(data) - offset:
            raise PacketError(f"netlink: a message of {length} bytes does not fit")
        body = data[offset + _HEADER.size : offset + length]
        messages.append(
            Message(type=kind, flags=flags, sequence=sequence, port=port, body=body)
        )
        offset += _aligned(length)
    return tuple(messages)


def decode_attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes by their type; of a repeated one, the last.

    Raises:
        PacketError: a length does not fit.
    """
    found = {}
    offset = 0
    while offset < len(data):
        if len(data) - offset < _ATTRIBUTE.size:
            raise PacketError(f"netlink: {len(data) - offset} bytes are no attribute")
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not _ATTRIBUTE.size <= length <= len(data) - offset:
            raise PacketError(f"netlink: an attribute of {length} bytes does not fit")
        found[kind & _ATTRIBUTE_TYPE] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += _aligned(length)
    return found


def encode_message(message: Message) -> bytes:
    """Return a message as the kernel frames it."""
    length = _HEADER.size + len(message.body)
    header = _HEADER.pack(
        length, message.type, message.flags, message.sequence, message.port
    )
    return header + _padded(message.body)


def encode_attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + _padded(value)


def list_links(sequence: int) -> bytes:
    """Return the request for every link, without its statistics."""
    mask = encode_attribute(_IFLA_EXT_MASK, struct.pack("=I", _SKIP_STATISTICS))
    return _request(
        GET_LINK, LINK.pack(AF_UNSPEC, 0, 0, 0, 0) + mask, sequence, dump=True
    )


def ask_link(sequence: int, index: int) -> bytes:
    """Return the request for one link."""
    return _request(GET_LINK, LINK.pack(AF_UNSPEC, 0, index, 0, 0), sequence)


def list_addresses(sequence: int) -> bytes:
    """Return the request for every address of both families."""
    body = ADDRESS.pack(AF_UNSPEC, 0, 0, 0, 0)
    return _request(GET_ADDRESS, body, sequence, dump=True)


def list_routes(sequence: int) -> bytes:
    """Return the request for every route of every table and family."""
    body = ROUTE.pack(AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0, 0)
    return _request(GET_ROUTE, body, sequence, dump=True)


def list_neighbours(sequence: int) -> bytes:
    """Return the request for every neighbour entry of both families."""
    body = NEIGHBOUR.pack(AF_UNSPEC, 0, 0, 0, 0)
    return _request(GET_NEIGHBOUR, body, sequence, dump=True)


def ask_route(
    sequence: int, address: IPv4Address | IPv6Address, device: int | None
) -> bytes:
    """Return the request for the route that a packet to an address would take.

    Args:
        device: index of the interface that the sending socket is bound to, if any.
    """
    family = AF_INET if address.version == 4 else AF_INET6
    body = ROUTE.pack(family, address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    body += encode_attribute(_RTA_DST, address.packed)
    if device is not None:
        body += encode_attribute(_RTA_OIF, struct.pack("=i", device))
    return _request(GET_ROUTE, body, sequence)


def _request(kind: int, body: bytes, sequence: int, *, dump: bool = False) -> bytes:
    flags = _REQUEST | (_DUMP if dump else 0)
    return encode_message(
        Message(type=kind, flags=flags, sequence=sequence, port=0, body=body)
    )


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _padded(data: bytes) -> bytes:
    return data.ljust(_aligned(len(data)), b"\0")
