"""A real Docker engine with a host, a LAN and no way out.

    with Engine.start(FORKY) as engine:
        engine.docker.containers.run("bb:latest", "sleep 99", detach=True)

The engine's host is a network namespace whose only link, eth0, leads to a second
namespace, the LAN, where its default routes end. The addresses are of the blocks for
documentation (RFC 5737, RFC 3849), so a test cannot meet them elsewhere.
"""

import contextlib
import functools
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import docker
from docker.models.containers import Container

from tests.lab.cleanup import Keeper
from tests.lab.daemon import Daemon
from tests.lab.errors import LabError
from tests.lab.images import import_images
from tests.lab.mounts import make_shared
from tests.lab.namespaces import Namespace, pair_up, run_in
from tests.lab.suites import Suite, install
from tests.lab.workspace import Workspace, sweep

HOST_IPV4 = "198.51.100.1"
HOST_IPV6 = "2001:db8:51::1"
LAN_IPV4 = "198.51.100.2"
LAN_IPV6 = "2001:db8:51::2"

_DOCKER_TIMEOUT_S = 60
_AT_ONCE = 4
"""Containers removed at a time: the engine waits for the kernel more than it works."""
_BUILT_IN = ("bridge", "host", "none")
_TRACES = """
for save in iptables-save ip6tables-save; do
    # Rules and closed policies: an empty table is as good as none.
    $save | grep -E '^-A|^:[A-Z]+ DROP' | sed 's/ \\[[0-9:]*\\]//'
done
ip -oneline -4 address | sed 's/ *valid_lft.*//'
# A bridge without ports loses its carrier some time after the last has left.
ip route | sed 's/ linkdown//'; ip -6 route show default
ip -brief link | cut -d' ' -f1
for name in ipv4/ip_forward ipv6/conf/all/forwarding ipv4/icmp_echo_ignore_all \\
    bridge/bridge-nf-call-iptables; do
    echo "$name" $(cat /proc/sys/net/$name)
done
"""
"""What a test can leave changed in the host's namespace and the API does not show."""


