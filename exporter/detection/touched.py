"""What changes on the host may have touched; collected until it is looked at."""

from dataclasses import dataclass
from typing import Final, Literal

from exporter.model.detection import CHANGE_SOURCES

Trigger = Literal["firewall", "sysctl", "link"]

NAMED: Final = 16
"""Names of each kind that are kept for the log; a ruleset may have thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What one or more changes may have touched."""

    tables: frozenset[str] = frozenset()
    """Of nftables, as `FAMILY TABLE`, up to `NAMED` of them."""
    processes: frozenset[str] = frozenset()
    """Names of the processes that changed tables, as the kernel tells them."""
    sysctls: frozenset[str] = frozenset()
    bridges: frozenset[str] = frozenset()
    """Interfaces whose ports came, went, or changed."""
    hosts: frozenset[str] = frozenset()
    """Interfaces that carry addresses of the host, or did, bridges among them."""
    lost: frozenset[str] = frozenset()
    """Sources whose notifications were lost: anything may have changed."""

    def __or__(self, other: "Touched") -> "Touched":
        """Return both together."""
        return Touched(
            tables=_some(self.tables | other.tables),
            processes=_some(self.processes | other.processes),
            sysctls=self.sysctls | other.sysctls,
            bridges=self.bridges | other.bridges,
            hosts=self.hosts | other.hosts,
            lost=self.lost | other.lost,
        )

    def __bool__(self) -> bool:
        """Return whether anything changed; who did it is nothing of its own."""
        return bool(
            self.tables or self.sysctls or self.bridges or self.hosts or self.lost
        )

    @property
    def is_filter(self) -> bool:
        """Return whether what decides over forwarded packets changed."""
        return bool(self.tables or self.sysctls or self.lost)

    @property
    def trigger(self) -> Trigger:
        """Return the word for a cycle that looks at it."""
        if self.tables or self.lost:
            return "firewall"
        return "sysctl" if self.sysctls else "link"

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the sources that told of it: links, nftables, sysctls."""
        told = {"nftables": self.tables, "sysctls": self.sysctls}
        told["links"] = self.bridges | self.hosts
        return tuple(name for name in CHANGE_SOURCES if told[name] or name in self.lost)

    @property
    def words(self) -> dict[str, frozenset[str]]:
        """Return what is known of it, for the log."""
        known = {
            "tables": self.tables,
            "processes": self.processes,
            "sysctls": self.sysctls,
            "links": self.bridges | self.hosts,
            "lost": self.lost,
        }
        return {name: found for name, found in known.items() if found}


NOTHING: Final = Touched()


def _some(names: frozenset[str]) -> frozenset[str]:
    return names if len(names) <= NAMED else frozenset(sorted(names)[:NAMED])
