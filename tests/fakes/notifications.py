"""What the kernel tells of links, addresses and tables, as it frames it."""

import struct
from ipaddress import ip_address
from socket import AF_INET, AF_INET6

from exporter.netfilter.message import SUBSYSTEM
from exporter.rtnetlink.message import (
    ADDRESS,
    LINK,
    Message,
    encode_attribute,
    encode_message,
)

NEW_LINK, DEL_LINK, NEW_ADDRESS, DEL_ADDRESS = 16, 17, 20, 21
UP = 0x41  # IFF_UP, IFF_RUNNING
AF_BRIDGE = 7
U32 = struct.Struct("=I")
LO, ETH0, BRIDGE, OTHER, VETH, LOOSE = 1, 2, 3, 4, 5, 6
NAMES = {LO: "lo", ETH0: "eth0", BRIDGE: "br0", OTHER: "br1", VETH: "veth0", LOOSE: "x"}


def told(kind: int, body: bytes) -> bytes:
    """Return a datagram of one notification."""
    return encode_message(Message(type=kind, flags=0, sequence=0, port=0, body=body))


def of_link(
    index: int,
    *,
    kind: int = NEW_LINK,
    flags: int = UP,
    master: int | None = None,
    name: str = "",
) -> bytes:
    """Return what is told of a link."""
    body = LINK.pack(0, 1, index, flags, 0)
    body += encode_attribute(3, (name or NAMES[index]).encode() + b"\0")
    if master is not None:
        port = encode_attribute(1, b"\3") + encode_attribute(33, b"\0")
        slave = encode_attribute(4, b"bridge\0") + encode_attribute(5, port)
        body += encode_attribute(10, U32.pack(master)) + encode_attribute(18, slave)
    return told(kind, body)


def of_port(index: int, state: int, *, kind: int = NEW_LINK) -> bytes:
    """Return what a bridge tells of its port."""
    body = LINK.pack(AF_BRIDGE, 1, index, UP, 0)
    body += encode_attribute(3, NAMES[index].encode() + b"\0")
    return told(kind, body + encode_attribute(12, encode_attribute(1, bytes((state,)))))


def of_address(
    index: int, text: str, *, kind: int = NEW_ADDRESS, flags: int = 0
) -> bytes:
    """Return what is told of an address."""
    found = ip_address(text)
    family = AF_INET if found.version == 4 else AF_INET6
    body = ADDRESS.pack(family, 24, flags, 0, index)
    return told(kind, body + encode_attribute(1, found.packed))


def of_table(kind: int, name: str, family: int = 1) -> bytes:
    """Return what is told of an object of a table of nftables."""
    body = bytes((family, 0, 0, 0)) + encode_attribute(1, name.encode() + b"\0")
    return told(SUBSYSTEM << 8 | kind, body)
