"""Rounds and probers that are stopped, and rounds of several callers."""

import threading
import time

import pytest

from exporter.errors import NetnsError
from exporter.icmp.prober import Prober
from exporter.icmp.probes import Lookup, Ping
from exporter.model.outcome import NOT_PROBED, Observation, Result
from exporter.model.topology import HOST
from tests.lab.fixtures import MakePlainLab
from tests.netns.probing import (
    descriptors,
    ping,
    running,
)


def test_a_stopped_prober_holds_nothing(netns_lab: MakePlainLab) -> None:
    """Every descriptor is closed, and what is asked afterwards is not measured."""
    lab = netns_lab(containers=1)
    before = descriptors()
    with running(lab) as prober:
        assert before < descriptors()
    assert before == descriptors()
    assert (NOT_PROBED,) == prober.probe([Ping(HOST, lab.bridges[0].ipv4, 1)])
    with pytest.raises(NetnsError):
        prober.sync([])


def test_a_prober_that_never_started() -> None:
    """It measures nothing and can be stopped."""
    prober = Prober(on_gone=lambda _: None)

    assert (NOT_PROBED,) == prober.probe([Lookup(HOST, "name", 4)])
    prober.stop()


def test_a_round_can_be_stopped(netns_lab: MakePlainLab) -> None:
    """What was not measured by then is skipped, never called unreachable."""
    lab = netns_lab(containers=2, bridges=2)
    first, second = lab.containers[:2]
    asked = iter([False, False, True])
    began_s = time.monotonic()
    with running(lab) as prober:
        found = prober.probe(
            [
                ping(first, second),
                ping(first, lab.containers[2]),
                *[ping(first, second)] * 10,
            ],
            timeout_s=5,
            packets_per_second=25,  # so that a busy machine replies before the next
            should_stop=lambda: next(asked),
        )

    assert [Result.OK, Result.SKIPPED] + [Result.SKIPPED] * 10 == [
        one.result for one in found
    ]
    assert [1, 1] + [0] * 10 == [one.sent for one in found]
    assert time.monotonic() - began_s < 3


def test_stopping_the_prober_ends_a_round(netns_lab: MakePlainLab) -> None:
    """Shutting down waits for no timeout."""
    lab = netns_lab(containers=1, bridges=2)
    first, second = lab.containers
    found: list[tuple[Observation, ...]] = []
    with running(lab) as prober:
        thread = threading.Thread(
            target=lambda: found.append(
                prober.probe([ping(first, second)], timeout_s=30)
            )
        )
        thread.start()
        time.sleep(0.1)  # it is under way
        prober.stop()
        thread.join(5)

    assert [(NOT_PROBED,)] == found


def test_rounds_of_two_callers_follow_each_other(netns_lab: MakePlainLab) -> None:
    """Each gets its own results."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    found: list[tuple[Observation, ...]] = []
    with running(lab) as prober:
        threads = [
            threading.Thread(
                target=lambda count=count: found.append(
                    prober.probe([ping(first, second, count=count)])
                )
            )
            for count in (1, 2, 3, 4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)

    assert [1, 2, 3, 4] == sorted(one[0].received for one in found)
