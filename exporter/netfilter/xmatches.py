"""Matches of iptables as the kernel keeps them, in nftables and in its own tables.

Sources: include/uapi/linux/netfilter/xt_*.h, netfilter_ipv4/ip_tables.h; the words are
those of iptables-extensions(8). Lengths differ by padding, so more bytes are no error.
"""

import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from exporter.errors import PacketError
from exporter.model.firewall_rules import (
    DESTINATION_REWRITTEN,
    ICMP,
    ICMP6,
    SOURCE_REWRITTEN,
    UNTRACKED,
    AnyCondition,
    Condition,
    Field,
    Opaque,
    has_any,
    is_one_of,
)
from exporter.netfilter.clause import (
    ADDRESS_TYPES,
    STATES,
    TCP,
    UDP,
    Clause,
    inverted,
    quoted,
)

_Decoder = Callable[[bytes, int, int], Clause]
"""Of what the kernel keeps, the match's revision, and the family's version (4, 6)."""

_PLAIN_STATES: Final = 0xF  # INVALID, ESTABLISHED, RELATED, NEW
_XT_SNAT, _XT_DNAT, _XT_UNTRACKED = 1 << 6, 1 << 7, 1 << 8
_CONNTRACK_FLAGS_AT: Final = 146  # offset of match_flags in xt_conntrack_mtinfo1..3
_ASKS_STATE, _STATE_ALIAS = 1, 1 << 13  # XT_CONNTRACK_STATE, _STATE_ALIAS
_ANY_ICMP_TYPE: Final = 0xFF
_WITH_PORTS: Final = (TCP, UDP, 33, 132, 136)
_RATES: Final = (("day", 864_000_000), ("hour", 36_000_000), ("min", 600_000))
_RATE_SECOND: Final = ("sec", 10_000)
_DEFAULT_BURST: Final = 5


def decode_match(name: str, revision: int, info: bytes, version: int) -> Clause:
    """Return what a match asks.

    Args:
        version: 4 or 6, of the family.

    Raises:
        PacketError: it is malformed.
    """
    decoder = _DECODERS.get(name)
    return _unknown(name) if decoder is None else decoder(info, revision, version)


def _unknown(name: str) -> Clause:
    words = f"-m {name} ..."
    return Clause(conditions=(Opaque(text=words),), words=words)


def _fields(layout: str, info: bytes, offset: int = 0) -> tuple[int, ...]:
    packed = struct.Struct(layout)
    if len(info) < offset + packed.size:
        raise PacketError(f"xtables: {len(info)} bytes where more were expected")
    return packed.unpack_from(info, offset)


def _comment(info: bytes, _revision: int, _version: int) -> Clause:
    said = info.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    return Clause(words=f"-m comment --comment {quoted(said)}")


def _conntrack(info: bytes, revision: int, _version: int) -> Clause:
    if revision not in (1, 2, 3):
        return _unknown("conntrack")
    flags, negations = _fields("=HH", info, _CONNTRACK_FLAGS_AT)
    layout = "=B" if revision == 1 else "=H"
    (states,) = _fields(layout, info, _CONNTRACK_FLAGS_AT + 4)
    alias = flags & _STATE_ALIAS
    name, option = ("state", "--state") if alias else ("conntrack", "--ctstate")
    conditions: list[AnyCondition] = []
    words = f"-m {name}"
    if flags & _ASKS_STATE:
        bits = _state_bits(states)
        negated = bool(negations & _ASKS_STATE)
        conditions.append(has_any(Field.STATE, bits, negated=negated))
        words += " " + inverted(f"{option} {state_names(bits)}", negated=negated)
    if flags & ~(_ASKS_STATE | _STATE_ALIAS):
        words += " ..."
        conditions.append(Opaque(text=words))
    return Clause(conditions=tuple(conditions), words=words)


def _state_bits(states: int) -> int:
    bits = states & _PLAIN_STATES
    for theirs, ours in (
        (_XT_SNAT, SOURCE_REWRITTEN),
        (_XT_DNAT, DESTINATION_REWRITTEN),
        (_XT_UNTRACKED, UNTRACKED),
    ):
        if states & theirs:
            bits |= ours
    return bits


def state_names(bits: int) -> str:
    """Return the names of connection states, as iptables lists them."""
    return ",".join(name for bit, name in STATES.items() if bits & bit)


def _state(info: bytes, _revision: int, _version: int) -> Clause:
    (states,) = _fields("=I", info)
    bits = states & _PLAIN_STATES | (UNTRACKED if states & 1 << 6 else 0)
    return Clause(
        conditions=(has_any(Field.STATE, bits),),
        words=f"-m state --state {state_names(bits)}",
    )


