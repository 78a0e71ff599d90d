"""Small topologies in a few words, for tests of the pure core."""

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from exporter.model.topology import (
    Container,
    ContainerId,
    Endpoint,
    EndpointAddress,
    EngineInfo,
    HostNetwork,
    Network,
    NetworkId,
    Sandbox,
    SandboxId,
    Subnet,
    Topology,
)

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
BRIDGE = "com.docker.network.bridge."


def network(
    name: str,
    *subnets: str,
    driver: str = "bridge",
    internal: bool = False,
    **options: str,
) -> Network:
    """Return a network; options are bridge options without their prefix."""
    prefix = BRIDGE if driver == "bridge" else ""
    values = {f"{prefix}{key}": value for key, value in options.items()}
    if name == "bridge":
        values[f"{BRIDGE}default_bridge"] = "true"
    prefixes = [ip_network(subnet) for subnet in subnets]
    return Network(
        id=NetworkId(f"net-{name}"),
        name=name,
        raw_name=name,
        driver=driver,
        internal=internal,
        ipv4=any(prefix.version == 4 for prefix in prefixes),
        ipv6=any(prefix.version == 6 for prefix in prefixes),
        options=values,
        subnets=tuple(Subnet(prefix=prefix) for prefix in prefixes),
        bridge=f"br-{name}" if driver == "bridge" else None,
    )


def endpoint(
    owner: str, on: Network, *addresses: str, gateway: bool = True, priority: int = 0
) -> Endpoint:
    """Return an endpoint; its gateway is the subnet's first address."""
    found = []
    for text in addresses:
        address = ip_address(text)
        subnet = next(s.prefix for s in on.subnets if address in s.prefix)
        first = subnet.network_address + 1
        found.append(
            EndpointAddress(
                address=address,
                prefix_length=subnet.prefixlen,
                gateway=_address(first) if gateway else None,
            )
        )
    return Endpoint(
        id=f"ep-{owner}-{on.name}",
        network_id=on.id,
        container_id=ContainerId(owner),
        addresses=tuple(found),
        gateway_priority=priority,
    )


def _address(value: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return value


def container(
    name: str,
    *endpoints: Endpoint,
    mode: str = "default",
    sysctls: Mapping[str, str] | None = None,
    started: datetime = LONG_AGO,
) -> Container:
    """Return a running container whose id is its name."""
    return Container(
        id=ContainerId(name),
        name=name,
        raw_name=name,
        status="running",
        running=True,
        pid=1,
        started=started,
        labels={},
        network_mode=mode,
        sysctls=sysctls or {},
        endpoints=endpoints,
    )


def topology(
    networks: tuple[Network, ...],
    containers: tuple[Container, ...],
    *,
    version: str = "28.5.2",
    product: str = "docker",
    host: bool = True,
) -> Topology:
    """Return a topology with a sandbox for each container not on the host's."""
    return Topology(
        engine=EngineInfo(version=version, api_version="1.51", product=product),
        networks=networks,
        containers=containers,
        sandboxes=tuple(
            Sandbox(
                id=SandboxId(one.id),
                name=one.name,
                members=(one.id,),
                started=one.started,
                endpoints=one.endpoints,
            )
            for one in containers
            if one.network_mode != "host"
        ),
        host=HostNetwork(available=host, source="own"),
    )


def demo() -> Topology:
    """Return the demo: two bridges with two containers each, one on the host."""
    mine = network("mybridge", "172.18.0.0/16")
    default = network("bridge", "172.17.0.0/16")
    return topology(
        (default, mine),
        (
            container("bridge1", endpoint("bridge1", default, "172.17.0.2")),
            container("bridge2", endpoint("bridge2", default, "172.17.0.3")),
            container("imhost", mode="host"),
            container("mybridge1", endpoint("mybridge1", mine, "172.18.0.2")),
            container("mybridge2", endpoint("mybridge2", mine, "172.18.0.3")),
        ),
    )