class Engine:
    """A running engine; a context manager that leaves nothing of it behind.

    Not to be made directly: use `Engine.start`.
    """

    def __init__(self, suite: Suite, workspace: Workspace) -> None:
        self.suite = suite
        self.workspace = workspace
        self._client: docker.DockerClient | None = None
        self._cleanups = contextlib.ExitStack()
        # In reverse order: first its processes and files, then the namespaces, which
        # nobody must live in any more, and the keeper when all is done.
        self._keeper = Keeper(workspace)
        self._cleanups.callback(self._keeper.dismiss)
        self.host = self._cleanups.enter_context(Namespace())
        self.lan = self._cleanups.enter_context(Namespace())
        self._cleanups.callback(self._expect_deserted)
        self._cleanups.callback(workspace.remove)
        self._daemon: Daemon

    @classmethod
    def start(
        cls,
        suite: Suite,
        *,
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Start an engine; remove those of dead owners first.

        Args:
            suite: which one.
            flags: more of dockerd's flags, `("--icc=false",)`.
            environment: variables for dockerd.

        Raises:
            LabUnavailable: it cannot run on this machine.
            LabError: it did not start.
        """
        sweep()
        installation = install(suite)
        engine = cls(suite, Workspace.create(suite.name))
        try:
            make_shared(engine.workspace.path)
            join_lan(engine.host, engine.lan)
            engine._daemon = Daemon(
                engine.workspace,
                installation,
                engine.netns,
                flags=flags,
                environment=environment or {},
            )
            engine._cleanups.callback(engine._daemon.kill)
            engine._daemon.start()
            import_images(engine.docker)
        except BaseException:
            engine.stop()
            raise
        return engine

    @property
    def socket(self) -> Path:
        """The socket of its API."""
        return self._daemon.socket

    @property
    def base_url(self) -> str:
        """The address of its API, as in DOCKER_HOST."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        """The file with what dockerd said."""
        return self._daemon.log

    @property
    def netns(self) -> str:
        """Path of the host's network namespace; valid while this process holds it."""
        return self.host.path

    @property
    def lan_netns(self) -> str:
        """Path of the LAN's network namespace."""
        return self.lan.path

    @property
    def pid(self) -> int:
        """Process id of its dockerd."""
        return self._daemon.pid

    @property
    def keeper_pid(self) -> int:
        """Process id of what removes the engine when this process dies."""
        return self._keeper.pid

    @property
    def is_running(self) -> bool:
        """Whether dockerd runs and answers."""
        return self._daemon.is_running and self._daemon.answers

    @functools.cached_property
    def version(self) -> str:
        """The version it says it is, like 28.5.2."""
        # Debian writes 28.5.2+dfsg3.
        return str(self.docker.version()["Version"]).partition("+")[0]

    @property
    def release(self) -> tuple[int, int]:
        """The first two numbers of its version, to compare with."""
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    @property
    def docker(self) -> docker.DockerClient:
        """A client with all the API's verbs: to arrange things, not to observe."""
        if self._client is None:
            self._client = docker.DockerClient(
                base_url=self.base_url, timeout=_DOCKER_TIMEOUT_S
            )
        return self._client

    def run_in_host(
        self, argv: Sequence[str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this machine in the host's network namespace."""
        return self.host.run(argv, check=check)

    def run_in_lan(
        self, argv: Sequence[str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this machine in the LAN's network namespace."""
        return self.lan.run(argv, check=check)

    def run_in_container(
        self, name: str, argv: Sequence[str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this machine in a container's network namespace.

        The container sees nothing of it. Use this to tamper and to compare with.
        """
        return run_in(f"/proc/{self.pid_of(name)}/ns/net", argv, check=check)

    def run_beside(
        self, argv: Sequence[str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the engine's own distribution in the host's namespace.

        `docker` reaches the engine; it is what an operator would type.
        """
        return self._daemon.run_beside(argv, check=check)

    def iptables(self, *arguments: str) -> str:
        """Run iptables of the engine's own distribution in the host's namespace.

        Another build than the engine's might write to other tables than it reads.
        """
        return self._daemon.run_beside(["iptables", "--wait", *arguments]).stdout

    def ip6tables(self, *arguments: str) -> str:
        """Run ip6tables of the engine's own distribution in the host's namespace."""
        return self._daemon.run_beside(["ip6tables", "--wait", *arguments]).stdout

    def pid_of(self, name: str) -> int:
        """Return the process id of a container's first process.

        Raises:
            LabError: it does not run.
        """
        state: Mapping[str, object] = self.container(name).attrs["State"]
        pid = state["Pid"]
        if not isinstance(pid, int) or pid == 0:
            raise LabError(f"container {name} does not run: {state}")
        return pid

    def container(self, name: str) -> Container:
        """Return a container as the engine describes it now."""
        return self.docker.containers.get(name)

    def halt(self) -> None:
        """Stop dockerd and with it its containers; the data stays."""
        self._forget_client()
        self._daemon.stop()

    def kill(self) -> None:
        """Kill dockerd; its containers run on and their links stay."""
        self._forget_client()
        self._daemon.kill()

    def restart(self) -> None:
        """Start dockerd on the same data; stop it first if it runs.

        Containers without a restart policy are not running afterwards.
        """
        self.halt()
        self._daemon.start()

    def reset(self) -> None:
        """Remove all containers, user networks and volumes, whoever made them."""
        containers = self.docker.containers.list(all=True, ignore_removed=True)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(_remove, containers))
        for network in self.docker.networks.list():
            if network.name not in _BUILT_IN:
                network.remove()
        for volume in self.docker.volumes.list():
            volume.remove(force=True)

    def traces(self) -> str:
        """Return the host's firewall, addresses, routes and links, to compare."""
        return self._daemon.run_beside(["sh", "-c", _TRACES], check=False).stdout

    def stop(self) -> None:
        """End the engine and remove all of it; a second time does nothing.

        Raises:
            LabError: something of it could not be removed.
        """
        self._forget_client()
        self._cleanups.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _expect_deserted(self) -> None:
        if pids := (*self.host.occupants(), *self.lan.occupants()):
            raise LabError(f"processes still live in the engine's namespaces: {pids}")

    def _forget_client(self) -> None:
        # Its pooled connections lead to a dockerd that will be gone.
        if self._client is not None:
            self._client.close()
            self._client = None


def join_lan(host: Namespace, lan: Namespace) -> None:
    """Give a host its one link, to a LAN where its default routes end."""
    pair_up(host, "eth0", lan, "eth0")
    ends = (
        (host, HOST_IPV4, HOST_IPV6, LAN_IPV4, LAN_IPV6),
        (lan, LAN_IPV4, LAN_IPV6, HOST_IPV4, HOST_IPV6),
    )
    # Both up before the routes: an IPv6 route over a link without carrier fails.
    for namespace, ipv4, ipv6, _, _ in ends:
        namespace.ip(
            f"address add {ipv4}/24 dev eth0",
            f"address add {ipv6}/64 dev eth0 nodad",
            "link set eth0 up",
        )
    for namespace, _, _, via_ipv4, via_ipv6 in ends:
        namespace.ip(
            f"route add default via {via_ipv4}",
            f"route add ::/0 via {via_ipv6}",
        )


def _remove(container: Container) -> None:
    with contextlib.suppress(docker.errors.NotFound):
        if container.status == "paused":
            container.unpause()
        container.remove(force=True, v=True)
