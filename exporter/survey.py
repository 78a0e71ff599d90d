"""The engine and the namespaces to one topology, the prober's sources in step.

Blocking; used from one thread at a time.
"""

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from exporter.capabilities import Ability, Need, Privileges, assess
from exporter.engine.events import Change
from exporter.engine.inventory import Inventory
from exporter.errors import (
    ExporterError,
    NetnsGone,
    NetnsPermissionDenied,
    ProbeSocketError,
)
from exporter.hostns import BridgeMark, HostFound, HostNotFound
from exporter.icmp.probes import Source
from exporter.model.policy import opted_out
from exporter.model.routing import bridge_has_address, gateway_of
from exporter.model.topology import (
    HOST,
    IP_VERSIONS,
    Container,
    ContainerId,
    HostNetwork,
    IPAddress,
    Network,
    NetworkId,
    Sandbox,
    SandboxId,
    Topology,
)
from exporter.netns import NamespaceRef

_UNKNOWN_HOST = HostNetwork(available=False, source="not looked for yet")
_NAMED = 3
"""Sandboxes and containers that are named in a notice of each kind; the rest count."""


class SourceSync(Protocol):
    """What a survey needs of the prober."""

    def sync(self, sources: Iterable[Source]) -> Mapping[SandboxId, ExporterError]:
        """Open new sources, close those that are gone; return what failed."""
        ...


class HostView(Protocol):
    """What a survey needs of the host (`exporter.powers.Powers`)."""

    def find_host(
        self, sandbox_keys: Iterable[str], bridges: Sequence[BridgeMark]
    ) -> HostFound | HostNotFound:
        """Return the engine's namespace, or why it is not found."""
        ...

    def host_network(self, found: HostFound) -> HostNetwork:
        """Return the host's links; raises ExporterError."""
        ...

    def shows_process(self, pid: int, container_id: str) -> bool:
        """Return whether a pid is seen, and is a process of a container."""
        ...


