"""The packet filter of the namespace that the calling thread is in."""

import socket
from typing import Final

from exporter.errors import FirewallUnreadable, NetlinkError, PacketError
from exporter.model.firewall import Ruleset
from exporter.model.firewall_rules import Chain
from exporter.model.topology import IpVersion
from exporter.netfilter.legacy_tables import read_legacy
from exporter.netfilter.message import NETLINK_NETFILTER, NO_NFTABLES
from exporter.netfilter.tables import TableSocket
from exporter.rtnetlink.route_socket import KernelChannel

_TIMEOUT_S: Final = 5.0
"""Ten thousand rules take three seconds to read on a core of 2020."""


def read_ruleset(ip_version: IpVersion, *, timeout_s: float = _TIMEOUT_S) -> Ruleset:
    """Return every rule that packets of a family can meet.

    To be called inside a namespace, by `Namespace.run`. A kernel without nf_tables
    has none of its rules.

    Args:
        timeout_s: bound, seconds, > 0.

    Raises:
        FirewallUnreadable: not allowed, no answer, or none that parses.
    """
    chains = _read_nftables(ip_version, timeout_s)
    legacy, unread = read_legacy(ip_version)
    return Ruleset(ip_version=ip_version, chains=(*chains, *legacy), unread=unread)


def _read_nftables(ip_version: IpVersion, timeout_s: float) -> tuple[Chain, ...]:
    names = dict(socket.if_nameindex())
    try:
        channel = KernelChannel(NETLINK_NETFILTER)
    except NetlinkError as error:
        if error.errno in NO_NFTABLES:
            return ()
        raise FirewallUnreadable(f"no netlink socket ({error})") from error
    try:
        return TableSocket(channel, timeout_s=timeout_s).chains(ip_version, names)
    except PacketError as error:
        raise FirewallUnreadable(f"an answer does not parse ({error})") from error
    finally:
        channel.close()
