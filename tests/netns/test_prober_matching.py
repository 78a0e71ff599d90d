"""Forged, damaged, repeated, late and foreign packets, sent by real hosts."""

import socket
import threading
import time
from itertools import pairwise

import pytest

from exporter.icmp.packet import Echo, encode_reply
from exporter.icmp.probes import Ping
from exporter.icmp.receive import Receiver
from exporter.icmp.sockets import open_echo_socket
from exporter.model.outcome import Observation, Result
from exporter.model.topology import IpVersion
from exporter.netns import NamespaceRef, open_namespace
from tests.lab.fixtures import MakePlainLab
from tests.netns.probing import (
    Answer,
    Responder,
    changed,
    ping,
    probe_one,
    running,
    sandbox,
)

both_families = pytest.mark.parametrize("ip_version", [4, 6])
SILENT = Observation(result=Result.TIMEOUT, sent=1)


def right(echo: Echo) -> list[bytes]:
    """Answer as the kernel would."""
    return [encode_reply(echo, 4)]


@both_families
def test_a_host_of_ours_is_believed(
    netns_lab: MakePlainLab, ip_version: IpVersion
) -> None:
    """The replies that these tests make are good ones before they are spoilt."""
    lab = netns_lab(containers=2)
    first, second = lab.containers

    def answer(echo: Echo) -> list[bytes]:
        return [encode_reply(echo, ip_version)]

    with running(lab) as prober, Responder(second, answer, ip_version=ip_version):
        found = probe_one(prober, ping(first, second, ip_version))

    assert (Result.OK, 1) == (found.result, found.received)
    assert 0 == prober.foreign_total


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(changed(cookie=1), id="cookie"),
        pytest.param(changed(cycle=1 << 31), id="cycle"),
        pytest.param(changed(pair=1), id="pair"),
        pytest.param(changed(number=1), id="number"),
        pytest.param(lambda echo: [encode_reply(echo, 4)[:-1]], id="truncated"),
        pytest.param(lambda echo: [encode_reply(echo, 4)[:8]], id="head only"),
        pytest.param(lambda echo: [encode_reply(echo, 4) + b"x"], id="padded"),
        pytest.param(
            lambda echo: [encode_reply(echo, 4)[:-1] + b"\xff"], id="checksum"
        ),
        pytest.param(
            lambda echo: [b"\0\1" + encode_reply(echo, 4)[2:]], id="code of a reply"
        ),
    ],
)
def test_a_forged_reply_is_no_reply(netns_lab: MakePlainLab, answer: Answer) -> None:
    """One wrong field, and the pair stays silent; the packet is counted."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with running(lab) as prober, Responder(second, answer):
        found = probe_one(prober, ping(first, second), timeout_s=1)

    assert found == SILENT
    assert 1 == prober.foreign_total


@both_families
def test_a_reply_from_another_address_is_no_reply(
    netns_lab: MakePlainLab, ip_version: IpVersion
) -> None:
    """Whoever answers for another one is not the one that was asked."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    other = "10.213.0.99" if ip_version == 4 else "fd00:213::99"
    length = 24 if ip_version == 4 else 64
    nodad = "" if ip_version == 4 else "nodad"
    second.namespace.ip(f"address add {other}/{length} dev eth0 {nodad}")

    def answer(echo: Echo) -> list[bytes]:
        return [encode_reply(echo, ip_version)]

    with (
        running(lab) as prober,
        Responder(second, answer, ip_version=ip_version, source=other),
    ):
        found = probe_one(prober, ping(first, second, ip_version), timeout_s=1)

    assert found == SILENT
    assert 1 == prober.foreign_total


def test_another_identifier_never_reaches_us(netns_lab: MakePlainLab) -> None:
    """The kernel's filter keeps it away: it is not even counted."""
    lab = netns_lab(containers=2)
    first, second = lab.containers

    def answer(echo: Echo) -> list[bytes]:
        wrong = echo._replace(identifier=echo.identifier ^ 1)
        return [encode_reply(wrong, 4), b"\x0b\0" + encode_reply(wrong, 4)[2:]]

    with running(lab) as prober, Responder(second, answer):
        found = probe_one(prober, ping(first, second))

    assert found == SILENT
    assert 0 == prober.foreign_total


def test_the_right_reply_wins_over_forged_ones(netns_lab: MakePlainLab) -> None:
    """Noise before and after the reply changes nothing."""
    lab = netns_lab(containers=2)
    first, second = lab.containers

    def answer(echo: Echo) -> list[bytes]:
        forged = encode_reply(echo._replace(cookie=2), 4)
        return [forged, encode_reply(echo, 4), forged[:9], forged]

    with running(lab) as prober, Responder(second, answer):
        found = probe_one(prober, ping(first, second))
        prober.interfaces(sandbox(first))  # after what came meanwhile

    assert (Result.OK, 1, 0) == (found.result, found.received, found.duplicates)
    assert prober.foreign_total >= 1


