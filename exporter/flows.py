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
        self._has_changed = False

    def are_stale(self, trigger: str, *, is_told: bool) -> bool:
        """Return whether a cycle is to begin new ones; it is taken to do so.

        Args:
            trigger: of the cycle.
            is_told: changes of the packet filter are told, all of them.
        """
        self._has_changed |= trigger in _CHANGES
        now_s = self._clock.monotonic_s()
        if self._has_changed:
            wait_s = APART_S
        elif is_told:
            return False
        else:
            wait_s = BLIND_S
        if now_s - self._began_s < wait_s:
            return False
        self._began_s, self._has_changed = now_s, False
        return True
