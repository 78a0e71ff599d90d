"""What needs privileges, as one narrow interface.

`exporter.ownpowers` uses those of this process; `exporter.broker` lends those of
another one, which then alone imports what uses them.
Nothing else of the service asks for a capability, the engine's socket or root.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from exporter.capabilities import Privileges
from exporter.detection.host import Look, Subscription
from exporter.engine.api import EngineClient
from exporter.hostns import BridgeMark, HostFound, HostNotFound
from exporter.icmp.opening import Opener
from exporter.model.hoststate import HostState
from exporter.model.inspection import NamespaceFacts
from exporter.model.topology import HostNetwork, IPAddress
from exporter.netns import NamespaceRef

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


class Powers(Opener, Protocol):
    """Blocking, a few milliseconds each; for several threads at a time."""

    @property
    def engine(self) -> EngineClient:
        """The engine, read only."""
        ...

    def privileges(self) -> Privileges:
        """Return what is held."""
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
