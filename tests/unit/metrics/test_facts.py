"""Rules of what the pairs of a snapshot add up to."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.metrics.facts import (
    Coverage,
    EndpointKey,
    Peers,
    gather,
)
from exporter.model.outcome import (
    Expected,
    Result,
    Verdict,
    is_measured,
    observed_of,
)
from exporter.model.pair import Decision, Pair, PairState
from exporter.model.topology import ContainerId, NetworkId
from tests.fakes import snapshots
from tests.fakes.report_samples import (
    STARTED,
    crowd,
    dead,
    demo_on_host,
    leaking,
    skipped,
    snapshot,
)

MINE: EndpointKey = (ContainerId("mybridge1"), NetworkId("net-mybridge"), 4)


@pytest.mark.parametrize(
    ("result", "verdict", "expected"),
    [
        pytest.param(Result.OK, Verdict.AS_EXPECTED, True, id="reply"),
        pytest.param(Result.OK, Verdict.UNEXPECTED_REACHABLE, True, id="leak"),
        pytest.param(Result.OK, Verdict.UNVERIFIED, False, id="old reply"),
        pytest.param(Result.OK, Verdict.NOT_JUDGED, True, id="reply nobody promised"),
        pytest.param(Result.TIMEOUT, Verdict.UNVERIFIED, True, id="doubtful silence"),
        pytest.param(Result.NETNS_ERROR, Verdict.UNVERIFIED, False, id="no probe"),
        pytest.param(Result.SKIPPED, Verdict.SKIPPED, False, id="not probed"),
    ],
)
def test_what_is_measured(result: Result, verdict: Verdict, *, expected: bool) -> None:
    """Replies and silence of now; never an error, never what is too old."""
    assert expected == is_measured(observed_of(result), verdict)


def test_cells_count_container_pairs_by_network_promise_and_observation() -> None:
    """The demo has two kinds of pairs in each direction."""
    cells = gather(snapshots.small()).cells

    assert [2, 4, 4, 2] == list(cells.values())


def test_a_peer_counts_where_it_was_measured() -> None:
    """Two isolated peers and one promised one, all as they should be."""
    facts = gather(snapshots.small())

    assert Peers(expected=1, reachable=1, unexpected=0) == facts.peers[MINE]


def test_peers_that_fare_alike_count_each() -> None:
    """Of three on its network two answer, of the other network both."""
    found = snapshot(crowd({"a": 4, "b": 2}), dead("a-app-2"), leaking)
    peers = gather(found).peers

    assert peers[ContainerId("a-app-1"), NetworkId("net-a"), 4] == Peers(
        expected=3, reachable=2, unexpected=2
    )


def test_a_peer_that_leaks_is_unexpected() -> None:
    """One of the other bridge's containers is dead, the other one leaks."""
    facts = gather(snapshots.violations())

    assert Peers(expected=1, reachable=1, unexpected=1) == facts.peers[MINE]


def test_a_dead_endpoint_reaches_nobodys_expectation() -> None:
    """Its peers count as promised and not as reachable."""
    facts = gather(snapshot(demo_on_host(), dead("mybridge1")))

    assert Peers(expected=1, reachable=0, unexpected=0) == facts.peers[MINE]
    assert facts.host[MINE] is False


def test_peers_nobody_promised_count_neither_way() -> None:
    """Where nothing is promised, a reply is neither expected nor unexpected."""

    def unpromised(pair: Pair, decision: Decision) -> PairState | None:
        state = snapshots.small().pairs[0]
        decided = replace(decision, expected=Expected.UNKNOWN)
        return replace(state, pair=pair, decision=decided, verdict=Verdict.NOT_JUDGED)

    facts = gather(snapshot(demo_on_host(), unpromised))

    assert Peers() == facts.peers[MINE]


def test_coverage_is_what_was_measured_of_what_may_be() -> None:
    """What the plan left out is not covered, and waits since it is known."""
    seen = snapshot(demo_on_host(), skipped("bridge1"))
    facts = gather(seen)

    waiting = min(state.since for state in seen.pairs)
    expected = Coverage(pairs=14, measured=13, oldest=waiting)
    assert expected == facts.coverage[Expected.REACHABLE]


def test_pairs_that_are_never_probed_are_no_gap() -> None:
    """Packets that would leave the host are not sent, by design."""
    seen = snapshots.small()
    away = tuple(
        replace(state, decision=replace(state.decision, leaves_host=True))
        for state in seen.pairs
    )

    assert {} == gather(replace(seen, pairs=away)).coverage


def test_the_oldest_probe_is_the_one_that_waits_longest() -> None:
    """One pair that was probed a minute before the others."""
    seen = snapshots.small()
    older = STARTED - timedelta(minutes=1)
    pairs = (replace(seen.pairs[0], probed=older), *seen.pairs[1:])

    coverage = gather(replace(seen, pairs=pairs)).coverage
    assert (older, STARTED) == (
        coverage[Expected.REACHABLE].oldest,
        coverage[Expected.ISOLATED].oldest,
    )


def test_nothing_is_measured_while_the_engine_is_down() -> None:
    """Even where a pair state still claims it."""
    facts = gather(replace(snapshots.small(), engine_up=False))

    assert ({}, {}) == (facts.peers, facts.host)
    assert 0 == sum(one.measured for one in facts.coverage.values())


def test_names_are_no_paths() -> None:
    """Every scope but names can be shown pair by pair."""
    assert 12 + 4 + 4 == gather(snapshots.small()).detail_pairs
