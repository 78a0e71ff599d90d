"""Rules of a packet filter as data, and whether one fits an echo request.

Every condition is one question: are some bits of a field of the packet within some
ranges? So the few fields of `Field` are all that is understood, however a rule was
written (interface patterns, prefixes, sets, ranges, states); whatever else a rule
asks is `Opaque`. Nothing is ever assumed of a field whose value is not known.
Sources: nft(8), iptables(8), iptables-extensions(8).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Final, TypeAlias

from exporter.model.topology import IPAddress, IPNetwork, IpVersion

INTERFACE_BYTES: Final = 16  # IFNAMSIZ

ICMP, ICMP6 = 1, 58
ECHO_REQUEST, ECHO_REQUEST6 = 8, 128
ECHO_REPLY, ECHO_REPLY6 = 0, 129
FAMILIES: Final[dict[IpVersion, int]] = {4: 2, 6: 10}  # NFPROTO_IPV4, NFPROTO_IPV6

INVALID, ESTABLISHED, RELATED, NEW, UNTRACKED = 1, 2, 4, 8, 64
SOURCE_REWRITTEN, DESTINATION_REWRITTEN = 0x100, 0x200
"""Bits of `Field.STATE`: the kernel's own (nf_conntrack_common.h), and two for what
it keeps elsewhere (`ct status snat`, `dnat`)."""

UNICAST, LOCAL = 1, 2  # RTN_UNICAST, RTN_LOCAL


class Hook(StrEnum):
    """Where a packet meets a base chain."""

    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """An echo request on its way, or its reply."""

    ip_version: IpVersion
    source: IPAddress
    destination: IPAddress
    in_interface: str | None = None
    """None for a packet that is made here."""
    out_interface: str | None = None
    """None for a packet that is for this namespace, or before routing."""
    reply: bool = False
    """An echo reply, of a connection that its request has opened."""


class Field(Enum):
    """What of a packet a rule may ask for, as a number."""

    IN_INTERFACE = auto()
    """Its name, padded to 16 bytes; zero where there is none."""
    OUT_INTERFACE = auto()
    SOURCE = auto()
    DESTINATION = auto()
    PROTOCOL = auto()
    """Of the transport: 1 or 58 for an echo request."""
    ICMP = auto()
    """The first two bytes of the transport: type and code (else the source port)."""
    SECOND_PORT = auto()
    """The next two bytes; of an echo request, its checksum: never known."""
    FAMILY = auto()
    STATE = auto()
    """Of the connection. An echo request begins one."""
    MARK = auto()
    SOURCE_TYPE = auto()
    """Of the address, by the routing table: RTN_UNICAST, RTN_LOCAL, ..."""
    DESTINATION_TYPE = auto()
    DIRECTION = auto()
    """Of the connection: 0 from its opener."""
    BRIDGED = auto()
    """1 where it goes from port to port of one bridge."""


_LASTING: Final = frozenset(
    {Field.SOURCE, Field.DESTINATION, Field.PROTOCOL, Field.ICMP, Field.FAMILY}
)
"""Fields that are the same at every hook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Whether the bits of a field that are in a mask are within some ranges."""

    field: Field
    ranges: tuple[tuple[int, int], ...]
    """First and last, both included."""
    mask: int = -1
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """A condition that is not understood."""

    text: str


AnyCondition: TypeAlias = Condition | Opaque


class Action(Enum):
    """What a rule does with a packet that it fits."""

    CONTINUE = auto()
    """Nothing that decides: counts, logs, marks."""
    ACCEPT = auto()
    DROP = auto()
    REJECT = auto()
    JUMP = auto()
    GOTO = auto()
    RETURN = auto()
    OPAQUE = auto()
    """Something that may decide and is not understood."""


class Effect(Enum):
    """What a rule changes that another rule may ask for."""

    MARKS = auto()
    REDIRECTS = auto()
    """Rewrites the destination."""
    UNTRACKS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a chain."""

    text: str
    """As `iptables -S` or `nft list ruleset` writes it."""
    conditions: tuple[AnyCondition, ...] = ()
    action: Action = Action.CONTINUE
    target: str = ""
    """The chain that it jumps or goes to."""
    effects: frozenset[Effect] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Where a chain meets packets by itself."""

    hook: Hook
    priority: int
    """The lowest comes first."""
    policy: Action
    """ACCEPT or DROP."""
    filters: bool = True
    """Not so for chains that only rewrite addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A chain of rules."""

    table: str
    """The family before it where it is for both: `inet firewalld`."""
    name: str
    rules: tuple[Rule, ...] = ()
    base: Base | None = None
    legacy: bool = False
    """Of the older iptables, whose tables stand beside those of nftables."""


class Fit(Enum):
    """Whether a rule fits a packet."""

    YES = auto()
    NO = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A packet at a hook, and what earlier rules may have done to it."""

    packet: Packet
    hook: Hook
    effects: frozenset[Effect] = field(default_factory=frozenset)

    def fit(self, rule: Rule) -> Fit:
        """Return whether a rule fits: NO as soon as one condition certainly fails."""
        return _all(self._fit_one(condition) for condition in rule.conditions)

    def _fit_one(self, condition: AnyCondition) -> Fit:
        if isinstance(condition, Opaque):
            return Fit.UNKNOWN
        value, unknown = _value(condition.field, self)
        if condition.mask & unknown:
            return Fit.UNKNOWN
        value &= condition.mask
        within = any(first <= value <= last for first, last in condition.ranges)
        return Fit.YES if within is not condition.negated else Fit.NO


