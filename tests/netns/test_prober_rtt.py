"""Round-trip times against the system's ping, in the same namespaces and run."""

import re
import statistics

import pytest

from exporter.icmp.prober import Prober
from exporter.model.outcome import Result
from tests.lab.fixtures import MakePlainLab
from tests.lab.plain import PlainContainer
from tests.netns.probing import ping, running

TOLERANCE_S = 25e-6
_ROUNDS = 4
_PACKETS = 50  # few enough to be spread at their widest


def by_ping(source: PlainContainer, destination: PlainContainer) -> list[float]:
    """Return the times that `ping -i 0.01` prints, in seconds."""
    address = str(destination.ipv4)
    said = source.namespace.run(["ping", "-i", "0.01", "-c", f"{_PACKETS}", address])
    return [float(found) / 1e3 for found in re.findall(r"time=([\d.]+)", said.stdout)]


def by_prober(
    prober: Prober, source: PlainContainer, destination: PlainContainer
) -> list[float]:
    """Return the times that a round of few packets measures, in seconds."""
    found = prober.probe([ping(source, destination)] * _PACKETS)
    assert {Result.OK} == {one.result for one in found}
    return [rtt_s for one in found for rtt_s in one.rtts_s]


@pytest.mark.timeout(60)
def test_the_median_is_that_of_ping(netns_lab: MakePlainLab) -> None:
    """Within 25 µs of `ping -i 0.01`, alternating with it."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    pings_s: list[float] = []
    probes_s: list[float] = []
    with running(lab) as prober:
        for _ in range(_ROUNDS):
            pings_s += by_ping(first, second)
            probes_s += by_prober(prober, first, second)
    ours_s, theirs_s = statistics.median(probes_s), statistics.median(pings_s)

    figures = f"{ours_s * 1e6:.0f} µs, ping {theirs_s * 1e6:.0f} µs"
    assert abs(ours_s - theirs_s) < TOLERANCE_S, figures


def test_a_burst_measures_the_path_and_not_the_queue(netns_lab: MakePlainLab) -> None:
    """Stamps are of each packet and of the kernel: waiting in a burst adds nothing."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with running(lab) as prober:
        lone_s = statistics.median(by_prober(prober, first, second))
        found = prober.probe([ping(first, second)] * 640, spread_s=0)
        burst_s = statistics.median([one.rtt_s or 1 for one in found])

    assert burst_s < lone_s
