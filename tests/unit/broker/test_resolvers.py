"""Questions go by sockets that are known, for names that are known; few are open.

Nothing is sent here: what is allowed is asked for in tests/netns/test_broker_names.py.
"""

import errno
import socket
from collections.abc import Iterator

import pytest

from exporter.broker import resolvers
from exporter.broker.resolvers import Resolvers
from exporter.broker.wire import Malformed
from exporter.dns.exchange import Query
from exporter.dns.message import Question

NAMES = frozenset({"web"})
SECRET = Query(0, Question("c2VjcmV0.example", 4), 7)


@pytest.fixture
def kept() -> Iterator[Resolvers]:
    """One socket, under number 5."""
    made = Resolvers()
    made.keep(5, udp())
    yield made
    made.close(5)


def udp() -> socket.socket:
    """Return a socket that is not connected."""
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


def test_a_name_that_was_not_told_counts_as_not_sent(kept: Resolvers) -> None:
    """It does not even reach the socket, which would say EDESTADDRREQ."""
    found = kept.exchange([5], [], [SECRET, SECRET._replace(transaction=8)], NAMES)

    assert found == ([-errno.ENOENT] * 2, [])


def test_refused_and_asked_ones_keep_their_places(kept: Resolvers) -> None:
    """What the socket says of those that are allowed stands where they stood."""
    allowed = SECRET._replace(question=Question("web", 4))
    found = kept.exchange([5], [], [SECRET, allowed, SECRET], NAMES)

    assert found.sent == [-errno.ENOENT, -errno.EDESTADDRREQ, -errno.ENOENT]


@pytest.mark.parametrize("numbers", [[0], [5, 6]], ids=str)
def test_a_number_that_nothing_has_is_malformed(
    kept: Resolvers, numbers: list[int]
) -> None:
    """Nobody of ours asks by what it has not opened, or has closed."""
    with pytest.raises(Malformed):
        kept.exchange(numbers, [], [], NAMES)


def test_a_closed_one_is_closed(kept: Resolvers) -> None:
    """Its number is free; closing what is not there is no harm."""
    sock = udp()
    kept.keep(6, sock)
    kept.close(6)
    kept.close(6)
    assert sock.fileno() == -1
    with pytest.raises(Malformed):
        kept.exchange([6], [], [], NAMES)

    kept.keep(6, udp())
    assert kept.exchange([6], [], [], NAMES) == ([], [])
    kept.close(6)


def test_a_number_is_given_once(kept: Resolvers) -> None:
    """The one that has it stays, the other is closed."""
    other = udp()
    with pytest.raises(Malformed):
        kept.keep(5, other)

    assert other.fileno() == -1
    assert kept.exchange([5], [], [], NAMES) == ([], [])


def test_only_so_many_are_open(
    kept: Resolvers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was taken over cannot fill the process up."""
    monkeypatch.setattr(resolvers, "MOST", 2)
    kept.keep(6, udp())
    other = udp()
    with pytest.raises(OSError, match=r".*") as refused:
        kept.keep(7, other)

    assert refused.value.errno == errno.EMFILE
    assert other.fileno() == -1
    kept.close(6)
    kept.keep(7, udp())
    kept.close(7)
