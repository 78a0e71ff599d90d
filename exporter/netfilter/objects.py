"""Chains, rules and sets of nftables as the kernel lists them; no I/O.

Only taken apart, not understood: `translate` does that.
Source: include/uapi/linux/netfilter/nf_tables.h.
"""

from dataclasses import dataclass
from typing import Final

from exporter.errors import PacketError
from exporter.netfilter.message import (
    Attributes,
    attributes,
    attributes_of,
    elements,
    family_of,
    number,
    signed,
    text,
)
from exporter.rtnetlink.message import Message

INTERVAL, MAP, CONCATENATION = 0x4, 0x8, 0x80  # NFT_SET_*
_INTERVAL_END, _CATCH_ALL = 1, 2  # NFT_SET_ELEM_*

_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 1, 3, 4, 5, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_RULE_TABLE, _RULE_CHAIN, _RULE_EXPRESSIONS, _RULE_USERDATA = 1, 2, 4, 7
_EXPRESSION_NAME, _EXPRESSION_DATA = 1, 2
_SET_TABLE, _SET_NAME, _SET_FLAGS, _SET_KEY_BYTES, _SET_DATA_TYPE = 1, 2, 3, 5, 6
_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS = 1, 2, 3
_ELEMENT_KEY, _ELEMENT_DATA, _ELEMENT_FLAGS, _ELEMENT_KEY_END = 1, 2, 3, 10
_DATA_VALUE, _DATA_VERDICT = 1, 2
_VERDICT_CODE, _VERDICT_CHAIN = 1, 2
_USERDATA_COMMENT: Final = 0  # NFTNL_UDATA_RULE_COMMENT (libnftnl/udata.h)
_VERDICTS: Final = 0xFFFFFF00  # NFT_DATA_VERDICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedChain:
    """A chain."""

    family: int
    table: str
    name: str
    hook: int | None = None
    """None for chains that are only jumped to."""
    priority: int = 0
    policy: int = 1
    """NF_DROP or NF_ACCEPT."""
    type: str = ""
    """filter, nat or route."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """One step of the little machine that a rule is."""

    name: str
    packed: bytes

    @property
    def data(self) -> Attributes:
        """Its attributes; most counters are never asked for theirs.

        Raises:
            PacketError: they are malformed.
        """
        return attributes(self.packed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRule:
    """A rule."""

    family: int
    table: str
    chain: str
    expressions: tuple[Expression, ...]
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSet:
    """A set or a map, without its elements."""

    family: int
    table: str
    name: str
    flags: int
    key_bytes: int
    to_verdicts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an immediate or a map's element decides."""

    code: int
    """NF_DROP, NF_ACCEPT, or NFT_JUMP and the like, which are negative."""
    chain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An element of a set, or one end of an interval."""

    key: bytes
    key_end: bytes | None = None
    verdict: Verdict | None = None
    ends_interval: bool = False
    is_catch_all: bool = False


def parse_chain(message: Message) -> ListedChain:
    """Return the chain of a message.

    Raises:
        PacketError: it is malformed.
    """
    found = attributes_of(message)
    hook = attributes(found[_CHAIN_HOOK]) if _CHAIN_HOOK in found else None
    return ListedChain(
        family=family_of(message),
        table=_name(found, _CHAIN_TABLE),
        name=_name(found, _CHAIN_NAME),
        hook=None if hook is None else number(hook, _HOOK_NUMBER),
        priority=0 if hook is None else signed(hook, _HOOK_PRIORITY),
        policy=number(found, _CHAIN_POLICY, 1),
        type=text(found, _CHAIN_TYPE),
    )


def parse_rule(message: Message) -> ListedRule:
    """Return the rule of a message.

    Raises:
        PacketError: it is malformed.
    """
    found = attributes_of(message)
    listed = elements(found.get(_RULE_EXPRESSIONS, b""))
    return ListedRule(
        family=family_of(message),
        table=_name(found, _RULE_TABLE),
        chain=_name(found, _RULE_CHAIN),
        expressions=tuple(_expression(data) for data in listed),
        comment=_comment(found.get(_RULE_USERDATA, b"")),
    )


def parse_set(message: Message) -> ListedSet:
    """Return the set of a message.

    Raises:
        PacketError: it is malformed.
    """
    found = attributes_of(message)
    return ListedSet(
        family=family_of(message),
        table=_name(found, _SET_TABLE),
        name=_name(found, _SET_NAME),
        flags=number(found, _SET_FLAGS),
        key_bytes=number(found, _SET_KEY_BYTES),
        to_verdicts=number(found, _SET_DATA_TYPE) == _VERDICTS,
    )


def parse_elements(message: Message) -> tuple[Element, ...]:
    """Return the elements of a message; a set may take several messages.

    Raises:
        PacketError: it is malformed.
    """
    found = attributes_of(message)
    return tuple(_element(data) for data in elements(found.get(_LIST_ELEMENTS, b"")))


def parse_data(data: bytes) -> bytes | Verdict:
    """Return a value or a verdict (nft_data_attributes).

    Raises:
        PacketError: it is malformed.
    """
    found = attributes(data)
    if _DATA_VERDICT in found:
        verdict = attributes(found[_DATA_VERDICT])
        return Verdict(
            code=signed(verdict, _VERDICT_CODE), chain=text(verdict, _VERDICT_CHAIN)
        )
    return found.get(_DATA_VALUE, b"")


def _expression(data: bytes) -> Expression:
    found = attributes(data)
    return Expression(
        name=text(found, _EXPRESSION_NAME),
        packed=found.get(_EXPRESSION_DATA, b""),
    )


def _element(data: bytes) -> Element:
    found = attributes(data)
    flags = number(found, _ELEMENT_FLAGS)
    end = parse_data(found[_ELEMENT_KEY_END]) if _ELEMENT_KEY_END in found else None
    decided = parse_data(found[_ELEMENT_DATA]) if _ELEMENT_DATA in found else None
    key = parse_data(found.get(_ELEMENT_KEY, b""))
    return Element(
        key=key if isinstance(key, bytes) else b"",
        key_end=end if isinstance(end, bytes) else None,
        verdict=decided if isinstance(decided, Verdict) else None,
        ends_interval=bool(flags & _INTERVAL_END),
        is_catch_all=bool(flags & _CATCH_ALL),
    )


def _name(found: Attributes, kind: int) -> str:
    name = text(found, kind)
    if not name:
        raise PacketError("nftables: an object without a name")
    return name


def _comment(userdata: bytes) -> str:
    """Return nft's comment: entries of type u8, length u8 and value."""
    offset = 0
    while offset + 2 <= len(userdata):
        kind, length = userdata[offset], userdata[offset + 1]
        value = userdata[offset + 2 : offset + 2 + length]
        if kind == _USERDATA_COMMENT:
            return value.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
        offset += 2 + length
    return ""
