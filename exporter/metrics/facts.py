"""What the pairs of one snapshot add up to, gathered in one pass.

A thousand containers make a million pairs, so they are walked once a snapshot, not
once a family or once a scrape.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from exporter.model.outcome import Expected, Observed, Scope, Verdict
from exporter.model.pair import PairState
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


def is_measured(observed: Observed, verdict: Verdict) -> bool:
    """Return whether an observation is of now: seen, and not too old.

    Only age makes a reply unverified; silence may be so for other reasons.
    """
    if observed is Observed.REACHABLE:
        return verdict is not Verdict.UNVERIFIED
    return observed is Observed.UNREACHABLE


def gather(snapshot: Snapshot) -> PairFacts:
    """Return the sums over a snapshot's pairs.

    While the engine is down nothing counts as measured.
    """
    facts = PairFacts()
    cells, up = facts.cells, snapshot.engine_up
    for state in snapshot.pairs:
        pair, decision = state.pair, state.decision
        scope, expected = pair.scope, decision.expected
        seen = state.observation.observed
        if decision.policy is not None:
            facts.policy[expected] += 1
        measured = up and is_measured(seen, state.verdict)
        if scope is not Scope.NAME:
            facts.detail_pairs += 1
        if not decision.is_left_alone:
            _cover(facts, state, measured)
        endpoint = (pair.destination, pair.network, pair.ip_version)
        if scope is Scope.CONTAINER:
            cells[(decision.source_network, *endpoint[1:], expected, seen)] += 1
            if measured:
                _count_peer(facts, endpoint, expected, seen)
        elif scope is Scope.HOST and measured:
            reached = seen is Observed.REACHABLE
            facts.host[endpoint] = facts.host.get(endpoint, False) or reached
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


def _cover(facts: PairFacts, state: PairState, measured: bool) -> None:
    stamp = state.probed or state.since
    coverage = facts.coverage.get(state.decision.expected)
    if coverage is None:
        coverage = Coverage(oldest=stamp)
        facts.coverage[state.decision.expected] = coverage
    coverage.pairs += 1
    coverage.measured += measured
    coverage.oldest = min(coverage.oldest, stamp)


def _count_peer(
    facts: PairFacts, endpoint: EndpointKey, expected: Expected, seen: Observed
) -> None:
    peers = facts.peers.get(endpoint)
    if peers is None:
        peers = facts.peers[endpoint] = Peers()
    if expected is Expected.REACHABLE:
        peers.expected += 1
        peers.reachable += seen is Observed.REACHABLE
    elif expected is Expected.ISOLATED:
        peers.unexpected += seen is Observed.REACHABLE
