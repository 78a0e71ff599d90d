"""Adds to the broken promises of a cycle why they are broken."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from exporter.model.cause import Cause, CauseId, cause
from exporter.model.diagnosis import causes_of
from exporter.model.inspection import Inspection
from exporter.model.outcome import VIOLATIONS
from exporter.model.pair import PairState
from exporter.model.topology import Topology

Inspect = Callable[[Topology, Sequence[PairState]], Inspection]
"""Looks into the namespaces of the ends of broken promises."""

DIAGNOSED: Final = 500
"""Broken promises of a cycle whose causes are looked for; beyond, one more says
nothing new, and a cycle must end."""


class Diagnosis:
    """Called with the states of a cycle, returns them with causes."""

    def __init__(self, inspect: Inspect) -> None:
        """Bind to what looks into namespaces."""
        self._inspect = inspect

    def __call__(
        self, topology: Topology, states: tuple[PairState, ...]
    ) -> tuple[PairState, ...]:
        """Return the states, every broken promise with at least one cause.

        Nothing is looked at where no promise is broken.
        """
        broken = [state for state in states if state.verdict in VIOLATIONS]
        if not broken:
            return states
        looked_at = broken[:DIAGNOSED]
        inspection = self._inspect(topology, looked_at)
        none = _none_found(inspection)
        causes = {
            state.pair: causes_of(state, topology, inspection) or none
            for state in looked_at
        }
        causes |= {state.pair: _TOO_MANY for state in broken[DIAGNOSED:]}
        return tuple(
            replace(state, causes=causes[state.pair]) if state.pair in causes else state
            for state in states
        )


def _none_found(inspection: Inspection) -> tuple[Cause, ...]:
    """Return that nothing explains it, and what could not be looked at."""
    evidence = inspection.notes or ("everything that may explain it could be read",)
    return (cause(CauseId.UNKNOWN, *evidence, certain=False),)


_TOO_MANY = (
    cause(
        CauseId.UNKNOWN,
        f"not looked at: more than {DIAGNOSED} promises are broken",
        certain=False,
    ),
)
