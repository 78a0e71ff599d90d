"""What a register of nftables holds, and what comparing it with bytes asks; no I/O.

Sources: nft(8) "PRIMARY EXPRESSIONS"; include/uapi/linux/netfilter/nf_tables.h,
net/netfilter/nft_meta.c, nft_payload.c, nft_ct.c, nft_fib.c.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from exporter.model.firewall_rules import (
    DESTINATION_REWRITTEN,
    INTERFACE_BYTES,
    SOURCE_REWRITTEN,
    AnyCondition,
    Condition,
    Field,
    Opaque,
    interface_number,
)

_STATUS_BITS: Final = {0x10: SOURCE_REWRITTEN, 0x20: DESTINATION_REWRITTEN}
"""IPS_SRC_NAT and IPS_DST_NAT, and what stands for them in `Field.STATE`."""

Names = Mapping[int, str]
"""Interfaces by their index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Some bytes of a packet, or of what is known about it, in a register."""

    what: str
    """In the words of nft."""
    field: Field | None = None
    """None: not understood."""
    size: int = 0
    """Of the field, bytes."""
    start: int = 0
    """The first byte of the field that was loaded."""
    length: int = 0
    """How many were loaded."""
    mask: bytes | None = None
    """What a bitwise operation left of them."""
    host_order: bool = False
    """A number of the machine's byte order; it is loaded whole."""
    is_index: bool = False
    """The index of an interface, whose name the field holds."""
    is_status: bool = False
    """The status of a connection, of which the field holds two bits."""

    def masked(self, mask: bytes) -> "Load":
        """Return what a bitwise AND leaves."""
        what = f"{self.what} & {int.from_bytes(mask, self.order):#x}"
        if self.is_status:
            bits = _STATUS_BITS.get(int.from_bytes(mask, self.order), 0)
            field = Field.STATE if bits else None
            mask = bits.to_bytes(4, self.order)
            return replace(self, what=self.what, field=field, mask=mask)
        if self.mask is not None or self.is_index:
            return Load(what=what)
        return replace(self, mask=mask)

    @property
    def order(self) -> Literal["little", "big"]:
        """The byte order of its numbers."""
        return sys.byteorder if self.host_order else "big"


def compare(
    load: Load,
    ranges: Sequence[tuple[bytes, bytes]],
    names: Names,
    *,
    negated: bool = False,
    words: str = "",
) -> AnyCondition:
    """Return the condition that what was loaded is within some ranges.

    Args:
        ranges: first and last, both included; of one length.
        names: the interfaces, to know what an index means.
        words: how an opaque one is written.
    """
    opaque = Opaque(text=words or load.what)
    if load.field is None or (load.is_status and load.mask is None):
        return opaque
    if load.is_index:
        return _of_names(load, ranges, names, negated=negated)
    compared = len(ranges[0][0]) if ranges else load.length
    if compared > load.length or any(
        len(end) != compared for pair in ranges for end in pair
    ):
        return opaque
    if load.host_order and compared != load.size:
        return opaque
    shift = 8 * (load.size - load.start - compared)
    mask = _mask(load, compared) << shift
    if load.field is Field.STATE and not load.is_status:
        mask &= ~(SOURCE_REWRITTEN | DESTINATION_REWRITTEN)
    are_single = all(first == last for first, last in ranges)
    if not are_single and not _is_whole(load, compared):
        return opaque
    numbers = tuple(
        (
            int.from_bytes(first, load.order) << shift,
            int.from_bytes(last, load.order) << shift,
        )
        for first, last in ranges
    )
    return Condition(field=load.field, ranges=numbers, mask=mask, negated=negated)


def _mask(load: Load, compared: int) -> int:
    kept = b"\xff" * compared
    if load.mask is not None:
        kept = load.mask[:compared].ljust(compared, b"\0")
    return int.from_bytes(kept, load.order)


def _is_whole(load: Load, compared: int) -> bool:
    """Return whether ranges of it are ranges of the field."""
    return (
        load.start == 0
        and compared == load.size
        and load.mask is None
        and not load.host_order
    )


def _of_names(
    load: Load, ranges: Sequence[tuple[bytes, bytes]], names: Names, *, negated: bool
) -> AnyCondition:
    found = []
    for first, last in ranges:
        index = int.from_bytes(first, sys.byteorder)
        if first != last:
            return Opaque(text=load.what)
        if index in names:  # else of an interface that is gone: it never comes back
            value = interface_number(names[index].encode())
            found.append((value, value))
    if load.field is None:
        return Opaque(text=load.what)
    return Condition(field=load.field, ranges=tuple(found), negated=negated)


