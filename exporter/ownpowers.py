"""`Powers` of this process; imported only where it has them, for all that it loads."""

import os
from collections.abc import Iterable, Sequence

from exporter.capabilities import Privileges, read_privileges
from exporter.detection.host import Look, Subscription
from exporter.detection.kernel import KernelHost
from exporter.engine.api import RequestObserver
from exporter.engine.client import DockerEngine
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
from exporter.icmp.opening import OwnOpener
from exporter.model.hoststate import HostState
from exporter.model.inspection import NamespaceFacts
from exporter.model.topology import HostNetwork, IPAddress
from exporter.netns import NamespaceRef
from exporter.powers import Terms
from exporter.process import is_process_of
from exporter.runfolder import LOCK_FILE, open_lock, run_folder


class OwnPowers(OwnOpener):
    """`Powers` of this process."""

    def __init__(self, terms: Terms, observe: RequestObserver | None = None) -> None:
        """Bind to terms; nothing is asked or opened yet.

        Args:
            terms: see there.
            observe: told of each request to the engine.
        """
        super().__init__(terms.path_map)
        self._terms = terms
        environment = {**os.environ, **terms.environment}
        self.engine = DockerEngine(environment=environment, observe=observe)
        """The engine over its API."""
        self._lock_file = run_folder() / LOCK_FILE

    def privileges(self) -> Privileges:
        """Return what this process holds."""
        return read_privileges()

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
        from exporter.inspection.visit import facts_of

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
