"""Which namespaces may be entered, and which names asked: those of the engine.

Who asks may have been taken over, and could name any path and any process, and carry
words out in questions. So what is asked for must be what the engine itself has said
here, or what was found here.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from exporter.engine import foreign, naming
from exporter.engine.foreign import JsonObject
from exporter.errors import NetnsGone
from exporter.hostns import HostFound
from exporter.netns import NamespaceRef

_SPARE: Final = 1000
"""Containers that are remembered beyond twice those that the engine lists."""
_HOSTS: Final = 64
"""A new one is found when the engine starts again."""


class _Container(NamedTuple):
    """A container, as last told."""

    path: str
    pid: int
    name: str


class Known:
    """What was said and found; for several threads at a time."""

    def __init__(self) -> None:
        self._containers: dict[str, _Container] = {}
        """By id."""
        self._hosts: dict[HostFound, None] = {}

    def told(self, identity: str, answer: JsonObject | None) -> None:
        """Take note of what the engine tells of a container; None: it is gone."""
        if answer is None:
            self._containers.pop(identity, None)
            return
        path = foreign.text(foreign.child(answer, "NetworkSettings"), "SandboxKey")
        pid = foreign.number(foreign.child(answer, "State"), "Pid") or 0
        if known := foreign.text(answer, "Id"):
            name = naming.raw_name(foreign.text(answer, "Name"), known)
            self._containers[known] = _Container(path, max(0, pid), name)

    def listed(self, answer: object) -> None:
        """Forget who is not in the engine's list, where too many are remembered.

        Not at once: who has started since it was made was told of meanwhile.
        """
        entries = answer if isinstance(answer, list) else []
        if len(self._containers) <= 2 * len(entries) + _SPARE:
            return
        there = {one.get("Id") for one in entries if isinstance(one, dict)}
        for identity in [one for one in [*self._containers] if one not in there]:
            self._containers.pop(identity, None)

    def found(self, host: HostFound) -> None:
        """Take note of where the engine's own namespace is."""
        while len(self._hosts) >= _HOSTS:
            self._hosts.pop(next(iter(self._hosts)))
        self._hosts[_bare(host)] = None

    def keys(self, asked: Iterable[str]) -> tuple[str, ...]:
        """Return which paths are those of containers."""
        known = {one.path for one in [*self._containers.values()]}
        return tuple(path for path in asked if path and path in known)

    def is_process(self, pid: int, container_id: str) -> bool:
        """Return whether a process is said to be of a container."""
        known = self._containers.get(container_id)
        return known is not None and 0 < pid == known.pid

    def names(self) -> frozenset[str]:
        """Return the containers' names: the only ones that are asked for."""
        return frozenset([one.name for one in [*self._containers.values()]])

    def namespace(self, ref: NamespaceRef) -> NamespaceRef:
        """Return a namespace that may be entered.

        Raises:
            NetnsGone: it is none, or none any more.
        """
        known = self._containers.get(ref.container_id)
        is_container = known is not None and ref.path in (None, known.path)
        if known is not None and is_container and ref.pid in (0, known.pid):
            return ref
        if ref in [host.ref for host in [*self._hosts]]:
            return ref
        raise NetnsGone(ref.path or f"/proc/{ref.pid}/ns/net")

    def host(self, found: HostFound) -> HostFound:
        """Return the engine's namespace if it was found here; raises NetnsGone."""
        if _bare(found) in self._hosts:
            return found
        raise NetnsGone(found.ref.path or f"/proc/{found.ref.pid}/ns/net")


def _bare(found: HostFound) -> HostFound:
    return HostFound(ref=found.ref, source=found.source, identity=found.identity)
