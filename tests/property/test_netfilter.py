"""Bytes of the kernel's tables: whatever they are, a value or PacketError."""

import contextlib
import struct

from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import PacketError
from exporter.model.firewall import Hook
from exporter.model.topology import IpVersion
from exporter.netfilter import objects
from exporter.netfilter.compile import compile_chains
from exporter.netfilter.legacy import TableInfo, parse_info, parse_table
from exporter.netfilter.xmatches import decode_match
from exporter.netfilter.xtargets import decode_target
from exporter.rtnetlink.message import Message
from tests.fakes.netfilter import recording
from tests.strategies import ip_versions

RECORDED = (*recording("28.5.2-ipv4"), *recording("native"))
MATCHES = (
    *("addrtype", "comment", "conntrack", "icmp", "icmp6", "iprange", "limit"),
    *("mark", "multiport", "physdev", "state", "tcp", "udp", "unheard-of"),
)
TARGETS = (
    *("REJECT", "SNAT", "DNAT", "MASQUERADE", "REDIRECT", "NETMAP", "LOG"),
    *("MARK", "CT", "NOTRACK", "CONNMARK", "TRACE", "UNHEARD-OF"),
)
PARSERS = (
    objects.parse_chain,
    objects.parse_rule,
    objects.parse_set,
    objects.parse_elements,
)


def understood(message: Message, version: IpVersion) -> None:
    """Read a message as everything that it could be."""
    for parse in PARSERS:
        with contextlib.suppress(PacketError):
            parsed = parse(message)
            if isinstance(parsed, objects.ListedRule):
                compile_chains((), (parsed,), {}, {}, version)


@given(st.binary(max_size=200), ip_versions)
def test_any_message(body: bytes, version: IpVersion) -> None:
    """No other error comes of any bytes."""
    understood(Message(type=0xA06, flags=0, sequence=0, port=0, body=body), version)


@given(st.sampled_from(RECORDED), st.data(), ip_versions)
def test_any_damage(message: Message, data: st.DataObject, version: IpVersion) -> None:
    """Nor of a real message with some bytes changed, or cut off."""
    body = bytearray(message.body)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(body)))
    understood(
        Message(type=message.type, flags=0, sequence=0, port=0, body=bytes(body[:end])),
        version,
    )


@given(
    st.sampled_from(MATCHES), st.integers(0, 5), st.binary(max_size=260), ip_versions
)
def test_any_match(name: str, revision: int, info: bytes, version: IpVersion) -> None:
    """A match of any bytes reads as something, or is refused."""
    with contextlib.suppress(PacketError):
        assert decode_match(name, revision, info, version).words


@given(st.sampled_from(TARGETS), st.integers(0, 3), st.binary(max_size=80), ip_versions)
def test_any_target(name: str, revision: int, info: bytes, version: IpVersion) -> None:
    """So does a target."""
    assert decode_target(name, revision, info, version).words


@given(st.binary(max_size=400), st.integers(0, 400), st.integers(0, 400), ip_versions)
def test_any_table(data: bytes, first: int, last: int, version: IpVersion) -> None:
    """And a table of the older iptables."""
    info = TableInfo(name="filter", hooks={Hook.FORWARD: (first, last)}, size=len(data))
    with contextlib.suppress(PacketError):
        parse_table(info, data, version)
    with contextlib.suppress(PacketError):
        parse_info(data)


@given(st.lists(st.binary(min_size=4, max_size=4), max_size=8), ip_versions)
def test_entries_that_lead_anywhere(words: list[bytes], version: IpVersion) -> None:
    """Entries of the right size, with any verdict, end in chains or are refused."""
    size = 112 if version == 4 else 168
    at = 88 if version == 4 else 140
    data = b""
    for word in words:
        head = bytearray(size)
        struct.pack_into("=HH", head, at, size, size + 40)
        data += bytes(head) + struct.pack("=H29sB", 40, b"", 0) + word + bytes(4)
    last = max(len(words) - 1, 0) * (size + 40)
    info = TableInfo(name="filter", hooks={Hook.INPUT: (0, last)}, size=len(data))
    with contextlib.suppress(PacketError):
        chains = parse_table(info, data, version)
        assert len(chains[0].rules) == len(words) - 1
