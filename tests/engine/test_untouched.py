"""Containers are measured from outside: nothing runs in them, nothing is written."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.engine.proxy import RecordingProxy
from tests.lab.engine import LAN_IPV4, Engine
from tests.lab.exporter import Ran, run_exporter
from tests.lab.pool import EnginePool
from tests.lab.service import serving
from tests.lab.suites import Suite
from tests.lab.topology import (
    STATIC,
    ContainerSpec,
    NetworkSpec,
    Running,
    Topology,
    started,
)

SOON = ("--timeout", "300ms")
STRICT = {"cap_drop": ["ALL"], "read_only": True, "user": "65534"}
"""How a careful user runs a container."""
HOME = {"user1": "own", "user2": "own", "plain1": "bridge", "plain2": "bridge"}
FIRST = next(iter(HOME))


def strict(name: str, *networks: str, mode: str | None = None) -> ContainerSpec:
    """Return a container with nothing in it but one static program, and no rights."""
    return ContainerSpec(
        name=name, image=STATIC, networks=networks, mode=mode, options=STRICT
    )


BARE = Topology(
    networks=(NetworkSpec(name="own"),),
    containers=(
        strict("user1", "own"),
        strict("user2", "own"),
        strict("plain1"),
        strict("plain2"),
        strict("hostly", mode="host"),
    ),
)


@pytest.fixture(scope="module")
def bare(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Running]:
    """The demo without anything in its containers, once for this module."""
    with started(engine_pool.shared(engine_suite), BARE) as running:
        yield running
    engine_pool.settle()


def processes_made(running: Running, name: str) -> int:
    """Return how many processes were ever made in a container's pid namespace.

    The kernel counts pids up, so the one that this very question takes tells.
    """
    ask = ["nsenter", f"--target={running.engine.pid_of(name)}", "--pid", "--"]
    ask += ["sed", "-n", "s/^NSpid:.*\\t//p", "/proc/self/status"]
    done = subprocess.run(ask, check=True, capture_output=True, text=True)
    return int(done.stdout)


def members_of(running: Running, name: str) -> list[str]:
    """Return the pids of a container's processes, as the engine sees them."""
    seen = running.container(name).top()
    column = seen["Titles"].index("PID")
    return [row[column] for row in seen["Processes"]]


@dataclass(frozen=True, slots=True)
class Looked:
    """What showed while every command ran."""

    checked: Ran
    explained: Ran
    shown: Ran
    requests: list[str]
    """What the engine was asked."""
    made: Mapping[str, int]
    """How many processes were made in each container meanwhile."""
    members: Mapping[str, tuple[list[str], list[str]]]
    """The processes of each container, before and after."""


@pytest.fixture(scope="module")
def looked(bare: Running, tmp_path_factory: pytest.TempPathFactory) -> Looked:
    """Run every command behind a proxy that writes down what is asked.

    The host's namespace is found there by the container on the host's network.
    """
    folder = tmp_path_factory.mktemp("proxy")
    members = {name: members_of(bare, name) for name in HOME}
    before = {name: processes_made(bare, name) for name in HOME}
    with RecordingProxy(bare.engine.socket, folder) as proxy:
        address = proxy.environment["DOCKER_HOST"]
        checked = run_exporter("check", "--json", engine=address)
        explained = run_exporter("explain", FIRST, "plain1", engine=address)
        shown = run_exporter("topology", engine=address)
        with serving(bare.engine, environment=proxy.environment) as service:
            service.wait_for_cycle(as_expected=24)
            service.wait_for_cycle(as_expected=24)
        requests = list(proxy.requests)
    return Looked(
        checked,
        explained,
        shown,
        requests,
        {name: processes_made(bare, name) - 1 - before[name] for name in HOME},
        {name: (members[name], members_of(bare, name)) for name in HOME},
    )


def test_one_static_program_is_enough(looked: Looked) -> None:
    """No capability, no user, no file: all is measured as in any container."""
    ran = looked.checked

    assert (0, "") == (ran.status, ran.err)
    assert {"as_expected": 24} == ran.summary
    assert 12 == sum(
        (pair["observed"], pair["protocol"]) == ("reachable", "icmp")
        for pair in ran.pairs
    )
    assert (0, 0) == (looked.explained.status, looked.shown.status)


def test_no_process_is_started_in_a_container(looked: Looked) -> None:
    """Not during a check, an explanation, or cycles of the daemon."""
    assert dict.fromkeys(HOME, 0) == looked.made
    assert all(before == after != [] for before, after in looked.members.values())


def test_a_process_in_a_container_would_show(bare: Running) -> None:
    """The counter counts ours that asks, and what the engine makes for an `exec`."""
    first, second = (processes_made(bare, FIRST) for _ in range(2))

    bare.container(FIRST).exec_run(["/sleep", "0"])

    assert first + 1 == second
    assert second + 1 < processes_made(bare, FIRST)


def test_the_engine_is_only_asked(looked: Looked) -> None:
    """At its socket: nothing but GET, by every command, the daemon's events too."""
    assert {"GET"} == {request.partition(" ")[0] for request in looked.requests}
    assert any("/events" in request for request in looked.requests)


RESOLVER = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
print("ready", flush=True)
while True:
    question, client = server.recvfrom(4096)
    labels, rest = [], question[12:]
    while rest[0]:
        labels.append(rest[1 : rest[0] + 1].decode())
        rest = rest[rest[0] + 1 :]
    print(".".join(labels), flush=True)
    refused = question[:2] + b"\\x81\\x83" + question[4:]
    server.sendto(refused, client)
"""
"""Answers NXDOMAIN to everything and says what it was asked."""


@contextmanager
def resolver(engine: Engine) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a name server in the LAN: the only one that the engine knows."""
    process = engine.lan.start(
        [sys.executable, "-I", "-S", "-u", "-c", RESOLVER, LAN_IPV4],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert b"ready\n" == process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_no_name_leaves_the_engine(bare: Running) -> None:
    """What the embedded DNS does not know it would ask upstream; we never cause that.

    Two questions of our own, before and after, show that such would be seen.
    """

    def ask(name: str) -> None:
        lookup = ["busybox", "nslookup", name, "127.0.0.11"]
        bare.engine.run_in_container(FIRST, lookup, check=False)

    with resolver(bare.engine) as process:
        assert process.stdout is not None
        ask("before.example")
        ran = run_exporter("check", "--json", *SOON, engine=bare.engine.base_url)
        ask("after.example")
        heard = []
        while "after.example" not in heard:
            heard.append(process.stdout.readline().decode().strip())

    asked = [pair["name"] for pair in ran.pairs if pair["scope"] == "name"]
    assert {"before.example", "after.example"} == set(heard)
    assert ["plain2", "plain1", "user2", "user1"] == asked
