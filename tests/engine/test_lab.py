"""The lab itself, on real engines: what the other tests stand on."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.engine import Engine
from tests.lab.errors import LabError
from tests.lab.fixtures import StartEngine, StartTopology
from tests.lab.mounts import mount_table, mounts_below
from tests.lab.pool import EnginePool
from tests.lab.processes import identify, wait_for_end
from tests.lab.suites import Suite
from tests.lab.topology import (
    STATIC,
    At,
    ContainerSpec,
    NetworkSpec,
    Pool,
    Running,
    Topology,
)
from tests.lab.workspace import Workspace, all_workspaces, run_folder, sweep

_REPOSITORY = Path(__file__).parents[2]
_OWNER = """
import json, sys
from tests.lab.engine import Engine
from tests.lab.suites import Suite
from tests.lab.topology import DEMO, Running

engine = Engine.start(Suite(name=sys.argv[1]))
Running(engine).start(DEMO)
print(json.dumps([str(engine.workspace.path), engine.keeper_pid]), flush=True)
sys.stdin.read()
"""


_KEEPER_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Another process that owns an engine with the demo on it."""

    process: subprocess.Popen[bytes]
    workspace: Workspace
    keeper_pid: int


@pytest.fixture
def owner(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Owner]:
    """A process of its own that has started an engine, to be killed."""
    engine_pool.close()
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, engine_suite.name],
        cwd=_REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        path, keeper_pid = json.loads(process.stdout.readline())
        yield Owner(
            process=process,
            workspace=Workspace.read(Path(path)),
            keeper_pid=keeper_pid,
        )
        process.kill()
    wait_for_end(keeper_pid, _KEEPER_TIMEOUT_S)


def answers(running: Running, source: str, address: str) -> bool:
    """Whether one ping from a container's namespace comes back."""
    ping = ["ping", "-c1", "-W1", address]
    return running.engine.run_in_container(source, ping, check=False).returncode == 0


class TestDemo:
    """The five containers that the project grew from."""

    def test_ping_agrees_with_the_promise(self, demo: Running) -> None:
        """Containers of one bridge answer each other, those of two do not."""
        mine, other = demo.address("mybridge2", "mybridge"), demo.address("bridge1")

        observed = {
            ("mybridge1", "mybridge2"): answers(demo, "mybridge1", mine),
            ("bridge2", "bridge1"): answers(demo, "bridge2", other),
            ("mybridge1", "bridge1"): answers(demo, "mybridge1", other),
            ("bridge1", "mybridge2"): answers(demo, "bridge1", mine),
            ("imhost", "mybridge2"): answers(demo, "imhost", mine),
        }

        assert observed == {
            ("mybridge1", "mybridge2"): True,
            ("bridge2", "bridge1"): True,
            ("mybridge1", "bridge1"): False,
            ("bridge1", "mybridge2"): False,
            ("imhost", "mybridge2"): True,
        }

    def test_sandbox_files_are_seen_from_outside(self, demo: Running) -> None:
        """The engine's namespace files are real here, not empty files."""
        key = demo.container("bridge1").attrs["NetworkSettings"]["SandboxKey"]
        process = f"/proc/{demo.engine.pid_of('bridge1')}/ns/net"

        assert Path(process).stat().st_ino == Path(key).stat().st_ino

    def test_imhost_lives_in_the_engines_namespace(self, demo: Running) -> None:
        """A host-network container is in the namespace that `engine.netns` names."""
        process = f"/proc/{demo.engine.pid_of('imhost')}/ns/net"

        assert Path(demo.engine.netns).stat().st_ino == Path(process).stat().st_ino


