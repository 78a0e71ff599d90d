"""ICMP echo messages as bytes, both families; no I/O (RFC 792 p. 14, RFC 4443 §4).

What a probe carries behind the four fields of every echo message:

     0       1       2       3
    +-------+-------+---------------+
    | type  | code  |   checksum    |  0  request 8 / 128, reply 0 / 129, code 0
    +-------+-------+---------------+
    |  identifier   |   sequence    |  4  identifier: of our choice, see `flows`
    +---------------+---------------+
    |            cookie             |  8  64 random bits, one for the process's life
    |                               |
    +-------------------------------+
    |             cycle             | 16  counts the rounds
    +-------------------------------+
    |             pair              | 20  its index in the round
    +-------------------------------+
    |            number             | 24  of the packet among those of its pair
    +-------------------------------+ 28

All in network order. A raw IPv4 socket receives the IP header in front (raw(7)), a
raw IPv6 socket does not, and there the kernel computes and checks the checksum.
"""

import struct
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from exporter.errors import PacketError
from exporter.model.topology import IpVersion

ECHO: Final = struct.Struct("!HHHHQIII")
"""Kind (type << 8 | code), checksum, identifier, sequence, cookie, cycle, pair,
number."""

ECHO_BYTES: Final = ECHO.size

PLAIN_IPV4: Final = struct.Struct("!B11x4s4xHHHHQIII")
"""An echo message behind an IPv4 header without options: version and header length,
source address, then the fields of `ECHO`."""

PLAIN_IPV4_HEAD: Final = 0x45
"""First byte of an IPv4 header of five words, that is, without options (RFC 791)."""

REQUEST_KIND: Final[dict[int, int]] = {4: 8 << 8, 6: 128 << 8}
REPLY_KIND: Final[dict[int, int]] = {4: 0, 6: 129 << 8}

# Protocol, source and the least of an IPv4 header (RFC 791 p. 11).
_IPV4_HEADER: Final = struct.Struct("!BxHxxxxxBxx4s4x")
_QUOTE: Final = struct.Struct("!HxxHH")  # the 8 bytes every ICMP error must quote
_ICMP: Final = 1  # the IPv4 protocol number


class Identity(NamedTuple):
    """What tells our packets from everybody else's."""

    identifier: int
    """16 bits. Each new one costs a conntrack entry for every pair, for 30 s."""
    cookie: int
    """64 random bits."""


class Echo(NamedTuple):
    """What an echo message of ours says, request or reply."""

    identifier: int
    """16 bits."""
    sequence: int
    """16 bits."""
    cookie: int
    """64 bits."""
    cycle: int
    """32 bits."""
    pair: int
    """32 bits."""
    number: int
    """32 bits."""


class Quote(NamedTuple):
    """What an ICMP error says about the request of ours that caused it."""

    identifier: int
    sequence: int
    echo: Echo | None
    """The whole request; None where the error quotes less of it (RFC 792: 8 bytes)."""


def checksum(message: bytes) -> int:
    """Return the Internet checksum of a message whose own field is zero.

    The sum of 16-bit words in one's complement arithmetic is the sum modulo 65535
    (RFC 1071 §2), and 65536 is 1 there: a number of any width that starts at an even
    offset counts as itself.

    >>> hex(checksum(bytes.fromhex("0001f203f4f5f6f7")))
    '0x220d'
    """
    padded = message + b"\0" if len(message) % 2 else message
    return _complement(int.from_bytes(padded, "big"))


def _complement(total: int) -> int:
    # One's complement has two zeros: only words that are all 0 add up to the first.
    return -total % 0xFFFF if total else 0xFFFF


def encode_request(echo: Echo, ip_version: IpVersion) -> bytes:
    """Return the request that asks for `echo`."""
    return _encode(REQUEST_KIND[ip_version], echo, ip_version)


def encode_reply(echo: Echo, ip_version: IpVersion) -> bytes:
    """Return the reply that a host gives to the request of the same fields."""
    return _encode(REPLY_KIND[ip_version], echo, ip_version)


def _encode(kind: int, echo: Echo, ip_version: IpVersion) -> bytes:
    # The kernel fills in the checksum of ICMPv6 (RFC 3542 §3.1).
    check = 0 if ip_version == 6 else _complement(kind + sum(echo))
    return ECHO.pack(kind, check, *echo)


def decode_reply(message: bytes, ip_version: IpVersion) -> Echo:
    """Return what an echo reply says; the message has no IP header.

    Raises:
        PacketError: it is no echo reply, not of our size, or damaged.
    """
    if len(message) != ECHO_BYTES:
        raise PacketError(f"{len(message)} bytes, an echo of ours has {ECHO_BYTES}")
    fields = ECHO.unpack(message)
    if fields[0] != REPLY_KIND[ip_version]:
        raise PacketError(f"type and code {fields[0]:#06x}, not those of a reply")
    if ip_version == 4 and (sum(fields) % 0xFFFF or not any(fields)):
        raise PacketError("the checksum is wrong")
    return Echo(*fields[2:])


def decode_datagram(datagram: bytes) -> tuple[IPv4Address, Echo]:
    """Return source and echo reply of what a raw IPv4 socket received.

    Raises:
        PacketError: the IP header is damaged, or what follows it is no reply of ours.
    """
    if len(datagram) < _IPV4_HEADER.size:
        raise PacketError(f"{len(datagram)} bytes hold no IPv4 header")
    head, length, protocol, source = _IPV4_HEADER.unpack_from(datagram)
    header_bytes = (head & 0x0F) * 4
    if head >> 4 != 4 or header_bytes < _IPV4_HEADER.size:
        raise PacketError(f"first byte {head:#04x} of an IPv4 header")
    if protocol != _ICMP:
        raise PacketError(f"protocol {protocol}, not ICMP")
    if length != len(datagram):
        raise PacketError(f"{len(datagram)} bytes of a datagram of {length}")
    return IPv4Address(source), decode_reply(datagram[header_bytes:], 4)


def decode_quote(message: bytes, ip_version: IpVersion) -> Quote:
    """Return which request an ICMP error is about.

    Args:
        message: what the error quotes from the ICMP header of the request on, as the
            error queue hands it out (ip(7), IP_RECVERR); at least 8 bytes of it.
        ip_version: of the request.

    Raises:
        PacketError: it is too short, or quotes something else than an echo request.
    """
    if len(message) < _QUOTE.size:
        raise PacketError(f"{len(message)} bytes quote too little")
    kind, identifier, sequence = _QUOTE.unpack_from(message)
    if kind != REQUEST_KIND[ip_version]:
        raise PacketError(f"type and code {kind:#06x}, not those of a request")
    if len(message) < ECHO_BYTES:
        return Quote(identifier, sequence, None)
    return Quote(identifier, sequence, Echo(*ECHO.unpack_from(message)[2:]))
