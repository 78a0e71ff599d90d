"""The tables of the older iptables, as the kernel hands them out; no I/O.

A table is one block of entries, each of them a rule. The chains lie one behind the
other: those of the hooks first, each ended by its policy; then those of users, each
begun by an entry that carries its name and ended by a RETURN.
Sources: include/uapi/linux/netfilter/x_tables.h, netfilter_ipv4/ip_tables.h,
netfilter_ipv6/ip6_tables.h; iptables/libiptc/libiptc.c.
"""

import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.errors import PacketError
from exporter.model.firewall_rules import (
    Action,
    Base,
    Chain,
    Condition,
    Field,
    Hook,
    Opaque,
    Rule,
)
from exporter.model.topology import IpVersion
from exporter.netfilter.clause import Clause, Outcome
from exporter.netfilter.compile import HOOKS
from exporter.netfilter.words import iptables_text
from exporter.netfilter.xmatches import decode_match
from exporter.netfilter.xtargets import decode_target

INFO: Final = struct.Struct("=32sI5I5III")
"""ipt_getinfo: name, hooks, their first entries, their last, entries, bytes."""

_EXTENSION: Final = struct.Struct("=H29sB")  # xt_entry_match, xt_entry_target
_NAME_BYTES: Final = 30
_LAYOUTS: Final = {
    4: struct.Struct("=4s4s4s4s16s16s16s16sHBB4xHH20x"),
    6: struct.Struct("=16s16s16s16s16s16s16s16sHxBB3x4xHH24x"),
}
"""ipt_entry and ip6t_entry: addresses and their masks, interfaces and their masks,
protocol, flags, negations, where the target begins, where the next entry begins."""
_PRIORITIES: Final = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0}
_SECURITY: Final = 50
_REWRITES: Final = "nat"

