"""Echo messages: whatever the bytes, a value or PacketError, never a false match."""

import contextlib
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import PacketError
from exporter.icmp.packet import (
    ECHO_BYTES,
    Echo,
    checksum,
    decode_datagram,
    decode_quote,
    decode_reply,
    encode_reply,
    encode_request,
)
from exporter.model.topology import IpVersion
from tests.strategies import echoes, ip_versions, ipv4_addresses


def datagram(source: IPv4Address, message: bytes, options: bytes = b"") -> bytes:
    """Return a message behind an IPv4 header, as a raw socket receives it."""
    words = 5 + len(options) // 4
    length = 4 * words + len(message)
    header = bytes([0x40 | words, 0]) + length.to_bytes(2, "big") + bytes(5) + b"\1"
    return header + bytes(2) + source.packed + bytes(4) + options + message


@given(echoes, ip_versions)
def test_a_reply_says_what_was_encoded(echo: Echo, ip_version: IpVersion) -> None:
    """decode(encode(x)) == x, and the message has the size that it always has."""
    message = encode_reply(echo, ip_version)

    assert echo == decode_reply(message, ip_version)
    assert ECHO_BYTES == len(message)


@given(echoes)
def test_an_ipv4_message_sums_up_to_nothing(echo: Echo) -> None:
    """The checksum of a message with its checksum is 0 (RFC 1071)."""
    assert 0 == checksum(encode_request(echo, 4))
    assert 0 == checksum(encode_reply(echo, 4))


@given(echoes, ipv4_addresses, st.integers(0, 10))
def test_a_datagram_gives_source_and_reply(
    echo: Echo, source: IPv4Address, options: int
) -> None:
    """The IP header is passed over, however many options it carries."""
    raw = datagram(source, encode_reply(echo, 4), b"\1\1\1\0" * options)

    assert (source, echo) == decode_datagram(raw)


@given(echoes, ip_versions, st.integers(8, ECHO_BYTES + 8))
def test_a_quote_names_the_request(
    echo: Echo, ip_version: IpVersion, length: int
) -> None:
    """8 bytes give identifier and sequence, the whole message everything."""
    message = (encode_request(echo, ip_version) + bytes(8))[:length]

    quote = decode_quote(message, ip_version)

    assert (echo.identifier, echo.sequence) == (quote.identifier, quote.sequence)
    assert quote.echo == (echo if length >= ECHO_BYTES else None)


@given(st.binary(max_size=200), ip_versions)
def test_any_bytes_are_a_value_or_a_packet_error(
    data: bytes, ip_version: IpVersion
) -> None:
    """What arrives is anybody's; nothing but PacketError ever comes of it."""
    for decode in (decode_reply, decode_quote):
        with contextlib.suppress(PacketError):
            decode(data, ip_version)
    with contextlib.suppress(PacketError):
        decode_datagram(data)


@given(echoes, st.integers(0, ECHO_BYTES * 8 - 1))
def test_one_flipped_bit_is_always_seen(echo: Echo, bit: int) -> None:
    """No damaged IPv4 reply is taken for a reply; one's complement sees one bit."""
    message = bytearray(encode_reply(echo, 4))
    message[bit // 8] ^= 1 << bit % 8

    with pytest.raises(PacketError):
        decode_reply(bytes(message), 4)


@given(echoes, ip_versions, st.integers(0, ECHO_BYTES + 40))
def test_a_cut_or_padded_reply_is_no_reply(
    echo: Echo, ip_version: IpVersion, length: int
) -> None:
    """Only a message of the right size is decoded."""
    message = (encode_reply(echo, ip_version) + bytes(40))[:length]
    if length == ECHO_BYTES:
        return

    with pytest.raises(PacketError):
        decode_reply(message, ip_version)
