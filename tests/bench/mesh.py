"""Many namespaces on many bridges with Docker's isolation rules, without Docker.

    with Mesh(containers=100, bridges=2) as mesh:
        mesh.pairs(reachable=True)         # whom Docker promises to whom
        mesh.pairs(reachable=False)        # everybody to everybody

Made for speed: a thousand containers in about half a minute, an `ip -batch` each. What
dockerd does is done, as far as it costs a packet anything: the two stages of isolation,
the masquerade, conntrack in every container (by the rule for the embedded DNS) and
bridged packets through iptables. IPv6 is off. Neighbour entries are permanent: the
table is the whole machine's, and permanent entries do not count against its limits.
"""

import contextlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import accumulate, islice
from types import TracebackType
from typing import Final, Self, overload

from tests.lab.errors import LabError
from tests.lab.namespaces import Namespace

MOST_CONTAINERS: Final = 1000
MOST_ON_A_BRIDGE: Final = 250

_WORKERS: Final = 3
_TIMEOUT_S: Final = 120.0

_HOST_SYSCTLS: Final = {
    "net/ipv4/ip_forward": 1,
    "net/ipv6/conf/all/disable_ipv6": 1,
    "net/ipv6/conf/default/disable_ipv6": 1,
    # Of the host's namespace; engines set it for `--icc=false` and without the proxy,
    # older ones always. It is the dearer case, so the limit is measured with it.
    "net/bridge/bridge-nf-call-iptables": 1,
}

# What dockerd adds in every container for its DNS server; it turns conntrack on there.
_CONTAINER_RULES: Final = """\
*nat
:DOCKER_OUTPUT - [0:0]
-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 \
-j DNAT --to-destination 127.0.0.11:45678
COMMIT
"""


@dataclass(frozen=True, slots=True)
class MeshContainer:
    """A namespace with one interface, eth0, on a bridge."""

    index: int
    """Among all, from 0."""
    name: str
    """Of the container, and of its port on the bridge."""
    bridge: int
    address: IPv4Address
    mac: str
    namespace: Namespace

    @property
    def path(self) -> str:
        """A path that opens its namespace."""
        return self.namespace.path


class Pairs(Sequence[tuple[MeshContainer, MeshContainer]]):
    """Ordered pairs of containers, none with itself; a million take no memory."""

    def __init__(
        self, rows: Sequence[tuple[MeshContainer, Sequence[MeshContainer]]]
    ) -> None:
        """Take sources, and the containers in a row that each is paired with."""
        self._rows = rows
        self._starts = [0, *accumulate(len(row) - 1 for _, row in rows)]

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> tuple[MeshContainer, MeshContainer]: ...

    @overload
    def __getitem__(
        self, index: slice
    ) -> list[tuple[MeshContainer, MeshContainer]]: ...

    def __getitem__(
        self, index: int | slice
    ) -> (
        tuple[MeshContainer, MeshContainer] | list[tuple[MeshContainer, MeshContainer]]
    ):
        places = range(len(self))[index]
        if isinstance(places, range):
            return [self[place] for place in places]
        at = bisect_right(self._starts, places) - 1
        source, row = self._rows[at]
        place = places - self._starts[at]
        return source, row[place + (place >= source.index - row[0].index)]

    def __iter__(self) -> Iterator[tuple[MeshContainer, MeshContainer]]:
        for source, row in self._rows:
            for destination in row:
                if destination is not source:
                    yield source, destination

    def promised(self) -> bytes:
        """Return 1 for each pair that must answer, on one bridge, and 0 for others."""
        return bytes(source.bridge == to.bridge for source, to in self)


