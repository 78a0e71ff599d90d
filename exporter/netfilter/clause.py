"""What one part of a rule says: its conditions, what it does, and its words."""

from dataclasses import dataclass
from typing import Final

from exporter.model.firewall_rules import Action, AnyCondition, Effect

IPTABLES_TABLES: Final = frozenset({"raw", "mangle", "nat", "filter", "security"})

TCP, UDP = 6, 17
PROTOCOLS: Final = {
    1: "icmp",
    2: "igmp",
    4: "ipencap",
    6: "tcp",
    17: "udp",
    33: "dccp",
    41: "ipv6",
    47: "gre",
    50: "esp",
    51: "ah",
    58: "ipv6-icmp",
    132: "sctp",
    136: "udplite",
}
"""Names of /etc/protocols."""

STATES: Final = {
    1: "INVALID",
    8: "NEW",
    4: "RELATED",
    2: "ESTABLISHED",
    64: "UNTRACKED",
    0x100: "SNAT",
    0x200: "DNAT",
}
"""Bits of `Field.STATE`, in the order in which iptables writes them."""

ADDRESS_TYPES: Final = (
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
)
"""By RTN_* (rtnetlink.h)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A condition or several, as one part of a rule asks for them."""

    conditions: tuple[AnyCondition, ...] = ()
    words: str | None = None
    """As iptables or nft writes them; None: written from the one condition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a rule does."""

    action: Action = Action.CONTINUE
    words: str = ""
    target: str = ""
    effects: frozenset[Effect] = frozenset()


def inverted(words: str, *, negated: bool) -> str:
    """Return an option, with iptables' `!` before it if it is negated."""
    return f"! {words}" if negated else words


def quoted(text: str) -> str:
    """Return a text as iptables writes it (`xtables_save_string`)."""
    if text.isascii() and text.replace("_", "a").replace("-", "a").isalnum():
        return text
    escaped = "".join(f"\\{c}" if c in "\"\\'" else c for c in text)
    return f'"{escaped}"'