def _addrtype(info: bytes, revision: int, _version: int) -> Clause:
    source, destination, flags = _fields("=HHI", info)
    not_source, not_destination, limits = bool(flags & 1), bool(flags & 2), flags & 12
    if revision == 0:
        not_source, not_destination, limits = bool(flags), False, 0
        not_destination = bool(_fields("=I", info, 8)[0])
    words = "-m addrtype"
    conditions: list[AnyCondition] = []
    for option, field, mask, negated in (
        ("--src-type", Field.SOURCE_TYPE, source, not_source),
        ("--dst-type", Field.DESTINATION_TYPE, destination, not_destination),
    ):
        if not mask:
            continue
        kinds = [kind for kind in range(len(ADDRESS_TYPES)) if mask >> kind & 1]
        names = ",".join(ADDRESS_TYPES[kind] for kind in kinds)
        words += " " + inverted(f"{option} {names}", negated=negated)
        conditions.append(is_one_of(field, *kinds, negated=negated))
    if limits:
        words += " --limit-iface-in" if limits & 4 else " --limit-iface-out"
        conditions = [Opaque(text=words)]
    return Clause(conditions=tuple(conditions), words=words)


def _physdev(info: bytes, _revision: int, _version: int) -> Clause:
    inside, in_mask, outside, out_mask, negations, asked = struct.unpack_from(
        "=16s16s16s16sBB", info.ljust(66, b"\0")
    )
    words = "-m physdev"
    opaque = False
    for bit, option, name, mask in (
        (0x08, "--physdev-is-in", b"", b""),
        (0x01, "--physdev-in", inside, in_mask),
        (0x10, "--physdev-is-out", b"", b""),
        (0x02, "--physdev-out", outside, out_mask),
        (0x04, "--physdev-is-bridged", b"", b""),
    ):
        if asked & bit:
            value = f" {masked_name(name, mask)}" if name else ""
            words += " " + inverted(option + value, negated=bool(negations & bit))
            opaque = opaque or bit != 0x04
    conditions: list[AnyCondition] = []
    if asked & 0x04:
        conditions.append(is_one_of(Field.BRIDGED, 0 if negations & 0x04 else 1))
    if opaque:
        conditions.append(Opaque(text=words))
    return Clause(conditions=tuple(conditions), words=words)


def masked_name(name: bytes, mask: bytes) -> str:
    """Return an interface's name; with `+` where its mask leaves the end open."""
    plain = name.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    asked = len(mask.rstrip(b"\0"))
    is_whole = asked > len(plain.encode()) or plain.endswith("+")
    return plain if is_whole else f"{plain}+"


def _mark(info: bytes, revision: int, _version: int) -> Clause:
    if revision != 1:
        return _unknown("mark")
    mark, mask, negated = _fields("=IIB", info)
    condition = Condition(
        field=Field.MARK, ranges=((mark, mark),), mask=mask, negated=bool(negated)
    )
    option = f"--mark {masked_hex(mark, mask)}"
    return Clause(
        conditions=(condition,),
        words=f"-m mark {inverted(option, negated=bool(negated))}",
    )


def masked_hex(value: int, mask: int) -> str:
    """Return a mark as iptables writes it."""
    return f"{value:#x}" if mask == 0xFFFFFFFF else f"{value:#x}/{mask:#x}"


def _tcp(info: bytes, _revision: int, _version: int) -> Clause:
    *ports, option, flag_mask, flags, negations = _fields("=4H4B", info)
    words = "-m tcp" + _port_words(ports, negations)
    rest = bool(option or flag_mask or flags)
    return _of_protocol(TCP, f"{words} ..." if rest else words, asks=rest, ports=ports)


def _udp(info: bytes, _revision: int, _version: int) -> Clause:
    *ports, negations = _fields("=4HB", info)
    words = "-m udp" + _port_words(ports, negations)
    return _of_protocol(UDP, words, asks=False, ports=ports)


def _port_words(ports: list[int], negations: int) -> str:
    words = ""
    for option, first, last, bit in (
        ("--sport", ports[0], ports[1], 1),
        ("--dport", ports[2], ports[3], 2),
    ):
        negated = bool(negations & bit)
        if (first, last) != (0, 0xFFFF) or negated:
            several = str(first) if first == last else f"{first}:{last}"
            words += " " + inverted(f"{option} {several}", negated=negated)
    return words


