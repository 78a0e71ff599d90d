"""How large a host is, as far as the number of series depends on it."""

from dataclasses import dataclass

from exporter.model.prefixes import DEFAULT_POOLS
from exporter.model.snapshot import Snapshot
from exporter.model.topology import IP_VERSIONS, IpVersion, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The letters in which the catalogue states its bounds."""

    networks: int = 0
    """B: networks of the engine."""
    endpoints: int = 0
    """E: endpoints of running containers."""
    families: int = 1
    """V: address families in use, 1 or 2."""
    subnets: int = 0
    """S: subnets of all networks."""
    pools: int = 0
    """P: default address pools."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Sizes":
        """Return the sizes of the host that a snapshot shows."""
        topology = snapshot.topology
        if topology is None:
            return cls(families=len(IP_VERSIONS))
        return cls(
            networks=len(topology.networks),
            endpoints=sum(
                len(container.endpoints)
                for container in topology.containers
                if container.running
            ),
            families=max(1, len(_families(topology))),
            subnets=sum(len(network.subnets) for network in topology.networks),
            pools=len(topology.engine.default_pools) or len(DEFAULT_POOLS),
        )


def _families(topology: Topology) -> set[IpVersion]:
    found: set[IpVersion] = set()
    for network in topology.networks:
        found.update(version for version in IP_VERSIONS if network.enabled(version))
        for subnet in network.subnets:
            found.add(4 if subnet.prefix.version == 4 else 6)
    for container in topology.containers:
        for endpoint in container.endpoints:
            found.update(address.ip_version for address in endpoint.addresses)
    return found
