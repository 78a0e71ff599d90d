"""Reads what decides over packets in the namespace that the calling thread is in.

Reads only. What cannot be read becomes a note and spares the rest: without
CAP_NET_ADMIN, say, the rules stay unknown while links and routes are told.
Sources: rtnetlink(7), proc(5) (/proc/sys/net is that of the reading thread).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from exporter.errors import ExporterError
from exporter.model.inspection import (
    Interface,
    NamespaceFacts,
    Neighbour,
    NeighbourState,
    PacketFilter,
    Port,
    PortState,
    Way,
    WayKind,
)
from exporter.model.topology import IP_VERSIONS, IPAddress, IpVersion
from exporter.rtnetlink import Link, LinkAddress, NeighbourEntry, Route, RouteSocket

T = TypeVar("T")
FilterReader = Callable[[IpVersion], PacketFilter]
"""Reads the packet filter of the thread's namespace; raises ExporterError."""

SYSCTLS: Final = (
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "net.ipv4.icmp_echo_ignore_all",
    "net.ipv6.icmp.echo_ignore_all",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv6.conf.all.disable_ipv6",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
)
"""What decides over packets in every namespace; no dot within a part."""
_PER_INTERFACE: Final = "net.ipv6.conf.{}.disable_ipv6"
_MAX_INTERFACES: Final = 64
"""Interfaces whose own sysctls are read: a host may have thousands of veths."""

_PORT_STATES: Final = {
    0: PortState.DISABLED,
    1: PortState.LISTENING,
    2: PortState.LEARNING,
    3: PortState.FORWARDING,
    4: PortState.BLOCKING,
}
_NEIGHBOUR_STATES: Final = {
    0x00: NeighbourState.NONE,
    0x01: NeighbourState.INCOMPLETE,
    0x02: NeighbourState.REACHABLE,
    0x04: NeighbourState.STALE,
    0x08: NeighbourState.DELAY,
    0x10: NeighbourState.PROBE,
    0x20: NeighbourState.FAILED,
    0x40: NeighbourState.NOARP,
    0x80: NeighbourState.PERMANENT,
}


@dataclass(slots=True)
class _Notes:
    """What could not be read."""

    lines: list[str] = field(default_factory=list)

    def attempt(self, what: str, read: Callable[[], T]) -> T | None:
        """Return what is read; None where that failed, which is noted."""
        try:
            return read()
        except (ExporterError, OSError) as error:
            self.lines.append(f"{what}: {error}")
            return None


def read_namespace(
    addresses: Iterable[IPAddress],
    *,
    read_filter: FilterReader,
    sysctl_root: str = "/proc/sys",
) -> NamespaceFacts:
    """Return what is found in the namespace of the calling thread.

    Args:
        addresses: whose ways are asked for.
        read_filter: how the packet filter is read.
        sysctl_root: where the sysctls are.
    """
    notes = _Notes()
    links = notes.attempt("links", lambda: _read_links(notes, addresses))
    interfaces, neighbours, ways = links or _NO_LINKS
    sysctls, absent = _read_sysctls(notes, interfaces, sysctl_root)
    filters: dict[IpVersion, PacketFilter] = {}
    for version in IP_VERSIONS:
        what = f"packet filter of IPv{version}"
        found = notes.attempt(what, partial(read_filter, version))
        if found is not None:
            filters[version] = found
            notes.lines.extend(f"{what}: {line}" for line in found.unread)
    return NamespaceFacts(
        interfaces=interfaces,
        neighbours=neighbours,
        ways=ways,
        sysctls=sysctls,
        absent_sysctls=absent,
        filters=filters,
        notes=tuple(notes.lines),
    )


_Links = tuple[tuple[Interface, ...], tuple[Neighbour, ...], dict[IPAddress, Way]]
_NO_LINKS: Final[_Links] = ((), (), {})


def _read_links(notes: _Notes, addresses: Iterable[IPAddress]) -> _Links:
    with RouteSocket() as routes:
        interfaces = notes.attempt("links", partial(_interfaces, routes))
        neighbours = notes.attempt("neighbours", partial(_neighbours, routes))
        ways = {}
        for address in addresses:
            ask = partial(routes.route_to, address)
            found = notes.attempt(f"route to {address}", ask)
            if found is not None:
                ways[address] = _way(found)
        return interfaces or (), neighbours or (), ways


def _interfaces(routes: RouteSocket) -> tuple[Interface, ...]:
    links = routes.links()
    by_index: dict[int, list[LinkAddress]] = {}
    for found in routes.addresses():
        by_index.setdefault(found.index, []).append(found)
    return tuple(_interface(link, by_index.get(link.index, [])) for link in links)


def _interface(link: Link, addresses: list[LinkAddress]) -> Interface:
    port = None
    if link.port is not None and link.master is not None:
        state = _PORT_STATES.get(link.port.state, PortState.DISABLED)
        port = Port(bridge=link.master, state=state, isolated=link.port.isolated)
    return Interface(
        index=link.index,
        name=link.name,
        up=link.set_up,
        running=link.up,
        mac=link.mac,
        mtu=link.mtu,
        addresses=tuple((one.address, one.prefix_length) for one in addresses),
        refused=tuple(one.address for one in addresses if one.refused),
        peer=link.peer,
        peer_is_here=link.peer_is_here,
        port=port,
    )


def _neighbours(routes: RouteSocket) -> tuple[Neighbour, ...]:
    return tuple(_neighbour(entry) for entry in routes.neighbours())


def _neighbour(entry: NeighbourEntry) -> Neighbour:
    return Neighbour(
        interface=entry.index,
        address=entry.address,
        mac=entry.mac,
        state=_NEIGHBOUR_STATES.get(entry.state, NeighbourState.NONE),
    )


def _way(route: Route) -> Way:
    return Way(
        kind=WayKind(route.kind),
        interface=route.interface,
        gateway=route.gateway,
        source=route.source,
    )


def _read_sysctls(
    notes: _Notes, interfaces: tuple[Interface, ...], root: str
) -> tuple[dict[str, str], frozenset[str]]:
    names: list[tuple[str, tuple[str, ...]]] = [
        (name, tuple(name.split("."))) for name in SYSCTLS
    ]
    for one in interfaces[:_MAX_INTERFACES]:
        # An interface's name may have dots of its own.
        own = ("net", "ipv6", "conf", one.name, "disable_ipv6")
        names.append((_PER_INTERFACE.format(one.name), own))
    values: dict[str, str] = {}
    absent: set[str] = set()
    for name, parts in names:
        try:
            values[name] = Path(root, *parts).read_text(encoding="ascii").strip()
        except (FileNotFoundError, NotADirectoryError):
            absent.add(name)
        except (OSError, UnicodeDecodeError) as error:
            notes.lines.append(f"{name}: {error}")
    return values, frozenset(absent)
