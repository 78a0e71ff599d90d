"""Where the exporter runs with less than it needs, or not where the engine is.

What is missing and what still works is said in one line; what was not measured is never
called right.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.remote import over_tcp
from tests.engine.proxy import RecordingProxy
from tests.lab.exporter import run_exporter, starting
from tests.lab.pool import EnginePool
from tests.lab.service import serving
from tests.lab.suites import Suite
from tests.lab.topology import DEMO, Running, Topology, started

pytestmark = [pytest.mark.e2e, pytest.mark.suites("forky")]

SOON = ("--timeout", "300ms")
WITHOUT_HOST = 20
"""Pairs of the demo without those from the host."""


@pytest.fixture(scope="module")
def demo(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Running]:
    """The demo without a container on the host's network, on an engine of its own.

    An engine that never had one has no file that leads to the host's namespace.
    """
    apart = [spec for spec in DEMO.containers if spec.mode is None]
    engine = engine_pool.fresh(engine_suite, (), {})
    with started(
        engine, Topology(networks=DEMO.networks, containers=tuple(apart))
    ) as running:
        yield running
    engine_pool.settle()


def without(*capabilities: str) -> list[str]:
    """Return a command that becomes another without some capabilities."""
    dropped = ",".join(f"-{name}" for name in capabilities)
    return ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}"]


@dataclass(frozen=True, slots=True)
class Says:
    """What `check` is to say."""

    status: int
    summary: dict[str, int]
    missing: str
    lost: str
    """Named among what does not work."""
    host_off: str | None = None
    """Why scope `host` is off, where that is not plain from the rest."""


LACKING = [
    pytest.param(
        without("sys_admin"),
        Says(3, {"unverified": WITHOUT_HOST}, "CAP_SYS_ADMIN", "probes"),
        id="CAP_SYS_ADMIN",
    ),
    pytest.param(
        without("net_raw"),
        # The names are still asked.
        Says(3, {"as_expected": 4, "unverified": 20}, "CAP_NET_RAW", "probes"),
        id="CAP_NET_RAW",
    ),
    pytest.param(
        without("sys_ptrace"),
        Says(
            0,
            {"as_expected": WITHOUT_HOST},
            "CAP_SYS_PTRACE",
            "entering namespaces by /proc/PID/ns/net",
            host_off="grant CAP_SYS_PTRACE",
        ),
        id="CAP_SYS_PTRACE",
    ),
    pytest.param(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"],
        Says(
            0,
            {"as_expected": WITHOUT_HOST},
            "host pid namespace",
            "entering namespaces by /proc/PID/ns/net",
            host_off="holds 0 of the engine's 2 bridges",
        ),
        id="host pid namespace",
    ),
]


class TestPermissions:
    """Rights that were not granted."""

    @pytest.mark.parametrize(("under", "says"), LACKING)
    def test_what_is_missing_is_said(
        self, demo: Running, under: Sequence[str], says: Says
    ) -> None:
        """What, and what still works, in one line; pairs not measured: unverified."""
        ran = run_exporter(
            "check", "--json", *SOON, engine=demo.engine.base_url, under=under
        )
        first, *more = ran.document["notices"]

        assert (says.status, says.summary) == (ran.status, ran.summary)
        assert [f"note: {notice}" for notice in (first, *more)] == ran.err.splitlines()
        assert first.startswith(f"missing {says.missing}; still works: topology and")
        assert says.lost in first.partition("; does not: ")[2].split(", ")
        assert [bool(says.host_off)] * len(more) == [
            note.startswith("scope host is off: ") for note in more
        ]
        assert (says.host_off or "") in "".join(more)
        assert (1 if says.host_off else 0) == len(more)

    def test_topology_needs_none(self, demo: Running) -> None:
        """It shows what exists, and says what would not work."""
        ran = run_exporter(
            "topology", engine=demo.engine.base_url, under=without("all")
        )

        assert (0, "") == (ran.status, ran.err)
        assert demo.address("mybridge1", "mybridge") in ran.out
        assert "note: missing CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_PTRACE, " in ran.out

    def test_a_socket_of_others(self, demo: Running) -> None:
        """Another user may not open the engine's socket: one line, and the remedy."""
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        # To read this repository wherever it is; it does not help with a socket.
        nobody += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]

        ran = run_exporter("check", engine=demo.engine.base_url, under=nobody)

        assert (3, "") == (ran.status, ran.out)
        assert (
            f"error: permission denied on {demo.engine.base_url}; run as root, or as a "
            "member of the socket's group\n"
        ) == ran.err


