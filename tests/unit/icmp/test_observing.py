"""What is made of a round's flat state, when it is asked for."""

import socket
import weakref
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from typing import overload

import pytest

from exporter.icmp.echoes import UNMEASURED, EchoRound
from exporter.icmp.observing import Observations
from exporter.icmp.packet import Identity
from exporter.icmp.probes import Ping
from exporter.icmp.sockets import EchoSocket
from exporter.model.outcome import Observation, Result
from exporter.model.topology import SandboxId
from tests.unit.icmp.test_matching import NoPaths

SOURCE = SandboxId("a")
PEER = IPv4Address("10.9.0.3")


@pytest.fixture
def echo_socket() -> Iterator[EchoSocket]:
    """A socket that nothing is sent through."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        yield EchoSocket(sock, ip_version=4, source=SOURCE)


def begin(found: EchoSocket | Result, pings: Sequence[Ping]) -> EchoRound:
    """Begin a round of which everything was sent."""
    current = EchoRound(
        pings,
        identity=Identity(1, 2),
        cycle=1,
        first_sequence=0,
        timeout_ns=10**9,
        find=lambda _: found,
        paths=NoPaths(),
    )
    for packet in range(current.packets):
        current.sent_ns[packet] = 1000 + packet
    return current


def four(found: EchoSocket, count: int) -> EchoRound:
    """A round of an answered, a silent, a prohibited and a duplicated pair."""
    current = begin(found, [Ping(SOURCE, PEER + n, 1, count=count) for n in range(4)])
    current.rtt_ns[0], current.rtt_ns[4 * (count - 1) + 3] = 2000, UNMEASURED
    current.fail(2, Result.PROHIBITED)
    current.duplicates[3] += 1
    return current


@pytest.mark.parametrize("count", [1, 2])
def test_each_pair_has_its_observation(echo_socket: EchoSocket, count: int) -> None:
    """In order, with what was measured of it."""
    late = {(SOURCE, (PEER + 1).packed): 3}
    found = Observations(four(echo_socket, count), late, complete=True)

    expected = (
        Observation(result=Result.OK, sent=count, received=1, rtts_s=(2e-6,)),
        Observation(result=Result.TIMEOUT, sent=count, late=3),
        Observation(result=Result.PROHIBITED, sent=count),
        Observation(result=Result.OK, sent=count, received=1, duplicates=1),
    )
    assert expected == tuple(found)
    assert expected == tuple(found[place] for place in range(4))
    assert expected[1:3] == found[1:3]
    assert expected[-1] == found[-1]
    assert 4 == len(found)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("complete", [True, False])
def test_results_alone_are_those_of_the_observations(
    echo_socket: EchoSocket, count: int, *, complete: bool
) -> None:
    """Whatever the number of packets; what is open in a cut round was not probed."""
    found = Observations(four(echo_socket, count), {}, complete=complete)

    assert [one.result for one in found] == list(found.results())
    assert (Result.TIMEOUT if complete else Result.SKIPPED) is found[1].result


def test_there_is_no_such_pair(echo_socket: EchoSocket) -> None:
    """As with any sequence."""
    with pytest.raises(IndexError):
        Observations(four(echo_socket, 1), {}, complete=True)[4]


def test_a_source_that_ends_later_changes_nothing(echo_socket: EchoSocket) -> None:
    """What was seen in the round is kept, although it is read afterwards."""
    found = Observations(four(echo_socket, 1), {}, complete=True)
    echo_socket.closed = True

    assert Result.TIMEOUT is found[1].result


def test_a_source_that_has_ended_measured_nothing(echo_socket: EchoSocket) -> None:
    """Its silence is an error, and outweighs what came before; replies count."""
    current = four(echo_socket, 1)
    echo_socket.closed = True
    found = Observations(current, {}, complete=True)

    gone = Result.NETNS_ERROR
    assert [Result.OK, gone, gone, Result.OK] == list(found.results())


def test_a_pair_without_a_socket() -> None:
    """Why there is none is its result."""
    found = Observations(
        begin(Result.NO_ROUTE, [Ping(SOURCE, PEER, 1)]), {}, complete=True
    )

    assert [Result.NO_ROUTE] == list(found.results())


class Fleeting(Sequence[Ping]):
    """Pings that exist only while they are looked at, addresses included."""

    def __init__(self) -> None:
        """Note none yet."""
        self._made: list[weakref.ref[IPv4Address]] = []

    @property
    def kept(self) -> int:
        """How many of the addresses made last still exist."""
        return sum(made() is not None for made in self._made)

    @overload
    def __getitem__(self, index: int) -> Ping: ...

    @overload
    def __getitem__(self, index: slice) -> list[Ping]: ...

    def __getitem__(self, index: int | slice) -> Ping | list[Ping]:
        places = range(200)[index]
        if isinstance(places, range):
            return [self[place] for place in places]
        address = IPv4Address(int(PEER) + places)
        if not places:
            self._made.clear()
        self._made.append(weakref.ref(address))
        if places == len(self) - 1:
            self.kept_to_the_last = self.kept
        return Ping(SOURCE, address, 1)

    def __len__(self) -> int:
        return 200


def test_pings_may_be_made_as_they_are_needed(echo_socket: EchoSocket) -> None:
    """A million of them need not exist at once; no address is mistaken for another."""
    pings = Fleeting()
    current = begin(echo_socket, pings)

    assert (len(pings), 0) == (pings.kept_to_the_last, pings.kept)
    assert [(PEER + n).packed for n in range(200)] == current.addresses
