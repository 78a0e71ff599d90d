"""The reply of an echo request, as rules see it."""

from ipaddress import ip_address

import pytest

from exporter.model.firewall import Fate, Hook, Packet, Ruleset
from exporter.model.firewall_rules import (
    ESTABLISHED,
    NEW,
    Action,
    Base,
    Chain,
    Condition,
    Field,
    Rule,
    has_any,
    is_one_of,
)
from exporter.model.topology import IpVersion


def dropping(condition: Condition) -> Ruleset:
    """Return rules that drop at INPUT what fits a condition."""
    rule = Rule(text="-j DROP", conditions=(condition,), action=Action.DROP)
    base = Base(hook=Hook.INPUT, priority=0, policy=Action.ACCEPT)
    chain = Chain(table="filter", name="INPUT", rules=(rule,), base=base)
    return Ruleset(ip_version=4, chains=(chain,))


def fate(condition: Condition, *, reply: bool, ip_version: IpVersion = 4) -> Fate:
    """Return what becomes of a packet."""
    one, two = ("10.0.0.1", "10.0.0.2") if ip_version == 4 else ("fd00::1", "fd00::2")
    packet = Packet(
        ip_version=ip_version,
        source=ip_address(one),
        destination=ip_address(two),
        in_interface="eth0",
        reply=reply,
    )
    return dropping(condition).trace(Hook.INPUT, packet).fate


@pytest.mark.parametrize(
    ("condition", "request_fate", "reply_fate", "ip_version"),
    [
        pytest.param(
            has_any(Field.STATE, NEW), Fate.DROP, Fate.ACCEPT, 4, id="new connections"
        ),
        pytest.param(
            has_any(Field.STATE, ESTABLISHED),
            Fate.ACCEPT,
            Fate.DROP,
            4,
            id="known connections",
        ),
        pytest.param(
            is_one_of(Field.ICMP, 8 << 8), Fate.DROP, Fate.ACCEPT, 4, id="requests"
        ),
        pytest.param(is_one_of(Field.ICMP, 0), Fate.ACCEPT, Fate.DROP, 4, id="replies"),
        pytest.param(
            is_one_of(Field.ICMP, 128 << 8), Fate.DROP, Fate.ACCEPT, 6, id="requests 6"
        ),
        pytest.param(
            is_one_of(Field.ICMP, 129 << 8), Fate.ACCEPT, Fate.DROP, 6, id="replies 6"
        ),
        pytest.param(
            is_one_of(Field.DIRECTION, 1), Fate.ACCEPT, Fate.DROP, 4, id="direction"
        ),
    ],
)
def test_is_told_from_its_request(
    *, condition: Condition, request_fate: Fate, reply_fate: Fate, ip_version: IpVersion
) -> None:
    """Its type, its connection's state and its direction are others."""
    assert (request_fate, reply_fate) == (
        fate(condition, reply=False, ip_version=ip_version),
        fate(condition, reply=True, ip_version=ip_version),
    )
