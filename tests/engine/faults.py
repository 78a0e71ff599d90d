"""Faults, caused by hand as an accident or an administrator would, and undone.

Each is a context manager over the running demo. At its end it waits until what it cut
off answers again, so that the next look at the demo finds it as it was.
"""

import contextlib
import ipaddress
import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from tests.lab.engine import LAN_IPV4
from tests.lab.topology import Running

FIRST, SECOND = "mybridge1", "mybridge2"
"""The containers on the demo's own network; faults are FIRST's."""

Fault = Callable[[Running], AbstractContextManager[None]]
Run = Callable[[list[str]], object]


@contextmanager
def changed(run: Run, there: Sequence[str], back: Sequence[str]) -> Iterator[None]:
    """Run some commands, and others at the end whatever happened."""
    with contextlib.ExitStack() as ends:
        for command in reversed(back):
            ends.callback(run, shlex.split(command))
        for command in there:
            run(shlex.split(command))
        yield


@contextmanager
def link_down(demo: Running) -> Iterator[None]:
    """Take down the container's own link."""
    # Its routes go with it; only the one of the subnet comes back by itself.
    route = f"ip route add default via {gateway(demo)}"
    with _inside(demo, ["ip link set eth0 down"], ["ip link set eth0 up", route]):
        yield


@contextmanager
def bridge_down(demo: Running) -> Iterator[None]:
    """Take down the bridge."""
    link = f"ip link set {demo.bridge('mybridge')}"
    with _on_host(demo, [f"{link} down"], [f"{link} up"]):
        yield


@contextmanager
def port_lost(demo: Running) -> Iterator[None]:
    """Take the container's veth off its bridge."""
    show = ["ip", "-oneline", "link", "show"]
    inside = demo.engine.run_in_container(FIRST, [*show, "eth0"]).stdout
    index = inside.partition("@if")[2].partition(":")[0]
    outside = demo.engine.run_in_host(show).stdout
    found = re.search(rf"^{index}: (veth\w+)@", outside, re.MULTILINE)
    assert found is not None, (inside, outside)
    link, bridge = f"ip link set {found[1]}", demo.bridge("mybridge")
    with _on_host(demo, [f"{link} nomaster"], [f"{link} master {bridge}"]):
        yield


@contextmanager
def address_deleted(demo: Running) -> Iterator[None]:
    """Delete the container's address."""
    with _inside(demo, ["ip address flush dev eth0"], _address(demo)):
        yield


@contextmanager
def address_changed(demo: Running) -> Iterator[None]:
    """Give the container another address of its subnet, by hand."""
    flush = "ip address flush dev eth0"
    there, back = _address(demo, further=100), _address(demo)
    with _inside(demo, [flush, *there], [flush, *back]):
        yield


@contextmanager
def blackhole(demo: Running) -> Iterator[None]:
    """Give the container a route that swallows what is for its neighbour."""
    route = f"blackhole {demo.address(SECOND, 'mybridge')}/32"
    with _inside(demo, [f"ip route add {route}"], [f"ip route del {route}"]):
        yield


@contextmanager
def default_route_lost(demo: Running) -> Iterator[None]:
    """Delete the container's default route."""
    route = f"default via {gateway(demo)}"
    with _inside(demo, [f"ip route del {route}"], [f"ip route add {route}"]):
        yield


@contextmanager
def route_clash(demo: Running) -> Iterator[None]:
    """Give the host a better route to the container's address: out of the host."""
    route = f"{demo.address(FIRST, 'mybridge')}/32 via {LAN_IPV4}"
    with _on_host(demo, [f"ip route add {route}"], [f"ip route del {route}"]):
        yield


@contextmanager
def host_requests_dropped(demo: Running) -> Iterator[None]:
    """Drop the host's echo requests to the bridge."""
    bridge = demo.bridge("mybridge")
    rule = f"OUTPUT -o {bridge} -p icmp --icmp-type echo-request -j DROP"

    def iptables(argv: list[str]) -> None:
        demo.engine.iptables(*argv)

    with changed(iptables, [f"-I {rule}"], [f"-D {rule}"]):
        yield