class Mesh:
    """A host with bridges and containers; a context manager.

    Args:
        containers: in all, 1 to 1000.
        bridges: they are spread over, at most 250 on each.
        permanent: neighbour entries are; otherwise the kernel finds them as it does.

    Raises:
        LabUnavailable: this process may not make network namespaces.
        LabError: something could not be configured.
        ValueError: too many.
    """

    def __init__(
        self, *, containers: int, bridges: int, permanent: bool = True
    ) -> None:
        per_bridge = -(-containers // bridges)
        if not 0 < containers <= MOST_CONTAINERS or per_bridge > MOST_ON_A_BRIDGE:
            raise ValueError(f"{containers} containers on {bridges} bridges")
        self.bridges = bridges
        self._permanent = permanent
        self._cleanups = contextlib.ExitStack()
        try:
            self.host = self._cleanups.enter_context(Namespace())
            self.containers = tuple(
                self._container(index, per_bridge) for index in range(containers)
            )
            self._members = {
                bridge: tuple(one for one in self.containers if one.bridge == bridge)
                for bridge in range(bridges)
            }
            self._set_up()
        except BaseException:
            self.close()
            raise

    def pairs(self, *, reachable: bool) -> "Pairs":
        """Return ordered pairs: all, or only those that Docker promises."""
        return Pairs(
            [
                (one, self._members[one.bridge] if reachable else self.containers)
                for one in self.containers
            ]
        )

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

    def _container(self, index: int, per_bridge: int) -> MeshContainer:
        bridge, position = divmod(index, per_bridge)
        return MeshContainer(
            index=index,
            name=f"c{index}",
            bridge=bridge,
            address=gateway(bridge) + 1 + position,
            mac=f"02:42:0a:d5:{bridge:02x}:{position + 2:02x}",
            namespace=self._cleanups.enter_context(Namespace()),
        )

    def _set_up(self) -> None:
        self.host.set_sysctls(_HOST_SYSCTLS)
        _batch(self.host, self._host_commands())
        _rules(self.host, host_rules(self.bridges))
        with ThreadPoolExecutor(_WORKERS) as workers:
            for _ in workers.map(self._set_up_container, self.containers):
                pass

    def _host_commands(self) -> Iterator[str]:
        for bridge in range(self.bridges):
            yield (
                f"link add br{bridge} address {gateway_mac(bridge)}"
                " type bridge forward_delay 0"
            )
            yield f"address add {gateway(bridge)}/24 dev br{bridge}"
            yield f"link set br{bridge} up"
        for one in self.containers:
            yield (
                f"link add {one.name} type veth peer name eth0 address {one.mac}"
                f" netns {one.path}"
            )
            yield f"link set {one.name} master br{one.bridge} up"
            if self._permanent:
                yield _neighbour(one.address, one.mac, f"br{one.bridge}")

    def _set_up_container(self, one: MeshContainer) -> None:
        router = gateway(one.bridge)
        commands = [
            f"address add {one.address}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {router}",
        ]
        if self._permanent:
            commands.append(_neighbour(router, gateway_mac(one.bridge), "eth0"))
            commands += [
                _neighbour(other.address, other.mac, "eth0")
                for other in self._members[one.bridge]
                if other is not one
            ]
        one.namespace.set_sysctls({"net/ipv6/conf/all/disable_ipv6": 1})
        _batch(one.namespace, commands)
        _rules(one.namespace, _CONTAINER_RULES)


def gateway(bridge: int) -> IPv4Address:
    """Return the address of a bridge, /24."""
    return IPv4Address(f"10.213.{bridge}.1")


def gateway_mac(bridge: int) -> str:
    """Return the MAC address of a bridge."""
    return f"02:42:0a:d5:{bridge:02x}:01"


def host_rules(bridges: int) -> str:
    """Return what dockerd writes for so many bridges, for iptables-restore."""
    names = [f"br{bridge}" for bridge in range(bridges)]
    first = [f"-A ISOLATE-1 -i {br} ! -o {br} -j ISOLATE-2" for br in names]
    second = [f"-A ISOLATE-2 -o {br} -j DROP" for br in names]
    accept = [
        line
        for br in names
        for line in (
            f"-A FORWARD -o {br} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            f"-A FORWARD -i {br} ! -o {br} -j ACCEPT",
            f"-A FORWARD -i {br} -o {br} -j ACCEPT",
        )
    ]
    masquerade = [
        f"-A POSTROUTING -s {gateway(k) - 1}/24 ! -o {br} -j MASQUERADE"
        for k, br in enumerate(names)
    ]
    filters = [
        "*filter",
        ":FORWARD DROP [0:0]",
        ":ISOLATE-1 - [0:0]",
        ":ISOLATE-2 - [0:0]",
        "-A FORWARD -j ISOLATE-1",
        *accept,
        *first,
        "-A ISOLATE-1 -j RETURN",
        *second,
        "-A ISOLATE-2 -j RETURN",
        "COMMIT",
    ]
    text = [*filters, "*nat", *masquerade, "COMMIT"]
    rules = "\n".join(text) + "\n"
    return rules.replace("ISOLATE-", "DOCKER-ISOLATION-STAGE-")


def _neighbour(address: IPv4Address, mac: str, device: str) -> str:
    return f"neigh replace {address} lladdr {mac} nud permanent dev {device}"


def _batch(namespace: Namespace, commands: Sequence[str] | Iterator[str]) -> None:
    lines = iter(commands)
    while some := list(islice(lines, 1000)):
        text = "".join(f"{line}\n" for line in some)
        namespace.run(["ip", "-batch", "-"], stdin=text, timeout_s=_TIMEOUT_S)


def _rules(namespace: Namespace, rules: str) -> None:
    done = namespace.run(
        ["iptables-restore", "-w"], stdin=rules, check=False, timeout_s=_TIMEOUT_S
    )
    if done.returncode:
        raise LabError(f"iptables-restore: {done.stderr.strip()}")
