"""What the bodies of rtnetlink messages say, and that no damage breaks the parsers."""

import struct
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from socket import AF_INET, AF_INET6

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import PacketError
from exporter.rtnetlink import BridgePort, Hop, Link, LinkAddress, NeighbourEntry
from exporter.rtnetlink.message import (
    ADDRESS,
    LINK,
    NEIGHBOUR,
    ROUTE,
    decode_attributes,
    decode_messages,
    encode_attribute,
)
from exporter.rtnetlink.objects import (
    parse_address,
    parse_link,
    parse_neighbour,
    parse_port,
    parse_route,
)
from tests.fakes.netlink import MAC, OUT_OF_3, U32, link_body, route_body

PARSERS: tuple[Callable[[bytes], object], ...] = (
    decode_messages,
    decode_attributes,
    parse_link,
    parse_address,
    parse_neighbour,
    parse_port,
    parse_route,
)
BODIES = (
    link_body(),
    route_body(OUT_OF_3, encode_attribute(9, b"12345678")),
    route_body(encode_attribute(18, struct.pack("=H", AF_INET6))),
    ADDRESS.pack(AF_INET, 24, 0, 0, 3) + encode_attribute(2, bytes(4)),
    NEIGHBOUR.pack(AF_INET, 3, 2, 0, 1) + encode_attribute(1, bytes(4)),
    link_body()
    + encode_attribute(
        18,
        encode_attribute(4, b"bridge\0")
        + encode_attribute(5, encode_attribute(1, b"\3") + encode_attribute(33, b"\1")),
    ),
)


class TestDamage:
    """Bytes that no kernel sends."""

    @given(st.sampled_from(PARSERS), st.binary(max_size=200))
    def test_any_bytes(self, parse: Callable[[bytes], object], data: bytes) -> None:
        """Whatever arrives is parsed or refused, never anything else."""
        try:
            parse(data)
        except PacketError:
            return

    @given(st.sampled_from(PARSERS), st.sampled_from(BODIES), st.data())
    def test_damaged_bodies(
        self, parse: Callable[[bytes], object], body: bytes, data: st.DataObject
    ) -> None:
        """A body with changed or missing bytes is parsed or refused."""
        damaged = bytearray(body[: data.draw(st.integers(0, len(body)))])
        for position in data.draw(st.lists(st.integers(0, 200), max_size=4)):
            if position < len(damaged):
                damaged[position] = data.draw(st.integers(0, 255))
        try:
            parse(bytes(damaged))
        except PacketError:
            return


