"""What is still probed where the host's connection table is nearly full.

An echo request that is tracked is an entry for 30 s, in the engine's namespace and, as
Docker's embedded DNS makes containers track too, in the container's.
"""

from collections.abc import Collection, Mapping

from exporter.model.hoststate import Conntrack
from exporter.model.pair import Pair, PairState, Planned
from exporter.model.plan import about

STRAINED = 0.8
"""Part of nf_conntrack_max from which on we hold back."""
RELAXED = 0.7
"""Part below which that ends: between the two it stays as it was."""


def is_strained(conntrack: Conntrack | None, *, was: bool) -> bool:
    """Return whether the connection table asks for restraint.

    Args:
        conntrack: the table; None or without a limit never does.
        was: whether it did when last looked at.
    """
    if conntrack is None or conntrack.limit <= 0:
        return False
    return conntrack.entries >= conntrack.limit * (RELAXED if was else STRAINED)


def under_watch(
    planned: Collection[Planned], states: Mapping[Pair, PairState]
) -> tuple[Planned, ...]:
    """Return the planned pairs whose promise is broken, and what controls them."""
    broken = {pair for pair, state in states.items() if state.is_broken}
    return about(planned, broken)
