"""Netlink messages and attributes: what is encoded comes back, damage is refused."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import PacketError
from exporter.rtnetlink.message import (
    NEW_LINK,
    ROUTE,
    Message,
    ask_route,
    decode_attributes,
    decode_messages,
    encode_attribute,
    encode_message,
)
from tests.fakes.netlink import U32


class TestFraming:
    """Messages and attributes as bytes."""

    @given(
        kind=st.integers(0, 0xFFFF),
        flags=st.integers(0, 0xFFFF),
        sequence=st.integers(0, 0xFFFFFFFF),
        port=st.integers(0, 0xFFFFFFFF),
        body=st.binary(max_size=64),
    )
    def test_messages_come_back(
        self, kind: int, flags: int, sequence: int, port: int, body: bytes
    ) -> None:
        """Decoding undoes encoding, alone and one behind the other."""
        one = Message(type=kind, flags=flags, sequence=sequence, port=port, body=body)

        assert (one, one) == decode_messages(encode_message(one) * 2)

    @given(st.dictionaries(st.integers(0, 0x3FFF), st.binary(max_size=40), max_size=6))
    def test_attributes_come_back(self, attributes: dict[int, bytes]) -> None:
        """Decoding undoes encoding, whatever the padding."""
        data = b"".join(encode_attribute(k, v) for k, v in attributes.items())

        assert attributes == decode_attributes(data)

    def test_flag_bits_are_not_part_of_an_attributes_type(self) -> None:
        """The kernel marks nested attributes in the type's upper bits."""
        assert {12: b"ab"} == decode_attributes(encode_attribute(0x8000 | 12, b"ab"))

    @pytest.mark.parametrize("length", [0, 3, 15, 17, 4096, 0xFFFFFFFF])
    def test_a_message_that_does_not_fit(self, length: int) -> None:
        """A length shorter than the header or longer than the data is refused."""
        data = struct.pack("=IHHII", length, NEW_LINK, 0, 1, 0)

        with pytest.raises(PacketError):
            decode_messages(data)

    @pytest.mark.parametrize("length", [0, 3, 5, 0xFFFF])
    def test_an_attribute_that_does_not_fit(self, length: int) -> None:
        """The same holds for attributes."""
        with pytest.raises(PacketError):
            decode_attributes(struct.pack("=HH", length, 1))

    @pytest.mark.parametrize("address", ["10.0.0.2", "fd00::2"])
    @pytest.mark.parametrize("device", [None, 7])
    def test_a_lookup_asks_for_one_address(
        self, address: str, device: int | None
    ) -> None:
        """The request names the whole address and the device, if there is one."""
        wanted = ip_address(address)
        (request,) = decode_messages(ask_route(5, wanted, device))
        fields = ROUTE.unpack_from(request.body)
        found = decode_attributes(request.body[ROUTE.size :])

        assert wanted.max_prefixlen == fields[1]
        assert wanted.packed == found[1]
        assert (None if device is None else U32.pack(device)) == found.get(4)