def effects_on(packet: Packet, chains: Iterable[Chain]) -> frozenset[Effect]:
    """Return what the rules of some chains, at whatever hook, may do to a packet."""
    sight = Sight(packet=packet, hook=Hook.PREROUTING)
    return frozenset(
        effect
        for chain in chains
        for rule in chain.rules
        if rule.effects and sight.fit(_lasting(rule)) is not Fit.NO
        for effect in rule.effects
    )


def interface(name: str, *, out: bool = False, negated: bool = False) -> Condition:
    """Return the condition on an interface; a `+` at the end stands for anything."""
    prefix = name.endswith("+")
    packed = name.removesuffix("+").encode()[: INTERFACE_BYTES - 1]
    mask = -1
    if prefix:
        mask = int.from_bytes(b"\xff" * len(packed) + bytes(16 - len(packed)), "big")
    value = interface_number(packed)
    return Condition(
        field=Field.OUT_INTERFACE if out else Field.IN_INTERFACE,
        ranges=((value, value),),
        mask=mask,
        negated=negated,
    )


def interface_number(packed: bytes) -> int:
    """Return an interface's name as the number that `Field` compares."""
    return int.from_bytes(packed.ljust(INTERFACE_BYTES, b"\0"), "big")


def within(of: Field, prefix: IPNetwork, *, negated: bool = False) -> Condition:
    """Return the condition that an address is of a prefix."""
    value = int(prefix.network_address)
    return Condition(
        field=of, ranges=((value, value),), mask=int(prefix.netmask), negated=negated
    )


def is_one_of(of: Field, *values: int, negated: bool = False) -> Condition:
    """Return the condition that a field has one of some values."""
    return Condition(
        field=of, ranges=tuple((value, value) for value in values), negated=negated
    )


def has_any(of: Field, bits: int, *, negated: bool = False) -> Condition:
    """Return the condition that at least one of some bits is set."""
    return Condition(field=of, ranges=((0, 0),), mask=bits, negated=not negated)


def _lasting(rule: Rule) -> Rule:
    conditions = tuple(
        condition
        for condition in rule.conditions
        if isinstance(condition, Condition) and condition.field in _LASTING
    )
    return Rule(text=rule.text, conditions=conditions)


def _all(fits: Iterable[Fit]) -> Fit:
    result = Fit.YES
    for fit in fits:
        if fit is Fit.NO:
            return Fit.NO
        if fit is Fit.UNKNOWN:
            result = Fit.UNKNOWN
    return result


def _value(of: Field, sight: Sight) -> tuple[int, int]:
    """Return the value of a field and the mask of its bits that are not known."""
    lasting = _PLAIN.get(of)
    if lasting is not None:
        return lasting(sight.packet), 0
    derived = _DERIVED.get(of)
    return _UNKNOWN if derived is None else derived(sight)


def _echo(packet: Packet) -> int:
    if packet.reply:
        return (ECHO_REPLY if packet.ip_version == 4 else ECHO_REPLY6) << 8
    return (ECHO_REQUEST if packet.ip_version == 4 else ECHO_REQUEST6) << 8


def _state(sight: Sight) -> tuple[int, int]:
    unknown = SOURCE_REWRITTEN
    if Effect.REDIRECTS in sight.effects:
        unknown |= DESTINATION_REWRITTEN
    if Effect.UNTRACKS in sight.effects:
        unknown |= NEW | ESTABLISHED | UNTRACKED
    return ESTABLISHED if sight.packet.reply else NEW, unknown


def _mark(sight: Sight) -> tuple[int, int]:
    """Return the mark: crossing into this namespace, a packet lost what it had."""
    return 0, -1 if Effect.MARKS in sight.effects else 0


def _bridged(sight: Sight) -> tuple[int, int]:
    if sight.hook is not Hook.FORWARD:
        return _UNKNOWN
    return int(sight.packet.in_interface == sight.packet.out_interface), 0


def _source_type(sight: Sight) -> tuple[int, int]:
    return (UNICAST, 0) if sight.hook is Hook.FORWARD else _UNKNOWN


def _destination_type(sight: Sight) -> tuple[int, int]:
    packet = sight.packet
    if packet.destination.is_multicast:
        return _UNKNOWN
    if sight.hook is Hook.FORWARD:
        return UNICAST, 0
    if sight.hook is Hook.INPUT or packet.out_interface == "lo":
        return LOCAL, 0
    return _UNKNOWN if packet.out_interface is None else (UNICAST, 0)


def _into(sight: Sight) -> tuple[int, int]:
    return _interface(sight.packet.in_interface)


def _out_of(sight: Sight) -> tuple[int, int]:
    return _interface(sight.packet.out_interface)


def _interface(name: str | None) -> tuple[int, int]:
    """Return an interface; where there is none, nft and iptables differ in `!`."""
    return _UNKNOWN if name is None else (interface_number(name.encode()), 0)


_UNKNOWN: Final = (0, -1)

_PLAIN: Final[Mapping[Field, Callable[[Packet], int]]] = {
    Field.SOURCE: lambda p: int(p.source),
    Field.DESTINATION: lambda p: int(p.destination),
    Field.PROTOCOL: lambda p: ICMP if p.ip_version == 4 else ICMP6,
    Field.ICMP: _echo,
    Field.FAMILY: lambda p: FAMILIES[p.ip_version],
    Field.DIRECTION: lambda p: int(p.reply),
}
"""What the packet itself says."""

_DERIVED: Final[Mapping[Field, Callable[[Sight], tuple[int, int]]]] = {
    Field.IN_INTERFACE: _into,
    Field.OUT_INTERFACE: _out_of,
    Field.STATE: _state,
    Field.MARK: _mark,
    Field.BRIDGED: _bridged,
    Field.SOURCE_TYPE: _source_type,
    Field.DESTINATION_TYPE: _destination_type,
}
"""What earlier rules, or the way that the packet takes, decide."""
