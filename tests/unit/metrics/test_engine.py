"""Rules of the series about the Docker engine."""

from typing import get_args

from exporter.engine.api import RequestKind
from exporter.engine.events import EVENT_LABELS
from exporter.metrics.engine import API_ENDPOINTS, EVENTS
from tests.fakes import snapshots
from tests.fakes.scrapes import by, matching, scrape


def test_an_engine_that_answers() -> None:
    """It is up, it has a version, and its stream is open."""
    found = scrape(snapshots.small())

    info = ("28.5.2", "1.51", "iptables")
    assert [1] == matching(found, "docker_up")
    assert {info: 1} == by(
        found, "docker_info", "version", "api_version", "firewall_backend"
    )
    assert [1] == matching(found, "docker_event_stream_connected")


def test_an_engine_that_does_not() -> None:
    """Down, as it last introduced itself."""
    found = scrape(snapshots.engine_down())

    assert [0] == matching(found, "docker_up")
    assert [1] == matching(found, "docker_info", version="28.5.2")
    assert [0] == matching(found, "docker_event_stream_connected")


def test_an_engine_that_never_did() -> None:
    """Down, without a version."""
    found = scrape(snapshots.never_up())

    assert [0] == matching(found, "docker_up")
    assert [] == matching(found, "docker_info")


def test_requests_by_kind_and_code() -> None:
    """What is not in the closed sets is one series each."""
    found = scrape(
        snapshots.with_tally(
            snapshots.small(),
            api_requests={
                ("info", "200"): 2,
                ("info", "error"): 1,
                ("moon", "200"): 3,
                ("sun", "200"): 4,
                ("info", "418"): 5,
            },
        )
    )

    expected = {
        ("info", "200"): 2,
        ("info", "error"): 1,
        ("other", "200"): 7,
        ("info", "other"): 5,
    }
    assert expected == by(found, "docker_api_requests_total", "endpoint", "code")


def test_request_durations_are_a_histogram() -> None:
    """One request, of 3 ms."""
    found = by(
        scrape(snapshots.small()), "docker_api_request_duration_seconds_bucket", "le"
    )

    assert (0, 1, 1) == (found[("0.0025",)], found[("0.005",)], found[("+Inf",)])


def test_events_begin_at_zero() -> None:
    """Every event that may change what is reachable; others in one of their type."""
    found = by(
        scrape(
            snapshots.with_tally(
                snapshots.small(),
                events={
                    ("container", "start"): 4,
                    ("container", "exec_start"): 2,
                    ("volume", "create"): 1,
                },
            )
        ),
        "docker_events_total",
        "type",
        "action",
    )

    nonzero = {labels: count for labels, count in found.items() if count}
    assert 19 + 2 == len(found)
    assert {
        ("container", "start"): 4,
        ("container", "other"): 2,
        ("other", "other"): 1,
    } == nonzero


def test_resyncs_by_reason() -> None:
    """From 0 on."""
    found = by(scrape(snapshots.small()), "docker_resyncs_total", "reason")

    assert {("start",): 1, ("interval",): 0, ("gap",): 0} == found


def test_the_closed_sets_are_those_of_the_engine_room() -> None:
    """Rooms do not import each other; this holds them together."""
    counted = {(kind, action) for kind, actions in EVENTS.items() for action in actions}

    assert set(get_args(RequestKind)) == {*API_ENDPOINTS, "other"}
    assert {label for label in EVENT_LABELS if label[1] != "other"} == counted
