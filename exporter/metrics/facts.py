"""What the pairs of one snapshot add up to, gathered in one pass.

A thousand containers make a million pairs, so they are walked once a snapshot, not
once a family or once a scrape.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from exporter.model.outcome import (
    Expected,
    Observed,
    Result,
    Scope,
    Verdict,
    is_measured,
    observed_of,
)
from exporter.model.pair import Decision, PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import ContainerId, IpVersion, NetworkId

Cell = tuple[NetworkId | None, NetworkId, IpVersion, Expected, Observed]
"""Source's network, destination's network, family, promise, observation."""
EndpointKey = tuple[ContainerId | None, NetworkId, IpVersion]
"""One address of an endpoint."""


@dataclass(slots=True)
class Peers:
    """How the peers of an endpoint fared, of those that were measured."""

    expected: int = 0
    reachable: int = 0
    """Of the expected."""
    unexpected: int = 0


@dataclass(slots=True)
class Coverage:
    """How far the probes have come with one promise."""

    oldest: datetime
    """When the pair that waits longest was last probed, or first known."""
    pairs: int = 0
    measured: int = 0


@dataclass(slots=True)
class PairFacts:
    """Sums over all pairs of a snapshot."""

    cells: Counter[Cell] = field(default_factory=Counter)
    """Container pairs only."""
    peers: dict[EndpointKey, Peers] = field(default_factory=dict)
    host: dict[EndpointKey, bool] = field(default_factory=dict)
    """Endpoints that the host probed, and whether one answered."""
    coverage: dict[Expected, Coverage] = field(default_factory=dict)
    policy: Counter[Expected] = field(default_factory=Counter)
    """Pairs that the policy decides, by what it expects."""
    detail_pairs: int = 0
    """Pairs that could be shown one by one: all but names, which are no paths."""


def gather(snapshot: Snapshot) -> PairFacts:
    """Return the sums over a snapshot's pairs.

    While the engine is down nothing counts as measured.
    """
    facts, up = PairFacts(), snapshot.engine_up
    decisions = {id(state.decision): state.decision for state in snapshot.pairs}
    for alike, count in _alike(snapshot.pairs).items():
        decision = decisions[alike.decision]
        seen = observed_of(alike.result)
        if decision.policy is not None:
            facts.policy[decision.expected] += count
        measured = up and is_measured(seen, alike.verdict)
        if alike.scope is not Scope.NAME:
            facts.detail_pairs += count
        if not decision.is_left_alone:
            _cover(facts, decision.expected, alike.stamp, count, measured=measured)
        _count_paths(facts, alike, decision, count, measured=measured)
    _count_aside(facts, snapshot)
    return facts


def _count_aside(facts: PairFacts, snapshot: Snapshot) -> None:
    """Add the pairs that a sample has left aside: none of them is measured."""
    for (scope, network, version, decision), count in snapshot.aside.items():
        expected = decision.expected
        if decision.policy is not None:
            facts.policy[expected] += count
        if scope is not Scope.NAME:
            facts.detail_pairs += count
        if scope is Scope.CONTAINER:
            cell = decision.source_network, network, version
            facts.cells[(*cell, expected, Observed.NOT_PROBED)] += count
        if not decision.is_left_alone:
            oldest = snapshot.turn_before
            coverage = facts.coverage.setdefault(expected, Coverage(oldest))
            coverage.pairs += count
            coverage.oldest = min(coverage.oldest, oldest)


class _Alike(NamedTuple):
    """What pairs have in common that add to the same sums."""

    scope: Scope
    destination: ContainerId | None
    network: NetworkId
    ip_version: IpVersion
    decision: int
    """Its id(): pairs of two networks share one, and comparing them is slow."""
    result: Result
    verdict: Verdict
    stamp: datetime
    """When last probed, or first known."""


def _alike(pairs: Iterable[PairState]) -> Mapping[_Alike, int]:
    """Return how many pairs are alike: a thirtieth of them, where there are many.

    The one loop over all pairs; it makes plain tuples, as anything else takes longer.
    """
    counts: defaultdict[tuple[object, ...], int] = defaultdict(int)
    for state in pairs:
        pair = state.pair
        counts[
            pair.scope,
            pair.destination,
            pair.network,
            pair.ip_version,
            id(state.decision),
            state.observation.result,
            state.verdict,
            state.probed or state.since,
        ] += 1
    return {_Alike._make(alike): count for alike, count in counts.items()}


def _cover(
    facts: PairFacts, expected: Expected, stamp: datetime, count: int, *, measured: bool
) -> None:
    coverage = facts.coverage.get(expected)
    if coverage is None:
        coverage = facts.coverage[expected] = Coverage(oldest=stamp)
    coverage.pairs += count
    coverage.measured += count * measured
    coverage.oldest = min(coverage.oldest, stamp)


def _count_paths(
    facts: PairFacts, alike: _Alike, decision: Decision, count: int, *, measured: bool
) -> None:
    seen, expected = observed_of(alike.result), decision.expected
    endpoint = (alike.destination, alike.network, alike.ip_version)
    if alike.scope is Scope.CONTAINER:
        cell = (decision.source_network, *endpoint[1:], expected, seen)
        facts.cells[cell] += count
        if measured:
            _count_peer(facts, endpoint, expected, seen, count)
    elif alike.scope is Scope.HOST and measured:
        reached = seen is Observed.REACHABLE
        facts.host[endpoint] = facts.host.get(endpoint, False) or reached


def _count_peer(
    facts: PairFacts,
    endpoint: EndpointKey,
    expected: Expected,
    seen: Observed,
    count: int,
) -> None:
    peers = facts.peers.get(endpoint)
    if peers is None:
        peers = facts.peers[endpoint] = Peers()
    if expected is Expected.REACHABLE:
        peers.expected += count
        peers.reachable += count * (seen is Observed.REACHABLE)
    elif expected is Expected.ISOLATED:
        peers.unexpected += count * (seen is Observed.REACHABLE)