class TestHost:
    """The engine's network namespace is not to be found."""

    @pytest.mark.parametrize(
        ("configured", "why"),
        [
            pytest.param("", "own: holds 0 of the engine's 2 bridges", id="nowhere"),
            pytest.param(
                "/proc/self/ns/net",
                "configured: holds none of the engine's bridges",
                id="elsewhere",
            ),
            pytest.param(
                "/nowhere", "configured: nothing at /nowhere", id="nothing there"
            ),
        ],
    )
    def test_scope_host_is_off(
        self, demo: Running, tmp_path: Path, configured: str, why: str
    ) -> None:
        """Behind a proxy the engine's process is not seen; nothing is guessed."""
        with RecordingProxy(demo.engine.socket, tmp_path) as proxy:
            ran = run_exporter(
                *("check", "--json", *SOON),
                engine=proxy.environment["DOCKER_HOST"],
                environment={"DOCKERNET_ENGINE_HOST_NAMESPACE": configured},
            )
        (notice,) = ran.document["notices"]

        assert (0, {"as_expected": WITHOUT_HOST}) == (ran.status, ran.summary)
        assert not [pair for pair in ran.pairs if pair["scope"] == "host"]
        assert notice.startswith("scope host is off: ")
        assert why in notice

    def test_a_namespace_that_holds_its_bridges_is_taken(
        self, demo: Running, tmp_path: Path
    ) -> None:
        """Where the user says it, behind the same proxy."""
        with RecordingProxy(demo.engine.socket, tmp_path) as proxy:
            ran = run_exporter(
                *("check", "--json", *SOON),
                engine=proxy.environment["DOCKER_HOST"],
                environment={"DOCKERNET_ENGINE_HOST_NAMESPACE": demo.engine.netns},
            )

        assert (0, {"as_expected": 24}, "") == (ran.status, ran.summary, ran.err)


class TestElsewhere:
    """An engine that is reached over the network."""

    @pytest.fixture
    def address(self, demo: Running) -> Iterator[str]:
        """Open the engine on a port of loopback."""
        with over_tcp(demo.engine.socket) as address:
            yield f"tcp://{address}"

    @pytest.mark.parametrize("command", [["check"], ["explain", "bridge1", "bridge2"]])
    def test_nothing_is_probed(self, address: str, command: list[str]) -> None:
        """One line says why, and what works."""
        ran = run_exporter(*command, engine=address)

        assert (3, "") == (ran.status, ran.out)
        assert (
            f"error: nothing can be probed at {address} (reached over TCP); run on the "
            "engine's own host, or use `topology`\n"
        ) == ran.err

    def test_topology_is_shown(self, demo: Running, address: str) -> None:
        """With a note that nothing is probed."""
        ran = run_exporter("topology", "--json", engine=address)

        assert (0, "note: topology only, nothing is probed: reached over TCP\n") == (
            ran.status,
            ran.err,
        )
        assert demo.address("bridge1") in ran.out
        assert (False, []) == (
            ran.document["engine"]["local"],
            ran.document["host"]["interfaces"],
        )

    def test_the_daemon_serves_what_it_can(self, demo: Running, address: str) -> None:
        """Subnets and inventory; it says once that nothing is probed."""
        with serving(demo.engine, environment={"DOCKER_HOST": address}) as service:
            service.wait_for_log(lambda line: "nothing is probed" in line)
            service.wait_for_cycle()
            service.wait_for_cycle()

            assert 1 == service.value("dockernet_docker_up")
            assert 1 == sum("nothing is probed" in line for line in service.log)
            assert not service.samples("dockernet_pair_reachable")
            assert 4 == service.value("dockernet_containers", state="running")


class TestNames:
    """Names that do not exist."""

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            pytest.param(
                ["check", "--network", "mybrige"],
                "there is no network 'mybrige'; did you mean mybridge",
                id="network",
            ),
            pytest.param(
                ["explain", "mybridge1", "mybrige2"],
                "there is no container 'mybrige2'; did you mean mybridge2",
                id="container",
            ),
        ],
    )
    def test_are_refused(self, demo: Running, arguments: list[str], said: str) -> None:
        """With what was perhaps meant; that is bad usage."""
        ran = run_exporter(*arguments, engine=demo.engine.base_url)

        assert (2, "") == (ran.status, ran.out)
        (line,) = ran.err.splitlines()
        assert line.startswith(f"error: {said}")


class TestBudget:
    """Two of ours on one host."""

    def test_the_second_waits_and_says_so(self, demo: Running, tmp_path: Path) -> None:
        """While another check probes; then both are right."""
        engine = demo.engine.base_url
        with starting(
            *("check", "--timeout", "3s"), engine=engine, budget=tmp_path
        ) as first:
            wait_until_locked(tmp_path / "probing.lock")
            second = run_exporter(
                "check", "--json", *SOON, engine=engine, budget=tmp_path
            )
            out, err = first.communicate(timeout=30)

        assert (0, "") == (first.returncode, err)
        assert "24 pairs are all as Docker promises" in out
        assert (0, {"as_expected": 24}) == (second.status, second.summary)
        assert (
            f"waiting for process {first.pid}, which is probing on this host\n"
        ) == second.err


def wait_until_locked(path: Path) -> None:
    """Poll until another process holds a lock."""
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        if path.exists() and is_locked(path):
            return
        time.sleep(0.01)
    pytest.fail(f"nobody locks {path}")


def is_locked(path: Path) -> bool:
    """Return whether another process holds a lock."""
    file = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