class TestEngine:
    """What an engine of the lab is."""

    def test_says_its_own_version(self, engine: Engine) -> None:
        """The version comes from the engine and is one of those that we know of."""
        assert (20, 10) <= engine.release
        assert engine.version.startswith(".".join(map(str, engine.release)))

    def test_has_a_lan_and_no_way_out(self, engine: Engine) -> None:
        """Its host reaches its LAN over eth0, its only link beside its bridges."""
        links = json.loads(engine.run_in_host(["ip", "-j", "link"]).stdout)
        ping = ["ping", "-c1", "-W1", "198.51.100.2"]

        assert {"lo", "eth0", "docker0"} == {link["ifname"] for link in links}
        assert engine.run_in_host(ping).returncode == 0
        assert engine.run_in_lan(["ping", "-c1", "-W1", "198.51.100.1"]).returncode == 0

    def test_is_another_network_than_the_machines(self, engine: Engine) -> None:
        """Neither namespace is the machine's own, nor are they one."""
        own = Path("/proc/self/ns/net").stat().st_ino

        assert 3 == len({own, engine.host.inode, engine.lan.inode})

    def test_can_be_restarted_on_its_data(self, demo: Running) -> None:
        """After an outage the same containers are there, and can be started."""
        engine = demo.engine

        engine.halt()
        answered = engine.is_running
        engine.restart()
        demo.container("bridge1").start()

        assert not answered
        assert {"exited", "running"} == {
            c.status for c in engine.docker.containers.list(all=True)
        }

    def test_killed_dockerd_leaves_containers_running(self, demo: Running) -> None:
        """A container outlives a killed dockerd, and the engine comes back."""
        pid = demo.engine.pid_of("bridge1")

        demo.engine.kill()
        alive = identify(pid) is not None
        demo.engine.restart()

        assert alive
        assert demo.engine.is_running

    def test_takes_flags(self, fresh_engine: StartEngine) -> None:
        """Flags given at the start reach dockerd."""
        engine = fresh_engine("--icc=false")

        options = engine.docker.networks.get("bridge").attrs["Options"]

        assert "false" == options["com.docker.network.bridge.enable_icc"]

    def test_leaves_the_machines_etc_alone(self, fresh_engine: StartEngine) -> None:
        """What dockerd writes into /etc for user namespaces stays with the engine."""
        files = [Path("/etc", name) for name in ("passwd", "subuid", "resolv.conf")]
        before = [file.read_bytes() for file in files]

        engine = fresh_engine("--userns-remap=default")

        assert any("userns" in o for o in engine.docker.info()["SecurityOptions"])
        assert before == [file.read_bytes() for file in files]

    def test_asks_nobody_but_its_lan(self, demo: Running) -> None:
        """A name that the engine does not know can only be asked for in the LAN."""
        file = Path(demo.container("bridge1").attrs["ResolvConfPath"])

        servers = [
            line.split()[1]
            for line in file.read_text().splitlines()
            if line.startswith("nameserver")
        ]

        assert ["198.51.100.2"] == servers


class TestTopology:
    """The declarations and what comes of them."""

    def test_addresses_are_those_declared(self, topology: StartTopology) -> None:
        """Subnets of both families, ranges and fixed addresses are as declared."""
        running = topology(
            Topology(
                networks=(
                    NetworkSpec(
                        name="dual",
                        subnets=("10.30.1.0/24", "fd00:30::/64"),
                        ipv6=True,
                    ),
                    NetworkSpec(
                        name="inner",
                        internal=True,
                        subnets=(
                            Pool(subnet="10.30.2.0/24", ip_range="10.30.2.128/25"),
                        ),
                    ),
                ),
                containers=(
                    ContainerSpec(
                        name="multi",
                        networks=(
                            At("dual", ipv4="10.30.1.9", ipv6="fd00:30::9"),
                            "inner",
                        ),
                    ),
                ),
            )
        )

        assert "10.30.1.9" == running.address("multi", "dual")
        assert "fd00:30::9" == running.address("multi", "dual", 6)
        assert running.address("multi", "inner") in {"10.30.2.128", "10.30.2.129"}

    def test_one_static_program_is_enough(self, topology: StartTopology) -> None:
        """An image with nothing but one program runs without rights, and answers."""
        bare = ContainerSpec(
            name="bare",
            image=STATIC,
            options={"cap_drop": ["ALL"], "read_only": True, "user": "65534"},
        )

        running = topology(Topology(containers=(bare, ContainerSpec(name="other"))))

        assert answers(running, "bare", running.address("other"))
        assert answers(running, "other", running.address("bare"))

    def test_modes_share_or_lack_a_network(self, topology: StartTopology) -> None:
        """`none` has no address, `container:X` lives in the namespace of X."""
        running = topology(
            Topology(
                containers=(
                    ContainerSpec(name="owner"),
                    ContainerSpec(name="joiner", mode="container:owner"),
                    ContainerSpec(name="lonely", mode="none"),
                )
            )
        )
        inodes = {
            name: Path(f"/proc/{running.engine.pid_of(name)}/ns/net").stat().st_ino
            for name in ("owner", "joiner", "lonely")
        }

        assert inodes["owner"] == inodes["joiner"] != inodes["lonely"]


