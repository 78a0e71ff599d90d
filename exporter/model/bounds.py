"""After how many cycles every pair has had its turn, of each family, told steadily.

What others have in the neighbour table changes all the time, and with it how long pairs
have to wait. A limit that fell at once would make old what was seen in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from exporter.model.topology import IP_VERSIONS, IpVersion

ALWAYS: Mapping[IpVersion, int] = {4: 1, 6: 1}
"""Every pair has its turn in every cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """After so many cycles all of a family have had their turn."""

    across: Mapping[IpVersion, int] = field(default_factory=lambda: ALWAYS)
    inside: Mapping[IpVersion, int] = field(default_factory=lambda: ALWAYS)
    """Of pairs inside networks."""

    @classmethod
    def of_all(cls, cycles: int) -> Self:
        """Return one number for every pair."""
        each = dict.fromkeys(IP_VERSIONS, cycles)
        return cls(across=each, inside=each)

    @property
    def longest(self) -> int:
        """The number that holds for all."""
        return max(*self.across.values(), *self.inside.values())


class Held:
    """A number of cycles: it rises at once, and falls once so many have passed.

    By then, every pair has had its turn in the time that is told from then on.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._told, self._since, self._most = 0, 0, 0

    def at(self, cycle: int, found: int) -> int:
        """Return what to tell in a cycle in which a number was found."""
        if found >= self._told:
            self._told, self._since, self._most = found, cycle, 0
            return found
        self._most = max(self._most, found)
        if cycle - self._since >= self._most:
            self._told, self._since, self._most = self._most, cycle, 0
        return self._told


class Bounds:
    """What was told of each family, and is yet."""

    def __init__(self) -> None:
        """Start with nothing told."""
        self._held: dict[tuple[str, IpVersion], Held] = {}

    def at(self, cycle: int, found: Turns) -> Turns:
        """Return what to tell in a cycle in which these numbers were found."""
        return Turns(
            across=self._each("across", cycle, found.across),
            inside=self._each("inside", cycle, found.inside),
        )

    def _each(
        self, which: str, cycle: int, found: Mapping[IpVersion, int]
    ) -> Mapping[IpVersion, int]:
        return {
            version: self._held.setdefault((which, version), Held()).at(cycle, number)
            for version, number in found.items()
        }
