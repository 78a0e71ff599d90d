"""The engine's events, and what of the topology they put in doubt.

No state is read from an event, only whom it concerns: the engine is then asked. So it
does not matter that `network connect` comes before `container start`, that 20.10 and
26.1 say `network disconnect` twice, or that `die` comes first on 20.10 and last since.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.engine import foreign
from exporter.engine.foreign import JsonObject
from exporter.model.topology import ContainerId, NetworkId

OTHER = "other"

_TELLING: Mapping[str, frozenset[str]] = {
    "container": frozenset(
        {
            "create",
            "destroy",
            "die",
            "pause",
            "rename",
            "restart",
            "start",
            "stop",
            "unpause",
            "update",
        }
    ),
    "network": frozenset(
        {"connect", "create", "destroy", "disconnect", "remove", "update"}
    ),
    "daemon": frozenset({"reload"}),
}
"""Events after which something of the topology may be different."""

_MERELY_COUNTED: Mapping[str, frozenset[str]] = {
    "container": frozenset({"kill", "oom"}),
    "network": frozenset(),
    "daemon": frozenset(),
}

EVENT_LABELS: tuple[tuple[str, str], ...] = tuple(
    sorted(
        {
            (kind, action)
            for kind, actions in _TELLING.items()
            for action in actions | _MERELY_COUNTED[kind] | {OTHER}
        }
        | {(OTHER, OTHER)}
    )
)
"""Every (type, action) that an `EngineEvent` can have: a closed set for metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEvent:
    """One event, as far as we use it."""

    type: str
    """container, network, daemon or other."""
    action: str
    """One of `EVENT_LABELS`."""
    container: ContainerId | None = None
    """Whom it concerns; for network events the one that came or went."""
    network: NetworkId | None = None
    time_ns: int = 0
    """The engine's Unix time in nanoseconds; 0 where it tells none."""

    @property
    def is_telling(self) -> bool:
        """Return whether something of the topology may be different after it."""
        return self.action in _TELLING.get(self.type, frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What has to be asked for again."""

    containers: frozenset[ContainerId] = frozenset()
    networks: frozenset[NetworkId] = frozenset()
    resync: bool = False
    """Everything: the stream begins, had a gap, or the engine was reconfigured."""
    reason: str = "events"
    """events, start, gap or reload."""


def parse_event(raw: JsonObject) -> EngineEvent:
    """Return an event; whatever is not known becomes `other`."""
    kind = foreign.text(raw, "Type")
    if kind not in _TELLING:
        return EngineEvent(type=OTHER, action=OTHER, time_ns=_time_ns(raw))
    action = foreign.text(raw, "Action")
    if action not in _TELLING[kind] | _MERELY_COUNTED[kind]:
        action = OTHER
    actor = foreign.child(raw, "Actor")
    identity = foreign.text(actor, "ID")
    attributes = foreign.child(actor, "Attributes")
    if kind == "container":
        container, network = identity, ""
    elif kind == "network":
        container, network = foreign.text(attributes, "container"), identity
    else:
        container = network = ""
    return EngineEvent(
        type=kind,
        action=action,
        container=ContainerId(container) if container else None,
        network=NetworkId(network) if network else None,
        time_ns=_time_ns(raw),
    )


def _time_ns(raw: JsonObject) -> int:
    found = foreign.number(raw, "timeNano")
    if found is None:
        found = (foreign.number(raw, "time") or 0) * 1_000_000_000
    return max(0, found)


@dataclass(slots=True, kw_only=True)
class Batch:
    """Collects events until a short window after the last of them has passed.

    One `docker stop` is five events within a few milliseconds, one answer.
    """

    window_s: float = 0.05
    """Quiet time after which the change is due."""
    max_window_s: float = 0.25
    """It is due so long after the first event in any case."""
    _containers: set[ContainerId] = field(default_factory=set, init=False)
    _networks: set[NetworkId] = field(default_factory=set, init=False)
    _reason: str = field(default="", init=False)
    _first_s: float | None = field(default=None, init=False)
    _last_s: float = field(default=0.0, init=False)

    def add(self, event: EngineEvent, now_s: float) -> None:
        """Take an event into account if it tells anything."""
        if not event.is_telling:
            return
        if event.type == "daemon":
            self.resync(event.action, now_s)
            return
        self._touch(now_s)
        if event.container is not None:
            self._containers.add(event.container)
        if event.network is not None:
            self._networks.add(event.network)

    def resync(self, reason: str, now_s: float) -> None:
        """Ask for everything, at once."""
        self._touch(now_s)
        self._reason = reason

    def due_s(self) -> float | None:
        """Return the monotonic time at which a change is due, None if there is none."""
        if self._first_s is None:
            return None
        if self._reason:
            return self._first_s
        return min(self._last_s + self.window_s, self._first_s + self.max_window_s)

    def take(self) -> Change:
        """Return what was collected and start anew."""
        change = Change(
            containers=frozenset(self._containers),
            networks=frozenset(self._networks),
            resync=bool(self._reason),
            reason=self._reason or "events",
        )
        self._containers.clear()
        self._networks.clear()
        self._reason = ""
        self._first_s = None
        return change

    def _touch(self, now_s: float) -> None:
        if self._first_s is None:
            self._first_s = now_s
        self._last_s = now_s
