"""Who shares whose network namespace, and the sandboxes that follow.

`--network container:X` puts a container into the namespace that X has at that moment
(runc joins `/proc/PID/ns/net`). The engine tells neither sandbox nor networks of the
one that joined, and nothing when the two part ways.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from exporter.model.topology import HOST, Container, ContainerId, Sandbox, SandboxId


def place(containers: Iterable[Container]) -> tuple[Container, ...]:
    """Return the containers with their sandbox filled in."""
    known = tuple(containers)
    owners = _Owners.of(known)
    return tuple(
        replace(container, sandbox=owners.sandbox_of(container)) for container in known
    )


def gather(containers: Iterable[Container]) -> tuple[Sandbox, ...]:
    """Return the sandboxes of placed containers, sorted by name; not the host's."""
    members: dict[SandboxId, list[Container]] = {}
    for container in containers:
        if container.sandbox is not None and container.sandbox != HOST:
            members.setdefault(container.sandbox, []).append(container)
    sandboxes = [
        _sandbox(sandbox_id, sharing) for sandbox_id, sharing in members.items()
    ]
    return tuple(sorted(sandboxes, key=lambda sandbox: sandbox.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owners:
    """Who shares whose network namespace."""

    by_id: Mapping[str, Container]
    by_name: Mapping[str, Container]

    @classmethod
    def of(cls, containers: Iterable[Container]) -> "_Owners":
        known = tuple(containers)
        return cls(
            by_id={container.id: container for container in known},
            by_name={container.raw_name: container for container in known},
        )

    def sandbox_of(self, container: Container) -> SandboxId | None:
        """Return the sandbox that a container runs in, None if it does not run.

        A joined namespace is the one that its owner had when the joiner started:
        an owner that stopped, or started again since, left the joiner behind in a
        namespace without endpoints.
        """
        if not container.running:
            return None
        root = self._root(container)
        if root.network_mode == "host":
            return HOST
        if root.id == container.id or not root.running:
            return SandboxId(container.id)
        began, owner_began = container.started, root.started
        if began is not None and owner_began is not None and began < owner_began:
            return SandboxId(container.id)
        return SandboxId(root.id)

    def _root(self, container: Container) -> Container:
        """Follow `container:` to the end; the container itself if that is a loop."""
        seen = {container.id}
        current = container
        while (joined := _joined(current)) is not None:
            owner = self._find(joined)
            if owner is None or owner.id in seen:
                return container
            seen.add(owner.id)
            current = owner
        return current

    def _find(self, written: str) -> Container | None:
        """Return the container of a full id, a name or a short id, as Docker does."""
        found = self.by_id.get(written) or self.by_name.get(written.removeprefix("/"))
        if found is not None or len(written) < 12:
            return found
        matching = [self.by_id[key] for key in self.by_id if key.startswith(written)]
        return matching[0] if len(matching) == 1 else None


def _joined(container: Container) -> str | None:
    kind, colon, owner = container.network_mode.partition(":")
    return owner if colon and kind == "container" and owner else None


def _sandbox(sandbox_id: SandboxId, sharing: list[Container]) -> Sandbox:
    owner_id = ContainerId(sandbox_id)
    owner = next(c for c in sharing if c.id == owner_id)
    others = sorted((c for c in sharing if c is not owner), key=lambda c: c.name)
    ids: list[ContainerId] = [owner.id, *(c.id for c in others)]
    return Sandbox(
        id=sandbox_id,
        name=owner.name,
        members=tuple(ids),
        path=owner.sandbox_key,
        pid=owner.pid,
        started=owner.started,
        # Left behind by its owner: nothing tells of what is still in there.
        endpoints=() if _joined(owner) else owner.endpoints,
    )
