"""The filter that the kernel runs, on sockets that need no privilege."""

import ctypes
import socket
import struct
from collections.abc import Iterator

import pytest

from exporter.icmp.packet import Echo, encode_reply, encode_request
from exporter.icmp.sockets import probe_socket_error, reply_filter
from exporter.model.topology import IpVersion
from exporter.sockopt import SO_ATTACH_FILTER

OURS = 0x1234
REPLY = Echo(OURS, 1, 2, 3, 4, 5)
HEADER = {4: b"\x45" + bytes(19), 6: b""}


def passes(ip_version: IpVersion, packet: bytes) -> bool:
    """Return whether a socket with the filter receives a packet."""
    sender, receiver = socket.socketpair(
        socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
    )
    program = ctypes.create_string_buffer(reply_filter(ip_version, OURS))
    count = (len(program) - 1) // 8
    fprog = struct.pack("HP", count, ctypes.addressof(program))
    with sender, receiver:
        receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
        sender.send(packet)
        try:
            return receiver.recv(200) == packet
        except BlockingIOError:
            return False


def packets(ip_version: IpVersion) -> Iterator[tuple[str, bool, bytes]]:
    """Yield packets with what shall become of them."""
    header = HEADER[ip_version]
    reply = encode_reply(REPLY, ip_version)
    yield "our reply", True, header + reply
    yield "our request", False, header + encode_request(REPLY, ip_version)
    other = encode_reply(REPLY._replace(identifier=OURS + 1), ip_version)
    yield "another's reply", False, header + other
    yield "half a reply, the matcher's to refuse", True, header + reply[:6]
    yield "too short for an identifier", False, header + reply[:5]
    yield "nothing", False, header


@pytest.mark.parametrize(
    ("ip_version", "expected", "packet"),
    [
        pytest.param(version, expected, packet, id=f"IPv{version} {name}")
        for version in (4, 6)
        for name, expected, packet in packets(version)
    ],
)
def test_the_filter_keeps_our_replies_only(
    ip_version: IpVersion, expected: bool, packet: bytes
) -> None:
    """Other people's packets never reach this process."""
    assert expected == passes(ip_version, packet)


def test_the_filter_passes_over_ip_options() -> None:
    """The IPv4 header's own length says where the message begins."""
    assert passes(4, b"\x48" + bytes(31) + encode_reply(REPLY, 4))


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        pytest.param(PermissionError(1, "x"), "grant CAP_NET_RAW", id="EPERM"),
        pytest.param(OSError(24, "x"), "raise the limit of open files", id="EMFILE"),
        pytest.param(OSError(93, "x"), "report it", id="anything else"),
    ],
)
def test_errors_name_a_remedy(error: OSError, remedy: str) -> None:
    """The line that the user reads ends with what to do."""
    said = probe_socket_error("a raw socket", error)

    assert f"a raw socket failed (errno {error.errno}); {remedy}" in str(said)
