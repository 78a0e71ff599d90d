"""Adds to the broken promises of a cycle why they are broken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from exporter.clock import Clock
from exporter.model.cause import Cause, CauseId, cause
from exporter.model.diagnosis import causes_of
from exporter.model.inspection import Inspection
from exporter.model.outcome import VIOLATIONS
from exporter.model.pair import Pair, PairState
from exporter.model.topology import Topology

Inspect = Callable[[Topology, Sequence[PairState]], Inspection]
"""Looks into the namespaces of the ends of broken promises."""

DIAGNOSED: Final = 500
"""Broken promises of a cycle whose causes are looked for; beyond, one more says
nothing new, and a cycle must end."""
PATIENCE_S: Final = 2.0
"""Seconds within which causes are looked for: with thousands of rules each takes
long."""


class Diagnosis:
    """Called with the states of a cycle, returns them with causes."""

    def __init__(self, inspect: Inspect, clock: Clock) -> None:
        """Bind to what looks into namespaces, and to the time."""
        self._inspect = inspect
        self._clock = clock

    def __call__(
        self, topology: Topology, states: tuple[PairState, ...]
    ) -> tuple[PairState, ...]:
        """Return the states, every broken promise with at least one cause.

        Nothing is looked at where no promise is broken.
        """
        broken = [state for state in states if state.verdict in VIOLATIONS]
        if not broken:
            return states
        causes = self._causes(topology, broken[:DIAGNOSED])
        return tuple(
            replace(state, causes=causes.get(state.pair, _TOO_MANY))
            if state.verdict in VIOLATIONS
            else state
            for state in states
        )

    def _causes(
        self, topology: Topology, looked_at: Sequence[PairState]
    ) -> Mapping[Pair, tuple[Cause, ...]]:
        """Return the causes of as many as there is time for."""
        inspection = self._inspect(topology, looked_at)
        none = _none_found(inspection)
        causes: dict[Pair, tuple[Cause, ...]] = {}
        until_s = self._clock.monotonic_s() + PATIENCE_S
        for state in looked_at:
            causes[state.pair] = causes_of(state, topology, inspection) or none
            if self._clock.monotonic_s() >= until_s:
                break
        return causes


def _none_found(inspection: Inspection) -> tuple[Cause, ...]:
    """Return that nothing explains it, and what could not be looked at."""
    evidence = inspection.notes or (_ALL_READ,)
    return (cause(CauseId.UNKNOWN, *evidence, certain=False),)


_ALL_READ: Final = (
    "links, neighbours, routes, sysctls and the rules of iptables and nftables were "
    "read; rules of bridges (ebtables), tc and eBPF are not"
)
_TOO_MANY = (
    cause(
        CauseId.UNKNOWN,
        "not looked at: too many promises are broken to look at each",
        certain=False,
    ),
)
