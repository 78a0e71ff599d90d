"""By what changes on the host are noticed, and how soon."""

from dataclasses import dataclass
from enum import StrEnum

CHANGE_SOURCES = ("links", "nftables", "sysctls")
"""What tells of changes on the host."""


class DetectionSource(StrEnum):
    """What tells of a change; a closed set."""

    DOCKER_EVENTS = "docker_events"
    NFTABLES = "nftables"
    """Notifications of the kernel that tables, chains, rules or sets changed."""
    LINKS = "links"
    """Notifications of the kernel about links, bridge ports and addresses."""
    SYSCTLS = "sysctls"
    """Read again and again, as nothing tells of their changes."""
    REPRESENTATIVES = "representatives"
    """A pair of every two networks probed again and again, where nothing tells of
    changes of the packet filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """One source of detection."""

    source: DetectionSource
    active: bool
    lag_s: float = 0.0
    """From a change until its sweep is due, at most, in seconds; without the cycle
    that may be at work then, and without the sweep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """How changes are noticed at one moment."""

    sources: tuple[SourceState, ...] = ()
    """Without the engine's events, which `Snapshot.stream_connected` tells of."""
    notices: tuple[str, ...] = ()
    """Which sources are missing, why, and what stands in; a line each."""

    @property
    def tells_of_rules(self) -> bool:
        """Return whether every change of the packet filter is told."""
        active = {one.source for one in self.sources if one.active}
        told, stand_in = DetectionSource.NFTABLES, DetectionSource.REPRESENTATIVES
        return told in active and stand_in not in active


NO_DETECTION = Detection()
"""Where nothing watches, as in a command that runs once."""
