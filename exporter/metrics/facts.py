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

DETAIL_SCOPES = frozenset({Scope.CONTAINER, Scope.HOST, Scope.GATEWAY})
"""Scopes whose pairs are shown one by one; a name is no path."""


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
    detail_pairs: int = 0
    """Pairs that could be shown one by one."""


def is_measured(state: PairState) -> bool:
    """Return whether a pair's observation is of now: seen, and not too old.

    Only age makes a reply unverified; silence may be so for other reasons.
    """
    observed = state.observation.observed
    if observed is Observed.REACHABLE:
        return state.verdict is not Verdict.UNVERIFIED
    return observed is Observed.UNREACHABLE


def gather(snapshot: Snapshot) -> PairFacts:
    """Return the sums over a snapshot's pairs.

    While the engine is down nothing counts as measured.
    """
    facts = PairFacts()
    for state in snapshot.pairs:
        measured = snapshot.engine_up and is_measured(state)
        scope = state.pair.scope
        facts.detail_pairs += scope in DETAIL_SCOPES
        if not state.decision.leaves_host:
            _cover(facts, state, measured)
        if scope is Scope.CONTAINER:
            pair, decision = state.pair, state.decision
            cell = (decision.source_network, pair.network, pair.ip_version)
            seen = state.observation.observed
            facts.cells[(*cell, decision.expected, seen)] += 1
            if measured:
                _count_peer(facts, state)
        elif scope is Scope.HOST and measured:
            _count_host(facts, state)
    return facts


def _cover(facts: PairFacts, state: PairState, measured: bool) -> None:
    stamp = state.probed or state.since
    expected = state.decision.expected
    coverage = facts.coverage.setdefault(expected, Coverage(oldest=stamp))
    coverage.pairs += 1
    coverage.measured += measured
    coverage.oldest = min(coverage.oldest, stamp)


def _endpoint(state: PairState) -> EndpointKey:
    pair = state.pair
    return pair.destination, pair.network, pair.ip_version


def _count_peer(facts: PairFacts, state: PairState) -> None:
    peers = facts.peers.setdefault(_endpoint(state), Peers())
    reached = state.observation.observed is Observed.REACHABLE
    if state.decision.expected is Expected.REACHABLE:
        peers.expected += 1
        peers.reachable += reached
    if state.decision.expected is Expected.ISOLATED:
        peers.unexpected += reached


def _count_host(facts: PairFacts, state: PairState) -> None:
    key = _endpoint(state)
    reached = state.observation.observed is Observed.REACHABLE
    facts.host[key] = facts.host.get(key, False) or reached
