"""More faults, for the causes behind them, over a scene with more kinds of networks.

The scene is the demo and beside it a network without communication between its
containers, one with both families, and, where the engine has it, one whose addresses
other bridges may reach.
"""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.engine.faults import changed, wait_until_back
from tests.lab.engine import Engine
from tests.lab.topology import DEMO, ContainerSpec, NetworkSpec, Running, Topology

QUIET1, QUIET2 = "quiet1", "quiet2"
SIX1, SIX2 = "six1", "six2"
ROUTED1 = "routed1"
SPARE = "spare"
"""A container on the demo's network of which nothing is expected."""

_BRIDGE = "com.docker.network.bridge."


def scene_for(engine: Engine) -> Topology:
    """Return the networks and containers for an engine."""
    networks = [
        *DEMO.networks,
        NetworkSpec(name="quiet", options={f"{_BRIDGE}enable_icc": "false"}),
        NetworkSpec(name="six", ipv6=True, subnets=("10.31.9.0/24", "fd00:31:9::/64")),
    ]
    containers = [
        *DEMO.containers,
        ContainerSpec(name=SPARE, networks=("mybridge",)),
        ContainerSpec(name=QUIET1, networks=("quiet",)),
        ContainerSpec(name=QUIET2, networks=("quiet",)),
        ContainerSpec(name=SIX1, networks=("six",)),
        ContainerSpec(name=SIX2, networks=("six",)),
    ]
    if engine.release >= (27, 0):
        mode = {f"{_BRIDGE}gateway_mode_ipv4": "routed"}
        networks.append(NetworkSpec(name="routed", options=mode))
        containers.append(ContainerSpec(name=ROUTED1, networks=("routed",)))
    return Topology(networks=tuple(networks), containers=tuple(containers))


def port_of(scene: Running, name: str) -> str:
    """Return the host's end of a container's link."""
    inside = scene.engine.run_in_container(name, ["ip", "-o", "link", "show", "eth0"])
    index = inside.stdout.partition("@if")[2].partition(":")[0]
    outside = scene.engine.run_in_host(["ip", "-o", "link", "show"]).stdout
    for line in outside.splitlines():
        number, name_there, *_ = line.split(": ")
        if number == index:
            return name_there.partition("@")[0]
    raise LookupError(name)


def mac_of(scene: Running, name: str) -> str:
    """Return the MAC of a container's eth0."""
    line = scene.engine.run_in_container(name, ["ip", "-o", "link", "show", "eth0"])
    return line.stdout.partition("link/ether ")[2].split()[0]


@contextmanager
def on_host(
    scene: Running, there: Sequence[str], back: Sequence[str] = ()
) -> Iterator[None]:
    """Run commands in the host's namespace, and others at the end."""
    with changed(scene.engine.run_in_host, there, back):
        yield
    wait_until_back(scene)


@contextmanager
def inside(
    scene: Running, name: str, there: Sequence[str], back: Sequence[str] = ()
) -> Iterator[None]:
    """Run commands in a container's namespace, and others at the end."""

    def run(argv: list[str]) -> None:
        scene.engine.run_in_container(name, argv)

    with changed(run, there, back):
        yield
    wait_until_back(scene)


@contextmanager
def rule(scene: Running, text: str, *, table: str = "filter") -> Iterator[None]:
    """Put a rule first into a chain of the host's, IPv4."""
    chain, _, rest = text.partition(" ")

    def run(argv: list[str]) -> None:
        scene.engine.iptables("-t", table, *argv)

    with changed(run, [f"-I {chain} 1 {rest}"], [f"-D {chain} {rest}"]):
        yield


@contextmanager
def flushed(scene: Running, *chains: str, version: int = 4) -> Iterator[None]:
    """Flush chains, `table chain`, and put their rules back."""
    tool = scene.engine.iptables if version == 4 else scene.engine.ip6tables
    kept: list[tuple[str, str]] = []
    for table, chain in (one.split() for one in chains):
        rules = tool("-t", table, "-S", chain).splitlines()
        kept += [(table, line) for line in rules if line.startswith("-A ")]
        tool("-t", table, "-F", chain)
    try:
        yield
    finally:
        for table, line in kept:
            tool("-t", table, *shlex.split(line))


@contextmanager
def sysctl(scene: Running, name: str, value: int) -> Iterator[None]:
    """Set a sysctl of the host, by its path below /proc/sys/net."""
    path = f"/proc/sys/net/{name}"
    before = scene.engine.run_in_host(["cat", path]).stdout.strip()
    write = "sh -c 'echo {} >{}'"
    with on_host(scene, [write.format(value, path)], [write.format(before, path)]):
        yield
