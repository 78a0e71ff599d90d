"""Adds to the broken promises of a cycle why they are broken."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from exporter.clock import Clock
from exporter.model.cause import Cause, CauseId, cause
from exporter.model.diagnosis import causes_of
from exporter.model.inspection import Inspection
from exporter.model.outcome import VIOLATIONS
from exporter.model.pair import Pair, PairState
from exporter.model.topology import Topology

Kind = tuple[object, ...]
"""What pairs have in common that are likely to have one cause: scope, family, networks,
verdict and result."""
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
        causes = self._causes(topology, _one_of_each_first(broken)[:DIAGNOSED])
        alike = _by_kind(topology, broken, causes)
        return tuple(
            replace(
                state,
                causes=causes.get(state.pair) or alike.get(_kind(state), _TOO_MANY),
            )
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


def _kind(state: PairState) -> Kind:
    return (
        state.pair.scope,
        state.pair.ip_version,
        state.pair.network,
        state.decision.source_network,
        state.verdict,
        state.observation.result,
    )


def _one_of_each_first(broken: Sequence[PairState]) -> list[PairState]:
    """Return broken promises so that no kind is left out where some must be."""
    counts: Counter[Kind] = Counter()
    turns: list[tuple[int, PairState]] = []
    for state in broken:
        kind = _kind(state)
        turns.append((counts[kind], state))
        counts[kind] += 1
    return [state for _, state in sorted(turns, key=lambda turn: turn[0])]


def _by_kind(
    topology: Topology,
    broken: Iterable[PairState],
    causes: Mapping[Pair, tuple[Cause, ...]],
) -> Mapping[Kind, tuple[Cause, ...]]:
    """Return what may be the cause of a pair that was not looked at itself.

    That of another pair between the same networks, and never for certain.
    """
    found: dict[Kind, tuple[Cause, ...]] = {}
    for state in broken:
        known = causes.get(state.pair)
        if known and known[0].id is not CauseId.UNKNOWN and _kind(state) not in found:
            line = f"not looked at itself; so it is {_way(topology, state)}"
            evidence = (line, *known[0].evidence)
            found[_kind(state)] = (cause(known[0].id, *evidence, certain=False),)
    return found


def _way(topology: Topology, state: PairState) -> str:
    sandboxes = topology.sandbox_by_id
    source = sandboxes.get(state.pair.source)
    name = "the host" if source is None else source.name
    return f"from {name} to {state.pair.address}"


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
