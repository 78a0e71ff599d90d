"""Rules as people write them: as `iptables -S` does, or in the words of nft.

The text is evidence for a person and is never read back. Sources: iptables(8), nft(8);
iptables/nft-shared.c, iptables.c (`save_rule4`) for the order of the options.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from typing import Final

from exporter.model.firewall_rules import (
    INTERFACE_BYTES,
    Action,
    Condition,
    Field,
)
from exporter.netfilter.clause import (
    ADDRESS_TYPES,
    PROTOCOLS,
    STATES,
    Clause,
    Outcome,
    inverted,
)
from exporter.netfilter.xmatches import masked_hex

_FIRST: Final = (
    Field.SOURCE,
    Field.DESTINATION,
    Field.IN_INTERFACE,
    Field.OUT_INTERFACE,
    Field.PROTOCOL,
)
"""What iptables writes before anything else, in its order."""
_OPTIONS: Final = dict(zip(_FIRST, ("-s", "-d", "-i", "-o", "-p"), strict=True))
_PORTS: Final = {Field.ICMP: "--sport", Field.SECOND_PORT: "--dport"}
_ICMP_TYPES: Final = {
    1: ("icmp", "--icmp-type"),
    58: ("icmp6", "--icmpv6-type"),
}
_WORDS_OF_NFT: Final = {
    Field.IN_INTERFACE: "iifname",
    Field.OUT_INTERFACE: "oifname",
    Field.PROTOCOL: "meta l4proto",
    Field.FAMILY: "meta nfproto",
    Field.STATE: "ct state",
    Field.MARK: "meta mark",
    Field.SOURCE_TYPE: "fib saddr type",
    Field.DESTINATION_TYPE: "fib daddr type",
    Field.DIRECTION: "ct direction",
    Field.ICMP: "th sport",
    Field.SECOND_PORT: "th dport",
    Field.BRIDGED: "meta bridged",
}
_VERDICTS: Final = {
    Action.ACCEPT: "accept",
    Action.DROP: "drop",
    Action.REJECT: "reject",
    Action.RETURN: "return",
    Action.JUMP: "jump",
    Action.GOTO: "goto",
}
_TYPES: Final = {kind: name.lower() for kind, name in enumerate(ADDRESS_TYPES)}
_VALUES: Final[Mapping[Field, Mapping[int, str]]] = {
    Field.PROTOCOL: PROTOCOLS,
    Field.FAMILY: {2: "ipv4", 10: "ipv6"},
    Field.SOURCE_TYPE: _TYPES,
    Field.DESTINATION_TYPE: _TYPES,
    Field.DIRECTION: {0: "original", 1: "reply"},
}
"""Names of values in the words of nft."""


def iptables_text(
    chain: str, clauses: Sequence[Clause], outcomes: Iterable[Outcome], version: int
) -> str:
    """Return a rule as `iptables -S` writes it."""
    leading: dict[Field, str] = {}
    protocol: int | None = None
    rest: list[str] = []
    for clause in clauses:
        condition = _only(clause)
        if condition is None:
            rest.append(_said(clause))
        elif condition.field in _OPTIONS and condition.field not in leading:
            leading[condition.field] = _option(condition, version)
            if condition.field is Field.PROTOCOL and not condition.negated:
                protocol = condition.ranges[0][0] if condition.ranges else None
        else:
            rest.append(_matched(condition, protocol, version, rest))
    words = [leading[field] for field in _FIRST if field in leading]
    words += [word for word in rest if word]
    words += [_target(outcome) for outcome in outcomes]
    return " ".join(["-A", chain, *(word for word in words if word)])


def nft_text(
    clauses: Sequence[Clause],
    outcomes: Iterable[Outcome],
    version: int,
    *,
    comment: str = "",
) -> str:
    """Return a rule in the words of nft."""
    words = []
    for clause in clauses:
        condition = _only(clause)
        words.append(
            _said(clause) if condition is None else nft_words(condition, version)
        )
    words += [outcome.words or verdict_words(outcome) for outcome in outcomes]
    if comment:
        words.append(f'comment "{comment}"')
    return " ".join(word for word in words if word)


def verdict_words(outcome: Outcome) -> str:
    """Return a verdict in the words of nft."""
    return f"{_VERDICTS.get(outcome.action, '')} {outcome.target}".strip()


def nft_words(condition: Condition, version: int) -> str:
    """Return a condition in the words of nft."""
    if condition.field is Field.STATE:
        return _state_words(condition)
    what = _WORDS_OF_NFT.get(condition.field)
    if condition.field is Field.ICMP and not condition.mask & 0xFF:
        what = "icmp type" if version == 4 else "icmpv6 type"
    if what is None:
        side = "saddr" if condition.field is Field.SOURCE else "daddr"
        what = f"{'ip' if version == 4 else 'ip6'} {side}"
    if condition.field is Field.MARK and condition.mask & 0xFFFFFFFF != 0xFFFFFFFF:
        what += f" & {condition.mask & 0xFFFFFFFF:#x}"
    values = [
        _range_words(condition, first, last, version)
        for first, last in condition.ranges
    ]
    said = values[0] if len(values) == 1 else "{ " + ", ".join(values) + " }"
    return f"{what} {'!= ' if condition.negated else ''}{said}"


def _only(clause: Clause) -> Condition | None:
    """Return the condition that a clause has no other words for."""
    if clause.words is None and len(clause.conditions) == 1:
        (condition,) = clause.conditions
        if isinstance(condition, Condition):
            return condition
    return None


def _said(clause: Clause) -> str:
    if clause.words is not None:
        return clause.words
    return " ".join(
        f"[{c.text}]" for c in clause.conditions if not isinstance(c, Condition)
    )


def _option(condition: Condition, version: int) -> str:
    value = ",".join(
        _iptables_value(condition, first, last, version)
        for first, last in condition.ranges
    )
    option = f"{_OPTIONS[condition.field]} {value}"
    return inverted(option, negated=condition.negated)


def _iptables_value(condition: Condition, first: int, last: int, version: int) -> str:
    if condition.field is Field.PROTOCOL:
        return PROTOCOLS.get(first, str(first))
    if condition.field in (Field.SOURCE, Field.DESTINATION):
        return _prefix(condition, first, last, version, host_length=True)
    return _interface(condition, first).replace("*", "+")


def _matched(
    condition: Condition, protocol: int | None, version: int, before: list[str]
) -> str:
    """Return what iptables writes as `-m NAME --OPTION`."""
    first, last = condition.ranges[0] if condition.ranges else (0, 0)
    if condition.field is Field.MARK:
        said = masked_hex(first, condition.mask & 0xFFFFFFFF)
        return "-m mark " + inverted(f"--mark {said}", negated=condition.negated)
    if condition.field is Field.ICMP and protocol in _ICMP_TYPES:
        name, option = _ICMP_TYPES[protocol]
        said = str(first >> 8)
        if condition.mask & 0xFF:
            said += f"/{first & 0xFF}"
        return f"-m {name} " + inverted(f"{option} {said}", negated=condition.negated)
    if condition.field in _PORTS and protocol is not None:
        span = str(first) if first == last else f"{first}:{last}"
        option = inverted(
            f"{_PORTS[condition.field]} {span}", negated=condition.negated
        )
        name = f"-m {PROTOCOLS.get(protocol, protocol)}"
        return option if any(w.startswith(name) for w in before) else f"{name} {option}"
    return nft_words(condition, version)


def _target(outcome: Outcome) -> str:
    if outcome.words:
        return outcome.words
    match outcome.action:
        case Action.JUMP:
            return f"-j {outcome.target}"
        case Action.GOTO:
            return f"-g {outcome.target}"
        case Action.CONTINUE | Action.OPAQUE:
            return ""
        case _:
            return f"-j {outcome.action.name}"


def _state_words(condition: Condition) -> str:
    if condition.ranges == ((0, 0),):
        names = _state_names(condition.mask)
        return f"ct state {'' if condition.negated else '! '}{names}"
    values = [_state_names(first) for first, _ in condition.ranges]
    said = values[0] if len(values) == 1 else "{ " + ", ".join(values) + " }"
    return f"ct state {'!= ' if condition.negated else ''}{said}"


def _state_names(bits: int) -> str:
    return ",".join(name.lower() for bit, name in STATES.items() if bits & bit)


def _range_words(condition: Condition, first: int, last: int, version: int) -> str:
    field = condition.field
    if field in (Field.IN_INTERFACE, Field.OUT_INTERFACE):
        return f'"{_interface(condition, first)}"'
    if field in (Field.SOURCE, Field.DESTINATION):
        return _prefix(condition, first, last, version)
    if field is Field.MARK:
        return f"{first:#x}"
    if field is Field.ICMP and not condition.mask & 0xFF:
        return str(first >> 8)
    plain = str(first) if first == last else f"{first}-{last}"
    return _VALUES.get(field, {}).get(first, plain)


@lru_cache(maxsize=1024)
def _named(value: int, mask: int) -> str:
    packed = value.to_bytes(INTERFACE_BYTES, "big").rstrip(b"\0")
    name = packed.decode("utf-8", "backslashreplace")
    is_open = not mask >> 8 * max(INTERFACE_BYTES - 1 - len(packed), 0) & 0xFF
    return f"{name}*" if is_open else name


def _interface(condition: Condition, value: int) -> str:
    return _named(value, condition.mask & (1 << 8 * INTERFACE_BYTES) - 1)


def _prefix(
    condition: Condition,
    first: int,
    last: int,
    version: int,
    *,
    host_length: bool = False,
) -> str:
    bits = 32 if version == 4 else 128
    make = IPv4Address if version == 4 else IPv6Address
    mask = condition.mask & (1 << bits) - 1
    if first != last:
        networks = list(summarize_address_range(make(first), make(last)))
        return str(networks[0]) if len(networks) == 1 else f"{make(first)}-{make(last)}"
    length = mask.bit_count()
    if mask != (1 << bits) - (1 << bits - length):
        return f"{make(first)}/{make(mask)}"
    if length == bits and not host_length:
        return str(make(first))
    return f"{make(first)}/{length}"
