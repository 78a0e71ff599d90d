"""From what a person types to the ends of pairs.

A container is known by its name here, its name at the engine, or the beginning of
its id; `host` is the engine's network namespace, `gateway` a container's own
gateways. A container that shares a network stack means that stack.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from exporter.errors import UnknownName
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import HOST, Container, ContainerId, SandboxId, Topology
from exporter.report.page import clean

GATEWAY = "gateway"
MIN_ID = 4
"""So many characters of an id are enough, if no other begins with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end that a person named."""

    name: str
    """As it is shown."""
    sandbox: SandboxId | None
    """None for `gateway`, and for a container that is not running."""
    container: Container | None
    """None for `host` and `gateway`."""

    @property
    def is_gateway(self) -> bool:
        """Return whether it stands for the source's gateways."""
        return self.container is None and self.sandbox is None

    @property
    def is_host(self) -> bool:
        """Return whether it is the host's network stack."""
        return self.sandbox == HOST


def source_of(snapshot: Snapshot, name: str) -> End:
    """Return the source that a name stands for.

    Raises:
        UnknownName: no container has it.
    """
    return _end(snapshot, name, gateway=False)


def destination_of(snapshot: Snapshot, name: str) -> End:
    """Return the destination that a name stands for.

    Raises:
        UnknownName: no container has it.
    """
    return _end(snapshot, name, gateway=True)


def matching(
    pairs: Iterable[PairState], source: End, destination: End
) -> Iterator[PairState]:
    """Yield the pairs from a source to a destination, in every scope."""
    if source.sandbox is None or (destination.sandbox is None) is not (
        destination.is_gateway
    ):
        return
    wanted = None if destination.is_gateway else destination.sandbox
    for state in pairs:
        if (state.pair.source, state.pair.destination) == (source.sandbox, wanted):
            yield state


def only_of(
    source: End, destination: End
) -> tuple[SandboxId, ContainerId | None] | None:
    """Return which pairs a check should be limited to, None where there are none."""
    if source.sandbox is None or source.sandbox == destination.sandbox:
        return None
    if destination.is_gateway:
        return source.sandbox, None
    if destination.sandbox is None or destination.is_host:
        return None
    return source.sandbox, ContainerId(destination.sandbox)


def _end(snapshot: Snapshot, name: str, *, gateway: bool) -> End:
    topology = snapshot.topology
    if topology is None:
        raise UnknownName("container", name, ())
    container = _container(topology, name)
    if container is None and name == HOST:
        return End(name=name, sandbox=HOST, container=None)
    if container is None and gateway and name == GATEWAY:
        return End(name=name, sandbox=None, container=None)
    if container is None:
        raise UnknownName("container", name, _near(topology, name, gateway=gateway))
    return End(
        name=container.name,
        sandbox=_sandbox_of(topology, container),
        container=container,
    )


def _container(topology: Topology, name: str) -> Container | None:
    for container in topology.containers:
        if name in (container.name, container.raw_name, container.id):
            return container
    found = [one for one in topology.containers if one.id.startswith(name)]
    return found[0] if len(found) == 1 and len(name) >= MIN_ID else None


def _sandbox_of(topology: Topology, container: Container) -> SandboxId | None:
    if container in topology.host_members:
        return HOST
    for sandbox in topology.sandboxes:
        if container.id in (sandbox.id, *sandbox.members):
            return sandbox.id
    return None


def _near(topology: Topology, name: str, *, gateway: bool) -> tuple[str, ...]:
    known = {str(HOST)} | ({GATEWAY} if gateway else set())
    for container in topology.containers:
        known |= {container.name, container.raw_name}
    found = get_close_matches(name, sorted(known), n=3, cutoff=0.6)
    return tuple(map(clean, found))
