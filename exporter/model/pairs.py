"""Every pair of a topology, each once.

The order is stable: by scope, then in the order of the topology's own tuples.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

from exporter.model.expectation import RESOLVERLESS
from exporter.model.outcome import Scope
from exporter.model.pair import Pair
from exporter.model.routing import gateway_of
from exporter.model.silence import is_without_ipv6
from exporter.model.topology import (
    HOST,
    ContainerId,
    Endpoint,
    IPAddress,
    IpVersion,
    NetworkId,
    Sandbox,
    SandboxId,
    Topology,
)


def all_pairs(topology: Topology, scopes: Collection[Scope]) -> Iterator[Pair]:
    """Yield every pair of a topology, each once.

    A family in which the source has no address, or that it was created without, makes
    no pair, and neither does a sandbox with itself. Scope `host` needs the host's
    namespace.
    """
    scopes = frozenset(scopes) - unanswered(topology)
    if Scope.CONTAINER in scopes:
        yield from _container_pairs(topology)
    if Scope.HOST in scopes:
        for target in _targets(topology):
            yield _pair(Scope.HOST, HOST, target)
    if Scope.GATEWAY in scopes:
        yield from _gateway_pairs(topology)
    if Scope.NAME in scopes:
        yield from _name_pairs(topology)


def unanswered(topology: Topology) -> frozenset[Scope]:
    """Return the scopes that make no pair here, whatever exists."""
    host = frozenset() if topology.host.available else frozenset({Scope.HOST})
    docker = topology.engine.product == "docker"
    return host if docker else host | {Scope.NAME}


class _Target(NamedTuple):
    sandbox: Sandbox
    network: NetworkId
    address: IPAddress
    ip_version: IpVersion


def _endpoints(topology: Topology, sandbox: Sandbox) -> tuple[Endpoint, ...]:
    """Return a source's endpoints with the addresses that its kernel can have.

    Until 27 the engine names an IPv6 address also where IPv6 was switched off. Others
    ask for it: that the engine tells of it is all that they know.
    """
    owner = topology.container_by_id.get(ContainerId(sandbox.id))
    if owner is None or not is_without_ipv6(owner):
        return sandbox.endpoints
    return tuple(
        replace(
            endpoint,
            addresses=tuple(one for one in endpoint.addresses if one.ip_version == 4),
        )
        for endpoint in sandbox.endpoints
    )


def _targets(topology: Topology) -> Iterator[_Target]:
    for sandbox in topology.sandboxes:
        for endpoint in sandbox.endpoints:
            if endpoint.network_id in topology.network_by_id:
                yield from _targets_of(sandbox, endpoint)


def _targets_of(sandbox: Sandbox, endpoint: Endpoint) -> Iterator[_Target]:
    for found in endpoint.addresses:
        yield _Target(sandbox, endpoint.network_id, found.address, found.ip_version)


def _pair(
    scope: Scope, source: SandboxId, target: _Target, name: str | None = None
) -> Pair:
    owner = ContainerId(target.sandbox.id)
    version = target.ip_version
    return Pair(scope, source, owner, target.network, target.address, version, name)


def families_of(topology: Topology, sandbox: Sandbox) -> frozenset[IpVersion]:
    """Return the families in which a sandbox can send."""
    return frozenset(
        address.ip_version
        for endpoint in _endpoints(topology, sandbox)
        for address in endpoint.addresses
    )


def _container_pairs(topology: Topology) -> Iterator[Pair]:
    targets = list(_targets(topology))
    for source in topology.sandboxes:
        families = families_of(topology, source)
        for target in targets:
            if target.sandbox.id != source.id and target.ip_version in families:
                yield _pair(Scope.CONTAINER, source.id, target)


def pairs_between(
    topology: Topology, source: Sandbox, destination: Sandbox, on: NetworkId
) -> Iterator[Pair]:
    """Yield the pairs from a sandbox to another one's addresses on a network."""
    families = families_of(topology, source)
    for endpoint in destination.endpoints:
        if endpoint.network_id == on and on in topology.network_by_id:
            for target in _targets_of(destination, endpoint):
                if target.ip_version in families:
                    yield _pair(Scope.CONTAINER, source.id, target)


def _gateway_pairs(topology: Topology) -> Iterator[Pair]:
    for source in topology.sandboxes:
        for endpoint in _endpoints(topology, source):
            network = topology.network_by_id.get(endpoint.network_id)
            if network is None:
                continue
            for found in endpoint.addresses:
                version = found.ip_version
                gateway = gateway_of(network, endpoint, version)
                if gateway is not None and gateway != found.address:
                    yield Pair(
                        Scope.GATEWAY, source.id, None, network.id, gateway, version
                    )


def _has_resolver(topology: Topology, sandbox: Sandbox) -> bool:
    """Return whether a sandbox gets an embedded DNS: one user-defined network."""
    return any(
        network is not None and network.raw_name not in RESOLVERLESS
        for network in (
            topology.network_by_id.get(endpoint.network_id)
            for endpoint in sandbox.endpoints
        )
    )


def _name_pairs(topology: Topology) -> Iterator[Pair]:
    """Yield what each container may ask without a question leaving the engine.

    A name that the embedded DNS does not know is forwarded to the upstream
    servers, so only names of shared user-defined networks are asked; and on the
    default bridge anything, because nothing listens there at all. Nor is anything
    asked on swarm's ingress network and of a way out over docker_gwbridge: they have
    no names. Which other names do not resolve follows from the engine's own tables.
    """
    for source in topology.sandboxes:
        yield from names_of(topology, source)


def names_of(topology: Topology, source: Sandbox) -> Iterator[Pair]:
    """Yield the pairs of scope `name` of one source."""
    asked: set[tuple[ContainerId | None, IpVersion]] = set()
    resolver = _has_resolver(topology, source)
    for endpoint in source.endpoints:
        network = topology.network_by_id.get(endpoint.network_id)
        if network is None or network.ingress or endpoint.implicit:
            continue
        if resolver and network.raw_name in RESOLVERLESS:
            continue
        for pair in _names_on(topology, source, endpoint):
            key = (pair.destination, pair.ip_version)
            if key not in asked:
                asked.add(key)
                yield pair


def _names_on(topology: Topology, source: Sandbox, own: Endpoint) -> Iterator[Pair]:
    families = families_of(topology, source)
    for destination in topology.sandboxes_on(own.network_id):
        container = topology.container_by_id.get(ContainerId(destination.id))
        if destination.id == source.id or container is None:
            continue
        for endpoint in destination.endpoints:
            if endpoint.network_id != own.network_id or endpoint.implicit:
                continue
            for target in _targets_of(destination, endpoint):
                if target.ip_version in families:
                    yield _pair(Scope.NAME, source.id, target, container.raw_name)


def own_addresses(
    topology: Topology,
) -> Iterator[tuple[SandboxId, NetworkId, IPAddress]]:
    """Yield each address a sandbox may be asked to answer itself."""
    for sandbox in topology.sandboxes:
        for endpoint in _endpoints(topology, sandbox):
            for found in endpoint.addresses:
                yield sandbox.id, endpoint.network_id, found.address
