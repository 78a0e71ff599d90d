"""What of the host's kernel tables the probes share with everybody else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from exporter.model.topology import IP_VERSIONS, IpVersion

DEFAULT_LIMITS = (512, 1024)
"""gc_thresh2 and gc_thresh3 of an untouched kernel, arp(7)."""


class TableSource(StrEnum):
    """Where the neighbour tables were read; they show in the initial namespace only."""

    OWN = "own"
    """Our own network namespace is the initial one."""
    INIT = "init"
    """That of process 1, which we see and may enter."""
    ENGINE = "engine"
    """The one in which the engine makes its bridges."""
    INIT_ENTRIES = "init_entries"
    """As `INIT`, but it may not be entered: the limits are assumed."""
    NONE = "none"
    """Nowhere: the limits are assumed, and others' entries are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourTable:
    """The host's neighbour table of one family, all namespaces together."""

    entries: int | None = None
    """None where it cannot be read."""
    soft_limit: int = DEFAULT_LIMITS[0]
    """gc_thresh2."""
    hard_limit: int = DEFAULT_LIMITS[1]
    """gc_thresh3."""
    fulls: int | None = None
    """How often an entry found no room since the boot (table_fulls); None where it
    cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conntrack:
    """The connection table of the namespace that the engine's bridges are in."""

    entries: int
    """nf_conntrack_count."""
    limit: int
    """nf_conntrack_max; 0 is none."""


def _assumed() -> dict[IpVersion, NeighbourTable]:
    return {version: NeighbourTable() for version in IP_VERSIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """The tables at one moment; without arguments, what is assumed unseen."""

    source: TableSource = TableSource.NONE
    tables: Mapping[IpVersion, NeighbourTable] = field(default_factory=_assumed)
    """One for each family that the kernel knows."""
    conntrack: Conntrack | None = None
    """None where connections are not tracked, or it cannot be read."""
