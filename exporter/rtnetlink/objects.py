"""What the bodies of rtnetlink messages say; no I/O.

Sources: rtnetlink(7); include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, if_arp.h,
neighbour.h.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import AF_INET, AF_INET6
from typing import Final

from exporter.errors import PacketError
from exporter.model.topology import IPAddress, IPNetwork
from exporter.rtnetlink.message import (
    ADDRESS,
    LINK,
    NEIGHBOUR,
    ROUTE,
    decode_attributes,
)

UNICAST: Final = 1
LOCAL: Final = 2
ANYCAST: Final = 4
BLACKHOLE: Final = 6
UNREACHABLE: Final = 7
PROHIBIT: Final = 8

MAIN_TABLE: Final = 254
CLONED: Final = 0x200  # RTM_F_CLONED: a cached exception, not a configured route

_IFF_UP: Final = 0x1
_IFF_RUNNING: Final = 0x40
_ARPHRD_ETHER: Final = 1

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER = 1, 3, 4, 5, 10
_IFLA_PROTINFO, _IFLA_LINKINFO, _IFLA_LINK_NETNSID = 12, 18, 37
_INFO_SLAVE_KIND, _INFO_SLAVE_DATA = 4, 5
_BRPORT_STATE, _BRPORT_ISOLATED = 1, 33
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFA_F_DADFAILED: Final = 0x08
_NDA_DST, _NDA_LLADDR = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_RTA_MULTIPATH, _RTA_TABLE, _RTA_VIA = 9, 15, 18

_U16: Final = struct.Struct("=H")
_U32: Final = struct.Struct("=I")
_NEXT_HOP: Final = struct.Struct("=HBBi")
"""rtnexthop: length with its attributes, flags, weight, interface index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgePort:
    """A link as a port of its bridge."""

    state: int
    """BR_STATE_*: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking."""
    isolated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A network interface."""

    index: int
    name: str
    up: bool
    """Set up and with carrier (IFF_UP and IFF_RUNNING)."""
    mtu: int
    """Bytes."""
    mac: str | None
    """None for interfaces that are not Ethernet."""
    master: int | None
    """Index of the bridge it is a port of."""
    peer: int | None
    """Index of the link below it or of its veth peer, maybe in another namespace."""
    set_up: bool
    """Set up, with carrier or not (IFF_UP)."""
    peer_is_here: bool
    """The peer is in the same namespace."""
    port: BridgePort | None = None
    """What the bridge that is its master says of it; None off a bridge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAddress:
    """An address of an interface."""

    index: int
    """Of the interface."""
    address: IPAddress
    prefix_length: int
    refused: bool = False
    """IPv6 found it in use by another station (RFC 4862), so it is not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourEntry:
    """Who answers for an address on a link."""

    index: int
    """Of the interface."""
    address: IPAddress
    mac: str | None
    """None while it is not known."""
    state: int
    """NUD_*, a bit; 0 is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One way that a route may take."""

    index: int
    """Of the interface."""
    gateway: IPAddress | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteEntry:
    """A route as the kernel tells it."""

    kind: int
    """RTN_*, see the constants of this module."""
    table: int
    cloned: bool
    prefix: IPNetwork
    hops: tuple[Hop, ...]
    """None for blackholes and the like; several for multipath."""
    source: IPAddress | None
    """The address that packets get that have none yet."""


def parse_link(body: bytes) -> Link:
    """Return the link of an RTM_NEWLINK message.

    Raises:
        PacketError: it is malformed.
    """
    _family, hardware, index, flags, _change = _fixed(LINK, body)
    found = decode_attributes(body[LINK.size :])
    name = found.get(_IFLA_IFNAME, b"").split(b"\0", 1)[0]
    if not name:
        raise PacketError("rtnetlink: a link without a name")
    mac = found.get(_IFLA_ADDRESS, b"") if hardware == _ARPHRD_ETHER else b""
    return Link(
        index=index,
        name=name.decode("utf-8", "backslashreplace"),
        up=flags & (_IFF_UP | _IFF_RUNNING) == _IFF_UP | _IFF_RUNNING,
        mtu=_number(found, _IFLA_MTU) or 0,
        mac=mac.hex(":") or None,
        master=_number(found, _IFLA_MASTER),
        peer=_number(found, _IFLA_LINK),
        set_up=bool(flags & _IFF_UP),
        # Told for a link to another namespace only (rtnl_fill_link_netnsid).
        peer_is_here=_IFLA_LINK in found and _IFLA_LINK_NETNSID not in found,
        port=_bridge_port(found.get(_IFLA_LINKINFO, b"")),
    )


def _bridge_port(info: bytes) -> BridgePort | None:
    found = decode_attributes(info)
    if found.get(_INFO_SLAVE_KIND, b"").rstrip(b"\0") != b"bridge":
        return None
    return _port_of(found.get(_INFO_SLAVE_DATA, b""))


def parse_port(body: bytes) -> BridgePort | None:
    """Return the port that a message of the family AF_BRIDGE is about, None if none.

    Raises:
        PacketError: it is malformed.
    """
    _fixed(LINK, body)
    info = decode_attributes(body[LINK.size :]).get(_IFLA_PROTINFO)
    return None if info is None else _port_of(info)


def _port_of(info: bytes) -> BridgePort:
    """Return the port that IFLA_BRPORT_* attributes describe."""
    port = decode_attributes(info)
    return BridgePort(
        state=_byte(port, _BRPORT_STATE),
        isolated=bool(_byte(port, _BRPORT_ISOLATED)),  # absent before Linux 4.18
    )


def parse_address(body: bytes) -> LinkAddress | None:
    """Return the address of an RTM_NEWADDR message, None for foreign families.

    Raises:
        PacketError: it is malformed.
    """
    family, prefix_length, flags, _scope, index = _fixed(ADDRESS, body)
    if family not in (AF_INET, AF_INET6):
        return None
    found = decode_attributes(body[ADDRESS.size :])
    # On a point-to-point link IFA_ADDRESS is the peer's, IFA_LOCAL always ours.
    packed = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS, b"")
    address = _address(family, packed)
    if prefix_length > address.max_prefixlen:
        raise PacketError(f"rtnetlink: a prefix length of {prefix_length}")
    return LinkAddress(
        index=index,
        address=address,
        prefix_length=prefix_length,
        refused=bool(flags & _IFA_F_DADFAILED),
    )


def parse_neighbour(body: bytes) -> NeighbourEntry | None:
    """Return the entry of an RTM_NEWNEIGH message, None for foreign families.

    Raises:
        PacketError: it is malformed.
    """
    family, index, state, _flags, _type = _fixed(NEIGHBOUR, body)
    found = decode_attributes(body[NEIGHBOUR.size :])
    if family not in (AF_INET, AF_INET6) or _NDA_DST not in found:
        return None
    return NeighbourEntry(
        index=index,
        address=_address(family, found[_NDA_DST]),
        mac=found.get(_NDA_LLADDR, b"").hex(":") or None,
        state=state,
    )


def parse_route(body: bytes) -> RouteEntry | None:
    """Return the route of an RTM_NEWROUTE message, None for foreign families.

    Raises:
        PacketError: it is malformed.
    """
    fields = _fixed(ROUTE, body)
    family, length, table, kind, flags = (fields[i] for i in (0, 1, 4, 7, 8))
    if family not in (AF_INET, AF_INET6):
        return None
    found = decode_attributes(body[ROUTE.size :])
    source = found.get(_RTA_PREFSRC)
    wide_table = _number(found, _RTA_TABLE)  # the field of rtmsg holds 8 bits only
    return RouteEntry(
        kind=kind,
        table=table if wide_table is None else wide_table,
        cloned=bool(flags & CLONED),
        prefix=_prefix(family, found.get(_RTA_DST), length),
        hops=_hops(family, found),
        source=None if source is None else _address(family, source),
    )


def _hops(family: int, found: dict[int, bytes]) -> tuple[Hop, ...]:
    several = found.get(_RTA_MULTIPATH)
    if several is not None:
        return _several_hops(family, several)
    index = _number(found, _RTA_OIF)
    if index is None:
        return ()
    return (Hop(index=index, gateway=_gateway(family, found)),)


def _several_hops(family: int, data: bytes) -> tuple[Hop, ...]:
    hops = []
    offset = 0
    while offset < len(data):
        length, _flags, _weight, index = _fixed(_NEXT_HOP, data[offset:])
        if not _NEXT_HOP.size <= length <= len(data) - offset:
            raise PacketError(f"rtnetlink: a next hop of {length} bytes does not fit")
        found = decode_attributes(data[offset + _NEXT_HOP.size : offset + length])
        hops.append(Hop(index=index, gateway=_gateway(family, found)))
        offset += (length + 3) & ~3
    return tuple(hops)


def _gateway(family: int, found: dict[int, bytes]) -> IPAddress | None:
    packed = found.get(_RTA_GATEWAY)
    if packed is not None:
        return _address(family, packed)
    via = found.get(_RTA_VIA)  # a gateway of the other family (RFC 5549)
    if via is None:
        return None
    if len(via) < _U16.size:
        raise PacketError("rtnetlink: a gateway without its family")
    return _address(_U16.unpack_from(via)[0], via[_U16.size :])


def _prefix(family: int, packed: bytes | None, length: int) -> IPNetwork:
    if packed is None:  # the default route names no destination
        packed = bytes(4 if family == AF_INET else 16)
    address = _address(family, packed)
    if length > address.max_prefixlen:
        raise PacketError(f"rtnetlink: a prefix length of {length}")
    return ip_network((address, length), strict=False)


def _address(family: int, packed: bytes) -> IPv4Address | IPv6Address:
    if (family, len(packed)) not in ((AF_INET, 4), (AF_INET6, 16)):
        raise PacketError(f"rtnetlink: {len(packed)} bytes are no address")
    return ip_address(packed)


def _number(found: dict[int, bytes], kind: int) -> int | None:
    value = found.get(kind)
    if value is None:
        return None
    if len(value) != _U32.size:
        raise PacketError(f"rtnetlink: attribute {kind} of {len(value)} bytes")
    number: int = _U32.unpack(value)[0]
    return number


def _byte(found: dict[int, bytes], kind: int) -> int:
    value = found.get(kind, b"\0")
    if len(value) != 1:
        raise PacketError(f"rtnetlink: attribute {kind} of {len(value)} bytes")
    return value[0]


def _fixed(layout: struct.Struct, data: bytes) -> tuple[int, ...]:
    if len(data) < layout.size:
        raise PacketError(f"rtnetlink: {len(data)} bytes, {layout.size} expected")
    return layout.unpack_from(data)
