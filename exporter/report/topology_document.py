"""What exists, as JSON: schema 1, keys are only ever added (docs/check.md)."""

from exporter.model.snapshot import Snapshot
from exporter.model.topology import (
    IP_VERSIONS,
    Container,
    Endpoint,
    HostInterface,
    Network,
    Subnet,
    Topology,
)
from exporter.report.document import SCHEMA
from exporter.report.inventory import sandbox_name
from exporter.report.pairs import Json


def topology_document(snapshot: Snapshot) -> Json:
    """Return everything the engine and the host's namespace say exists."""
    topology = snapshot.topology
    return {
        "schema": SCHEMA,
        "engine": None if topology is None else _engine(topology),
        "notices": list(snapshot.notices),
        "networks": []
        if topology is None
        else [network_entry(topology, network) for network in topology.networks],
        "containers": []
        if topology is None
        else [
            container_entry(topology, container) for container in topology.containers
        ],
        "host": None if topology is None else _host(topology),
    }


def _engine(topology: Topology) -> Json:
    engine = topology.engine
    return {
        "version": engine.version,
        "api_version": engine.api_version,
        "product": engine.product,
        "address": engine.address,
        "local": engine.local,
        "local_reason": engine.local_reason or None,
        "firewall_backend": engine.firewall_backend or None,
        "default_pools": [
            {"base": str(base), "prefix_length": length}
            for base, length in engine.default_pools
        ],
    }


def network_entry(topology: Topology, network: Network) -> Json:
    """Return one network."""
    members = topology.sandboxes_on(network.id)
    return {
        "name": network.name,
        "id": network.id,
        "driver": network.driver,
        "scope": network.scope,
        "internal": network.internal,
        "icc": network.icc,
        "default_bridge": network.is_default_bridge,
        "ipv4": network.ipv4,
        "ipv6": network.ipv6,
        **{
            f"gateway_mode_ipv{version}": network.gateway_mode(version)
            for version in IP_VERSIONS
        },
        "bridge": network.bridge,
        "mtu": network.mtu,
        "project": network.project,
        "options": dict(sorted(network.options.items())),
        "subnets": [subnet_entry(subnet) for subnet in network.subnets],
        "containers": sorted(sandbox.name for sandbox in members),
    }


def subnet_entry(subnet: Subnet) -> Json:
    """Return one subnet of a network."""
    return {
        "subnet": str(subnet.prefix),
        "ip_version": subnet.prefix.version,
        "gateway": _text(subnet.gateway),
        "ip_range": _text(subnet.ip_range),
        "auxiliary": {name: str(address) for name, address in subnet.auxiliary},
        "addresses_used": subnet.addresses_used,
        "dynamic_addresses_available": subnet.dynamic_available,
    }


def container_entry(topology: Topology, container: Container) -> Json:
    """Return one container."""
    found: dict[str, object] = {
        "name": container.name,
        "engine_name": container.raw_name,
        "id": container.id,
        "status": container.status,
        "running": container.running,
        "image": container.image,
        "project": container.project,
        "service": container.service,
        "network_mode": container.network_mode,
        "sandbox": sandbox_name(topology, container),
        "endpoints": [_endpoint(topology, one) for one in container.endpoints],
    }
    if container in topology.host_members:
        found["interfaces"] = [_interface(one) for one in topology.host.interfaces]
    return found


def _endpoint(topology: Topology, endpoint: Endpoint) -> Json:
    network = topology.network_by_id.get(endpoint.network_id)
    return {
        "network": network.name if network else None,
        "addresses": [
            {
                "address": str(one.address),
                "prefix_length": one.prefix_length,
                "ip_version": one.ip_version,
                "gateway": _text(one.gateway),
            }
            for one in endpoint.addresses
        ],
        "mac": endpoint.mac,
        "dns_names": list(endpoint.dns_names),
    }


def _host(topology: Topology) -> Json:
    host = topology.host
    return {
        "available": host.available,
        "source": host.source,
        "containers": [container.name for container in topology.host_members],
        "interfaces": [_interface(interface) for interface in host.interfaces],
        "routes": [
            {"subnet": str(route.prefix), "interface": route.interface}
            for route in host.routes
        ],
    }


def _interface(interface: HostInterface) -> Json:
    return {
        "name": interface.name,
        "index": interface.index,
        "up": interface.up,
        "mtu": interface.mtu,
        "mac": interface.mac,
        "addresses": [f"{address}/{length}" for address, length in interface.addresses],
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
