"""Networks, endpoints and containers, as the engine last listed them."""

from collections import Counter
from collections.abc import Iterator

from exporter.metrics import labels as label
from exporter.metrics.family import OTHER, Family, Kind, Label, Samples, closed
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Container, Endpoint, Network, Topology

CONTAINER_STATES = (
    "created",
    "running",
    "paused",
    "restarting",
    "removing",
    "exited",
    "dead",
)
_ID_LENGTH = 12
"""Hex digits of an id, as `docker ps` prints them."""
_BOOLEAN = ("true", "false", "")

NETWORK_INFO = Family(
    name="network_info",
    kind=Kind.INFO,
    help="A Docker network; join on network.",
    labels=(
        label.NETWORK,
        Label(name="network_id", text="First 12 digits of the network's id."),
        Label(name="driver", text="Network driver."),
        Label(name="scope", text="The engine's word: local, swarm or global."),
        Label(
            name="internal", text="Has no way out.", values=(_BOOLEAN[0], _BOOLEAN[1])
        ),
        Label(
            name="icc",
            text="Containers may talk to each other; empty but for bridges.",
            values=_BOOLEAN,
        ),
        Label(name="gateway_mode_ipv4", text="Gateway mode; empty but for bridges."),
        Label(name="gateway_mode_ipv6", text="Gateway mode; empty but for bridges."),
        Label(name="project", text="Compose project; empty without."),
    ),
    bound="B",
    most=lambda sizes: sizes.networks,
)
NETWORK_MTU = Family(
    name="network_mtu_bytes",
    kind=Kind.GAUGE,
    help="Configured MTU of a network; absent where the engine's default holds.",
    labels=(label.NETWORK,),
    bound="B",
    most=lambda sizes: sizes.networks,
)
NETWORK_CONTAINERS = Family(
    name="network_containers",
    kind=Kind.GAUGE,
    help="Running containers on a network; those that join another's network stack "
    "are not on it themselves.",
    labels=(label.NETWORK,),
    bound="B",
    most=lambda sizes: sizes.networks,
)
ENDPOINT_INFO = Family(
    name="endpoint_info",
    kind=Kind.INFO,
    help="A running container on a network; join on container and network.",
    labels=(
        label.CONTAINER,
        Label(name="container_id", text="First 12 digits of the container's id."),
        label.NETWORK,
        Label(name="ipv4", text="Its IPv4 address there; empty without."),
        Label(name="ipv6", text="Its IPv6 address there; empty without."),
        Label(name="image", text="Image, as given at creation."),
        Label(name="project", text="Compose project; empty without."),
        Label(name="service", text="Compose or swarm service; empty without."),
    ),
    bound="E; dropped at the series limit",
    most=lambda sizes: sizes.endpoints,
)
CONTAINERS = Family(
    name="containers",
    kind=Kind.GAUGE,
    help="Containers by state.",
    labels=(
        Label(
            name="state",
            text="The engine's word.",
            values=(*CONTAINER_STATES, OTHER),
        ),
    ),
    bound="8, 7 of them always",
    most=lambda _: len(CONTAINER_STATES) + 1,
)
FAMILIES = (NETWORK_INFO, NETWORK_MTU, NETWORK_CONTAINERS, ENDPOINT_INFO, CONTAINERS)


def collect(snapshot: Snapshot) -> Iterator[Samples]:
    """Yield the samples of these families; none before the engine answered."""
    topology = snapshot.topology
    if topology is None:
        yield from map(Samples, FAMILIES)
        return
    yield from _networks(topology)
    info = Samples(ENDPOINT_INFO)
    for container in topology.containers:
        for endpoint in container.endpoints if container.running else ():
            network = topology.network_by_id.get(endpoint.network_id)
            if network is not None:
                info.put(1, *_endpoint(container, endpoint, network))
    yield info
    states = Counter(container.status for container in topology.containers)
    yield closed(CONTAINERS, states, CONTAINER_STATES)


def _networks(topology: Topology) -> Iterator[Samples]:
    info, mtu = Samples(NETWORK_INFO), Samples(NETWORK_MTU)
    attached = Samples(NETWORK_CONTAINERS)
    members = Counter(
        endpoint.network_id
        for container in topology.containers
        for endpoint in (container.endpoints if container.running else ())
    )
    for network in topology.networks:
        info.put(1, *_network(network))
        if network.mtu is not None:
            mtu.put(network.mtu, network.name)
        count = members[network.id]
        if network.driver == "host":
            count = len(topology.host_members)
        attached.put(count, network.name)
    yield from (info, mtu, attached)


def _network(network: Network) -> tuple[str, ...]:
    bridge = network.driver == "bridge"
    return (
        network.name,
        network.id[:_ID_LENGTH],
        network.driver,
        network.scope,
        label.flag(network.internal),
        label.flag(network.icc) if bridge else "",
        network.gateway_mode(4) if bridge else "",
        network.gateway_mode(6) if bridge else "",
        network.project or "",
    )


def _endpoint(
    container: Container, endpoint: Endpoint, network: Network
) -> tuple[str, ...]:
    ipv4, ipv6 = endpoint.address(4), endpoint.address(6)
    return (
        container.name,
        container.id[:_ID_LENGTH],
        network.name,
        str(ipv4.address) if ipv4 else "",
        str(ipv6.address) if ipv6 else "",
        container.image,
        container.project or "",
        container.service or "",
    )
