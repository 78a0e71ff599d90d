"""When probes have to begin new connections, so that they meet the rules of now.

Most packet filters let through what belongs to a connection that they know. To the
kernel all echo requests between two addresses under one identifier are one connection,
for 30 s after the newest (nf_conntrack_icmp_timeout): under one identifier for ever, a
rule that was added behind such an exception would never be met, and a leak that was
closed would seem open. A new identifier is a new connection, and an entry more in the
connection table for each pair, for those 30 s.
"""

from typing import Final

from exporter.clock import Clock

APART_S: Final = 15.0
"""Between two identifiers at least: no more than three have entries at one time."""
BLIND_S: Final = 60.0
"""Until the next one where nothing tells of changes of the packet filter."""
_CHANGES: Final = frozenset({"firewall", "sysctl", "start"})
"""Triggers after which other rules may be in force."""


class Flows:
    """Tells when a new identifier is due; of one daemon."""

    def __init__(self, clock: Clock) -> None:
        """Start with an identifier that is new."""
        self._clock = clock
        self._began_s = clock.monotonic_s()
        self._noted = self._met = 0

    def note(self, trigger: str) -> None:
        """Take note of what asks for a cycle, whether that cycle takes place or not."""
        self._noted += trigger in _CHANGES

    def due(self, *, is_told: bool) -> int | None:
        """Return what to tell `began` after a renewal; None: none is due.

        Args:
            is_told: changes of the packet filter are told, all of them.
        """
        if self._noted == self._met and is_told:
            return None
        wait_s = BLIND_S if self._noted == self._met else APART_S
        is_due = self._clock.monotonic_s() - self._began_s >= wait_s
        return self._noted if is_due else None

    def began(self, noted: int) -> None:
        """Take note that a new identifier is in use.

        Args:
            noted: what `due` returned: a change since then asks for another one.
        """
        self._began_s, self._met = self._clock.monotonic_s(), noted