class Survey:
    """Keeps inventory, host namespace and probe sources together.

    Args:
        inventory: of the engine.
        prober: whose sources are kept in step.
        host: finds the host's namespace and looks into it.
        privileges: what this process may do.
    """

    def __init__(
        self,
        inventory: Inventory,
        prober: SourceSync,
        *,
        host: HostView,
        privileges: Privileges,
    ) -> None:
        self._inventory = inventory
        self._prober = prober
        self._host = host
        self._privileges = privileges
        self._found: HostFound | None = None
        self._notices: tuple[str, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        """What does not work here and what still does, a line each."""
        return self._notices

    @property
    def host_found(self) -> HostFound | None:
        """Where the engine's namespace is; None while it is not found."""
        return self._found

    def full(self) -> Topology:
        """List everything.

        Raises:
            EngineError: the engine gave no usable answer; nothing was changed.
        """
        self._inventory.full()
        return self._complete()

    def refresh(self, containers: frozenset[str], networks: frozenset[str]) -> Topology:
        """Look again at the containers and networks that events named.

        Raises:
            EngineError: the engine gave no usable answer; nothing was changed.
        """
        change = Change(
            containers=frozenset(map(ContainerId, containers)),
            networks=frozenset(map(NetworkId, networks)),
        )
        self._inventory.apply(change)
        return self._complete()

    def _complete(self) -> Topology:
        topology = self._inventory.topology(_UNKNOWN_HOST)
        if not topology.engine.local:
            self._notices = (
                f"topology only, nothing is probed: {topology.engine.local_reason}",
            )
            self._prober.sync(())
            return self._inventory.topology(
                HostNetwork(available=False, source=topology.engine.local_reason)
            )
        host = self._read_host(topology)
        topology = self._inventory.topology(host)
        failures = self._prober.sync(self._sources(topology))
        self._notices = tuple(self._notes(topology, failures))
        return topology

    def _read_host(self, topology: Topology) -> HostNetwork:
        for _ in range(2):  # the second time where what was found has ended
            if self._found is None:
                keys = tuple(
                    c.sandbox_key for c in topology.containers if c.sandbox_key
                )
                found = self._host.find_host(keys, bridge_marks(topology))
                if not isinstance(found, HostFound):
                    return HostNetwork(available=False, source=found.reason)
                self._found = found
            try:
                return self._host.host_network(self._found)
            except NetnsGone:
                self._found = None
            except ExporterError as error:
                return HostNetwork(available=False, source=str(error))
        return HostNetwork(available=False, source="it ended while it was looked at")

    def _sources(self, topology: Topology) -> Iterable[Source]:
        left_alone = opted_out(topology)
        for sandbox in topology.sandboxes:
            if sandbox.endpoints and sandbox.id not in left_alone:
                yield Source(
                    id=sandbox.id,
                    namespace=NamespaceRef(
                        path=sandbox.path, pid=sandbox.pid, container_id=sandbox.id
                    ),
                )
        if self._found is not None and topology.host.available:
            there = {interface.name for interface in topology.host.interfaces}
            devices = tuple(
                network.bridge
                for network in topology.networks
                if network.bridge is not None and network.bridge in there
            )
            yield Source(id=HOST, namespace=self._found.ref, devices=devices)

    def _notes(
        self, topology: Topology, failures: Mapping[SandboxId, ExporterError]
    ) -> Iterable[str]:
        privileges = self._privileges
        if topology.sandboxes and not failures:
            # Where every namespace could be entered, it was not needed.
            held = privileges.capabilities | {Need.DAC_READ_SEARCH}
            privileges = replace(privileges, capabilities=held)
        seen = self._sees_pids(topology.sandboxes)
        assessment = assess(privileges, sees_containers_pids=seen)
        if assessment.missing:
            yield str(assessment)
        barred = Ability.PROBES in assessment.lost
        if not topology.host.available and not barred:
            yield f"scope host is off: {topology.host.source}"
        if topology.left_behind:
            yield _of_left_behind(topology.left_behind)
        # A container that ended meanwhile is ordinary and needs no line, nor does
        # once more for each what has just been said of all.
        serious = {
            sandbox: error
            for sandbox, error in failures.items()
            if not (isinstance(error, NetnsGone) or (barred and _is_denial(error)))
        }
        names = {sandbox.id: sandbox.name for sandbox in topology.sandboxes}
        for sandbox, error in list(serious.items())[:_NAMED]:
            yield f"cannot probe from {names.get(sandbox, sandbox)}: {error}"
        if len(serious) > _NAMED:
            yield f"cannot probe from {len(serious) - _NAMED} more containers"

    def _sees_pids(self, sandboxes: Iterable[Sandbox]) -> bool | None:
        """Return whether containers' processes are seen; None without a container."""
        for sandbox in sandboxes:
            if sandbox.pid > 0:
                return self._host.shows_process(sandbox.pid, sandbox.id)
        return None


def _of_left_behind(containers: Sequence[Container]) -> str:
    names = [container.name for container in containers]
    more = len(names) - _NAMED
    listed = ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return (
        f"nothing is probed of {listed}: started with --network container:X, and X "
        "was started again or ended since; start them again"
    )


def _is_denial(error: ExporterError) -> bool:
    if isinstance(error, ProbeSocketError):
        return error.errno in (errno.EPERM, errno.EACCES)
    return isinstance(error, NetnsPermissionDenied)


def bridge_marks(topology: Topology) -> tuple[BridgeMark, ...]:
    """Return what the engine's bridge networks leave in its namespace."""
    return tuple(
        BridgeMark(name=network.bridge, gateways=_gateways(topology, network))
        for network in topology.networks
        if network.bridge is not None and network.driver == "bridge"
    )


def _gateways(topology: Topology, network: Network) -> tuple[IPAddress, ...]:
    found = {subnet.gateway for subnet in network.subnets}
    for sandbox in topology.sandboxes_on(network.id)[:1]:
        for endpoint in sandbox.endpoints:
            if endpoint.network_id == network.id:
                found |= {gateway_of(network, endpoint, v) for v in IP_VERSIONS}
    return tuple(
        address
        for address in found
        if address is not None
        and bridge_has_address(network, 4 if address.version == 4 else 6)
    )