_NOT_IN, _NOT_OUT, _NOT_SOURCE, _NOT_DESTINATION, _NOT_PROTOCOL = 1, 2, 8, 16, 0x40
_NEGATIONS: Final = 0x7F
_FRAGMENT, _GOES = 1, 2  # IPT_F_FRAG, IPT_F_GOTO
_ASKS_PROTOCOL, _GOES6 = 1, 4  # IP6T_F_PROTO, IP6T_F_GOTO
_VERDICTS: Final = {-1: Action.DROP, -2: Action.ACCEPT, -5: Action.RETURN}
"""NF_DROP, NF_ACCEPT and XT_RETURN as a standard target keeps them; more than that
is an offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableInfo:
    """Where the chains of the hooks lie in a table."""

    name: str
    hooks: Mapping[Hook, tuple[int, int]]
    """Where the first entry and the policy lie."""
    size: int
    """Of all entries, bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One entry, taken apart."""

    offset: int
    next: int
    clauses: tuple[Clause, ...]
    target: str
    """Empty for a plain verdict."""
    revision: int
    info: bytes
    goes: bool

    @property
    def verdict(self) -> int:
        return int.from_bytes(self.info[:4].ljust(4, b"\0"), sys.byteorder, signed=True)


def parse_info(data: bytes) -> TableInfo:
    """Return what the kernel says of a table.

    Raises:
        PacketError: it is too short.
    """
    if len(data) < INFO.size:
        raise PacketError(f"iptables: {len(data)} bytes are no table")
    fields = INFO.unpack_from(data)
    valid, first, last = fields[1], fields[2:7], fields[7:12]
    return TableInfo(
        name=_text(fields[0]),
        hooks={
            hook: (first[at], last[at])
            for at, hook in enumerate(HOOKS)
            if valid >> at & 1
        },
        size=fields[13],
    )


def parse_table(
    info: TableInfo, data: bytes, ip_version: IpVersion
) -> tuple[Chain, ...]:
    """Return the chains of a table.

    Raises:
        PacketError: it is malformed.
    """
    entries = {entry.offset: entry for entry in _entries(data, ip_version)}
    users = _user_chains(entries, info)
    names = {start: name for name, start, _ in users}
    chains = []
    for hook, (start, last) in info.hooks.items():
        held, policy = _between(entries, start, last), entries.get(last)
        if policy is None:
            raise PacketError("iptables: a chain without its policy")
        name = hook.name
        chains.append(
            Chain(
                table=info.name,
                name=name,
                rules=tuple(_rule(name, e, names, ip_version) for e in held),
                base=Base(
                    hook=hook,
                    priority=_PRIORITIES.get(info.name, _SECURITY),
                    policy=_VERDICTS.get(policy.verdict, Action.ACCEPT),
                    filters=info.name != _REWRITES,
                ),
                legacy=True,
            )
        )
    for name, start, end in users:
        held = _between(entries, start, end)
        rules = tuple(_rule(name, e, names, ip_version) for e in held)
        chains.append(Chain(table=info.name, name=name, rules=rules, legacy=True))
    return tuple(chains)


def _entries(data: bytes, version: int) -> Iterator[_Entry]:
    layout = _LAYOUTS[version]
    offset = 0
    while offset < len(data):
        if len(data) - offset < layout.size:
            raise PacketError(f"iptables: {len(data) - offset} bytes are no entry")
        fields = layout.unpack_from(data, offset)
        target_at, length = fields[11], fields[12]
        if not layout.size <= target_at <= length - _EXTENSION.size:
            raise PacketError(f"iptables: an entry of {length} bytes")
        if length > len(data) - offset:
            raise PacketError("iptables: an entry that does not fit")
        body = data[offset : offset + length]
        clauses = (*_head(fields, version), *_matches(body, layout, target_at, version))
        _size, name, revision = _EXTENSION.unpack_from(body, target_at)
        yield _Entry(
            offset=offset,
            next=offset + length,
            clauses=clauses,
            target=_text(name),
            revision=revision,
            info=body[target_at + _EXTENSION.size :],
            goes=bool(fields[9] & (_GOES if version == 4 else _GOES6)),
        )
        offset += length


def _head(fields: Sequence[object], version: int) -> Iterator[Clause]:
    """Yield the conditions that every entry has room for."""
    source, destination, source_mask, destination_mask = _numbers(fields[:4])
    inside, outside, inside_mask, outside_mask = _numbers(fields[4:8])
    protocol, flags, negations = (n for n in fields[8:11] if isinstance(n, int))
    for field, value, mask, negation in (
        (Field.SOURCE, source, source_mask, _NOT_SOURCE),
        (Field.DESTINATION, destination, destination_mask, _NOT_DESTINATION),
        (Field.IN_INTERFACE, inside, inside_mask, _NOT_IN),
        (Field.OUT_INTERFACE, outside, outside_mask, _NOT_OUT),
    ):
        if mask or negations & negation:
            yield _clause(field, value, mask, negated=bool(negations & negation))
    asks = protocol and (version == 4 or flags & _ASKS_PROTOCOL)
    if asks:
        yield _clause(
            Field.PROTOCOL, protocol, 0xFFFF, negated=bool(negations & _NOT_PROTOCOL)
        )
    known = _NOT_IN | _NOT_OUT | _NOT_SOURCE | _NOT_DESTINATION | _NOT_PROTOCOL
    if negations & _NEGATIONS & ~known or (version == 4 and flags & _FRAGMENT):
        yield Clause(conditions=(Opaque(text="-f"),), words="-f")


def _numbers(fields: Sequence[object]) -> Iterator[int]:
    return (int.from_bytes(f, "big") for f in fields if isinstance(f, bytes))


def _clause(field: Field, value: int, mask: int, *, negated: bool) -> Clause:
    kept = value & mask  # of `br+` the mask leaves `br`
    condition = Condition(
        field=field, ranges=((kept, kept),), mask=mask, negated=negated
    )
    return Clause(conditions=(condition,))


def _matches(
    body: bytes, layout: struct.Struct, end: int, version: int
) -> Iterator[Clause]:
    offset = layout.size
    while offset < end:
        if end - offset < _EXTENSION.size:
            raise PacketError("iptables: a match that does not fit")
        size, name, revision = _EXTENSION.unpack_from(body, offset)
        if not _EXTENSION.size <= size <= end - offset:
            raise PacketError(f"iptables: a match of {size} bytes")
        info = body[offset + _EXTENSION.size : offset + size]
        yield decode_match(_text(name), revision, info, version)
        offset += size


def _user_chains(
    entries: Mapping[int, _Entry], info: TableInfo
) -> list[tuple[str, int, int]]:
    """Return name, first entry and closing RETURN of each chain of a user."""
    found = []
    name, start, last = "", -1, -1
    for entry in entries.values():
        if entry.target == "ERROR":
            if name:
                found.append((name, start, last))
            name = _text(entry.info[:_NAME_BYTES])
            start = entry.next
        last = entry.offset
    return found  # the last such entry ends the table


def _between(entries: Mapping[int, _Entry], start: int, end: int) -> Iterator[_Entry]:
    """Yield the entries from one to before another."""
    offset = start
    while offset < end:
        entry = entries.get(offset)
        if entry is None:
            raise PacketError("iptables: a chain that begins within an entry")
        yield entry
        offset = entry.next


def _rule(chain: str, entry: _Entry, names: Mapping[int, str], version: int) -> Rule:
    outcome = _outcome(entry, names, version)
    return Rule(
        text=iptables_text(chain, entry.clauses, (outcome,), version),
        conditions=tuple(c for clause in entry.clauses for c in clause.conditions),
        action=outcome.action,
        target=outcome.target,
        effects=outcome.effects,
    )


def _outcome(entry: _Entry, names: Mapping[int, str], version: int) -> Outcome:
    if entry.target:
        return decode_target(entry.target, entry.revision, entry.info, version)
    verdict = entry.verdict
    if verdict in _VERDICTS:
        return Outcome(action=_VERDICTS[verdict])
    if verdict == entry.next:  # a rule without a target
        return Outcome()
    if verdict in names:
        action = Action.GOTO if entry.goes else Action.JUMP
        return Outcome(action=action, target=names[verdict])
    return Outcome(action=Action.OPAQUE, words=f"-j {verdict}")


def _text(packed: bytes) -> str:
    return packed.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
