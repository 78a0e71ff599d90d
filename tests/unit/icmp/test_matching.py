"""Which replies count: a round whose replies come through a pair of plain sockets."""

import socket
import time
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.icmp.echoes import NO_REPLY, EchoRound
from exporter.icmp.matching import Matcher
from exporter.icmp.observing import Observations
from exporter.icmp.packet import Echo, Identity, encode_reply
from exporter.icmp.probes import Ping
from exporter.icmp.sockets import EchoSocket
from exporter.model.outcome import Observation, Result
from exporter.model.topology import SandboxId
from exporter.sockopt import ask_for_stamps
from tests.property.test_packet import datagram

OURS = Identity(0x1234, 0x0102030405060708)
SOURCE = SandboxId("a")
PEER, OTHER = IPv4Address("10.9.0.3"), IPv4Address("10.9.0.4")
CYCLE, FIRST_SEQUENCE = 7, 100
RIGHT = Echo(OURS.identifier, FIRST_SEQUENCE, OURS.cookie, CYCLE, 0, 0)


class NoPaths:
    """The routes of a source that are never asked."""

    def refusal(self, ping: Ping) -> Result | None:
        """Not asked."""
        raise AssertionError(ping)

    def is_routed(self, ping: Ping) -> bool:
        """Not asked."""
        raise AssertionError(ping)

    def suspect(self, source: SandboxId) -> None:
        """Not asked."""
        raise AssertionError(source)


class Bench:
    """A matcher, a socket that it drains, and the other end of that."""

    def __init__(self) -> None:
        """Make the sockets and a round of two pairs, two packets each."""
        self.network, ours = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        )
        ask_for_stamps(ours)
        self.socket = EchoSocket(ours, ip_version=4, source=SOURCE)
        self.matcher = Matcher(OURS)
        self.round = self.begin()

    def begin(
        self, *, cycle: int = CYCLE, sockets: EchoSocket | None = None
    ) -> EchoRound:
        """Begin a round, all packets of which were sent 1 ms ago."""
        found = sockets or self.socket
        current = EchoRound(
            [Ping(SOURCE, PEER, 1, count=2), Ping(SOURCE, OTHER, 1, count=2)],
            identity=OURS,
            cycle=cycle,
            first_sequence=FIRST_SEQUENCE,
            timeout_ns=10**9,
            find=lambda _: found,
            paths=NoPaths(),
        )
        before = time.clock_gettime_ns(time.CLOCK_REALTIME) - 10**6
        for packet in range(current.packets):
            current.sent_ns[packet] = before
        current.outstanding = current.packets
        self.matcher.begin(current)
        return current

    def arrive(self, *packets: bytes) -> None:
        """Let packets arrive, and take them."""
        for packet in packets:
            self.network.send(packet)
        self.matcher.drain(self.socket)

    def observed(self) -> list[Observation]:
        """Return what became of the two pairs."""
        late = self.matcher.take_late()
        return list(Observations(self.round, late, complete=True))

    def close(self) -> None:
        """Close both ends."""
        self.network.close()
        self.socket.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A round that waits for replies."""
    made = Bench()
    yield made
    made.close()


def reply(
    echo: Echo = RIGHT, source: IPv4Address = PEER, options: bytes = b""
) -> bytes:
    """Return a reply as a raw socket receives it."""
    return datagram(source, encode_reply(echo, 4), options)


def test_a_reply_counts(bench: Bench) -> None:
    """With its round-trip time: from our stamp to the kernel's."""
    bench.arrive(reply())

    first, second = bench.observed()
    assert (Result.OK, 2, 1) == (first.result, first.sent, first.received)
    assert 0.001 <= (first.rtt_s or 0) < 0.5
    assert Observation(result=Result.TIMEOUT, sent=2) == second
    assert 3 == bench.round.outstanding


def test_all_packets_of_a_pair_count(bench: Bench) -> None:
    """Times are in order of arrival."""
    bench.round.sent_ns[2] += 500_000  # the second packet left later
    bench.arrive(reply(RIGHT._replace(number=1)), reply())

    first, _ = bench.observed()
    assert (2, 0) == (first.received, first.duplicates)
    assert first.rtts_s == tuple(sorted(first.rtts_s))


def test_ip_options_do_not_matter(bench: Bench) -> None:
    """A reply behind a longer IP header is a reply."""
    bench.arrive(reply(options=b"\1\1\1\0" * 3))

    assert Result.OK == bench.observed()[0].result
    assert 0 == bench.matcher.foreign_total