_KNOWN_BUT_OPAQUE: Final = {
    1: "meta protocol",
    10: "meta skuid",
    19: "meta pkttype",
    26: "meta iifkind",
    27: "meta oifkind",
}
"""By NFT_META_*, for the words."""

_META: Final = {
    3: Load(what="meta mark", field=Field.MARK, size=4, length=4, host_order=True),
    4: Load(
        what="iif",
        field=Field.IN_INTERFACE,
        size=INTERFACE_BYTES,
        length=4,
        is_index=True,
    ),
    5: Load(
        what="oif",
        field=Field.OUT_INTERFACE,
        size=INTERFACE_BYTES,
        length=4,
        is_index=True,
    ),
    6: Load(
        what="iifname",
        field=Field.IN_INTERFACE,
        size=INTERFACE_BYTES,
        length=INTERFACE_BYTES,
    ),
    7: Load(
        what="oifname",
        field=Field.OUT_INTERFACE,
        size=INTERFACE_BYTES,
        length=INTERFACE_BYTES,
    ),
    15: Load(what="meta nfproto", field=Field.FAMILY, size=1, length=1),
    16: Load(what="meta l4proto", field=Field.PROTOCOL, size=1, length=1),
}
"""By NFT_META_*."""

_CONNTRACK: Final = {
    0: Load(what="ct state", field=Field.STATE, size=4, length=4, host_order=True),
    1: Load(what="ct direction", field=Field.DIRECTION, size=1, length=1),
    2: Load(
        what="ct status",
        field=Field.STATE,
        size=4,
        length=4,
        host_order=True,
        is_status=True,
    ),
}
"""By NFT_CT_*."""

_FIB: Final = {
    (3, 1): Load(
        what="fib saddr type",
        field=Field.SOURCE_TYPE,
        size=4,
        length=4,
        host_order=True,
    ),
    (3, 2): Load(
        what="fib daddr type",
        field=Field.DESTINATION_TYPE,
        size=4,
        length=4,
        host_order=True,
    ),
}
"""By NFT_FIB_RESULT_* and NFTA_FIB_F_*."""

_Slot = tuple[int, int, Field | None, str]

_NETWORK_FIELDS: Final[dict[int, tuple[_Slot, ...]]] = {
    4: (
        (12, 4, Field.SOURCE, "ip saddr"),
        (16, 4, Field.DESTINATION, "ip daddr"),
        (9, 1, Field.PROTOCOL, "ip protocol"),
        (6, 2, None, "ip frag-off"),
        (8, 1, None, "ip ttl"),
    ),
    6: (
        (8, 16, Field.SOURCE, "ip6 saddr"),
        (24, 16, Field.DESTINATION, "ip6 daddr"),
        (6, 1, Field.PROTOCOL, "ip6 nexthdr"),
        (7, 1, None, "ip6 hoplimit"),
    ),
}
"""Offset, bytes, field and words, by the family's version."""

_TRANSPORT_FIELDS: Final[tuple[_Slot, ...]] = (
    (0, 2, Field.ICMP, "th sport"),
    (2, 2, Field.SECOND_PORT, "th dport"),
    (13, 1, None, "tcp flags"),
)

_NETWORK_BASE, _TRANSPORT_BASE = 1, 2  # NFT_PAYLOAD_*_HEADER


def load_meta(key: int) -> Load:
    """Return what `meta` loads."""
    said = _KNOWN_BUT_OPAQUE.get(key, f"meta key {key}")
    return _META.get(key) or Load(what=said)


def load_conntrack(key: int) -> Load:
    """Return what `ct` loads."""
    return _CONNTRACK.get(key) or Load(what="ct mark" if key == 3 else f"ct key {key}")


def load_fib(result: int, flags: int) -> Load:
    """Return what a lookup in the routing table loads."""
    return _FIB.get((result, flags)) or Load(what="fib")


def load_payload(base: int, offset: int, length: int, version: int) -> Load:
    """Return what `payload` loads.

    Args:
        version: 4 or 6, of the packets that come there.
    """
    known: tuple[_Slot, ...] = ()
    if base == _NETWORK_BASE:
        known = _NETWORK_FIELDS[version]
    elif base == _TRANSPORT_BASE:
        known = _TRANSPORT_FIELDS
    for at, size, field, what in known:
        if at <= offset and offset + length <= at + size:
            return Load(
                what=what, field=field, size=size, start=offset - at, length=length
            )
    return Load(what=f"payload base {base} offset {offset} length {length}")
