"""Rules of packet, probe and lookup counters."""

from collections import Counter
from dataclasses import replace

from exporter.model.outcome import Protocol, Result, Scope
from exporter.model.tally import DNS_BOUNDS_S, RTT_BOUNDS_S
from tests.fakes import snapshots
from tests.fakes.report_samples import crowd
from tests.fakes.scrapes import by, matching, scrape
from tests.fakes.snapshots import histogram, published, with_tally

PACKETS = ("scope", "network", "ip_version")


def test_packets_of_the_demo() -> None:
    """By network of the target; all gateways together."""
    found = scrape(snapshots.small())

    sent = {
        ("container", "bridge", "4"): 6,
        ("container", "mybridge", "4"): 6,
        ("host", "bridge", "4"): 2,
        ("host", "mybridge", "4"): 2,
        ("gateway", "", "4"): 4,
    }
    assert sent == by(found, "probe_packets_sent_total", *PACKETS)
    assert 12 == sum(matching(found, "probe_packets_received_total"))
    assert 8 == sum(matching(found, "probe_packets_lost_total"))


def test_packet_counters_begin_at_zero() -> None:
    """A network's first packets would be missed by rate() otherwise."""
    found = scrape(with_tally(published(crowd({"a": 1}, ipv6=True)), packets_sent={}))

    zeroes = {
        (scope, "a", version): 0
        for scope in ("container", "host")
        for version in ("4", "6")
    }
    assert zeroes == by(found, "probe_packets_sent_total", *PACKETS)


def test_counters_of_networks_that_are_gone_have_no_series() -> None:
    """Nothing outlives what it is about."""
    gone = (Scope.CONTAINER, "gone", 4)
    found = scrape(
        with_tally(
            snapshots.small(), packets_sent={gone: 3}, dns_lookups={("gone", "ok"): 3}
        )
    )

    assert [] == matching(found, "probe_packets_sent_total", network="gone")
    assert [] == matching(found, "dns_lookups_total", network="gone")


def test_histograms_of_networks_that_are_gone_have_no_series() -> None:
    """As for counters."""
    seen = snapshots.small()
    counted = seen.tally.copy()
    counted.rtt[(Scope.CONTAINER, "gone", 4)] = histogram(RTT_BOUNDS_S, 1e-4)
    counted.dns_duration["gone"] = histogram(DNS_BOUNDS_S, 1e-4)
    found = scrape(replace(seen, tally=counted))

    assert [] == matching(found, "rtt_seconds_count", network="gone")
    assert [] == matching(found, "dns_lookup_duration_seconds_count", network="gone")


def test_duplicates_and_late_replies_by_scope() -> None:
    """Every scope that sends echo requests, from 0 on."""
    seen = with_tally(
        snapshots.small(), duplicates={Scope.HOST: 2}, late={Scope.CONTAINER: 1}
    )
    found = scrape(seen)

    scopes = {("container",): 0, ("host",): 2, ("gateway",): 0}
    assert scopes == by(found, "probe_packets_duplicate_total", "scope")
    assert [1] == matching(found, "probe_packets_late_total", scope="container")


def test_probes_by_result_begin_at_zero() -> None:
    """Every result that makes sense; names are asked, not pinged."""
    found = scrape(snapshots.small())

    assert 3 * 13 + 9 == len(found["probes_total"])
    assert [4] == matching(found, "probes_total", scope="container", result="ok")
    assert [2] == matching(found, "probes_total", scope="name", result="no_resolver")
    assert [0] == matching(found, "probes_total", scope="host", result="send_error")
    assert [] == matching(found, "probes_total", scope="name", protocol="icmp")


def test_a_result_nobody_thought_of_is_still_exported() -> None:
    """A count is never dropped."""
    odd = (Scope.NAME, Protocol.DNS, Result.NO_ROUTE)
    found = scrape(with_tally(snapshots.small(), probes={odd: 5}))

    assert [5] == matching(found, "probes_total", scope="name", result="no_route")


def test_round_trips_are_a_histogram_by_network() -> None:
    """The demo's replies take 61 µs: above 50 µs, below 100 µs."""
    found = scrape(snapshots.small())

    labels = {"scope": "container", "network": "mybridge", "ip_version": "4"}
    buckets = by(found, "rtt_seconds_bucket", "scope", "network", "ip_version", "le")
    mine = {key[-1]: value for key, value in buckets.items() if key[1] == "mybridge"}
    assert 17 == len(matching(found, "rtt_seconds_bucket", **labels))
    assert (0, 2) == (mine["5e-05"], mine["0.0001"])
    assert [2] == matching(found, "rtt_seconds_count", **labels)
    assert [122e-6] == matching(found, "rtt_seconds_sum", **labels)
    assert [4] == matching(found, "rtt_seconds_count", scope="gateway", network="")


def test_lookups_of_networks_with_a_resolver() -> None:
    """The default bridge has none: nothing was looked up there."""
    found = scrape(snapshots.small())

    expected = {
        ("mybridge", "ok"): 2,
        ("mybridge", "nxdomain"): 0,
        ("mybridge", "servfail"): 0,
        ("mybridge", "timeout"): 0,
        ("mybridge", "wrong_answer"): 0,
    }
    assert expected == by(found, "dns_lookups_total", "network", "result")
    assert [2] == matching(found, "dns_lookup_duration_seconds_count")
    assert 16 == len(found["dns_lookup_duration_seconds_bucket"])


def test_lookups_that_were_no_lookups_are_left_to_the_probes() -> None:
    """A namespace that could not be entered is no answer of a resolver."""
    lookups = Counter({("mybridge", "netns_error"): 3})
    found = scrape(with_tally(snapshots.small(), dns_lookups=lookups))

    assert [0] * 5 == matching(found, "dns_lookups_total", network="mybridge")


def test_control_failures_by_scope() -> None:
    """Every scope, from 0 on."""
    found = scrape(with_tally(snapshots.small(), control_failures={Scope.HOST: 3}))

    expected = {("container",): 0, ("host",): 3, ("gateway",): 0, ("name",): 0}
    assert expected == by(found, "positive_control_failures_total", "scope")


def test_counters_stay_while_the_engine_is_down() -> None:
    """What was counted was counted."""
    up, down = scrape(snapshots.small()), scrape(snapshots.engine_down())

    for name in ("probe_packets_sent_total", "probes_total", "rtt_seconds_count"):
        assert up[name] == down[name]


def test_before_the_first_answer_only_fixed_sets_are_there() -> None:
    """No network is known yet."""
    found = scrape(snapshots.never_up())

    assert 48 == len(found["probes_total"])
    assert "probe_packets_sent_total" not in found
