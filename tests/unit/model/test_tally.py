"""What is counted of what was seen, and what is forgotten."""

from collections import Counter
from dataclasses import fields
from ipaddress import ip_address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.outcome import NOT_PROBED, Observation, Protocol, Result, Scope
from exporter.model.pair import Pair
from exporter.model.tally import (
    API_BOUNDS_S,
    CYCLE_BOUNDS_S,
    DNS_BOUNDS_S,
    RTT_BOUNDS_S,
    Histogram,
    Tally,
)
from exporter.model.topology import NetworkId, SandboxId

ICMP = (Scope.CONTAINER, Scope.HOST, Scope.GATEWAY)
NETWORKS = ("x", "y")


def pair(scope: Scope, network: str = "x") -> Pair:
    """Return a pair of a scope."""
    address = ip_address("10.1.0.2")
    return Pair(scope, SandboxId("a"), None, NetworkId(network), address, 4)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """Return what may become of some packets: never more replies than packets."""
    sent = draw(st.integers(0, 4))
    received = draw(st.integers(0, sent))
    return Observation(
        result=Result.OK if received else draw(st.sampled_from(list(Result)[1:])),
        sent=sent,
        received=received,
        duplicates=draw(st.integers(0, 3)),
        late=draw(st.integers(0, 3)),
        rtts_s=tuple(draw(st.lists(st.floats(0, 3), max_size=received))),
    )


cycles = st.lists(
    st.tuples(
        st.sampled_from([pair(scope, net) for scope in Scope for net in NETWORKS]),
        observations(),
    ),
    max_size=8,
)


def numbers(tally: Tally) -> Counter[tuple[str, str, object]]:
    """Return every number of a tally by its place."""
    found: Counter[tuple[str, str, object]] = Counter()
    for one in fields(tally):
        value = getattr(tally, one.name)
        table = value if isinstance(value, dict) else {"": value}
        for key, number in table.items():
            if isinstance(number, Histogram):
                for index, count in enumerate(number.counts):
                    found[one.name, str(key), index] = count
            else:
                found[one.name, str(key), "value"] = number
    return found


@given(cycles)
def test_counters_never_go_back_and_lose_no_packet(
    seen: list[tuple[Pair, Observation]],
) -> None:
    """Lost and received never exceed sent; each number only grows."""
    tally = Tally()

    for found, observation in seen:
        before = numbers(tally)
        tally.add(found, str(found.network), observation)
        after = numbers(tally)
        assert all(before[key] <= after[key] for key in before)

    for key, sent in tally.packets_sent.items():
        assert sent == tally.packets_lost[key] + tally.packets_received[key]
    probed = [one for one in seen if one[1].result is not Result.SKIPPED]
    assert len(probed) == tally.probes.total()
    times = sum(len(one.rtts_s) for found, one in probed if found.scope in ICMP)
    assert times == sum(sum(histogram.counts) for histogram in tally.rtt.values())


@pytest.mark.parametrize("scope", ICMP)
def test_packets_are_counted_by_scope_network_and_family(scope: Scope) -> None:
    """A gateway is the same on every network, so it names none."""
    seen = Observation(
        result=Result.OK, sent=4, received=3, duplicates=2, late=1, rtts_s=(3e-5,) * 3
    )
    key = (scope, "" if scope is Scope.GATEWAY else "x", 4)
    tally = Tally()

    tally.add(pair(scope), "x", seen)

    assert {(scope, Protocol.ICMP, Result.OK): 1} == tally.probes
    assert ({key: 4}, {key: 3}, {key: 1}) == (
        tally.packets_sent,
        tally.packets_received,
        tally.packets_lost,
    )
    assert ({scope: 2}, {scope: 1}) == (tally.duplicates, tally.late)
    assert {key: 3} == {key: sum(found.counts) for key, found in tally.rtt.items()}
    assert not tally.dns_lookups


