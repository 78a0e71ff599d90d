"""Records what the kernel says of a packet filter: `tests/data/netfilter`.

    python -m tests.engine.record_netfilter NAMESPACE 4 FILE

NAMESPACE is a path such as /proc/PID/ns/net; FILE gets the messages of netlink as they
came, without the ends of lists, one behind the other and compressed.
"""

import gzip
import socket
import sys
from pathlib import Path

from exporter.model.topology import IpVersion
from exporter.netfilter.message import NETLINK_NETFILTER
from exporter.netfilter.tables import TableSocket
from exporter.netns import NamespaceRef, open_namespace
from exporter.rtnetlink.message import DONE, decode_messages, encode_message
from exporter.rtnetlink.route_socket import KernelChannel

_TIMEOUT_S = 10.0


class RecordingChannel(KernelChannel):
    """A socket to the kernel that keeps what it received."""

    def __init__(self) -> None:
        super().__init__(NETLINK_NETFILTER)
        self.messages = b""

    def receive(self, timeout_s: float) -> bytes:
        """Return the next datagram."""
        data = super().receive(timeout_s)
        self.messages += b"".join(
            encode_message(m) for m in decode_messages(data) if m.type != DONE
        )
        return data


def record(namespace: str, ip_version: IpVersion, file: Path) -> None:
    """Read a namespace's tables and write what came."""

    def read() -> bytes:
        channel = RecordingChannel()
        names = dict(socket.if_nameindex())
        TableSocket(channel, timeout_s=_TIMEOUT_S).chains(ip_version, names)
        channel.close()
        return channel.messages

    with open_namespace(NamespaceRef(path=namespace)) as opened:
        messages = opened.run(read)
    file.write_bytes(gzip.compress(messages, mtime=0))


if __name__ == "__main__":
    record(sys.argv[1], 4 if sys.argv[2] == "4" else 6, Path(sys.argv[3]))
