"""How many pairs are alike: one pass over them, from which matrices are made."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from exporter.model.outcome import (
    Expected,
    Result,
    Scope,
    Verdict,
    is_measured,
    observed_of,
)
from exporter.model.pair import CountKey, Decision, PairState, unprobed
from exporter.model.topology import HOST, IpVersion, NetworkId, SandboxId, Topology


class Sort(NamedTuple):
    """What pairs have in common that stand in one place of a matrix."""

    scope: Scope
    source_network: NetworkId | None
    """Of the interface that the source's route uses; of a source without a route, the
    first network it is on. None for the host, and where it is not known."""
    network: NetworkId
    """The destination address's."""
    ip_version: IpVersion
    expected: Expected
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """Every pair of a snapshot, counted."""

    sorts: Mapping[Sort, int]
    """Those beside a sample too."""
    due: int
    """Pairs that are to be probed at all."""
    measured: int
    """Of those, the ones whose observation is of now."""

    @property
    def coverage_ratio(self) -> float | None:
        """Return the measured part, 0 to 1; None where nothing is to be probed."""
        return self.measured / self.due if self.due else None


class _Alike(NamedTuple):
    """What is the same of pairs that are counted together."""

    scope: Scope
    source: SandboxId | None
    """Where its route has no network."""
    network: NetworkId
    ip_version: IpVersion
    result: Result
    verdict: Verdict
    decision: Decision


_Key = tuple[Scope, SandboxId | None, NetworkId, IpVersion, Result, Verdict, int]


def census(
    pairs: Iterable[PairState],
    aside: Mapping[CountKey, int],
    topology: Topology | None,
    *,
    engine_up: bool,
) -> Census:
    """Count pairs.

    Args:
        pairs: those that are kept.
        aside: numbers of those beside them, none of which was probed of late.
        topology: where sources are.
        engine_up: the engine answers; else nothing counts as measured.
    """
    sorts: Counter[Sort] = Counter()
    due = measured = 0
    for alike, count in _alike(pairs).items():
        scope, source, network, version, result, verdict, decision = alike
        way = decision.source_network or home_of(topology, source)
        sorts[Sort(scope, way, network, version, decision.expected, verdict)] += count
        if not decision.is_left_alone:
            due += count
            seen = observed_of(result)
            measured += count * (engine_up and is_measured(seen, verdict))
    for (scope, network, version, decision), count in aside.items():
        way = decision.source_network
        verdict = unprobed(decision)
        sorts[Sort(scope, way, network, version, decision.expected, verdict)] += count
        due += count * (not decision.is_left_alone)
    return Census(sorts=sorts, due=due, measured=measured)


def _alike(pairs: Iterable[PairState]) -> Mapping[_Alike, int]:
    """Return how many pairs are alike; the one loop over all of them.

    Promises are told apart by their id(): pairs share them, and comparing is slow.
    """
    counts: defaultdict[_Key, int] = defaultdict(int)
    decisions: dict[int, Decision] = {}
    for state in pairs:
        pair, decision = state.pair, state.decision
        number = id(decision)
        decisions[number] = decision
        counts[
            pair.scope,
            None if decision.source_network else pair.source,
            pair.network,
            pair.ip_version,
            state.observation.result,
            state.verdict,
            number,
        ] += 1
    return {
        _Alike._make((*alike[:-1], decisions[alike[-1]])): count
        for alike, count in counts.items()
    }


def home_of(topology: Topology | None, source: SandboxId | None) -> NetworkId | None:
    """Return the first network of a sandbox, by name; None of the host."""
    if topology is None or source is None or source == HOST:
        return None
    sandbox = topology.sandbox_by_id.get(source)
    known = topology.network_by_id
    found = [
        known[endpoint.network_id]
        for endpoint in (sandbox.endpoints if sandbox else ())
        if endpoint.network_id in known
    ]
    return min(found, key=lambda one: one.name).id if found else None
