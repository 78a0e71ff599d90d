"""DNS queries and replies as bytes; no I/O (RFC 1035 §4).

The header of every message, in network order, then questions and resource records:

     0       1       2       3
    +-------+-------+-------+-------+
    |      id       |     flags     |  0  QR, opcode, AA, TC, RD, RA, Z, RCODE
    +---------------+---------------+
    |   questions   |    answers    |  4
    +---------------+---------------+
    |  authorities  |  additionals  |  8
    +---------------+---------------+ 12

A record: name, type (2), class (2), time to live (4), length (2), that many bytes.
A name is labels, each behind its length, up to a length of 0; a length with both high
bits set is a pointer to the rest of the name (§4.1.4).
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from exporter.errors import PacketError
from exporter.model.topology import IPAddress, IpVersion

NOERROR: Final = 0
NXDOMAIN: Final = 3

_HEADER: Final = struct.Struct("!HHHHHH")
_QUESTION: Final = struct.Struct("!HH")
_RECORD: Final = struct.Struct("!HHIH")
_POINTER: Final = struct.Struct("!H")

_RESPONSE: Final = 0x8000
_OPCODE: Final = 0x7800
_TRUNCATED: Final = 0x0200
_RECURSION_DESIRED: Final = 0x0100
_RCODE: Final = 0x000F

_ADDRESS_TYPE: Final[dict[int, int]] = {4: 1, 6: 28}  # A; AAAA (RFC 3596)
_CNAME: Final = 5
_INTERNET: Final = 1
_MAX_LABEL: Final = 63
_MAX_NAME: Final = 255  # bytes, with every length and the last 0


class Question(NamedTuple):
    """What is asked: the addresses of one family of a name."""

    name: str
    """Absolute; a dot at its end makes no difference."""
    ip_version: IpVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server answered to the question."""

    rcode: int
    """0 no error, 2 server failure, 3 no such name, 5 refused."""
    addresses: tuple[IPAddress, ...] = ()
    """Of the family asked for, found at the name or through its aliases."""
    truncated: bool = False
    """There is more, over TCP."""


def encode_query(question: Question, transaction: int) -> bytes:
    """Return the query for a question, with recursion desired.

    Args:
        transaction: 16 bits that the reply repeats.

    Raises:
        PacketError: the name has an empty or a too long label, or is too long.
    """
    header = _HEADER.pack(transaction, _RECURSION_DESIRED, 1, 0, 0, 0)
    kind = _ADDRESS_TYPE[question.ip_version]
    return header + _encode_name(question.name) + _QUESTION.pack(kind, _INTERNET)


def encode_reply(question: Question, transaction: int, reply: Reply) -> bytes:
    """Return the reply that a server gives, each record pointing at the question."""
    flags = _RESPONSE | _RECURSION_DESIRED | reply.rcode
    if reply.truncated:
        flags |= _TRUNCATED
    kind = _ADDRESS_TYPE[question.ip_version]
    parts = [
        _HEADER.pack(transaction, flags, 1, len(reply.addresses), 0, 0),
        _encode_name(question.name),
        _QUESTION.pack(kind, _INTERNET),
    ]
    for address in reply.addresses:
        name = _POINTER.pack(0xC000 | _HEADER.size)
        packed = address.packed
        parts.append(name + _RECORD.pack(kind, _INTERNET, 600, len(packed)) + packed)
    return b"".join(parts)


def decode_reply(message: bytes, question: Question, transaction: int) -> Reply:
    """Return what a reply says, once it is sure that it answers our question.

    Raises:
        PacketError: it is malformed, no response, or answers something else.
    """
    if len(message) < _HEADER.size:
        raise PacketError(f"{len(message)} bytes hold no DNS header")
    got, flags, questions, answers, _, _ = _HEADER.unpack_from(message)
    if got != transaction:
        raise PacketError(f"transaction {got:#06x}, not {transaction:#06x}")
    if not flags & _RESPONSE or flags & _OPCODE:
        raise PacketError(f"flags {flags:#06x}, not those of a response")
    if questions != 1:
        raise PacketError(f"{questions} questions repeated, not ours alone")
    kind = _ADDRESS_TYPE[question.ip_version]
    asked = _labels(question.name)
    name, offset = _read_name(message, _HEADER.size)
    if name != asked or _unpack(_QUESTION, message, offset) != (kind, _INTERNET):
        raise PacketError("the question repeated is not ours")
    records = _read_records(message, offset + _QUESTION.size, answers)
    return Reply(
        rcode=flags & _RCODE,
        addresses=_addresses(records, asked, kind),
        truncated=bool(flags & _TRUNCATED),
    )


