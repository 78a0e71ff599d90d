"""How the state of detection is told."""

from dataclasses import replace

import pytest

from exporter.detection.host import Look
from exporter.detection.pace import FILTER_WINDOW, LINK_WINDOW
from exporter.detection.words import Status, detection_of
from exporter.model.detection import DetectionSource

SEEN = Look(sysctls={"net.ipv4.ip_forward": "1"})
FULL = Status(
    nftables=True,
    links=True,
    look=SEEN,
    representatives=False,
    refusals={},
    failure="",
    wait_s=0.0,
    watch_s=5.0,
    period_s=5.0,
)


def lags(status: Status) -> dict[str, float]:
    """Return the lags of the sources in use."""
    sources = detection_of(status).sources
    return {str(one.source): one.lag_s for one in sources if one.active}


def test_every_source_but_the_engines_is_told_of() -> None:
    """That one is known otherwise."""
    told = {state.source for state in detection_of(FULL).sources}

    assert set(DetectionSource) - {DetectionSource.DOCKER_EVENTS} == told


def test_a_lag_is_the_longest_way_to_a_sweep() -> None:
    """The window of a burst, or the time between looks."""
    assert {
        "nftables": FILTER_WINDOW.most_s,
        "links": LINK_WINDOW.most_s,
        "sysctls": 5.0 + FILTER_WINDOW.quiet_s,
    } == lags(FULL)


def test_a_sweep_that_has_to_wait_is_part_of_it() -> None:
    """In a storm the bound says so."""
    assert FILTER_WINDOW.most_s + 3 == lags(replace(FULL, wait_s=3.0))["nftables"]


def test_representatives_come_round_as_often_as_they_can() -> None:
    """Where a round takes long, less often."""
    found = lags(replace(FULL, representatives=True, nftables=False, period_s=12.0))

    assert 12.0 == found["representatives"]
    assert "nftables" not in found


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param(FULL, [], id="all is well"),
        pytest.param(
            replace(FULL, refusals={"nftables": "CAP_NET_ADMIN is missing"}),
            ["nftables", "CAP_NET_ADMIN is missing", "every 5 s instead"],
            id="no notifications of rules",
        ),
        pytest.param(
            replace(FULL, refusals={"links": "no"}),
            ["links", "(no)", "the next cycle"],
            id="none of links",
        ),
        pytest.param(
            replace(FULL, look=Look(sysctls={}, legacy=("iptables-legacy filter",))),
            ["iptables-legacy filter", "every 5 s instead"],
            id="older tables",
        ),
        pytest.param(
            replace(FULL, look=Look(sysctls={}, unread=("net.x: no",))),
            ["net.x: no"],
            id="an unread sysctl",
        ),
        pytest.param(
            replace(FULL, failure="it ended"), ["it ended"], id="no namespace"
        ),
    ],
)
def test_notices(status: Status, words: list[str]) -> None:
    """One line each: what is missing, why, and what stands in."""
    notices = detection_of(status).notices

    assert bool(words) == len(notices)
    assert [] == [word for word in words if word not in "".join(notices)]
