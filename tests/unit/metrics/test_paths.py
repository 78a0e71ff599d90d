"""Rules of pairs one by one, and of endpoints."""

from dataclasses import replace

import pytest

from exporter.metrics.paths import DETAIL_LIMIT, DETAIL_RETURN, wants_detail
from exporter.model.outcome import Observation, Result, Scope, Verdict
from exporter.model.pair import Decision, Pair, PairState
from tests.fakes import snapshots
from tests.fakes.report_samples import (
    as_promised,
    crowd,
    dead,
    demo_on_host,
    skipped,
    snapshot,
)
from tests.fakes.scrapes import by, matching, scrape
from tests.fakes.topologies import container, endpoint, network, topology


@pytest.mark.parametrize(
    ("pairs", "shown", "expected"),
    [
        pytest.param(0, True, True, id="none"),
        pytest.param(DETAIL_LIMIT, True, True, id="at the limit"),
        pytest.param(DETAIL_LIMIT + 1, True, False, id="beyond the limit"),
        pytest.param(DETAIL_LIMIT, False, False, id="not back at the limit"),
        pytest.param(DETAIL_RETURN, False, False, id="not back yet"),
        pytest.param(DETAIL_RETURN - 1, False, True, id="back"),
    ],
)
def test_detail_goes_and_comes_back_with_hysteresis(
    pairs: int, *, shown: bool, expected: bool
) -> None:
    """A host about the limit does not flap."""
    assert expected == wants_detail(pairs, shown=shown)


def test_pairs_of_the_demo() -> None:
    """Four containers, the host and the gateways; names are no paths."""
    found = scrape(snapshots.small())

    reachable = matching(found, "pair_reachable")
    assert (20, 12) == (len(reachable), sum(reachable))
    assert [61e-6] * 12 == matching(found, "pair_rtt_seconds")
    assert [1] == matching(found, "pair_detail_enabled")


def test_a_pair_names_its_ends_and_their_networks() -> None:
    """The host has no network of its own."""
    found = by(
        scrape(snapshots.small()),
        "pair_reachable",
        "source",
        "source_network",
        "destination",
        "destination_network",
        "ip_version",
    )

    assert 0 == found[("bridge1", "bridge", "mybridge2", "mybridge", "4")]
    assert 1 == found[("host", "", "mybridge2", "mybridge", "4")]
    assert 1 == found[("mybridge2", "mybridge", "gateway", "mybridge", "4")]


def test_a_pair_that_was_not_measured_has_no_series() -> None:
    """Neither 0 nor 1 would be true."""
    found = scrape(snapshot(demo_on_host(), skipped("bridge1")))

    ones = matching(found, "pair_reachable", source="bridge1", destination="bridge2")
    assert [] == ones
    assert [1] == matching(
        found, "pair_reachable", source="bridge2", destination="bridge1"
    )


@pytest.mark.parametrize(
    "name",
    [
        "pair_reachable",
        "pair_rtt_seconds",
        "endpoint_host_reachable",
        "endpoint_expected_peers",
        "endpoint_reachable_peers",
        "endpoint_unexpected_peers",
    ],
)
def test_nothing_is_measured_while_the_engine_is_down(name: str) -> None:
    """An old reply is never shown as one of now, whatever the states say."""
    assert [] == matching(scrape(snapshots.engine_down()), name)
    assert [] == matching(scrape(replace(snapshots.small(), engine_up=False)), name)


def test_a_reply_without_a_time_has_no_round_trip() -> None:
    """Reachable all the same."""
    first, *rest = snapshots.small().pairs
    bare = replace(first, observation=Observation(result=Result.OK, received=1))
    found = scrape(replace(snapshots.small(), pairs=(bare, *rest)))

    assert (12, 11) == (
        sum(matching(found, "pair_reachable")),
        len(matching(found, "pair_rtt_seconds")),
    )


def test_a_container_named_host_does_not_hide_the_host() -> None:
    """No two series of the same labels; a reply of either is a reply."""
    on = network("a", "172.20.0.0/16")
    found = topology(
        (on,),
        (
            container("host", endpoint("host", on, "172.20.0.2")),
            container("web", endpoint("web", on, "172.20.0.3")),
        ),
    )

    def silent_container(pair: Pair, decision: Decision) -> PairState | None:
        if pair.scope is not Scope.CONTAINER:
            return None
        return replace(
            as_promised(pair, replace(decision, source_network=None)),
            observation=Observation(result=Result.TIMEOUT, sent=1),
            verdict=Verdict.UNEXPECTED_UNREACHABLE,
        )

    twins = scrape(snapshot(found, silent_container))

    assert [1] == matching(twins, "pair_reachable", source="host", destination="web")


def test_beyond_the_limit_no_pair_is_shown() -> None:
    """And one series says so."""
    found = scrape(snapshot(crowd({"a": 46})))  # 46 * 45 pairs, and 92 more

    assert [] == matching(found, "pair_reachable")
    assert [] == matching(found, "pair_rtt_seconds")
    assert [0] == matching(found, "pair_detail_enabled")
    assert [45] * 46 == matching(found, "endpoint_reachable_peers")


def test_endpoints_of_the_demo() -> None:
    """Each has one promised peer, and none from the other bridge."""
    found = scrape(snapshots.small())

    keys = ("container", "network", "ip_version")
    demo = [
        ("bridge1", "bridge", "4"),
        ("bridge2", "bridge", "4"),
        ("mybridge1", "mybridge", "4"),
        ("mybridge2", "mybridge", "4"),
    ]
    assert dict.fromkeys(demo, 1) == by(found, "endpoint_host_reachable", *keys)
    assert dict.fromkeys(demo, 1) == by(found, "endpoint_expected_peers", *keys)
    assert dict.fromkeys(demo, 1) == by(found, "endpoint_reachable_peers", *keys)
    assert dict.fromkeys(demo, 0) == by(found, "endpoint_unexpected_peers", *keys)


def test_a_dead_container_is_the_one_nobody_reaches() -> None:
    """The culprit stands out without a look at every pair."""
    found = scrape(snapshot(crowd({"a": 4}), dead("a-app-2")))

    reachable = by(found, "endpoint_reachable_peers", "container")
    assert {("a-app-1",): 2, ("a-app-2",): 0, ("a-app-3",): 2, ("a-app-4",): 2} == (
        reachable
    )
    assert [3] * 4 == matching(found, "endpoint_expected_peers")
    assert 0 == by(found, "endpoint_host_reachable", "container")[("a-app-2",)]


def test_families_are_judged_apart() -> None:
    """An endpoint has its series in each family it has an address of."""
    found = scrape(snapshot(crowd({"a": 2}, ipv6=True)))

    assert [1, 1] == matching(found, "endpoint_expected_peers", ip_version="6")


def test_endpoints_that_are_gone_have_no_series() -> None:
    """A pair of a container the engine no longer lists."""
    seen = snapshots.small()
    topology_now = seen.topology
    assert topology_now is not None
    left = tuple(one for one in topology_now.containers if one.name != "bridge2")
    found = scrape(replace(seen, topology=replace(topology_now, containers=left)))

    assert [] == matching(found, "endpoint_host_reachable", container="bridge2")
