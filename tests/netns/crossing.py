"""Two namespaces with a router between them, to see what its packet filter does.

The router's interfaces are called br1 and br2, as an engine's bridges would be. The
right namespace hears echo requests and never answers: only requests are counted.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import count

from exporter.icmp.packet import checksum
from exporter.model.firewall import Hook, Packet, Ruleset, Trace
from exporter.model.topology import IPAddress, IpVersion
from exporter.netfilter.read import read_ruleset
from exporter.netns import NamespaceRef, open_namespace
from tests.lab.namespaces import Namespace, pair_up

LEFT: dict[IpVersion, tuple[IPAddress, ...]] = {
    4: (IPv4Address("10.1.0.2"), IPv4Address("10.1.0.77")),
    6: (IPv6Address("fd00:1::2"), IPv6Address("fd00:1::77")),
}
RIGHT: dict[IpVersion, tuple[IPAddress, ...]] = {
    4: (IPv4Address("10.2.0.2"), IPv4Address("10.2.0.77")),
    6: (IPv6Address("fd00:2::2"), IPv6Address("fd00:2::77")),
}
SILENCE_S = 0.08
"""How long nothing must arrive; veth delivers within microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Sockets of one family: one sends on the left, one hears on the right."""

    sender: socket.socket
    hearer: socket.socket


class Crossing:
    """The three namespaces; see `crossing`."""

    def __init__(self, left: Namespace, router: Namespace, right: Namespace) -> None:
        self.left = left
        self.router = router
        self.right = right
        self._numbers = count(1)
        self._ends: dict[IpVersion, Ends] = {}

    def ruleset(self, ip_version: IpVersion = 4) -> Ruleset:
        """Return the router's rules as we read them."""
        with open_namespace(NamespaceRef(path=self.router.path)) as namespace:
            return namespace.run(lambda: read_ruleset(ip_version))

    def trace(
        self, ruleset: Ruleset, source: IPAddress, destination: IPAddress
    ) -> tuple[Trace, ...]:
        """Return what a packet from left to right meets, up to its end."""
        traces = []
        for hook, inside, outside in (
            (Hook.PREROUTING, "br1", None),
            (Hook.FORWARD, "br1", "br2"),
            (Hook.POSTROUTING, None, "br2"),
        ):
            packet = Packet(
                ip_version=ruleset.ip_version,
                source=source,
                destination=destination,
                in_interface=inside,
                out_interface=outside,
            )
            traces.append(ruleset.trace(hook, packet))
            if traces[-1].fate != "accept":
                break
        return tuple(traces)

    def arrives(self, source: IPAddress, destination: IPAddress) -> bool:
        """Send one echo request, of a connection of its own, and listen for it."""
        version: IpVersion = 4 if source.version == 4 else 6
        ends = self._opened(version)
        number = next(self._numbers)
        kind = 8 if version == 4 else 128
        message = struct.pack("!BBHHH", kind, 0, 0, number, 1) + b"crossing"
        if version == 4:
            message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
        ends.sender.bind((str(source), 0))
        ends.sender.sendto(message, (str(destination), 0))
        with contextlib.suppress(TimeoutError):
            while True:
                heard = ends.hearer.recv(2048)
                heard = heard[20:] if version == 4 else heard
                if heard[0] == kind and heard[4:6] == message[4:6]:
                    return True
        return False

    def _opened(self, version: IpVersion) -> Ends:
        if version not in self._ends:
            self._ends[version] = Ends(
                sender=_raw_socket(self.left, version),
                hearer=_raw_socket(self.right, version),
            )
        return self._ends[version]

    def close(self) -> None:
        """Close the sockets."""
        for ends in self._ends.values():
            ends.sender.close()
            ends.hearer.close()


@contextlib.contextmanager
def crossing() -> Iterator[Crossing]:
    """Make the namespaces; they end with the block."""
    with Namespace() as left, Namespace() as router, Namespace() as right:
        _join(left, LEFT, router, "br1", 1)
        _join(right, RIGHT, router, "br2", 2)
        router.set_sysctls(
            {"net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1}
        )
        right.set_sysctls(
            {
                "net/ipv4/icmp_echo_ignore_all": 1,
                "net/ipv6/icmp/echo_ignore_all": 1,
            }
        )
        made = Crossing(left, router, right)
        try:
            yield made
        finally:
            made.close()


def _join(
    end: Namespace,
    addresses: dict[IpVersion, tuple[IPAddress, ...]],
    router: Namespace,
    name: str,
    subnet: int,
) -> None:
    pair_up(end, "eth0", router, name)
    # Known neighbours: no question and no answer is counted by a rule.
    end.ip("link set eth0 address 02:00:00:00:00:02", "link set eth0 up")
    router.ip(f"link set {name} address 02:00:00:00:00:01", f"link set {name} up")
    gateways = (f"10.{subnet}.0.1", f"fd00:{subnet}::1")
    router.ip(
        f"address add {gateways[0]}/24 dev {name}",
        f"address add {gateways[1]}/64 dev {name} nodad",
        *(
            f"neigh replace {address} lladdr 02:00:00:00:00:02 dev {name}"
            for address in _all(addresses)
        ),
    )
    end.ip(
        *(
            f"address add {address}/{24 if address.version == 4 else 64} dev eth0"
            + (" nodad" if address.version == 6 else "")
            for address in _all(addresses)
        ),
        *(
            f"neigh replace {gateway} lladdr 02:00:00:00:00:01 dev eth0"
            for gateway in gateways
        ),
        f"route add default via {gateways[0]}",
        f"route add ::/0 via {gateways[1]}",
    )


def _all(addresses: dict[IpVersion, tuple[IPAddress, ...]]) -> Sequence[IPAddress]:
    return [address for several in addresses.values() for address in several]


def _raw_socket(namespace: Namespace, version: IpVersion) -> socket.socket:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    protocol = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
    with open_namespace(NamespaceRef(path=namespace.path)) as opened:
        made = opened.run(lambda: socket.socket(family, socket.SOCK_RAW, protocol))
    made.settimeout(SILENCE_S)
    return made