@contextmanager
def own_requests_dropped(demo: Running) -> Iterator[None]:
    """Drop the container's own echo requests."""
    rule = "OUTPUT -p icmp --icmp-type echo-request -j DROP"
    with _inside(demo, [f"iptables -A {rule}"], [f"iptables -D {rule}"]):
        yield


@contextmanager
def others_requests_dropped(demo: Running) -> Iterator[None]:
    """Drop the echo requests that arrive at the container."""
    rule = "INPUT -i eth0 -p icmp --icmp-type echo-request -j DROP"
    with _inside(demo, [f"iptables -A {rule}"], [f"iptables -D {rule}"]):
        yield


@contextmanager
def requests_ignored(demo: Running) -> Iterator[None]:
    """Tell the container's kernel to ignore echo requests, which no API shows."""
    write = "sh -c 'echo {} >/proc/sys/net/ipv4/icmp_echo_ignore_all'"
    with _inside(demo, [write.format(1)], [write.format(0)]):
        yield


@contextmanager
def isolation_flushed(demo: Running) -> Iterator[None]:
    """Flush the chain that keeps bridges apart."""
    with _flushed(demo, "filter", "DOCKER-ISOLATION-STAGE-1"):
        yield


@contextmanager
def user_accepts(demo: Running) -> Iterator[None]:
    """Accept everything in the chain that Docker leaves to the user."""
    rule = ("DOCKER-USER", "-j", "ACCEPT")
    demo.engine.iptables("-I", *rule)
    try:
        yield
    finally:
        demo.engine.iptables("-D", *rule)


@contextmanager
def user_accepts_and_raw_flushed(demo: Running) -> Iterator[None]:
    """Accept everything there, and flush what 28 has in the table before it."""
    with user_accepts(demo), _flushed(demo, "raw", "PREROUTING"):
        yield


def gateway(demo: Running) -> str:
    """Return the address of the demo's own bridge."""
    return str(_settings(demo)["Gateway"])


def wait_until_back(demo: Running) -> None:
    """Poll until FIRST, its neighbour, its gateway and the host reach each other.

    A link that was down comes back some time within a second (linkwatch).
    """
    mine, deadline_s = demo.address(FIRST, "mybridge"), time.monotonic() + 10
    ways = ((None, mine), (SECOND, mine), (FIRST, gateway(demo)))
    for source, address in ways:
        while not _answers(demo, source, address):
            assert time.monotonic() < deadline_s, f"{source} does not reach {address}"


@contextmanager
def _inside(demo: Running, there: list[str], back: list[str]) -> Iterator[None]:
    """Change something inside the container's namespace, and back."""

    def run(argv: list[str]) -> None:
        demo.engine.run_in_container(FIRST, argv)

    with changed(run, there, back):
        yield
    wait_until_back(demo)


@contextmanager
def _on_host(demo: Running, there: list[str], back: list[str]) -> Iterator[None]:
    """Change something in the host's namespace, and back."""
    with changed(demo.engine.run_in_host, there, back):
        yield
    wait_until_back(demo)


@contextmanager
def _flushed(demo: Running, table: str, chain: str) -> Iterator[None]:
    """Flush a chain, and put its rules back."""

    def iptables(argv: list[str]) -> str:
        return demo.engine.iptables("-t", table, *argv)

    rules = iptables(["-S", chain]).splitlines()
    back = [rule for rule in rules if rule.startswith("-A ")]
    with changed(iptables, [f"-F {chain}"], back):
        yield


def _answers(demo: Running, source: str | None, address: str) -> bool:
    """Whether one ping from a container (the host, if None) comes back."""
    ping = ["ping", "-c1", "-W1", address]
    if source is None:
        return demo.engine.run_in_host(ping, check=False).returncode == 0
    return demo.engine.run_in_container(source, ping, check=False).returncode == 0


def _settings(demo: Running) -> dict[str, object]:
    networks = demo.container(FIRST).attrs["NetworkSettings"]["Networks"]
    found: dict[str, object] = networks["mybridge"]
    return found


def _address(demo: Running, further: int = 0) -> list[str]:
    """Return the commands that give the container its address, or one further on."""
    address = ipaddress.ip_address(demo.address(FIRST, "mybridge")) + further
    length = _settings(demo)["IPPrefixLen"]
    return [
        f"ip address add {address}/{length} dev eth0",
        f"ip route add default via {gateway(demo)}",
    ]
