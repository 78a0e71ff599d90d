"""Requests for the tables of nftables, and what their answers are made of; no I/O.

Sources: include/uapi/linux/netfilter/nfnetlink.h, nf_tables.h; netlink(7). Behind the
netlink header stands nfgenmsg: family u8, version u8, resource u16, the last in network
byte order, as are the numbers in attributes. The resource is the lower half of the
number of the generation that a list is of.
"""

import errno
import struct
from collections.abc import Mapping
from typing import Final

from exporter.errors import PacketError
from exporter.rtnetlink.message import Message, encode_attribute, encode_message

NETLINK_NETFILTER: Final = 12
NO_NFTABLES: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT})
"""How a kernel without nf_tables answers (nfnetlink_rcv_batch, nfnetlink_rcv_msg)."""

NEW_CHAIN, GET_CHAIN = 3, 4
NEW_RULE, GET_RULE = 6, 7
NEW_SET, GET_SET = 9, 10
NEW_ELEMENTS, GET_ELEMENTS = 12, 13

INET, IPV4, IPV6 = 1, 2, 10  # NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6

SUBSYSTEM: Final = 10  # NFNL_SUBSYS_NFTABLES
_REQUEST_DUMP: Final = 0x301
_GENERAL: Final = struct.Struct(">BBH")
_ATTRIBUTE: Final = struct.Struct("=HH")
_TYPE: Final = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_LIST_ELEMENT: Final = 1  # NFTA_LIST_ELEM
_ELEMENTS_TABLE, _ELEMENTS_SET = 1, 2  # NFTA_SET_ELEM_LIST_*

Attributes = Mapping[int, bytes]


def list_all(kind: int, family: int, sequence: int) -> bytes:
    """Return the request for every chain, rule or set of a family."""
    return _request(kind, _GENERAL.pack(family, 0, 0), sequence)


def list_elements(family: int, table: str, name: str, sequence: int) -> bytes:
    """Return the request for the elements of a set."""
    body = _GENERAL.pack(family, 0, 0)
    body += encode_attribute(_ELEMENTS_TABLE, _packed(table))
    body += encode_attribute(_ELEMENTS_SET, _packed(name))
    return _request(GET_ELEMENTS, body, sequence)


def kind_of(message: Message) -> int:
    """Return the kind of a message of nftables, 0 for any other."""
    return message.type & 0xFF if message.type >> 8 == SUBSYSTEM else 0


def generation_of(message: Message) -> int:
    """Return which generation of the tables a message is of (16 bits).

    Raises:
        PacketError: it is too short.
    """
    return _general(message.body)[1]


def family_of(message: Message) -> int:
    """Return the family that a message is of.

    Raises:
        PacketError: it is too short.
    """
    return _general(message.body)[0]


def attributes_of(message: Message) -> Attributes:
    """Return the attributes of a message.

    Raises:
        PacketError: it is malformed.
    """
    _general(message.body)
    return attributes(message.body[_GENERAL.size :])


def attributes(data: bytes) -> Attributes:
    """Return nested attributes by their type; of a repeated one, the last.

    Raises:
        PacketError: a length does not fit.
    """
    return dict(_split(data))


def elements(data: bytes) -> tuple[bytes, ...]:
    """Return the elements of a list, in order.

    Raises:
        PacketError: a length does not fit.
    """
    return tuple(value for kind, value in _split(data) if kind == _LIST_ELEMENT)


def text(found: Attributes, kind: int) -> str:
    """Return a text attribute, empty where it is missing."""
    return found.get(kind, b"").split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def number(found: Attributes, kind: int, default: int = 0) -> int:
    """Return a number in network byte order, the default where it is missing.

    Raises:
        PacketError: it has another size.
    """
    value = found.get(kind)
    if value is None:
        return default
    if len(value) not in (1, 2, 4, 8):
        raise PacketError(f"nftables: attribute {kind} of {len(value)} bytes")
    return int.from_bytes(value, "big")


def signed(found: Attributes, kind: int) -> int:
    """Return a signed number of 32 bits, 0 where it is missing.

    Raises:
        PacketError: it has another size.
    """
    value = number(found, kind) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _split(data: bytes) -> list[tuple[int, bytes]]:
    # A list and plain arithmetic: this is most of the time that reading takes.
    found = []
    offset, end, unpack = 0, len(data), _ATTRIBUTE.unpack_from
    while offset < end:
        if end - offset < 4:
            raise PacketError(f"nftables: {end - offset} bytes are no attribute")
        length, kind = unpack(data, offset)
        stop = offset + length
        if length < 4 or stop > end:
            raise PacketError(f"nftables: an attribute of {length} bytes does not fit")
        found.append((kind & _TYPE, data[offset + 4 : stop]))
        offset = stop + (-length & 3)
    return found


def _general(body: bytes) -> tuple[int, int]:
    if len(body) < _GENERAL.size:
        raise PacketError(f"nftables: a message of {len(body)} bytes")
    family, _version, resource = _GENERAL.unpack_from(body)
    return family, resource


def _request(kind: int, body: bytes, sequence: int) -> bytes:
    return encode_message(
        Message(
            type=SUBSYSTEM << 8 | kind,
            flags=_REQUEST_DUMP,
            sequence=sequence,
            port=0,
            body=body,
        )
    )


def _packed(name: str) -> bytes:
    return name.encode("utf-8", "backslashreplace") + b"\0"