class TestSharing:
    """An engine that one test leaves to the next."""

    def test_is_emptied(self, engine_suite: Suite, engine_pool: EnginePool) -> None:
        """Containers, networks and volumes of a test are gone for the next."""
        engine = engine_pool.shared(engine_suite)
        engine.docker.networks.create("left")
        engine.docker.volumes.create("left")
        Running(engine).start(Topology(containers=(ContainerSpec(name="left"),)))

        engine_pool.settle()

        assert engine is engine_pool.shared(engine_suite)
        assert [] == engine.docker.containers.list(all=True)
        assert [] == engine.docker.volumes.list()
        assert {"bridge", "host", "none"} == {
            n.name for n in engine.docker.networks.list()
        }

    @pytest.mark.suites("host")
    @pytest.mark.parametrize(
        "tampering",
        [
            pytest.param(["iptables", "-I", "FORWARD", "-j", "ACCEPT"], id="a rule"),
            pytest.param(["ip", "route", "del", "default"], id="a route"),
            pytest.param(["ip", "link", "add", "x", "type", "bridge"], id="a link"),
        ],
    )
    def test_is_thrown_away_after_tampering(
        self, engine_suite: Suite, engine_pool: EnginePool, tampering: list[str]
    ) -> None:
        """What a test changed by hand is never seen by another test."""
        engine = engine_pool.shared(engine_suite)
        engine.run_in_host(tampering)

        engine_pool.settle()

        assert () == engine.workspace.leftovers()
        assert engine is not engine_pool.shared(engine_suite)


def _mounts_elsewhere() -> list[str]:
    """Return what is mounted, but for the engines that other tests run beside this."""
    engines = f"{run_folder()}/"
    return [point for point in mount_table() if not point.startswith(engines)]


class TestNothingLeft:
    """What remains of an engine: nothing."""

    def test_after_a_stop(self, engine_suite: Suite, engine_pool: EnginePool) -> None:
        """No process, mount, cgroup or file, with containers running at the end."""
        engine_pool.close()
        mounts = _mounts_elsewhere()
        engine = Engine.start(engine_suite)
        Running(engine).start(
            Topology(
                networks=(NetworkSpec(name="own"),),
                containers=(
                    ContainerSpec(name="one", networks=("own",)),
                    ContainerSpec(name="two", mode="host"),
                ),
            )
        )
        pid = engine.pid_of("one")

        engine.stop()

        assert () == engine.workspace.leftovers()
        assert () == mounts_below(engine.workspace.path)
        assert mounts == _mounts_elsewhere()
        assert identify(pid) is None

    @pytest.mark.suites("host")
    def test_with_a_paused_container(
        self, engine_suite: Suite, engine_pool: EnginePool
    ) -> None:
        """It is frozen, and no signal reaches it until it is let go."""
        engine_pool.close()
        engine = Engine.start(engine_suite)
        Running(engine).start(Topology(containers=(ContainerSpec(name="one"),)))
        engine.container("one").pause()

        engine.stop()

        assert () == engine.workspace.leftovers()

    def test_after_a_failed_start(
        self, engine_suite: Suite, engine_pool: EnginePool
    ) -> None:
        """A dockerd that refuses its flags leaves nothing, and says why."""
        engine_pool.close()
        mounts = _mounts_elsewhere()

        with pytest.raises(LabError, match="no-such-flag"):
            Engine.start(engine_suite, flags=("--no-such-flag",))

        assert mounts == _mounts_elsewhere()
        assert [] == [w for w in all_workspaces() if w.owner == identify(os.getpid())]

    def test_after_the_owners_sudden_death(self, owner: Owner) -> None:
        """SIGKILL for the owner takes the engine along; a sweep before does not."""
        sweep()
        before = owner.workspace.leftovers()

        owner.process.kill()

        assert before
        assert wait_for_end(owner.keeper_pid, _KEEPER_TIMEOUT_S)
        assert () == owner.workspace.leftovers()

    def test_after_the_death_of_owner_and_keeper(self, owner: Owner) -> None:
        """What nobody could remove is swept before the next start."""
        os.kill(owner.keeper_pid, signal.SIGKILL)
        owner.process.kill()
        owner.process.wait()
        before = owner.workspace.leftovers()

        swept = sweep()

        assert before
        assert owner.workspace.path in {workspace.path for workspace in swept}
        assert () == owner.workspace.leftovers()
