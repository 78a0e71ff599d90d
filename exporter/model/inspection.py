"""What was found in the namespaces of the ends of broken promises.

Facts only, as the kernel told them at one moment, without any judgement. What could
not be read stands in the notes, with the reason: a fact that is missing proves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from exporter.model.firewall import Hook, Packet, Trace
from exporter.model.topology import (
    ContainerId,
    IPAddress,
    IpVersion,
    NetworkId,
    SandboxId,
)


class PortState(StrEnum):
    """What a bridge does with the frames of one of its ports (IEEE 802.1D)."""

    DISABLED = "disabled"
    LISTENING = "listening"
    LEARNING = "learning"
    FORWARDING = "forwarding"
    BLOCKING = "blocking"


class NeighbourState(StrEnum):
    """What the kernel thinks of a neighbour entry (ip-neighbour(8))."""

    INCOMPLETE = "incomplete"
    REACHABLE = "reachable"
    STALE = "stale"
    DELAY = "delay"
    PROBE = "probe"
    FAILED = "failed"
    NOARP = "noarp"
    PERMANENT = "permanent"
    """Made by hand: the kernel never asks whether it is right."""
    NONE = "none"


class WayKind(StrEnum):
    """What a routing table does with a packet."""

    LOCAL = "local"
    UNICAST = "unicast"
    BLACKHOLE = "blackhole"
    UNREACHABLE = "unreachable"
    PROHIBIT = "prohibit"
    NONE = "none"
    """No route at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An interface's place on a bridge."""

    bridge: int
    """Index of the bridge."""
    state: PortState
    isolated: bool
    """Isolated ports of a bridge exchange no frames with one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """An interface of a namespace."""

    index: int
    name: str
    up: bool
    """Set up (IFF_UP)."""
    running: bool
    """Up and with carrier: both ends of a veth are up (IFF_RUNNING)."""
    mac: str | None
    mtu: int
    """Bytes."""
    addresses: tuple[tuple[IPAddress, int], ...] = ()
    """Address and prefix length."""
    refused: tuple[IPAddress, ...] = ()
    """IPv6 addresses that the kernel does not use: another station has them
    (RFC 4862 section 5.4)."""
    peer: int | None = None
    """Index of the other end of a veth, or of the interface below."""
    peer_is_here: bool = False
    """The other end is in this namespace too."""
    port: Port | None = None
    """None for interfaces that are not on a bridge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An entry of the neighbour table: who answers for an address."""

    interface: int
    """Index."""
    address: IPAddress
    mac: str | None
    """None while nobody has answered."""
    state: NeighbourState


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The way that the kernel would send a packet to an address."""

    kind: WayKind
    interface: str | None = None
    gateway: IPAddress | None = None
    """None on the link itself."""
    source: IPAddress | None = None
    """The source address that it would choose."""


class PacketFilter(Protocol):
    """The packet filter of a namespace for one family: a `firewall.Ruleset`."""

    @property
    def unread(self) -> tuple[str, ...]:
        """Why some of it is not known; where there is any, nothing is known absent."""
        ...

    def chain(self, table: str, name: str) -> tuple[str, ...] | None:
        """Return the rules of a chain as text, None where there is no such chain."""
        ...

    def trace(self, hook: Hook, packet: Packet) -> Trace:
        """Return what every base chain at a hook together does to a packet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceFacts:
    """What was read in one network namespace."""

    interfaces: tuple[Interface, ...] = ()
    """By index."""
    neighbours: tuple[Neighbour, ...] = ()
    ways: Mapping[IPAddress, Way] = field(default_factory=dict)
    """Of the addresses that were asked for."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    """By their names with dots; a name that is missing could not be read."""
    absent_sysctls: frozenset[str] = frozenset()
    """Those that do not exist: no br_netfilter, no IPv6."""
    filters: Mapping[IpVersion, PacketFilter] = field(default_factory=dict)
    """A family that is missing could not be read."""
    notes: tuple[str, ...] = ()
    """What could not be read, and why; a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was looked at after promises were found broken."""

    host: NamespaceFacts | None = None
    """None where the engine's namespace was not found or could not be entered."""
    sandboxes: Mapping[SandboxId, NamespaceFacts] = field(default_factory=dict)
    attached: Mapping[tuple[ContainerId, NetworkId], datetime] = field(
        default_factory=dict
    )
    """Since when a container is on a network, where an event told."""
    left_out: int = 0
    """Sandboxes that were not looked at: there were too many."""
    notes: tuple[str, ...] = ()
    """What could not be looked at, and why; a line each, of every namespace."""


NOT_INSPECTED = Inspection()
"""Nothing was looked at."""
