"""Rules of nftables as conditions and what they do; no I/O.

A rule is a small program: it loads parts of the packet into registers, compares them,
and ends at the first comparison that fails. It is followed here with what was loaded
in place of a packet, so that every comparison becomes a condition. What is not known
becomes an opaque condition, or an action that may decide.
Sources: include/uapi/linux/netfilter/nf_tables.h, nf_tables_compat.h.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.model.firewall_rules import Action, AnyCondition, Effect, Opaque, Rule
from exporter.netfilter import loads, words
from exporter.netfilter.clause import IPTABLES_TABLES, Clause, Outcome
from exporter.netfilter.loads import Load, Names
from exporter.netfilter.message import INET, Attributes, number, text
from exporter.netfilter.objects import (
    Expression,
    ListedRule,
    Verdict,
    parse_data,
)
from exporter.netfilter.sets import Entry, SetContent, Sets
from exporter.netfilter.statements import (
    decode_statement,
    decode_verdict,
    limit_words,
)
from exporter.netfilter.xmatches import decode_match

_VERDICT_REGISTER: Final = 0
_REGISTER_BYTES: Final = 16  # NFT_REG_SIZE
_FIRST_SMALL_REGISTER: Final = 8  # NFT_REG32_00, 4 bytes each
_EQUAL, _NOT_EQUAL, _LESS, _AT_MOST, _MORE, _AT_LEAST = range(6)  # NFT_CMP_*
_MARK, _TRACE = 3, 12  # NFT_META_MARK, NFT_META_NFTRACE
_MAX_ALTERNATIVES: Final = 1024
_COUNTER_OBJECT, _HELPER_OBJECT = 1, 3  # NFT_OBJECT_*


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alternative:
    """One of several ways in which a rule may fit, by an element of a set."""

    clause: Clause
    outcome: Outcome | None


def translate(
    rule: ListedRule, sets: Sets, names: Names, version: int
) -> tuple[Rule, ...]:
    """Return a rule; several where a map or a set of tuples chooses.

    Args:
        sets: every set, with its elements.
        names: the interfaces, by index.
        version: 4 or 6; which packets a rule for both families is read for.

    Raises:
        PacketError: it is malformed.
    """
    machine = _Machine(rule, sets, names, version)
    for expression in rule.expressions:
        machine.run(expression)
    return machine.rules()


class _Machine:
    """Follows one rule."""

    def __init__(
        self, rule: ListedRule, sets: Sets, names: Names, version: int
    ) -> None:
        self._rule = rule
        self._sets = sets
        self._names = names
        self._version = version
        self._is_iptables = rule.family != INET and rule.table in IPTABLES_TABLES
        self._registers: dict[int, Load | bytes] = {}
        self._clauses: list[Clause] = []
        self._outcomes: list[Outcome] = []
        self._alternatives: tuple[_Alternative, ...] | None = None
        self._handlers: dict[str, Callable[[Attributes], None]] = {
            "bitwise": self._bitwise,
            "cmp": self._compare,
            "ct": self._conntrack,
            "dynset": self._update_set,
            "fib": self._fib,
            "immediate": self._immediate,
            "limit": self._limit,
            "lookup": self._look_up,
            "match": self._match,
            "meta": self._meta,
            "objref": self._object,
            "payload": self._payload,
            "range": self._range,
        }

    def run(self, expression: Expression) -> None:
        """Follow one step."""
        if expression.name == "counter":
            if not self._is_iptables:
                self._outcomes.append(Outcome(words="counter"))
            return
        handler = self._handlers.get(expression.name)
        if handler is not None:
            handler(expression.data)
            return
        outcome = decode_statement(
            expression.name,
            expression.data,
            self._version,
            is_iptables=self._is_iptables,
        )
        if outcome is None:
            self._ask(Opaque(text=expression.name))
        else:
            self._outcomes.append(outcome)

    def rules(self) -> tuple[Rule, ...]:
        """Return what the steps came to."""
        if self._alternatives is None:
            return (self._ended(self._clauses, self._outcomes),)
        return tuple(
            self._ended(
                [*self._clauses, alternative.clause],
                [
                    *self._outcomes,
                    *([alternative.outcome] if alternative.outcome else ()),
                ],
            )
            for alternative in self._alternatives
        )

    def _ended(self, clauses: Sequence[Clause], outcomes: Sequence[Outcome]) -> Rule:
        if self._is_iptables:
            said = words.iptables_text(
                self._rule.chain, clauses, outcomes, self._version
            )
        else:
            said = words.nft_text(
                clauses, outcomes, self._version, comment=self._rule.comment
            )
        last = next((o for o in outcomes if o.action is not Action.CONTINUE), Outcome())
        return Rule(
            text=said,
            conditions=tuple(c for clause in clauses for c in clause.conditions),
            action=last.action,
            target=last.target,
            effects=frozenset().union(*(o.effects for o in outcomes)),
        )

    def _ask(self, condition: AnyCondition) -> None:
        self._clauses.append(Clause(conditions=(condition,)))

    def _plain(self, name: str) -> str:
        return "" if self._is_iptables else name

    # --- registers ---

    def _set(self, register: int, value: Load | bytes) -> None:
        self._registers[_position(register)] = value

    def _get(self, register: int) -> Load:
        held = self._registers.get(_position(register))
        return held if isinstance(held, Load) else Load(what="a register")

    def _meta(self, data: Attributes) -> None:
        key = number(data, 2)
        if 3 not in data:
            self._set(number(data, 1), loads.load_meta(key))
            return
        effects = frozenset({Effect.MARKS}) if key == _MARK else frozenset()
        self._outcomes.append(
            Outcome(words=self._set_words(key, data), effects=effects)
        )

    def _set_words(self, key: int, data: Attributes) -> str:
        held = self._registers.get(_position(number(data, 3)))
        said = "..."
        if isinstance(held, bytes):
            said = f"{int.from_bytes(held, sys.byteorder):#x}"
        if self._is_iptables:
            return (
                "-j TRACE"
                if key == _TRACE
                else f"-j MARK --set-xmark {said}/0xffffffff"
            )
        return f"{loads.load_meta(key).what} set {said}"

    def _conntrack(self, data: Attributes) -> None:
        if 4 in data:
            self._outcomes.append(Outcome(words=self._plain("ct set")))
        else:
            self._set(number(data, 1), loads.load_conntrack(number(data, 2)))

    def _payload(self, data: Attributes) -> None:
        if 5 in data:  # it writes into the packet
            self._outcomes.append(Outcome(action=Action.OPAQUE, words="payload set"))
            return
        load = loads.load_payload(
            number(data, 2), number(data, 3), number(data, 4), self._version
        )
        self._set(number(data, 1), load)

    def _fib(self, data: Attributes) -> None:
        self._set(number(data, 1), loads.load_fib(number(data, 2), number(data, 3)))

    def _bitwise(self, data: Attributes) -> None:
        load = self._get(number(data, 1))
        mask, flips = parse_data(data.get(4, b"")), parse_data(data.get(5, b""))
        masks = number(data, 6) == 0 and isinstance(flips, bytes) and not any(flips)
        changed = Load(what=f"{load.what} (changed)")
        if masks and isinstance(mask, bytes) and mask:
            changed = load.masked(mask)
        self._set(number(data, 2), changed)

    # --- conditions ---

    def _compare(self, data: Attributes) -> None:
        load = self._get(number(data, 1))
        value = parse_data(data.get(3, b""))
        if not isinstance(value, bytes):
            self._ask(Opaque(text=load.what))
            return
        operator = number(data, 2)
        first = value if operator not in (_AT_MOST, _MORE) else bytes(len(value))
        last = value if operator not in (_LESS, _AT_LEAST) else b"\xff" * len(value)
        negated = operator in (_NOT_EQUAL, _LESS, _MORE)
        self._ask(loads.compare(load, ((first, last),), self._names, negated=negated))

    def _range(self, data: Attributes) -> None:
        load = self._get(number(data, 1))
        first, last = parse_data(data.get(3, b"")), parse_data(data.get(4, b""))
        if isinstance(first, bytes) and isinstance(last, bytes):
            negated = number(data, 2) == 1
            self._ask(
                loads.compare(load, ((first, last),), self._names, negated=negated)
            )
        else:
            self._ask(Opaque(text=load.what))

    def _look_up(self, data: Attributes) -> None:
        name = text(data, 1)
        held = self._sets.get((self._rule.family, self._rule.table, name))
        negated = bool(number(data, 5) & 1)
        key = number(data, 2)
        said = f"{self._get(key).what} @{name}"
        is_verdict = 3 in data and number(data, 3) == _VERDICT_REGISTER
        if 3 in data and not is_verdict:
            self._set(number(data, 3), Load(what=f"map {said}"))
        elif held is None or not held.is_complete:
            self._give_up(said, is_verdict=is_verdict)
        elif is_verdict or held.listed.key_bytes > max(self._get(key).length, 1):
            self._choose(held, key, said, is_verdict=is_verdict, negated=negated)
        else:
            ranges = tuple((entry.first, entry.last) for entry in held.entries)
            self._ask(
                loads.compare(
                    self._get(key), ranges, self._names, negated=negated, words=said
                )
            )

    def _give_up(self, said: str, *, is_verdict: bool) -> None:
        self._ask(Opaque(text=said))
        if is_verdict:
            self._outcomes.append(Outcome(action=Action.OPAQUE, words="vmap"))

    def _choose(
        self, held: SetContent, key: int, said: str, *, is_verdict: bool, negated: bool
    ) -> None:
        """Make an alternative of each element."""
        entries = held.entries
        if (
            negated
            or self._alternatives is not None
            or len(entries) > _MAX_ALTERNATIVES
        ):
            self._give_up(said, is_verdict=is_verdict)
            return
        self._alternatives = tuple(
            _Alternative(
                clause=self._of_entry(entry, key, held.listed.key_bytes, said),
                outcome=_decided(entry) if is_verdict else None,
            )
            for entry in entries
        )

    def _of_entry(self, entry: Entry, key: int, key_bytes: int, said: str) -> Clause:
        conditions: list[AnyCondition] = []
        position, at = _position(key), 0
        while at < key_bytes:
            load = self._registers.get(position + at)
            if not isinstance(load, Load) or not load.length:
                conditions.append(Opaque(text=said))
                break
            pair = (
                entry.first[at : at + load.length],
                entry.last[at : at + load.length],
            )
            conditions.append(loads.compare(load, (pair,), self._names, words=said))
            at += (load.length + 3) & ~3
        written = [
            c.text if isinstance(c, Opaque) else words.nft_words(c, self._version)
            for c in conditions
        ]
        return Clause(conditions=tuple(conditions), words=" ".join(written))

    def _match(self, data: Attributes) -> None:
        self._clauses.append(
            decode_match(
                text(data, 1), number(data, 2), data.get(3, b""), self._version
            )
        )

    def _limit(self, data: Attributes) -> None:
        said = limit_words(data, is_iptables=self._is_iptables)
        self._clauses.append(Clause(conditions=(Opaque(text=said),), words=said))

    def _object(self, data: Attributes) -> None:
        if number(data, 1) in (_COUNTER_OBJECT, _HELPER_OBJECT):
            self._outcomes.append(Outcome(words=self._plain("object")))
        else:
            self._ask(Opaque(text=f"object {text(data, 2)}"))

    def _update_set(self, data: Attributes) -> None:
        if 7 in data or 10 in data:  # a meter: it limits
            self._ask(Opaque(text=f"@{text(data, 1)} limits"))
        else:
            self._outcomes.append(
                Outcome(words=self._plain(f"update @{text(data, 1)}"))
            )

    def _immediate(self, data: Attributes) -> None:
        value = parse_data(data.get(2, b""))
        if isinstance(value, Verdict):
            self._outcomes.append(decode_verdict(value))
        else:
            self._set(number(data, 1), value)


def _decided(entry: Entry) -> Outcome:
    if entry.verdict is None:
        return Outcome(action=Action.OPAQUE, words="vmap")
    return decode_verdict(entry.verdict)


def _position(register: int) -> int:
    """Return where a register begins; the small ones lie within the large ones."""
    if register < _FIRST_SMALL_REGISTER:
        return register * _REGISTER_BYTES
    return _REGISTER_BYTES + (register - _FIRST_SMALL_REGISTER) * 4
