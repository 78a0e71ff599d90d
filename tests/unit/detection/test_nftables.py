"""What notifications of nftables, as Linux 6.18 sent them to us, say was touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.detection.nftables import parse_tables
from exporter.detection.touched import NAMED, NOTHING, Touched
from exporter.errors import PacketError
from tests.fakes.notifications import of_table, told

# `iptables -N ISO` in a new namespace: the table filter, and in it the chain.
MADE_CHAIN = (
    "3c000000000a000402000000075a0000020000020b00010066696c74657200000800030000000001"
    "0c000400000000000000000108000200000000003c000000030a000203000000075a000002000002"
    "0b00010066696c74657200000800030049534f000c00020000000000000000010800060000000000"
)
# `iptables -F ISO`: its one rule went, then the generation with who did it.
FLUSHED = (
    "94000000080a000002000000095a0000020000040b00010066696c74657200000800020049534f00"
    "0c0003000000000000000002600004002c0001000c000100636f756e746572001c0002000c000100"
    "00000000000000000c0002000000000000000000300001000e000100696d6d656469617465000000"
    "1c0002000800010000000000100002000c0002000800010000000000"
)
GENERATION = (
    "340000000f0a000002000000095a00000000000408000100000000040800020000005a090d000300"
    "69707461626c657300000000"
)


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        pytest.param(
            MADE_CHAIN, Touched(tables=frozenset({"ip filter"})), id="chain made"
        ),
        pytest.param(
            FLUSHED, Touched(tables=frozenset({"ip filter"})), id="chain flushed"
        ),
        pytest.param(
            GENERATION, Touched(processes=frozenset({"iptables"})), id="generation"
        ),
        pytest.param(
            FLUSHED + GENERATION,
            Touched(tables=frozenset({"ip filter"}), processes=frozenset({"iptables"})),
            id="both in one datagram",
        ),
    ],
)
def test_recorded(recorded: str, expected: Touched) -> None:
    """The table by its family, and the process."""
    assert expected == parse_tables(bytes.fromhex(recorded))


def test_a_generation_alone_touches_nothing() -> None:
    """It follows every transaction, also one of counters."""
    assert not parse_tables(bytes.fromhex(GENERATION))


@pytest.mark.parametrize(
    ("kind", "tells"),
    [
        *((kind, True) for kind in (0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 22, 24)),
        *((kind, False) for kind in (1, 4, 7, 10, 13, 17, 18, 20, 21, 23, 25)),
    ],
)
def test_kinds(kind: int, *, tells: bool) -> None:
    """Tables, chains, rules, sets and their elements; no counters, no quotas."""
    assert tells is bool(parse_tables(of_table(kind, "t")))


@pytest.mark.parametrize(
    ("family", "word"),
    [(1, "inet"), (2, "ip"), (3, "arp"), (5, "netdev"), (7, "bridge"), (10, "ip6")],
)
def test_families(family: int, word: str) -> None:
    """In the words of nft."""
    found = parse_tables(of_table(6, "mine", family))

    assert {f"{word} mine"} == found.tables


def test_other_subsystems_are_passed_over() -> None:
    """Such as conntrack's, which share the protocol."""
    assert NOTHING == parse_tables(told(1 << 8, bytes(4)))


def test_many_tables_are_named_up_to_a_bound() -> None:
    """A ruleset may have thousands; that something changed is enough."""
    many = b"".join(of_table(6, f"t{number}") for number in range(3 * NAMED))

    assert NAMED == len(parse_tables(many).tables)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Whatever arrives is parsed or refused, never anything else."""
    try:
        found = parse_tables(data)
    except PacketError:
        return
    assert isinstance(found, Touched)
