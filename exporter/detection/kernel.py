"""Listens to the kernel in the host's namespace: nftables, links and addresses.

Sockets are opened there by a thread that ends at once, and stay. Nothing is sent but
requests for lists; nothing is changed. Sources: netlink(7), rtnetlink(7);
net/netfilter/nfnetlink.c (its groups are for CAP_NET_ADMIN only, as the kernel's
`netlink_kernel_cfg` there lacks NL_CFG_F_NONROOT_RECV), nfnetlink.h.
"""

import errno
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from exporter.detection.host import Look, Subscription, Told
from exporter.detection.links import LinkTable
from exporter.hostns import HostFound, open_host
from exporter.netfilter.message import NETLINK_NETFILTER, NO_NFTABLES
from exporter.netns import NetnsId
from exporter.rtnetlink import RouteSocket
from exporter.sockopt import is_refusal, set_buffer_bytes

SYSCTLS: Final = (
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
)
"""What decides whether packets are forwarded, and whether bridged ones meet rules."""
_LEGACY: Final = (
    ("iptables-legacy", "ip_tables_names"),
    ("ip6tables-legacy", "ip6_tables_names"),
)
_ROUTING: Final = 0  # NETLINK_ROUTE
_SOL_NETLINK: Final = 270
_ADD_MEMBERSHIP: Final = 1
_NFTABLES_GROUP: Final = 7  # NFNLGRP_NFTABLES
_LINK_GROUPS: Final = (1, 5, 9)  # RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, _IPV6_IFADDR
_BUFFER_BYTES: Final = 1 << 20
"""Some seven thousand rules of one transaction, as measured; beyond, it is lost."""
_DATAGRAM_BYTES: Final = 1 << 16
"""More than the kernel puts into one (NLMSG_GOODSIZE, and a rule of 64 KB at most)."""
_AT_ONCE: Final = 32
"""Datagrams of one reading, so that a storm leaves time for everything else."""


class NetlinkNotifications:
    """A netlink socket that has joined groups (`joined`)."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def read(self) -> Told:
        """Return up to `_AT_ONCE` datagrams of the kernel's; a lost one is told."""
        datagrams: list[bytes] = []
        lost = False
        for _ in range(_AT_ONCE):
            try:
                data, _ancillary, flags, sender = self._socket.recvmsg(_DATAGRAM_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                lost = True
                continue
            if sender[0] != 0:
                continue  # some process of that namespace
            if flags & socket.MSG_TRUNC:
                lost = True
            else:
                datagrams.append(data)
        return Told(tuple(datagrams), lost)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def joined(protocol: int, groups: tuple[int, ...]) -> NetlinkNotifications:
    """Return notifications of groups, in the namespace of the calling thread.

    Raises:
        OSError: the socket or the membership was refused.
    """
    sock = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol
    )
    try:
        set_buffer_bytes(sock, _BUFFER_BYTES)
        sock.bind((0, 0))
        for group in groups:
            sock.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
    except BaseException:
        sock.close()
        raise
    return NetlinkNotifications(sock)


class KernelHost:
    """The host's namespace, entered anew for each call.

    Args:
        sysctl_root: where sysctls are; those of the entering thread.
    """

    def __init__(self, *, sysctl_root: str = "/proc/sys") -> None:
        self._sysctl_root = sysctl_root

    def subscribe(self, found: HostFound) -> Subscription:
        """Open the sources that can be opened; see `HostChanges`."""
        with open_host(found) as namespace:
            return namespace.run(lambda: _subscribe(found.identity))

    def look(self, found: HostFound) -> Look:
        """Read sysctls and which older tables exist; see `HostChanges`."""
        with open_host(found) as namespace:
            return namespace.run(lambda: read_look(self._sysctl_root))


def read_look(
    sysctl_root: str = "/proc/sys", net: str = "/proc/thread-self/net"
) -> Look:
    """Return what has no notifications, of the namespace of the calling thread.

    Args:
        sysctl_root: where sysctls are.
        net: the thread's view of its namespace (proc(5)).
    """
    values: dict[str, str] = {}
    unread: list[str] = []
    for name in SYSCTLS:
        path = Path(sysctl_root, *name.split("."))
        try:
            values[name] = path.read_text(encoding="ascii").strip()
        except (FileNotFoundError, NotADirectoryError):
            continue  # IPv6 is off, br_netfilter is not loaded
        except (OSError, UnicodeDecodeError) as error:
            unread.append(f"{name}: {error}")
    legacy: list[str] = []
    for tool, listing in _LEGACY:
        try:
            tables = Path(net, listing).read_text().split()
        except FileNotFoundError:
            continue  # its kernel module is not loaded
        except OSError as error:
            unread.append(f"tables of {tool}: {error}")
            continue
        legacy += [f"{tool} {table}" for table in tables]
    return Look(sysctls=values, legacy=tuple(legacy), unread=tuple(unread))


def _subscribe(identity: NetnsId) -> Subscription:
    """Open what can be opened, in the namespace of the calling thread."""
    refusals: dict[str, str] = {}
    with ExitStack() as opened:
        nftables = _joined(NETLINK_NETFILTER, (_NFTABLES_GROUP,), "nftables", refusals)
        if nftables is not None:
            opened.callback(nftables.close)
        links = _joined(_ROUTING, _LINK_GROUPS, "links", refusals)
        table = LinkTable((), ())
        if links is not None:
            opened.callback(links.close)
            # After joining, so that no change is missed.
            with RouteSocket() as routes:
                table = LinkTable(routes.links(), routes.addresses())
        opened.pop_all()
    return Subscription(
        identity=identity,
        nftables=nftables,
        links=links,
        table=table,
        refusals=refusals,
    )


def _joined(
    protocol: int, groups: tuple[int, ...], name: str, refusals: dict[str, str]
) -> NetlinkNotifications | None:
    try:
        return joined(protocol, groups)
    except OSError as error:
        refusals[name] = _reason(error)
        return None


def _reason(error: OSError) -> str:
    if is_refusal(error):
        return "CAP_NET_ADMIN is missing"
    if error.errno in NO_NFTABLES:
        return "the kernel has no nftables"
    return str(error)
