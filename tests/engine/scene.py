"""One of every kind of container and network, made on a real engine.

Used by the engine tests and by the recorder of `tests/data/engine`. Every object
carries the label `SCENE`, so that nothing else on the engine is touched.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import docker
from docker.types import IPAMConfig, IPAMPool

Option = Any
"""Whatever the SDK takes under a name of its own."""

SCENE = "dockernet-scene"
IMAGE = "bb:latest"

COMPOSE = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "web",
    "com.docker.compose.container-number": "1",
    "com.docker.compose.oneoff": "False",
}
SWARM = {
    "com.docker.swarm.service.name": "api",
    "com.docker.swarm.task.id": "q8ffaqvv4ipzrfyhk6vwudrv1",
    "com.docker.swarm.task.name": "api.2.q8ffaqvv4ipzrfyhk6vwudrv1",
    "com.docker.stack.namespace": "store",
}

SWARM_SCENE: Mapping[str, tuple[str, ...]] = {
    "o1": ("ov1",),
    "o2": ("ov1",),
    "o3": ("ov2",),
    "nn": ("n1",),
    "both": ("ov1", "n1"),
    "half": ("ov1", "inner"),
    "shut": ("sealed",),
    "hand": ("docker_gwbridge",),
}
"""The containers of `Scene.swarm` by their networks."""


class Scene:
    """Builds the scene on the engine at a socket and takes it away again."""

    def __init__(self, base_url: str) -> None:
        self.docker = docker.DockerClient(base_url=base_url, timeout=60)

    def __enter__(self) -> Self:
        self.clear()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()
        self.docker.close()

    def clear(self) -> None:
        """Remove whatever carries the scene's label."""
        only: Option = {"label": SCENE}
        for container in self.docker.containers.list(
            all=True, filters=only, ignore_removed=True
        ):
            container.remove(force=True)
        for network in self.docker.networks.list(filters=only):
            network.remove()

    def network(self, name: str, *pools: IPAMPool, **options: Option) -> str:
        """Create a network and return its id."""
        ipam = IPAMConfig(pool_configs=list(pools)) if pools else None
        made = self.docker.networks.create(
            name, ipam=ipam, labels={SCENE: "1"}, **options
        )
        return str(made.id)

    def network_without_ipv4(self, name: str, subnet: str) -> str:
        """Ask for a network without IPv4, which the SDK does not know of."""
        api = self.docker.api
        answer = api.post(
            f"{api.base_url}/v{api.api_version}/networks/create",
            json={
                "Name": name,
                "EnableIPv4": False,
                "EnableIPv6": True,
                "IPAM": {"Config": [{"Subnet": subnet}]},
                "Labels": {SCENE: "1"},
            },
        )
        answer.raise_for_status()
        return str(answer.json()["Id"])

    def create(
        self,
        name: str,
        *,
        network: str = "bridge",
        labels: Mapping[str, str] | None = None,
        command: str = "sleep 9999",
        **options: Option,
    ) -> str:
        """Create a container without starting it and return its id."""
        predefined = network in ("host", "none") or network.startswith("container:")
        options["network_mode" if predefined else "network"] = network
        made = self.docker.containers.create(
            IMAGE,
            command,
            name=name,
            labels={SCENE: "1", **(labels or {})},
            stop_signal="SIGKILL",
            **options,
        )
        return str(made.id)

    def run(self, name: str, **options: Option) -> str:
        """Create and start a container and return its id."""
        made = self.create(name, **options)
        self.docker.containers.get(made).start()
        return made

    def connect(self, network: str, container: str, **options: Option) -> None:
        """Connect a container to a network."""
        self.docker.networks.get(network).connect(container, **options)

    def build(self) -> None:
        """Make one of every kind that this machine's kernel can do."""
        self._networks()
        self.run("dflt")
        self.run("web", network="front", hostname="webhost")
        multi = self.create("multi", network="front")
        self.connect("back", multi, aliases=["mm"])
        self.docker.containers.get(multi).start()
        self.run("hostly", network="host")
        self.run("nonet", network="none")
        self.run("joiner", network=f"container:{multi}")
        self.run("second", network="container:joiner")
        self.run("mac", network="lan")
        self.run("dual", network="dual")
        self.docker.containers.get(self.run("paused", network="tuned")).pause()
        self.docker.containers.get(self.run("ended", network="front")).stop(timeout=0)
        self.create("fresh", network="front")
        self.run("shop_web_custom", network="front", labels=COMPOSE)
        self.run(
            "api.2.q8ffaqvv4ipzrfyhk6vwudrv1",
            network="front",
            labels=SWARM,
            sysctls={"net.ipv4.icmp_echo_ignore_all": "1"},
        )
        self.run(
            "again",
            network="front",
            command="sh -c 'exit 3'",
            restart_policy={"Name": "always"},
        )

    def swarm(self) -> None:
        """Make overlays and a bridge, with containers on them; of a swarm's manager."""
        for name, number in (("ov1", 1), ("ov2", 2)):
            pool = IPAMPool(subnet=f"10.77.{number}.0/24")
            self.network(name, pool, driver="overlay", attachable=True)
        self.network("sealed", driver="overlay", attachable=True, internal=True)
        self.network("n1")
        self.network("inner", internal=True)
        for name, on in SWARM_SCENE.items():
            made = self.create(name, network=on[0])
            for other in on[1:]:
                self.connect(other, made)
            self.docker.containers.get(made).start()

    def wait_until_settled(self, limit_s: float = 15.0) -> None:
        """Wait until the crash loop rests long enough to be looked at."""
        deadline_s = time.monotonic() + limit_s
        while time.monotonic() < deadline_s:
            again = self.docker.api.inspect_container("again")
            if again["RestartCount"] >= 5 and again["State"]["Restarting"]:
                return
            time.sleep(0.05)
        message = f"no quiet crash loop within {limit_s} s"
        raise TimeoutError(message)

    def live(self) -> None:
        """Take a container through everything that can happen to one."""
        for step in self.life():
            step()

    def life(self) -> Iterator[Callable[[], object]]:
        """Yield the steps of a container's life; each leaves the engine at rest."""
        client = self.docker
        yield lambda: self.network("life1")
        yield lambda: self.network("life2")
        yield lambda: self.create("living", network="life1")
        yield lambda: client.containers.get("living").start()
        yield lambda: client.containers.get("living").pause()
        yield lambda: client.containers.get("living").unpause()
        yield lambda: client.containers.get("living").rename("lived")
        yield lambda: self.connect("life2", "lived", aliases=["second"])
        yield lambda: client.networks.get("life1").disconnect("lived")
        yield lambda: client.containers.get("lived").restart(timeout=0)
        yield lambda: client.networks.get("life2").disconnect("lived", force=True)
        yield lambda: self.connect("life1", "lived")
        yield lambda: client.containers.get("lived").stop(timeout=0)
        yield lambda: client.containers.get("lived").start()
        yield lambda: client.containers.get("lived").kill()
        yield lambda: client.containers.get("lived").wait()
        yield lambda: client.containers.get("lived").remove(force=True)
        yield lambda: client.networks.get("life1").remove()
        yield lambda: client.networks.get("life2").remove()

    def _networks(self) -> None:
        self.network("front")
        self.network(
            "back",
            IPAMPool(subnet="10.30.1.0/24", gateway="10.30.1.1"),
            IPAMPool(subnet="fd00:30:1::/64", gateway="fd00:30:1::1"),
            internal=True,
            enable_ipv6=True,
        )
        self.network("dual", IPAMPool(subnet="fd00:30:9::/64"), enable_ipv6=True)
        self.network(
            "tuned",
            IPAMPool(
                subnet="10.30.2.0/24",
                iprange="10.30.2.128/25",
                aux_addresses={"router": "10.30.2.5", "dns": "10.30.2.6"},
            ),
            options={
                "com.docker.network.bridge.name": "brtuned",
                "com.docker.network.driver.mtu": "1400",
                "com.docker.network.bridge.enable_icc": "false",
            },
        )
        self.network(
            "lan",
            IPAMPool(
                subnet="198.51.100.0/24",
                gateway="198.51.100.2",
                iprange="198.51.100.128/26",
            ),
            IPAMPool(subnet="203.0.113.0/24"),
            driver="macvlan",
            options={"parent": "eth0"},
        )
