"""Plain namespaces on bridges, without an engine: what probing needs and no more.

    with PlainLab(containers=2, bridges=2) as lab:
        lab.host.path                      # the namespace that holds the bridges
        lab.bridges[0].containers[1].path  # a container's namespace

Bridge k has 10.213.k.1/24 and fd00:213:k::1/64, its containers .2, .3, ... and the same
in IPv6, with their default routes to the bridge. The host does not forward: two bridges
are isolated from one another, by silence. Nothing of it has a name on the machine, and
all of it goes with this process (see `namespaces`).
"""

import contextlib
import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from types import TracebackType
from typing import Self

from tests.lab.namespaces import Namespace, pair_up


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainContainer:
    """A namespace with one interface, eth0, on a bridge."""

    name: str
    namespace: Namespace
    ipv4: IPv4Address
    ipv6: IPv6Address
    port: str
    """The other end of eth0: an interface in the host's namespace, on the bridge."""

    @property
    def path(self) -> str:
        """A path that opens its namespace."""
        return self.namespace.path


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainBridge:
    """A bridge in the host's namespace."""

    name: str
    ipv4: IPv4Address
    """The gateway of its containers, /24."""
    ipv6: IPv6Address
    """The gateway of its containers, /64."""
    containers: tuple[PlainContainer, ...]


class PlainLab:
    """A host with bridges and containers; a context manager.

    Args:
        containers: how many on each bridge, 0 to 250.
        bridges: how many, 1 to 250.

    Raises:
        LabUnavailable: this process may not make network namespaces.
        LabError: a link or an address could not be made.
    """

    def __init__(self, *, containers: int = 2, bridges: int = 1) -> None:
        self._cleanups = contextlib.ExitStack()
        try:
            self.host = self._namespace()
            # What a new namespace inherits depends on the machine's own settings.
            self.host.set_sysctls(
                {"net/ipv4/ip_forward": 0, "net/ipv6/conf/all/forwarding": 0}
            )
            self.bridges = tuple(self._bridge(k, containers) for k in range(bridges))
        except BaseException:
            self.close()
            raise

    @property
    def containers(self) -> tuple[PlainContainer, ...]:
        """The containers of all bridges."""
        return tuple(one for bridge in self.bridges for one in bridge.containers)

    def close(self) -> None:
        """Let go of everything; twice does no harm."""
        self._cleanups.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _namespace(self) -> Namespace:
        return self._cleanups.enter_context(Namespace())

    def _bridge(self, number: int, containers: int) -> PlainBridge:
        name = f"br{number}"
        ipv4 = ipaddress.IPv4Address(f"10.213.{number}.1")
        ipv6 = ipaddress.IPv6Address(f"fd00:213:{number:x}::1")
        self.host.ip(
            f"link add {name} type bridge forward_delay 0",
            f"address add {ipv4}/24 dev {name}",
            f"address add {ipv6}/64 dev {name} nodad",
            f"link set {name} up",
        )
        return PlainBridge(
            name=name,
            ipv4=ipv4,
            ipv6=ipv6,
            containers=tuple(
                self._container(number, position, ipv4, ipv6)
                for position in range(1, containers + 1)
            ),
        )

    def _container(
        self, bridge: int, position: int, gateway4: IPv4Address, gateway6: IPv6Address
    ) -> PlainContainer:
        namespace = self._namespace()
        port = f"veth{bridge}-{position}"
        pair_up(namespace, "eth0", self.host, port)
        self.host.ip(f"link set {port} master br{bridge} up")
        ipv4, ipv6 = gateway4 + position, gateway6 + position
        namespace.ip(
            f"address add {ipv4}/24 dev eth0",
            f"address add {ipv6}/64 dev eth0 nodad",
            "link set eth0 up",
            f"route add default via {gateway4}",
            f"route add ::/0 via {gateway6}",
        )
        return PlainContainer(
            name=f"c{bridge}-{position}",
            namespace=namespace,
            ipv4=ipv4,
            ipv6=ipv6,
            port=port,
        )
