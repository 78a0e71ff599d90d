"""Networks and container records together: the topology.

Decides what no single answer tells: unique names, and which endpoint belongs to which
known network; `sandboxes` decides who shares a network namespace.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from exporter.engine import naming, sandboxes
from exporter.engine.options import endpoint_as_understood, network_as_understood
from exporter.engine.records import Attachment, ContainerRecord
from exporter.engine.wayout import WayOut, attachments_with
from exporter.model.topology import (
    Container,
    Endpoint,
    EngineInfo,
    HostNetwork,
    Network,
    NetworkId,
    Topology,
)

_ALIASES = {"podman": "bridge"}
"""podman's default network: `podman` in its containers, `bridge` in its list."""


def assemble(
    *,
    engine: EngineInfo,
    networks: Iterable[Network],
    records: Iterable[ContainerRecord],
    host: HostNetwork,
    ways_out: Iterable[WayOut] = (),
) -> Topology:
    """Return the topology; the same whatever the order of networks and records.

    Args:
        engine: what it is; an old one does not know every option that it lists.
        networks: all of them, with their endpoints named by the containers only.
        records: all containers.
        host: what was found in the engine's own network namespace.
        ways_out: endpoints on docker_gwbridge.
    """
    named = _name_networks(network_as_understood(engine, one) for one in networks)
    index = _NetworkIndex.of(named)
    known = {way.endpoint.container_id: way for way in ways_out}
    found = (
        replace(record, attachments=attachments_with(record, known.get(record.id)))
        for record in records
    )
    containers = _name_containers(found, index, engine)
    placed = sandboxes.place(containers)
    return Topology(
        engine=engine,
        networks=named,
        containers=placed,
        sandboxes=sandboxes.gather(placed),
        host=host,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _NetworkIndex:
    """Finds the network that a container means."""

    by_id: Mapping[str, Network]
    by_name: Mapping[str, Network]

    @classmethod
    def of(cls, networks: Iterable[Network]) -> "_NetworkIndex":
        known = tuple(networks)
        return cls(
            by_id={network.id: network for network in known},
            # Two of one name: the one that kept the plain name.
            by_name={
                network.raw_name: network
                for network in sorted(known, key=lambda n: n.name == n.raw_name)
            },
        )

    def find(self, attachment: Attachment) -> Network | None:
        """Return the network, None if it was removed meanwhile.

        By id; podman, whose ids of endpoints are names, by name.
        """
        written = attachment.endpoint.network_id
        found = self.by_id.get(written)
        if found is not None or _is_id(written):
            return found
        for name in (written, attachment.network_name):
            found = self.by_name.get(name) or self.by_name.get(_ALIASES.get(name, ""))
            if found is not None:
                return found
        return None


def unknown_networks(
    networks: Iterable[Network], records: Iterable[ContainerRecord]
) -> bool:
    """Return whether a running container names a network that is not listed."""
    index = _NetworkIndex.of(networks)
    return any(
        index.find(attachment) is None
        for record in records
        for attachment in record.attachments
    )


def _is_id(written: str) -> bool:
    return len(written) == 64 and all(c in "0123456789abcdef" for c in written)


def _name_networks(networks: Iterable[Network]) -> tuple[Network, ...]:
    """Give every network a name of its own; the eldest of one name keeps it."""
    ordered = sorted(networks, key=lambda n: (_age(n.created), n.id))
    names = naming.unique_names(
        (network.id, network.raw_name, network.id) for network in ordered
    )
    renamed = (replace(network, name=names[network.id]) for network in ordered)
    return tuple(sorted(renamed, key=lambda n: n.name))


def _name_containers(
    records: Iterable[ContainerRecord], index: _NetworkIndex, engine: EngineInfo
) -> tuple[Container, ...]:
    """Return the containers with unique names and their endpoints on known networks.

    Running ones come first to a name, then who the engine calls so, then the newest.
    """
    ordered = sorted(
        records,
        key=lambda record: (
            not record.container.running,
            record.container.name != record.container.raw_name,
            -_age(record.created),
            record.id,
        ),
    )
    names = naming.unique_names(
        (record.id, record.container.name, record.id) for record in ordered
    )
    containers = (
        replace(
            record.container,
            name=names[record.id],
            endpoints=tuple(
                endpoint_as_understood(engine, endpoint)
                for endpoint in _endpoints(record, index)
            ),
        )
        for record in ordered
    )
    return tuple(sorted(containers, key=lambda container: container.name))


def _endpoints(record: ContainerRecord, index: _NetworkIndex) -> tuple[Endpoint, ...]:
    found: dict[NetworkId, tuple[str, Endpoint]] = {}
    for attachment in record.attachments:
        network = index.find(attachment)
        if network is None:
            continue
        endpoint = replace(attachment.endpoint, network_id=network.id)
        if not endpoint.id:  # podman tells none
            made_up = f"{naming.short_id(record.id)}-{naming.short_id(network.id)}"
            endpoint = replace(endpoint, id=made_up)
        found[network.id] = (network.name, endpoint)
    ordered = sorted(found.values(), key=lambda pair: pair[0])
    return tuple(endpoint for _, endpoint in ordered)


def _age(created: datetime | None) -> float:
    return created.timestamp() if created is not None else 0.0