def _of_protocol(protocol: int, words: str, *, asks: bool, ports: list[int]) -> Clause:
    conditions: list[AnyCondition] = [is_one_of(Field.PROTOCOL, protocol)]
    if asks or ports != [0, 0xFFFF, 0, 0xFFFF]:
        conditions.append(Opaque(text=words))
    return Clause(conditions=tuple(conditions), words=words)


def _multiport(info: bytes, revision: int, _version: int) -> Clause:
    if revision != 1:
        return _unknown("multiport")
    fields = _fields("=BB15H15BB", info)
    kind, count, negated = fields[0], min(fields[1], 15), bool(fields[-1])
    ports, joined = fields[2:17], fields[17:32]
    said = "".join(
        f"{ports[at]}{':' if joined[at] else ','}" for at in range(count)
    ).rstrip(",")
    option = ("--sports", "--dports", "--ports")[kind] if kind < 3 else "--ports"
    words = f"-m multiport {inverted(f'{option} {said}', negated=negated)}"
    return Clause(
        conditions=(is_one_of(Field.PROTOCOL, *_WITH_PORTS), Opaque(text=words)),
        words=words,
    )


def _icmp(info: bytes, _revision: int, version: int) -> Clause:
    kind, first, last, negated = _fields("=4B", info)
    name, option = ("icmp", "icmp") if version == 4 else ("icmp6", "icmpv6")
    condition = icmp_condition(kind, first, last, negated=bool(negated & 1))
    said = str(kind)
    if (first, last) != (0, 255):
        said += f"/{first}"
    if version == 4 and kind == _ANY_ICMP_TYPE:
        said = "any"
        condition = is_one_of(Field.PROTOCOL, ICMP, negated=bool(negated & 1))
    words = inverted(f"--{option}-type {said}", negated=bool(negated & 1))
    protocol = is_one_of(Field.PROTOCOL, ICMP if version == 4 else ICMP6)
    return Clause(conditions=(protocol, condition), words=f"-m {name} {words}")


def icmp_condition(kind: int, first: int, last: int, *, negated: bool) -> Condition:
    """Return the condition on a type and a range of codes."""
    return Condition(
        field=Field.ICMP,
        ranges=((kind << 8 | first, kind << 8 | last),),
        mask=0xFFFF,
        negated=negated,
    )


def _iprange(info: bytes, revision: int, version: int) -> Clause:
    if revision != 1 or len(info) < 65:
        return _unknown("iprange")
    size = 4 if version == 4 else 16
    ends = [ip_address(info[at : at + size]) for at in (0, 16, 32, 48)]
    flags = info[64]
    words = "-m iprange"
    conditions = []
    for option, field, first, last, bit, negation in (
        ("--src-range", Field.SOURCE, ends[0], ends[1], 0x01, 0x10),
        ("--dst-range", Field.DESTINATION, ends[2], ends[3], 0x02, 0x20),
    ):
        if flags & bit:
            negated = bool(flags & negation)
            words += " " + inverted(f"{option} {first}-{last}", negated=negated)
            conditions.append(
                Condition(
                    field=field, ranges=((int(first), int(last)),), negated=negated
                )
            )
    return Clause(conditions=tuple(conditions), words=words)


def _limit(info: bytes, _revision: int, _version: int) -> Clause:
    period, burst = _fields("=II", info)
    words = f"-m limit --limit {_rate(period)}"
    if burst != _DEFAULT_BURST:
        words += f" --limit-burst {burst}"
    return Clause(conditions=(Opaque(text=words),), words=words)


def _rate(period: int) -> str:
    """Return a rate in the greatest unit that fits (`print_rate` of libxt_limit)."""
    units = (*_RATES, _RATE_SECOND)
    chosen = 0
    while chosen + 1 < len(units):
        ticks = units[chosen + 1][1]
        if not period or period > ticks or ticks // period < ticks % period:
            break
        chosen += 1
    name, ticks = units[chosen]
    return f"{ticks // period if period else 0}/{name}"


_DECODERS: Final[dict[str, _Decoder]] = {
    "addrtype": _addrtype,
    "comment": _comment,
    "conntrack": _conntrack,
    "icmp": _icmp,
    "icmp6": _icmp,
    "iprange": _iprange,
    "limit": _limit,
    "mark": _mark,
    "multiport": _multiport,
    "physdev": _physdev,
    "state": _state,
    "tcp": _tcp,
    "udp": _udp,
}
"""Every match that is understood, or at least written; the rest is opaque."""