class TestParsing:
    """What the bodies say."""

    def test_link(self) -> None:
        """Everything of a link that is used is read."""
        expected = Link(
            index=3,
            name="br0",
            up=True,
            mtu=1400,
            mac="02:42:00:00:00:01",
            master=9,
            peer=8,
            set_up=True,
            peer_is_here=True,
        )

        assert expected == parse_link(link_body())

    @pytest.mark.parametrize(
        ("state", "isolated"),
        [
            pytest.param(3, b"\0", id="forwarding"),
            pytest.param(4, b"\1", id="blocking and isolated"),
            pytest.param(3, None, id="a kernel before 4.18"),
        ],
    )
    def test_a_bridge_port(self, state: int, isolated: bytes | None) -> None:
        """What the bridge says of its port, if it is a bridge."""
        data = encode_attribute(1, bytes([state]))
        if isolated is not None:
            data += encode_attribute(33, isolated)
        info = encode_attribute(4, b"bridge\0") + encode_attribute(5, data)
        expected = BridgePort(state=state, isolated=isolated == b"\1")

        assert expected == parse_link(link_body() + encode_attribute(18, info)).port

    def test_a_slave_of_another_kind(self) -> None:
        """A bond's slave has a master and is no bridge port."""
        info = encode_attribute(4, b"bond\0") + encode_attribute(5, b"")

        assert parse_link(link_body() + encode_attribute(18, info)).port is None

    def test_a_peer_in_another_namespace(self) -> None:
        """The kernel names the other namespace only where it is another."""
        elsewhere = encode_attribute(37, U32.pack(0))

        assert not parse_link(link_body() + elsewhere).peer_is_here

    def test_a_refused_address(self) -> None:
        """Duplicate address detection that failed is told by a flag."""
        body = encode_attribute(1, bytes(16))

        found = [
            parse_address(ADDRESS.pack(AF_INET6, 64, flags, 0, 3) + body)
            for flags in (0x88, 0x80)
        ]

        assert [True, False] == [one is not None and one.refused for one in found]

    def test_a_neighbour(self) -> None:
        """Address, MAC, state and interface; without a MAC it is not known yet."""
        head = NEIGHBOUR.pack(AF_INET, 3, 0x80, 0, 1)
        address = encode_attribute(1, bytes([10, 0, 0, 2]))
        known = NeighbourEntry(
            index=3,
            address=IPv4Address("10.0.0.2"),
            mac="02:42:00:00:00:01",
            state=0x80,
        )

        assert known == parse_neighbour(head + address + encode_attribute(2, MAC))
        assert replace(known, mac=None) == parse_neighbour(head + address)
        assert parse_neighbour(NEIGHBOUR.pack(7, 3, 0, 0, 0) + address) is None

    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            pytest.param(0x41, True, id="up with carrier"),
            pytest.param(0x01, False, id="up without carrier"),
            pytest.param(0x40, False, id="down"),
            pytest.param(0x00, False, id="nothing"),
        ],
    )
    def test_up_means_carrier_too(self, flags: int, expected: bool) -> None:
        """An interface that carries nothing is not up."""
        assert expected == parse_link(link_body(flags=flags)).up

    def test_only_ethernet_has_a_mac(self) -> None:
        """The loopback's zeros are no address."""
        assert parse_link(link_body(hardware=772)).mac is None

    def test_a_link_without_a_name(self) -> None:
        """A link that cannot be named is refused."""
        with pytest.raises(PacketError):
            parse_link(LINK.pack(0, 1, 3, 0, 0))

    def test_a_local_address_before_the_peers(self) -> None:
        """On a point-to-point link the peer's address is not ours."""
        body = (
            ADDRESS.pack(AF_INET, 32, 0, 0, 7)
            + encode_attribute(1, bytes([10, 0, 0, 2]))
            + encode_attribute(2, bytes([10, 0, 0, 1]))
        )
        expected = LinkAddress(
            index=7, address=IPv4Address("10.0.0.1"), prefix_length=32
        )

        assert expected == parse_address(body)

    def test_foreign_families_are_left_out(self) -> None:
        """What is neither IPv4 nor IPv6 is none of ours."""
        assert parse_address(ADDRESS.pack(28, 0, 0, 0, 1)) is None
        assert parse_route(ROUTE.pack(28, 0, 0, 0, 254, 0, 0, 1, 0)) is None

    def test_a_prefix_length_beyond_the_family(self) -> None:
        """There is no /33 in IPv4."""
        with pytest.raises(PacketError):
            parse_address(
                ADDRESS.pack(AF_INET, 33, 0, 0, 1) + encode_attribute(2, bytes(4))
            )

    def test_a_gateway_of_the_other_family(self) -> None:
        """An IPv4 route may lead by an IPv6 gateway (RFC 5549)."""
        gateway = IPv6Address("fe80::1")
        via = encode_attribute(18, struct.pack("=H", AF_INET6) + gateway.packed)

        entry = parse_route(route_body(OUT_OF_3, via))

        assert entry is not None
        assert (Hop(index=3, gateway=gateway),) == entry.hops

    def test_multipath(self) -> None:
        """Each next hop of a route counts."""
        gateway = encode_attribute(5, bytes([10, 0, 0, 9]))
        hops = struct.pack("=HBBi", 8 + len(gateway), 0, 0, 3) + gateway
        hops += struct.pack("=HBBi", 8, 0, 0, 4)

        entry = parse_route(route_body(encode_attribute(9, hops)))

        assert entry is not None
        assert entry.prefix == IPv4Network("10.0.0.0/8")
        assert (
            Hop(index=3, gateway=IPv4Address("10.0.0.9")),
            Hop(index=4, gateway=None),
        ) == entry.hops

    @pytest.mark.parametrize("length", [0, 1, 7, 9, 0xFFFF])
    def test_a_next_hop_that_does_not_fit(self, length: int) -> None:
        """A next hop is at least its fixed part and at most what there is."""
        hop = struct.pack("=HBBi", length, 0, 0, 3)

        with pytest.raises(PacketError):
            parse_route(route_body(encode_attribute(9, hop)))

    def test_a_table_beyond_eight_bits(self) -> None:
        """The attribute overrules the field that cannot hold it."""
        entry = parse_route(route_body(encode_attribute(15, U32.pack(1000))))

        assert entry is not None
        assert entry.table == 1000