def test_lookups_are_counted_by_network_and_result() -> None:
    """With their duration; where there is no resolver nothing was looked up."""
    tally = Tally()

    tally.add(pair(Scope.NAME), "x", Observation(result=Result.OK, rtts_s=(1e-3,)))
    tally.add(pair(Scope.NAME), "x", Observation(result=Result.NXDOMAIN))
    tally.add(pair(Scope.NAME), "bridge", Observation(result=Result.NO_RESOLVER))

    assert {("x", "ok"): 1, ("x", "nxdomain"): 1} == tally.dns_lookups
    assert {
        (Scope.NAME, Protocol.DNS, result): 1
        for result in (Result.OK, Result.NXDOMAIN, Result.NO_RESOLVER)
    } == tally.probes
    assert {"x": 1} == {k: sum(found.counts) for k, found in tally.dns_duration.items()}
    assert not tally.packets_sent


@pytest.mark.parametrize("scope", Scope)
def test_what_was_not_probed_is_not_counted(scope: Scope) -> None:
    """Not even as a series."""
    tally = Tally()

    tally.add(pair(scope), "x", NOT_PROBED)

    assert Tally() == tally


def test_series_of_networks_that_are_gone_end() -> None:
    """Those of gateways, which name no network, stay."""
    tally = Tally()
    for scope in Scope:
        for net in NETWORKS:
            seen = Observation(result=Result.OK, sent=1, received=1, rtts_s=(1e-4,))
            tally.add(pair(scope, net), net, seen)

    tally.retain_networks(["y"])

    keys = {(Scope.CONTAINER, "y", 4), (Scope.HOST, "y", 4), (Scope.GATEWAY, "", 4)}
    tables = tally.packets_sent, tally.packets_received, tally.packets_lost, tally.rtt
    assert [keys] * 4 == [set(table) for table in tables]
    assert [("y", "ok")] == list(tally.dns_lookups)
    assert ["y"] == list(tally.dns_duration)


def test_a_copy_is_not_changed_by_later_counting() -> None:
    """Nor are the histograms in it."""
    tally = Tally()
    seen = Observation(result=Result.OK, sent=1, received=1, rtts_s=(1e-4,))
    tally.add(pair(Scope.HOST), "x", seen)
    tally.cycle_duration.observe(1)
    copy = tally.copy()
    before = numbers(copy)

    tally.add(pair(Scope.HOST), "x", seen)
    tally.cycle_duration.observe(1)

    assert before == numbers(copy)
    assert before != numbers(tally)


@given(st.lists(st.floats(0, 5), max_size=20))
def test_a_histogram_counts_each_value_in_its_bucket(values: list[float]) -> None:
    """A bound belongs to its bucket; beyond the last one there is +Inf."""
    bounds_s = (0.1, 0.5, 1.0)
    histogram = Histogram(bounds_s)

    for value_s in values:
        histogram.observe(value_s)

    for bound_s in bounds_s:
        within = sum(histogram.counts[: bounds_s.index(bound_s) + 1])
        assert sum(value <= bound_s for value in values) == within
    assert len(values) == sum(histogram.counts)
    assert sum(values) == pytest.approx(histogram.sum_s)


def test_a_value_on_a_bound_is_within() -> None:
    """As Prometheus reads `le`."""
    histogram = Histogram((0.5, 1.0))

    for value_s in (0.5, 1.0, 1.5):
        histogram.observe(value_s)

    assert [1, 1, 1] == histogram.counts


def test_a_histogram_goes_on_from_what_it_is_given() -> None:
    """Counts that were made elsewhere."""
    histogram = Histogram((0.5, 1.0), [1, 2, 3], 4.0)

    histogram.observe(0.5)

    assert ([2, 2, 3], 4.5) == (histogram.counts, histogram.sum_s)


def test_bounds_are_those_of_the_contract() -> None:
    """25 µs doubled for round trips, 100 µs for DNS; all ascend."""
    assert (25e-6, 50e-6, 0.8192) == (*RTT_BOUNDS_S[:2], RTT_BOUNDS_S[-1])
    assert (100e-6, 200e-6, 1.6384) == (*DNS_BOUNDS_S[:2], DNS_BOUNDS_S[-1])
    for bounds in (RTT_BOUNDS_S, DNS_BOUNDS_S, CYCLE_BOUNDS_S, API_BOUNDS_S):
        assert all(low < high for low, high in pairwise(bounds))
