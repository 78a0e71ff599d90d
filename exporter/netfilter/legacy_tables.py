"""Asks the kernel for the tables of the older iptables of one network namespace.

Only of tables that are there: asking for another would make it. Nothing is changed.
Sources: net/ipv4/netfilter/ip_tables.c (`do_ipt_get_ctl`), iptables/libiptc/libiptc.c.
"""

import ctypes
import errno
import socket
import struct
import sys
from pathlib import Path
from typing import Final

from exporter.errors import FirewallUnreadable, PacketError
from exporter.model.firewall_rules import Chain
from exporter.model.topology import IpVersion
from exporter.netfilter.legacy import INFO, parse_info, parse_table

_GET_INFO, _GET_ENTRIES = 64, 65  # IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES; IP6T_ alike
_NAME_BYTES: Final = 32  # XT_TABLE_MAXNAMELEN
_ENTRIES_AT: Final = struct.calcsize("@32sIQ") - 8
"""Where the entries begin in ipt_get_entries: behind name and size, aligned as a number
of 64 bits is in the structures of this machine."""
_MAX_BYTES: Final = 64 << 20
_MAX_READS: Final = 5
"""Attempts at a table while it changes, which may change its size."""
_FAMILIES: Final = {
    4: (socket.AF_INET, socket.IPPROTO_IP, "ip_tables_names"),
    6: (socket.AF_INET6, socket.IPPROTO_IPV6, "ip6_tables_names"),
}


def read_legacy(ip_version: IpVersion) -> tuple[tuple[Chain, ...], tuple[str, ...]]:
    """Return the chains of the namespace of the calling thread, and what is unread.

    Raises:
        FirewallUnreadable: not allowed.
    """
    family, level, listing = _FAMILIES[ip_version]
    try:
        # Of the thread: that of the process is of the namespace it was started in.
        names = Path(f"/proc/thread-self/net/{listing}").read_text().split()
    except FileNotFoundError:
        return (), ()
    except OSError as error:
        return (), (f"iptables-legacy tables cannot be listed ({error.strerror})",)
    if not names:
        return (), ()
    chains: list[Chain] = []
    unread: list[str] = []
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        for name in names:
            try:
                chains += _read_table(sock, level, name, ip_version)
            except PermissionError as error:
                raise FirewallUnreadable("it needs CAP_NET_ADMIN") from error
            except (OSError, PacketError) as error:
                unread.append(f"the iptables-legacy table {name} is not read ({error})")
    return tuple(chains), tuple(unread)


def _read_table(
    sock: socket.socket, level: int, name: str, ip_version: IpVersion
) -> tuple[Chain, ...]:
    for _ in range(_MAX_READS):
        asked = name.encode().ljust(_NAME_BYTES, b"\0")
        info = parse_info(_ask(sock, level, _GET_INFO, asked, INFO.size))
        if info.size > _MAX_BYTES:
            raise PacketError(f"iptables: a table of {info.size} bytes")
        head = asked + info.size.to_bytes(4, sys.byteorder)
        try:
            data = _ask(sock, level, _GET_ENTRIES, head, _ENTRIES_AT + info.size)
        except OSError as error:
            if error.errno != errno.EAGAIN:  # its size changed
                raise
            continue
        return parse_table(info, data[_ENTRIES_AT:], ip_version)
    raise PacketError(f"iptables: the table {name} changes faster than it can be read")


def _ask(
    sock: socket.socket, level: int, option: int, question: bytes, size: int
) -> bytes:
    """Return what getsockopt(2) makes of a question, which Python's cannot carry.

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(question.ljust(size, b"\0"), size)
    length = ctypes.c_uint(size)
    if libc.getsockopt(sock.fileno(), level, option, buffer, ctypes.byref(length)):
        number = ctypes.get_errno()
        raise OSError(number, errno.errorcode.get(number, str(number)))
    return buffer.raw[: length.value]
