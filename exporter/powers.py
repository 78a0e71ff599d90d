"""What needs privileges, as one narrow interface.

`OwnPowers` uses those of this process; `exporter.broker` lends those of another one.
Nothing else of the service asks for a capability, the engine's socket or root.
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from exporter.capabilities import Privileges, read_privileges
from exporter.detection.host import Look, Subscription
from exporter.detection.kernel import KernelHost
from exporter.dns.exchange import Exchanged, Query, Resolver
from exporter.engine.api import EngineClient, RequestObserver
from exporter.hostns import (
    BridgeMark,
    HostCandidates,
    HostFound,
    HostNotFound,
    find_host_namespace,
    open_host,
    read_host_network,
)
from exporter.hosttables import HostTables
from exporter.icmp.opening import OpenSource, OwnOpener
from exporter.icmp.packet import Identity
from exporter.icmp.probes import Source
from exporter.inspection import facts_of
from exporter.model.hoststate import HostState
from exporter.model.inspection import NamespaceFacts
from exporter.model.topology import HostNetwork, IPAddress
from exporter.netns import NamespaceRef
from exporter.process import is_process_of
from exporter.runfolder import LOCK_FILE, open_lock, run_folder

_UNIX = "unix://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What powers are bound to for as long as they are used."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """DOCKER_HOST and what else leads to the engine."""
    path_map: tuple[tuple[str, str], ...] = ()
    """As for `open_namespace`."""
    host_namespace: str | None = None
    """The configured path of the engine's namespace."""

    sockets: tuple[str, ...] = ()
    """Paths of Unix sockets that are removed at the end, once nobody listens there."""

    @property
    def engine_socket(self) -> str | None:
        """Path of the engine's Unix socket; None if it is reached otherwise."""
        host = self.environment.get("DOCKER_HOST", "")
        return host.removeprefix(_UNIX) if host.startswith(_UNIX) else None


class Powers(Protocol):
    """Blocking, a few milliseconds each; for several threads at a time."""

    @property
    def engine(self) -> EngineClient:
        """The engine, read only."""
        ...

    def privileges(self) -> Privileges:
        """Return what is held."""
        ...

    def open_source(self, source: Source, identity: Identity) -> OpenSource:
        """Open what probing from a source needs; raises as `icmp.open_source`."""
        ...

    def has_gone(self, namespace: NamespaceRef) -> bool:
        """Return whether a namespace has ended, as far as that can be seen."""
        ...

    def exchange(
        self,
        resolvers: Sequence[Resolver],
        anew: Collection[int],
        queries: Sequence[Query],
    ) -> Exchanged:
        """Ask over resolvers of sources opened here (`dns.exchange`)."""
        ...

    def shows_process(self, pid: int, container_id: str) -> bool:
        """Return whether a pid is seen, and is a process of a container."""
        ...

    def find_host(
        self, sandbox_keys: Iterable[str], bridges: Sequence[BridgeMark]
    ) -> HostFound | HostNotFound:
        """Return the engine's namespace, or why it is not found."""
        ...

    def host_network(self, found: HostFound) -> HostNetwork:
        """Return the host's links; raises as `open_host` and `read_host_network`."""
        ...

    def facts(
        self, where: NamespaceRef | HostFound, addresses: Sequence[IPAddress]
    ) -> NamespaceFacts:
        """Return what decides over packets somewhere, and the ways to addresses.

        Raises:
            NetnsGone: it has ended.
            ExporterError: it cannot be entered.
        """
        ...

    def tables(self, engine_namespace: NamespaceRef | None) -> HostState:
        """Return the host's neighbour and connection tables; nothing is raised."""
        ...

    def lock_file(self) -> int:
        """Return a descriptor of the file of `SharedBudget`, the caller's to close.

        Raises:
            BudgetError: it cannot be opened.
        """
        ...

    def subscribe(self, found: HostFound) -> Subscription:
        """Open the sources of notifications; see `HostChanges`."""
        ...

    def look(self, found: HostFound) -> Look:
        """Read what has no notifications; see `HostChanges`."""
        ...


class OwnPowers:
    """`Powers` of this process."""

    def __init__(self, terms: Terms, observe: RequestObserver | None = None) -> None:
        """Bind to terms; nothing is asked or opened yet.

        Args:
            terms: see there.
            observe: told of each request to the engine.
        """
        self._terms = terms
        self._observe = observe
        self._opener = OwnOpener(terms.path_map)
        self._lock_file = run_folder() / LOCK_FILE

    @cached_property
    def engine(self) -> EngineClient:
        """The engine over its API; what speaks it is imported when it is needed."""
        from exporter.engine.client import DockerEngine

        environment = {**os.environ, **self._terms.environment}
        return DockerEngine(environment=environment, observe=self._observe)

    def privileges(self) -> Privileges:
        """Return what this process holds."""
        return read_privileges()

    def open_source(self, source: Source, identity: Identity) -> OpenSource:
        """Open what probing from a source needs."""
        return self._opener.open_source(source, identity)

    def has_gone(self, namespace: NamespaceRef) -> bool:
        """Return whether a namespace has ended."""
        return self._opener.has_gone(namespace)

    def exchange(
        self,
        resolvers: Sequence[Resolver],
        anew: Collection[int],
        queries: Sequence[Query],
    ) -> Exchanged:
        """Ask over resolvers of sources opened here."""
        return self._opener.exchange(resolvers, anew, queries)

    def shows_process(self, pid: int, container_id: str) -> bool:
        """Return whether a pid is seen, and is a process of a container."""
        return is_process_of(pid, container_id)

    def find_host(
        self, sandbox_keys: Iterable[str], bridges: Sequence[BridgeMark]
    ) -> HostFound | HostNotFound:
        """Return the engine's namespace, or why it is not found."""
        candidates = HostCandidates(
            configured=self._terms.host_namespace,
            sandbox_keys=tuple(sandbox_keys),
            engine_socket=self._terms.engine_socket,
            path_map=self._terms.path_map,
        )
        return find_host_namespace(candidates, bridges)

    def host_network(self, found: HostFound) -> HostNetwork:
        """Return the host's links."""
        with open_host(found) as namespace:
            return read_host_network(namespace, source=found.source)

    def facts(
        self, where: NamespaceRef | HostFound, addresses: Sequence[IPAddress]
    ) -> NamespaceFacts:
        """Return what decides over packets somewhere."""
        return facts_of(where, addresses, self._terms.path_map)

    def tables(self, engine_namespace: NamespaceRef | None) -> HostState:
        """Return the host's neighbour and connection tables."""
        return HostTables(lambda: engine_namespace).read()

    def lock_file(self) -> int:
        """Return a descriptor of the file of `SharedBudget`."""
        return open_lock(self._lock_file)

    def subscribe(self, found: HostFound) -> Subscription:
        """Open the sources of notifications."""
        return KernelHost().subscribe(found)

    def look(self, found: HostFound) -> Look:
        """Read what has no notifications."""
        return KernelHost().look(found)