def test_ip_options_do_not_matter(netns_lab: MakePlainLab) -> None:
    """A reply behind a longer IP header is a reply, filter included."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with running(lab) as prober, Responder(second, right, options=b"\1" * 8):
        found = probe_one(prober, ping(first, second))

    assert Result.OK == found.result
    assert 0 == prober.foreign_total


def test_duplicates_are_counted(netns_lab: MakePlainLab) -> None:
    """Three replies to one packet: one is received, two are duplicates."""
    lab = netns_lab(containers=3)
    first, second, third = lab.containers
    # A pair without an answer keeps the round open until the repeats are in.
    third.namespace.ip("link set eth0 down")
    with running(lab) as prober, Responder(second, lambda echo: right(echo) * 3):
        found, _ = prober.probe([ping(first, second), ping(first, third)], timeout_s=1)

    assert (Result.OK, 1, 1, 2) == (
        found.result,
        found.sent,
        found.received,
        found.duplicates,
    )
    assert 1 == len(found.rtts_s)


def test_a_late_reply_belongs_to_no_later_packet(netns_lab: MakePlainLab) -> None:
    """The answer of the first round comes in the second: late, and not received."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    held: list[bytes] = []

    def answer(echo: Echo) -> list[bytes]:
        held.extend(right(echo))
        return held[:1] if len(held) > 1 else []

    with running(lab) as prober, Responder(second, answer):
        before = probe_one(prober, ping(first, second))
        after = probe_one(prober, ping(first, second), timeout_s=1)

    assert before == SILENT
    assert Observation(result=Result.TIMEOUT, sent=1, late=1) == after
    assert (1, 0) == (prober.late_total, prober.foreign_total)


def test_a_reply_after_the_round_is_counted_by_the_next(
    netns_lab: MakePlainLab,
) -> None:
    """Between rounds the sockets are drained as well, and nothing is lost."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    over, answered = threading.Event(), threading.Event()

    def answer(echo: Echo) -> list[bytes]:
        if answered.is_set():
            return []
        over.wait(5)
        answered.set()
        return right(echo)

    with running(lab) as prober, Responder(second, answer):
        before = probe_one(prober, ping(first, second))
        over.set()
        assert answered.wait(5)
        after = probe_one(prober, ping(first, second))

    assert before == SILENT
    assert (Result.TIMEOUT, 1) == (after.result, after.late)


def test_a_reply_to_the_identifier_before_is_late_not_foreign(
    netns_lab: MakePlainLab,
) -> None:
    """What waits when the identifier changes was sent by us."""
    lab = netns_lab(containers=2)
    first, second = lab.containers

    with running(lab) as prober, Responder(second, lambda echo: right(echo) * 2):
        for _ in range(20):
            assert Result.OK == probe_one(prober, ping(first, second)).result
            prober.renew()

    assert 0 == prober.foreign_total


@both_families
def test_the_systems_ping_is_not_disturbed_and_does_not_disturb(
    netns_lab: MakePlainLab, ip_version: IpVersion
) -> None:
    """Two programs ping between the same namespaces at once; each sees its own."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    to = second.ipv4 if ip_version == 4 else second.ipv6
    system = first.namespace.start(
        ["ping", "-q", "-i", "0.002", "-c", "300", str(to)], stdout=-1
    )
    with running(lab) as prober:
        found = probe_one(prober, ping(first, second, ip_version, count=30), 1.0)
        said, _ = system.communicate(timeout=10)

    assert (Result.OK, 30, 30, 0, 0) == (
        found.result,
        found.sent,
        found.received,
        found.duplicates,
        found.late,
    )
    assert 0 == prober.foreign_total
    assert b"300 received, 0% packet loss" in said


def test_bursts_lose_nothing(netns_lab: MakePlainLab) -> None:
    """More replies than the system's own buffer holds, and each is matched."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    probes = [ping(first, second)] * 2000
    with running(lab) as prober:
        found = prober.probe(probes, packets_per_second=10_000)

    assert {(1, 1, 0)} == {(one.sent, one.received, one.duplicates) for one in found}


def test_replies_wait_in_the_buffer(netns_lab: MakePlainLab) -> None:
    """A socket keeps 4000 replies that nobody has taken yet; the default keeps 256."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with (
        open_namespace(NamespaceRef(path=first.path)) as namespace,
        open_namespace(NamespaceRef(path=second.path)) as other,
    ):
        opened = namespace.run(lambda: open_echo_socket(4, 7, sandbox(first)))
        sender = other.run(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
    assert opened is not None
    with sender:
        for number in range(4000):
            reply = encode_reply(Echo(7, number, 1, 1, 1, 1), 4)
            sender.sendto(reply, (str(first.ipv4), 0))
    receiver, received = Receiver(), 0
    while count := receiver.receive(opened.fd):
        received += count
    opened.close()

    assert 4000 == received


def test_many_packets_of_one_pair_are_spread(netns_lab: MakePlainLab) -> None:
    """What harms one packet must not harm the next: 20 ms lie between them."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    seen_s: list[float] = []

    def answer(echo: Echo) -> list[bytes]:
        seen_s.append(time.monotonic())
        return right(echo)

    with running(lab) as prober, Responder(second, answer):
        found = probe_one(prober, Ping(sandbox(first), second.ipv4, 1, count=4))

    gaps = [after - before for before, after in pairwise(seen_s)]
    assert 4 == found.received
    assert 3 == len(gaps)
    assert min(gaps) > 0.005  # as this thread sees it, on a busy machine
