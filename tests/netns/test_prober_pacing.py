"""When packets are sent, and when a round is over."""

import math
import time
from itertools import pairwise

from exporter.icmp.packet import Echo, encode_reply
from exporter.icmp.probes import Ping
from exporter.model.outcome import Result
from tests.lab.fixtures import MakePlainLab
from tests.netns.probing import Responder, ping, running, sandbox


def test_few_packets_are_sent_one_by_one(netns_lab: MakePlainLab) -> None:
    """10 ms apart, whatever the rate allows."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    seen_s: list[float] = []

    def answer(echo: Echo) -> list[bytes]:
        seen_s.append(time.monotonic())
        return [encode_reply(echo, 4)]

    with running(lab) as prober, Responder(second, answer):
        prober.probe([ping(first, second)] * 20)

    assert seen_s[-1] - seen_s[0] > 19 * 0.009
    assert sum(after - before > 0.005 for before, after in pairwise(seen_s)) > 15


def test_many_packets_keep_to_the_rate(netns_lab: MakePlainLab) -> None:
    """In bursts; the pause after each is that of all its packets."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with running(lab) as prober:
        began_s = time.monotonic()
        found = prober.probe(
            [ping(first, second)] * 640, packets_per_second=3200, spread_s=0
        )
        took_s = time.monotonic() - began_s

    assert {Result.OK} == {one.result for one in found}
    assert took_s >= 640 / 3200


def test_a_rate_without_a_bound(netns_lab: MakePlainLab) -> None:
    """Flat out, every packet is sent and accounted for."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with running(lab) as prober:
        prober.probe([ping(first, second)])  # resolves the neighbour
        found = prober.probe(
            [ping(first, second)] * 640, packets_per_second=math.inf, spread_s=0
        )

    assert {(Result.OK, 1)} == {(one.result, one.sent) for one in found}


def test_a_round_is_over_with_its_last_answer(netns_lab: MakePlainLab) -> None:
    """The timeout is waited for only where something is open."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    probes = [
        ping(first, second),
        ping(second, first),
        Ping(sandbox(first), lab.bridges[0].ipv4, 1),
    ]
    with running(lab) as prober:
        began_s = time.monotonic()
        prober.probe(probes, timeout_s=10)
        took_s = time.monotonic() - began_s

    assert took_s < 5


def test_a_silent_pair_takes_the_timeout(netns_lab: MakePlainLab) -> None:
    """Not less, and not much more."""
    lab = netns_lab(containers=1, bridges=2)
    first, second = lab.containers
    with running(lab) as prober:
        began_s = time.monotonic()
        prober.probe([ping(first, second)], timeout_s=0.5)
        took_s = time.monotonic() - began_s

    assert 0.5 <= took_s < 1.5


def test_refused_packets_are_not_waited_for(netns_lab: MakePlainLab) -> None:
    """Nothing that was not sent can be answered."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    first.namespace.ip("link set eth0 down")
    with running(lab) as prober:
        began_s = time.monotonic()
        prober.probe([ping(first, second)], timeout_s=10)
        took_s = time.monotonic() - began_s

    assert took_s < 5
