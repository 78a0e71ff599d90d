"""Rules of verdict totals, network pairs, violations and coverage."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from exporter.metrics.verdicts import (
    COMBINATIONS,
    CROSS_CELLS_NETWORKS,
    VIOLATIONS_LIMIT,
    is_conforming,
)
from exporter.model.cause import CauseId, cause
from exporter.model.outcome import Expected, Observation, Result, Scope, Verdict
from exporter.model.pair import Controls, Decision, Pair, PairState, Planned
from exporter.model.snapshot import Snapshot
from exporter.model.verdict import Evidence, judge
from tests.fakes import snapshots
from tests.fakes.report_samples import crowd, dead, demo_on_host, leaking, snapshot
from tests.fakes.scrapes import by, matching, scrape

START = "pair_violation_start_timestamp_seconds"
LEAKS = {"kind": "unexpected_reachable"}


def test_container_pairs_are_complete() -> None:
    """Every combination a verdict can follow from is there, in both families."""
    found = by(
        scrape(snapshots.small()),
        "container_pairs",
        "ip_version",
        "expected",
        "observed",
        "verdict",
    )

    counted = {
        ("4", "reachable", "reachable", "as_expected"): 4,
        ("4", "isolated", "unreachable", "as_expected"): 8,
    }
    assert 36 == len(found)
    assert counted == {labels: count for labels, count in found.items() if count}


def test_container_pairs_are_complete_before_the_first_answer() -> None:
    """An alert on them never lacks its series."""
    assert [0] * 36 == matching(scrape(snapshots.never_up()), "container_pairs")


def test_every_verdict_the_judge_gives_is_in_the_closed_set() -> None:
    """Promise and observation of every kind, through the real judge."""
    pair = snapshots.small().pairs[0].pair
    itself = {(pair.source, pair.address): Observation(result=Result.OK)}
    given = set()
    for expected, result, young, alive, own in product(
        Expected, Result, (True, False), (True, False), ({}, itself)
    ):
        decision = Decision(
            expected=expected, rule="any", source_network=pair.network, on_link=True
        )
        ruling = judge(
            Planned(pair=pair, decision=decision),
            Observation(result=result),
            Controls(source=alive, destination=alive),
            Evidence((), own, {}),
            young=young,
            silent_before=True,
        )
        given.add((expected, ruling.observation.observed, ruling.verdict))

    assert set() == given - set(COMBINATIONS)
    assert set(Verdict) == {verdict for _, _, verdict in given}


def test_a_combination_nobody_thought_of_is_still_exported() -> None:
    """A count is never dropped."""
    first, *rest = snapshots.small().pairs
    odd = replace(first, verdict=Verdict.NOT_JUDGED)
    found = scrape(replace(snapshots.small(), pairs=(odd, *rest)))

    assert [1] == matching(
        found, "container_pairs", expected="reachable", verdict="not_judged"
    )


def test_network_pairs_have_no_zeroes() -> None:
    """The demo has four cells."""
    found = by(
        scrape(snapshots.small()),
        "network_pairs",
        "source_network",
        "destination_network",
        "expected",
        "observed",
    )

    expected = {
        ("bridge", "bridge", "reachable", "reachable"): 2,
        ("bridge", "mybridge", "isolated", "unreachable"): 4,
        ("mybridge", "bridge", "isolated", "unreachable"): 4,
        ("mybridge", "mybridge", "reachable", "reachable"): 2,
    }
    assert expected == found


def test_a_source_without_a_route_has_no_network() -> None:
    """The cell is there, with an empty source."""
    first, *rest = snapshots.small().pairs
    decision = replace(first.decision, source_network=None)
    found = scrape(
        replace(snapshots.small(), pairs=(replace(first, decision=decision), *rest))
    )

    assert [1] == matching(found, "network_pairs", source_network="")


def test_a_network_that_is_gone_has_no_cell() -> None:
    """Its pairs are in the totals until the next cycle forgets them."""
    seen = snapshots.small()
    assert seen.topology is not None
    left = tuple(one for one in seen.topology.networks if one.name != "mybridge")
    found = scrape(replace(seen, topology=replace(seen.topology, networks=left)))

    assert {("bridge", "bridge"): 2, ("", "bridge"): 4} == by(
        found, "network_pairs", "source_network", "destination_network"
    )
    assert 12 == sum(matching(found, "container_pairs"))


def many_networks(count: int) -> Snapshot:
    """Return networks with a container each, the first two of which leak."""
    found = crowd({f"n{number:02}": 1 for number in range(count)})
    two = {one.name for one in found.sandboxes[:2]}

    def between_two(pair: Pair, decision: Decision) -> PairState | None:
        inside = {pair.source, pair.destination} <= two
        return leaking(pair, decision) if inside else None

    return snapshot(found, between_two)


def test_conforming_cross_cells_while_there_are_few_networks() -> None:
    """Forty networks have a cell for each ordered pair."""
    found = scrape(many_networks(CROSS_CELLS_NETWORKS))

    assert 40 * 39 == len(found["network_pairs"])


def test_only_contrary_cross_cells_with_more_networks() -> None:
    """Forty-one have one for each pair that contradicts the promise."""
    found = by(
        scrape(many_networks(CROSS_CELLS_NETWORKS + 1)),
        "network_pairs",
        "source_network",
        "destination_network",
        "observed",
    )

    expected = {("n00", "n01", "reachable"): 1, ("n01", "n00", "reachable"): 1}
    assert expected == found


def test_cells_within_a_network_stay_with_more_networks() -> None:
    """They grow with the number of networks only."""
    sizes = {f"n{number:02}": 1 for number in range(CROSS_CELLS_NETWORKS)}
    found = scrape(snapshot(crowd({"two": 2, **sizes})))

    assert [2] == matching(found, "network_pairs", expected="reachable")


@pytest.mark.parametrize(
    ("expected", "observed", "conforming"),
    [
        pytest.param("reachable", "reachable", True, id="kept promise"),
        pytest.param("reachable", "unreachable", False, id="lost"),
        pytest.param("isolated", "reachable", False, id="leak"),
        pytest.param("isolated", "unreachable", True, id="isolated"),
        pytest.param("isolated", "error", True, id="not measured"),
        pytest.param("unknown", "reachable", True, id="no promise"),
    ],
)
def test_what_conforms(expected: str, observed: str, *, conforming: bool) -> None:
    """Only what contradicts a promise does not."""
    assert conforming == is_conforming(("a", "b", "4", expected, observed))


def test_violation_totals_are_always_four() -> None:
    """Both kinds in both families, whatever there is."""
    totals = by(scrape(snapshots.never_up()), "pair_violations", "kind", "ip_version")

    kinds = ("unexpected_reachable", "unexpected_unreachable")
    assert dict.fromkeys(product(kinds, ("4", "6")), 0) == totals


def test_violations_of_every_scope_count() -> None:
    """A dead container: its peer both ways, the host, its gateway; others leak."""
    totals = by(scrape(snapshots.violations()), "pair_violations", "kind", "ip_version")

    assert (4, 4) == (
        totals[("unexpected_reachable", "4")],
        totals[("unexpected_unreachable", "4")],
    )


def test_a_violation_says_which_pair_and_since_when() -> None:
    """The value is the time it began."""
    found = by(
        scrape(snapshots.violations()),
        START,
        "source",
        "destination",
        "source_network",
        "destination_network",
        "ip_version",
        "protocol",
        "kind",
        "cause",
    )

    began = datetime(2026, 1, 1, 11, 55, tzinfo=UTC).timestamp()
    lost = ("unexpected_unreachable", "unknown")
    assert 8 == len(found)
    assert {began} == set(found.values())
    assert ("host", "bridge2", "", "bridge", "4", "icmp", *lost) in found
    assert ("bridge2", "gateway", "bridge", "bridge", "4", "icmp", *lost) in found
    assert ("bridge2", "bridge1", "bridge", "bridge", "4", "icmp", *lost) in found


def test_the_likeliest_cause_is_the_label() -> None:
    """One series a pair, whatever else may be behind it."""
    found = snapshots.violations()
    causes = (
        cause(CauseId.LINK_DOWN, "eth0 is down", certain=True),
        cause(CauseId.NO_ROUTE, "no route", certain=False),
    )
    pairs = tuple(replace(state, causes=causes) for state in found.pairs)

    scraped = scrape(replace(found, pairs=pairs))
    series = by(scraped, START, "source", "destination", "protocol", "cause")

    assert {"link-down"} == {labels[-1] for labels in series}


def test_a_name_that_does_not_resolve_is_a_violation_by_dns() -> None:
    """The protocol tells it from the path between the same two containers."""

    def unresolved(pair: Pair, decision: Decision) -> PairState | None:
        if pair.scope is not Scope.NAME or decision.expected is Expected.ISOLATED:
            return None
        return violated(snapshots.small().pairs[0], pair, decision)

    found = by(
        scrape(snapshot(demo_on_host(), unresolved)), START, "source", "protocol"
    )

    assert {("mybridge1", "dns"), ("mybridge2", "dns")} == set(found)


def violated(like: PairState, pair: Pair, decision: Decision) -> PairState:
    """Return a broken promise of reachability."""
    return replace(
        like,
        pair=pair,
        decision=decision,
        observation=Observation(result=Result.NXDOMAIN, sent=1),
        verdict=Verdict.UNEXPECTED_UNREACHABLE,
    )


def leaking_crowd(containers: int) -> Snapshot:
    """Return two networks that leak into each other, the last pairs first."""
    half = containers // 2
    seen = snapshot(crowd({"a": half, "b": containers - half}), leaking)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    pairs = tuple(
        replace(state, since=start - timedelta(seconds=number))
        for number, state in enumerate(seen.pairs)
    )
    return replace(seen, pairs=pairs)


def test_the_oldest_violations_are_exported() -> None:
    """Up to the limit; the rest is counted."""
    seen = leaking_crowd(24)
    found = scrape(seen)

    oldest = sorted(state.since.timestamp() for state in seen.violations)
    assert oldest[:VIOLATIONS_LIMIT] == sorted(found[START].values())
    assert [2 * 12 * 12 - VIOLATIONS_LIMIT] == matching(
        found, "pair_violations_not_exported"
    )
    assert [288] == matching(found, "pair_violations", ip_version="4", **LEAKS)


def test_pairs_no_label_tells_apart_are_one_violation() -> None:
    """The older one's time stands."""
    seen = snapshot(demo_on_host(), dead("bridge2"))
    broken = seen.violations[0]
    older = replace(broken, since=broken.since - timedelta(hours=1))
    found = scrape(replace(seen, pairs=(*seen.pairs, older)))

    assert len(seen.violations) == len(found[START])
    assert older.since.timestamp() == min(found[START].values())
    assert [0] == matching(found, "pair_violations_not_exported")


def test_coverage_and_age_by_promise() -> None:
    """All was probed when the cycle began, seven seconds ago."""
    found = scrape(snapshots.small())

    both = {("reachable",), ("isolated",)}
    assert dict.fromkeys(both, 1) == by(found, "pair_coverage_ratio", "expected")
    assert dict.fromkeys(both, 7) == by(
        found, "pair_oldest_probe_age_seconds", "expected"
    )


def test_nothing_is_covered_while_the_engine_is_down() -> None:
    """And nothing is said where no pair is."""
    found = scrape(snapshots.engine_down())

    assert [0, 0] == matching(found, "pair_coverage_ratio")
    assert [] == matching(scrape(snapshots.never_up()), "pair_coverage_ratio")


def test_a_probe_of_the_future_has_no_age() -> None:
    """The wall clock may have been set back."""
    seen = snapshots.small()
    ahead = tuple(
        replace(state, probed=snapshots.NOW + timedelta(hours=1))
        for state in seen.pairs
    )
    found = scrape(replace(seen, pairs=ahead))

    assert [0, 0] == matching(found, "pair_oldest_probe_age_seconds")
