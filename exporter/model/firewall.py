"""What a host's packet filter does to one packet, rule by rule.

Pure: `exporter.netfilter` reads the rules from the kernel. Only what Docker and the
people beside it write is understood (interfaces, addresses, protocol, connection
state); a rule with any other condition makes the answer unclear, never a guess.
Sources: nft(8), iptables(8), iptables-extensions(8).
"""

from dataclasses import dataclass
from enum import StrEnum

from exporter.model.topology import IPAddress, IpVersion


class Hook(StrEnum):
    """Where a packet meets a base chain."""

    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"


class Fate(StrEnum):
    """What becomes of a packet at a hook."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    UNCLEAR = "unclear"
    """A rule that may decide has a condition that is not understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """An echo request on its way."""

    ip_version: IpVersion
    source: IPAddress
    destination: IPAddress
    in_interface: str | None = None
    """None for a packet that is made here."""
    out_interface: str | None = None
    """None for a packet that is for this namespace, or before routing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A rule that fitted, or the policy of a base chain."""

    table: str
    chain: str
    rule: str
    """As `iptables -S` or `nft list ruleset` writes it; `policy DROP` of a chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What becomes of a packet, and by which rule."""

    fate: Fate
    decided_by: Step | None
    """The rule or policy that decided; None where no chain stands at the hook."""
    path: tuple[Step, ...]
    """Every rule that fitted, in order, the deciding one last."""


class Ruleset:
    """The rules of one namespace for one family: tables of chains of rules."""

    def chain(self, table: str, name: str) -> tuple[str, ...] | None:
        """Return the rules of a chain as text, None where there is no such chain."""
        raise NotImplementedError

    def trace(self, hook: Hook, packet: Packet) -> Trace:
        """Return what every base chain at a hook together does to a packet."""
        raise NotImplementedError
