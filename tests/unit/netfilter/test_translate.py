"""Comparisons of nftables as conditions, one by one."""

import struct

import pytest

from exporter.model.firewall import Fate, Hook, Ruleset
from exporter.model.firewall_rules import Action, Base, Chain
from exporter.netfilter.message import INET
from exporter.netfilter.objects import Expression, ListedRule
from exporter.netfilter.translate import translate
from exporter.rtnetlink.message import encode_attribute
from tests.fakes.netfilter import packet

LOW, SAME, HIGH = "10.0.0.4", "10.0.0.5", "10.0.0.6"


def number(kind: int, value: int) -> bytes:
    """Return an attribute of 32 bits."""
    return encode_attribute(kind, struct.pack(">I", value))


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that holds others."""
    return encode_attribute(kind, b"".join(attributes))


SOURCE = Expression(
    name="payload", packed=number(1, 1) + number(2, 1) + number(3, 12) + number(4, 4)
)
DROP = Expression(
    name="immediate", packed=number(1, 0) + nested(2, nested(2, number(1, 0)))
)


def drops(source: str, *expressions: Expression) -> bool:
    """Return whether a rule that drops fits a packet."""
    listed = ListedRule(
        family=INET, table="t", chain="c", expressions=(*expressions, DROP)
    )
    chain = Chain(
        table="inet t",
        name="c",
        rules=translate(listed, {}, {}, 4),
        base=Base(hook=Hook.FORWARD, priority=0, policy=Action.ACCEPT),
    )
    trace = Ruleset(ip_version=4, chains=(chain,)).trace(
        Hook.FORWARD, packet(source, "10.9.9.9", "br1", "br2")
    )
    assert Fate.UNCLEAR is not trace.fate
    return trace.fate is Fate.DROP


@pytest.mark.parametrize(
    ("operator", "fitting"),
    [
        (0, {SAME}),
        (1, {LOW, HIGH}),
        (2, {LOW}),
        (3, {LOW, SAME}),
        (4, {HIGH}),
        (5, {SAME, HIGH}),
    ],
    ids=["eq", "neq", "lt", "lte", "gt", "gte"],
)
def test_comparisons(operator: int, fitting: set[str]) -> None:
    """Each operator of `cmp` (NFT_CMP_*) fits the addresses that it should."""
    value = nested(3, encode_attribute(1, bytes([10, 0, 0, 5])))
    compared = Expression(name="cmp", packed=number(1, 1) + number(2, operator) + value)

    assert fitting == {s for s in (LOW, SAME, HIGH) if drops(s, SOURCE, compared)}


@pytest.mark.parametrize(("operator", "fitting"), [(0, {SAME}), (1, {LOW, HIGH})])
def test_ranges(operator: int, fitting: set[str]) -> None:
    """A range has both its ends, and may be negated."""
    ends = nested(3, encode_attribute(1, bytes([10, 0, 0, 5]))) + nested(
        4, encode_attribute(1, bytes([10, 0, 0, 5]))
    )
    compared = Expression(
        name="range", packed=number(1, 1) + number(2, operator) + ends
    )

    assert fitting == {s for s in (LOW, SAME, HIGH) if drops(s, SOURCE, compared)}
