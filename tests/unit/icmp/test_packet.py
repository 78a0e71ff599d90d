"""Echo messages against bytes written down by hand."""

from ipaddress import IPv4Address

import pytest

from exporter.errors import PacketError
from exporter.icmp.packet import (
    Echo,
    Quote,
    checksum,
    decode_datagram,
    decode_quote,
    decode_reply,
    encode_reply,
    encode_request,
)

ECHO = Echo(0x1234, 0xABCD, 0x0102030405060708, 9, 10, 11)
BODY = bytes.fromhex("1234 abcd 0102030405060708 00000009 0000000a 0000000b")
REQUEST = bytes.fromhex("0800 29cc") + BODY
REPLY = bytes.fromhex("0000 31cc") + BODY
HEADER = bytes.fromhex("4500 0030 0000 0000 4001 0000 0a090003 0a090002")


def test_encode_request() -> None:
    """Type 8, code 0, the checksum of RFC 1071, then the fields in network order."""
    assert REQUEST == encode_request(ECHO, 4)


def test_encode_reply() -> None:
    """A host answers with type 0 and everything else unchanged (RFC 792 p. 14)."""
    assert REPLY == encode_reply(ECHO, 4)


def test_ipv6_leaves_the_checksum_to_the_kernel() -> None:
    """Types 128 and 129; the kernel fills in the checksum (RFC 3542 §3.1)."""
    assert bytes.fromhex("8000 0000") + BODY == encode_request(ECHO, 6)
    assert bytes.fromhex("8100 0000") + BODY == encode_reply(ECHO, 6)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param("0001f203f4f5f6f7", 0x220D, id="example of RFC 1071"),
        pytest.param("0001f203f4f5f6", 0x2304, id="odd length"),
        pytest.param("0000", 0xFFFF, id="nothing but zeros"),
        pytest.param("ffff", 0x0000, id="the other zero"),
        pytest.param("", 0xFFFF, id="empty"),
    ],
)
def test_checksum(message: str, expected: int) -> None:
    """The complement of the one's complement sum, with its two zeros."""
    assert expected == checksum(bytes.fromhex(message))


def test_nothing_but_zeros_is_a_message_too() -> None:
    """The least of all echoes survives, though its sum is the other zero."""
    zero = Echo(0, 0, 0, 0, 0, 0)

    assert zero == decode_reply(encode_reply(zero, 4), 4)


def test_decode_datagram() -> None:
    """A raw IPv4 socket receives the IP header too."""
    assert (IPv4Address("10.9.0.3"), ECHO) == decode_datagram(HEADER + REPLY)


def test_decode_datagram_with_options() -> None:
    """The header's length field says where the message begins (RFC 791 p. 11)."""
    header = b"\x46\0\0\x34" + HEADER[4:] + b"\1\1\1\0"

    assert (IPv4Address("10.9.0.3"), ECHO) == decode_datagram(header + REPLY)


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(HEADER[:19], id="half a header"),
        pytest.param(HEADER, id="header only"),
        pytest.param(b"\x65" + HEADER[1:] + REPLY, id="version 6"),
        pytest.param(b"\x44" + HEADER[1:] + REPLY, id="header of 16 bytes"),
        pytest.param(b"\x4f" + HEADER[1:] + REPLY, id="header beyond the end"),
        pytest.param(HEADER[:9] + b"\x11" + HEADER[10:] + REPLY, id="UDP"),
        pytest.param(HEADER + REPLY[:-1], id="cut"),
        pytest.param(HEADER + REPLY + b"\0", id="padded"),
        pytest.param(HEADER + REQUEST, id="a request"),
        pytest.param(HEADER + REPLY[:-1] + b"\xff", id="damaged"),
        pytest.param(HEADER + b"\0\1" + REPLY[2:], id="code 1"),
    ],
)
def test_decode_datagram_refuses(datagram: bytes) -> None:
    """Everything that is not a whole reply of ours is a PacketError."""
    with pytest.raises(PacketError):
        decode_datagram(datagram)


def test_a_reply_of_zeros_alone_is_damaged() -> None:
    """Zeros that add up to zero carry no checksum, though 65535 divides them."""
    with pytest.raises(PacketError):
        decode_reply(bytes(28), 4)


def test_decode_quote() -> None:
    """The whole request, when the error quotes it all."""
    assert Quote(0x1234, 0xABCD, ECHO) == decode_quote(REQUEST, 4)
    assert Quote(0x1234, 0xABCD, ECHO) == decode_quote(REQUEST + bytes(9), 4)


def test_decode_quote_of_eight_bytes() -> None:
    """Identifier and sequence are all that RFC 792 promises."""
    assert Quote(0x1234, 0xABCD, None) == decode_quote(REQUEST[:8], 4)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(REQUEST[:7], id="too short"),
        pytest.param(REPLY, id="a reply"),
        pytest.param(b"", id="nothing, as for errors of local origin"),
    ],
)
def test_decode_quote_refuses(message: bytes) -> None:
    """What cannot name one of our requests is a PacketError."""
    with pytest.raises(PacketError):
        decode_quote(message, 4)