class _Record(NamedTuple):
    name: tuple[bytes, ...]
    kind: int
    value: bytes | tuple[bytes, ...]
    """The bytes of an address, or the labels of a canonical name."""


def _read_records(message: bytes, offset: int, count: int) -> list[_Record]:
    """Return the address and alias records of a section; others are passed over."""
    records = []
    for _ in range(count):
        name, offset = _read_name(message, offset)
        kind, class_, _, length = _unpack(_RECORD, message, offset)
        offset += _RECORD.size
        data = message[offset : offset + length]
        if len(data) != length:
            raise PacketError("a record reaches beyond the end")
        if class_ == _INTERNET and kind == _CNAME:
            target, end = _read_name(message, offset)
            if end != offset + length:
                raise PacketError("an alias does not fill its record")
            records.append(_Record(name, kind, target))
        elif class_ == _INTERNET and kind in _ADDRESS_TYPE.values():
            records.append(_Record(name, kind, data))
        offset += length
    return records


def _addresses(
    records: list[_Record], asked: tuple[bytes, ...], kind: int
) -> tuple[IPAddress, ...]:
    """Return the addresses found at a name, following aliases in any order."""
    names = {asked}
    for _ in records:  # a chain has no more links than there are records
        found = {
            record.value
            for record in records
            if record.kind == _CNAME
            and record.name in names
            and isinstance(record.value, tuple)
        }
        if found <= names:
            break
        names |= found
    family, size = (IPv4Address, 4) if kind == _ADDRESS_TYPE[4] else (IPv6Address, 16)
    addresses: list[IPAddress] = []
    for record in records:
        if record.kind == kind and record.name in names:
            if not isinstance(record.value, bytes) or len(record.value) != size:
                raise PacketError("an address of the wrong size")
            addresses.append(family(record.value))
    return tuple(addresses)


def _labels(name: str) -> tuple[bytes, ...]:
    """Return a name's labels in lower case: DNS compares so, in ASCII only."""
    return tuple(part.lower() for part in _split(name))


def _split(name: str) -> list[bytes]:
    # Any str will do: what no server can know is simply not found.
    return name.removesuffix(".").encode("utf-8", "surrogatepass").split(b".")


def _encode_name(name: str) -> bytes:
    encoded = bytearray()
    for label in _split(name):
        if not 0 < len(label) <= _MAX_LABEL:
            raise PacketError(f"a label of {len(label)} bytes in {name[:80]!r}")
        encoded += bytes([len(label)]) + label
    encoded.append(0)
    if len(encoded) > _MAX_NAME:
        raise PacketError(f"a name of {len(encoded)} bytes")
    return bytes(encoded)


def _read_name(message: bytes, offset: int) -> tuple[tuple[bytes, ...], int]:
    """Return a name's labels in lower case and the offset behind it.

    A pointer must point before the place where it stands and before the last one:
    so there are no loops, and the length of a name bounds the rest.
    """
    labels: list[bytes] = []
    length, end, limit = 1, 0, offset
    while True:
        if offset >= len(message):
            raise PacketError("a name reaches beyond the end")
        size = message[offset]
        if size >= 0xC0:
            (pointer,) = _unpack(_POINTER, message, offset)
            target = pointer & 0x3FFF
            if target >= limit:
                raise PacketError("a compression pointer points forward")
            end = end or offset + _POINTER.size
            offset = limit = target
            continue
        if size > _MAX_LABEL:
            raise PacketError(f"a label of the reserved kind {size:#04x}")
        label = message[offset + 1 : offset + 1 + size]
        offset += 1 + size
        if not size:
            return tuple(labels), end or offset
        length += 1 + size
        if len(label) != size or length > _MAX_NAME:
            raise PacketError("a name is cut off or too long")
        labels.append(label.lower())


def _unpack(layout: struct.Struct, message: bytes, offset: int) -> tuple[int, ...]:
    if len(message) < offset + layout.size:
        raise PacketError("the message ends within a field")
    return layout.unpack_from(message, offset)
