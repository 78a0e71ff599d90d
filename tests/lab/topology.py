"""Networks and containers, declared as data and made by testcontainers.

    TWO = Topology(
        networks=(NetworkSpec(name="mine", subnets=("10.30.0.0/24",)),),
        containers=(
            ContainerSpec(name="one", networks=("mine",)),
            ContainerSpec(name="two", networks=(At("mine", ipv4="10.30.0.9"),)),
        ),
    )
    with started(engine, TWO) as running:
        running.address("two", "mine")

The reaper of testcontainers stays off: it would need an image of a registry, and the
lab removes engines as a whole. Every container dies of SIGKILL when asked to stop, as
a process 1 that ignores SIGTERM costs ten seconds.
"""

import contextlib
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from docker.errors import NotFound
from docker.models.containers import Container
from docker.types import IPAMConfig, IPAMPool
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.exceptions import ContainerStartException
from testcontainers.core.network import Network

from tests.lab.engine import Engine
from tests.lab.errors import LabError

BB = "bb:latest"
STATIC = "static:latest"

_COMMANDS: Mapping[str, tuple[str, ...]] = {
    BB: ("sleep", "2147483647"),
    STATIC: ("/sleep", "2147483647"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One entry of a network's address management."""

    subnet: str
    gateway: str | None = None
    ip_range: str | None = None
    auxiliary: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A network to be made."""

    name: str
    driver: str = "bridge"
    subnets: tuple[str | Pool, ...] = ()
    """None: the engine chooses."""
    ipv6: bool = False
    internal: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class At:
    """A container's place on a network."""

    network: str
    ipv4: str | None = field(default=None, kw_only=True)
    ipv6: str | None = field(default=None, kw_only=True)
    aliases: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container to be started."""

    name: str
    networks: tuple[str | At, ...] = ()
    """Connected in this order; none: the default bridge, or what `mode` says."""
    mode: str | None = None
    """`host`, `none` or `container:NAME`, in place of networks."""
    image: str = BB
    command: tuple[str, ...] | None = None
    """None: the image's sleep."""
    labels: Mapping[str, str] = field(default_factory=dict)
    restart: bool = False
    """Whether the engine starts it again after its own restart."""
    options: Mapping[str, object] = field(default_factory=dict)
    """More arguments of the SDK: `{"cap_drop": ["ALL"], "read_only": True}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Networks, and containers in the order in which they are started."""

    networks: tuple[NetworkSpec, ...] = ()
    containers: tuple[ContainerSpec, ...] = ()


DEMO = Topology(
    networks=(NetworkSpec(name="mybridge"),),
    containers=(
        ContainerSpec(name="mybridge1", networks=("mybridge",)),
        ContainerSpec(name="mybridge2", networks=("mybridge",)),
        ContainerSpec(name="bridge1"),
        ContainerSpec(name="bridge2"),
        ContainerSpec(name="imhost", mode="host"),
    ),
)
"""The scenario that the project grew from."""


class Running:
    """What was started on an engine; `started` makes one and removes it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._containers: dict[str, DockerContainer] = {}
        self._networks: dict[str, _Network] = {}

    def container(self, name: str) -> Container:
        """Return a container as the engine describes it now."""
        wrapped = self._containers[name].get_wrapped_container()
        wrapped.reload()
        return wrapped

    def address(self, name: str, network: str = "bridge", version: int = 4) -> str:
        """Return a container's address on a network.

        Raises:
            LabError: it has none.
        """
        key = "IPAddress" if version == 4 else "GlobalIPv6Address"
        networks = self.container(name).attrs["NetworkSettings"]["Networks"]
        if address := str(networks.get(network, {}).get(key, "")):
            return str(ipaddress.ip_address(address))
        raise LabError(f"{name} has no IPv{version} address on {network}")

    def bridge(self, network: str) -> str:
        """Return the name of a bridge network's interface in the host's namespace."""
        attributes = self.engine.docker.networks.get(network).attrs
        named = attributes["Options"].get("com.docker.network.bridge.name")
        return str(named or f"br-{attributes['Id'][:12]}")

    def start(self, topology: Topology) -> None:
        """Make its networks, then start its containers, in the order given."""
        for network in topology.networks:
            self.add_network(network)
        for container in topology.containers:
            self.add(container)

    def add_network(self, spec: NetworkSpec) -> None:
        """Make one more network."""
        network = _Network(self.engine, spec)
        network.create()
        self._networks[spec.name] = network

    def add(self, spec: ContainerSpec) -> Container:
        """Start one more container."""
        container = _container(self.engine, spec)
        self._containers[spec.name] = container
        container.start()
        for place in _places(spec)[1:]:
            self.connect(spec.name, place)
        return container.get_wrapped_container()

    def connect(self, name: str, place: At) -> None:
        """Connect a running container to one more network."""
        self.engine.docker.networks.get(place.network).connect(
            name,
            aliases=list(place.aliases) or None,
            ipv4_address=place.ipv4,
            ipv6_address=place.ipv6,
        )

    def drop(self, name: str) -> None:
        """Kill and remove a container."""
        self._containers.pop(name).stop()

    def remove(self) -> None:
        """Remove what was started and is still there, containers first."""
        with contextlib.ExitStack() as last:
            for network in self._networks.values():
                last.callback(network.discard)
            for container in self._containers.values():
                last.callback(_discard, container)
        self._networks.clear()
        self._containers.clear()


@contextlib.contextmanager
def started(engine: Engine, topology: Topology) -> Iterator[Running]:
    """Start a topology on an engine and remove it at the end."""
    running = Running(engine)
    try:
        running.start(topology)
        yield running
    finally:
        running.remove()


def demo_topology(engine: Engine) -> contextlib.AbstractContextManager[Running]:
    """Start the demo's five containers."""
    return started(engine, DEMO)


class _Network(Network):
    """A network with a name of our choice, whose client is closed."""

    def __init__(self, engine: Engine, spec: NetworkSpec) -> None:
        super().__init__(
            docker_client_kw=_client_arguments(engine),
            docker_network_kw={
                "driver": spec.driver,
                "ipam": _ipam(spec.subnets),
                "enable_ipv6": spec.ipv6,
                "internal": spec.internal,
                "options": dict(spec.options),
                "labels": dict(spec.labels),
            },
        )
        self.name = spec.name

    def discard(self) -> None:
        """Remove the network unless somebody did, and close the client."""
        with contextlib.closing(self._docker.client):
            for network in self._docker.client.networks.list(names=[self.name]):
                if network.id == self.id:
                    network.remove()


def _container(engine: Engine, spec: ContainerSpec) -> DockerContainer:
    # Set here, not in the environment: that is read once, and maybe before us.
    testcontainers_config.ryuk_disabled = True
    container = DockerContainer(
        spec.image, docker_client_kw=_client_arguments(engine), name=spec.name
    )
    arguments: dict[str, object] = {
        "labels": dict(spec.labels),
        "stop_signal": "SIGKILL",
        "restart_policy": {"Name": "always"} if spec.restart else None,
        **_network_arguments(engine, spec),
        **spec.options,
    }
    container.with_kwargs(**arguments)
    command = spec.command or _COMMANDS.get(spec.image)
    if command:
        container.with_command(list(command))
    return container


def _network_arguments(engine: Engine, spec: ContainerSpec) -> dict[str, object]:
    if spec.mode is not None:
        if spec.networks:
            raise LabError(f"{spec.name}: a mode excludes networks")
        return {"network_mode": spec.mode}
    places = _places(spec)
    if not places:
        return {}
    first = places[0]
    endpoint = engine.docker.api.create_endpoint_config(
        aliases=list(first.aliases) or None,
        ipv4_address=first.ipv4,
        ipv6_address=first.ipv6,
    )
    return {
        "network": first.network,
        "networking_config": {first.network: endpoint},
    }


def _places(spec: ContainerSpec) -> tuple[At, ...]:
    return tuple(
        place if isinstance(place, At) else At(place) for place in spec.networks
    )


def _ipam(subnets: Sequence[str | Pool]) -> IPAMConfig | None:
    if not subnets:
        return None
    pools = [pool if isinstance(pool, Pool) else Pool(subnet=pool) for pool in subnets]
    return IPAMConfig(
        pool_configs=[
            IPAMPool(
                subnet=pool.subnet,
                gateway=pool.gateway,
                iprange=pool.ip_range,
                aux_addresses=dict(pool.auxiliary) or None,
            )
            for pool in pools
        ]
    )


def _discard(container: DockerContainer) -> None:
    client = container.get_docker_client().client
    with contextlib.closing(client), contextlib.suppress(ContainerStartException):
        # Without an exception where the engine refused to make it.
        made = container.get_wrapped_container()
        with contextlib.suppress(NotFound):
            made.remove(force=True, v=True)


def _client_arguments(engine: Engine) -> dict[str, object]:
    """Point a client of testcontainers to the engine.

    It asks the environment for DOCKER_HOST; this is an environment of our own.
    """
    return {"environment": {"DOCKER_HOST": engine.base_url}, "timeout": 60}