def test_a_second_reply_is_a_duplicate(bench: Bench) -> None:
    """It changes neither the count nor the time of the first."""
    bench.arrive(reply())
    before = bench.round.rtt_ns[0]
    bench.arrive(reply(), reply())

    first, _ = bench.observed()
    assert (1, 2, before) == (first.received, first.duplicates, bench.round.rtt_ns[0])
    assert 3 == bench.round.outstanding


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(reply(RIGHT._replace(cookie=OURS.cookie ^ 1)), id="cookie"),
        pytest.param(reply(RIGHT._replace(identifier=1)), id="identifier"),
        pytest.param(reply(RIGHT._replace(cycle=CYCLE + 1)), id="cycle to come"),
        pytest.param(reply(RIGHT._replace(pair=2)), id="pair beyond the last"),
        pytest.param(reply(RIGHT._replace(pair=1)), id="another pair's source"),
        pytest.param(reply(RIGHT._replace(number=2)), id="number beyond the last"),
        pytest.param(reply(RIGHT._replace(number=1 << 31)), id="number far beyond"),
        pytest.param(reply(source=IPv4Address("10.9.0.9")), id="source"),
        pytest.param(reply()[:-1], id="truncated"),
        pytest.param(reply()[:20], id="no message at all"),
        pytest.param(reply()[:-1] + b"\1", id="checksum"),
        pytest.param(b"", id="nothing"),
        pytest.param(
            reply(RIGHT._replace(cookie=1), options=bytes(4)), id="options and cookie"
        ),
        pytest.param(
            reply(RIGHT._replace(identifier=1), options=bytes(4)), id="options, id"
        ),
    ],
)
def test_what_is_not_ours_is_foreign(bench: Bench, packet: bytes) -> None:
    """One wrong field is enough; it is counted and changes nothing."""
    bench.arrive(reply(RIGHT._replace(pair=1), OTHER))  # its bytes stay in the slot
    bench.arrive(packet)

    assert Observation(result=Result.TIMEOUT, sent=2) == bench.observed()[0]
    assert 1 == bench.matcher.foreign_total


def test_a_reply_to_what_was_not_sent_is_foreign(bench: Bench) -> None:
    """Whoever knows the cookie still cannot answer in advance."""
    bench.round.sent_ns[0] = 0
    bench.arrive(reply())

    assert NO_REPLY == bench.round.rtt_ns[0]
    assert 1 == bench.matcher.foreign_total


def test_a_reply_of_an_earlier_cycle_is_late(bench: Bench) -> None:
    """It counts as late for the same source and address, whatever its place then."""
    bench.arrive(reply(RIGHT._replace(cycle=CYCLE - 1, pair=5)))

    first, second = bench.observed()
    assert (Result.TIMEOUT, 0, 1) == (first.result, first.received, first.late)
    assert 0 == second.late


def test_a_reply_between_rounds_is_late_in_the_next(bench: Bench) -> None:
    """Nothing that comes after its time is lost from the counts."""
    bench.matcher.end()
    bench.arrive(reply())
    bench.round = bench.begin(cycle=CYCLE + 1)

    first, _ = bench.observed()
    assert (Result.TIMEOUT, 0, 1) == (first.result, first.received, first.late)


def test_a_reply_after_the_timeout_is_late(bench: Bench) -> None:
    """Each packet has the same time, however long its round takes."""
    bench.round.sent_ns[0] -= 2 * 10**9
    bench.arrive(reply())

    first, _ = bench.observed()
    assert (Result.TIMEOUT, 0, 1) == (first.result, first.received, first.late)


@pytest.mark.parametrize("step_ns", [-(10**10), -(10**8), 10**8, 10**10])
def test_setting_the_clock_loses_no_reply(bench: Bench, step_ns: int) -> None:
    """The reply counts; the time that it seems to have taken does not."""
    bench.round.sent_ns[0] += step_ns
    bench.round.clock_offset_ns += step_ns
    bench.arrive(reply())

    first, _ = bench.observed()
    assert (Result.OK, 1, (), None) == (
        first.result,
        first.received,
        first.rtts_s,
        first.rtt_s,
    )


def test_another_socket_of_the_namespace_hears_the_reply_too(bench: Bench) -> None:
    """A reply counts where it was asked for; elsewhere it is no duplicate."""
    other = Bench()
    bench.round = bench.begin(sockets=other.socket)
    bench.arrive(reply())
    other.close()

    assert [NO_REPLY] * 4 == list(bench.round.rtt_ns)
    assert 0 == bench.matcher.foreign_total


def test_a_flood_of_late_replies_takes_no_memory(bench: Bench) -> None:
    """Sources can be made up; only so many are told apart."""
    packet = RIGHT._replace(cycle=CYCLE - 1)
    for number in range(10_050):
        bench.arrive(reply(packet, IPv4Address(number)))

    assert 10_000 == len(bench.matcher.take_late())


def test_many_replies_are_taken_at_once(bench: Bench) -> None:
    """Each slot is matched for itself."""
    bench.arrive(*[reply()] * 10)  # more do not fit into a pair of such sockets
    bench.arrive(*[reply()] * 10)

    assert 19 == bench.observed()[0].duplicates


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.integers(0, 60))
def test_no_bytes_are_ever_a_false_match(bench: Bench, noise: bytes, keep: int) -> None:
    """Noise, also behind the beginning of the right reply: no error, no match."""
    packet = reply()[:keep] + noise
    if packet == reply():
        return
    bench.arrive(packet)

    assert NO_REPLY == bench.round.rtt_ns[0]
