"""Which questions of a round are sent together, and what is made of what comes back."""

import errno
import time
from collections.abc import Collection, Sequence

import pytest

from exporter.dns.exchange import MOST, Exchanged, Heard, Query, Resolver
from exporter.dns.lookups import Asking, LookupRound
from exporter.dns.message import Question, Reply, encode_reply
from exporter.model.outcome import Observation, Result

SENT_NS = 1_000_000_000


class FakeResolver:
    """Where questions of one namespace are asked."""

    def __init__(self) -> None:
        """Open it."""
        self.closed = False

    def close(self) -> None:
        """Close it."""
        self.closed = True


class FakeExchange:
    """Sends everything, and brings what it is told to bring next."""

    def __init__(self) -> None:
        """Bring nothing yet."""
        self.asked: list[tuple[list[Resolver], list[int], list[str]]] = []
        """Resolvers, those connected anew, and names, of each exchange."""
        self.queries: list[Query] = []
        """The last ones."""
        self.heard: list[Heard] = []
        self.error = 0
        """Of every sending; 0: none."""

    def __call__(
        self,
        resolvers: Sequence[Resolver],
        anew: Collection[int],
        queries: Sequence[Query],
    ) -> Exchanged:
        """Exchange."""
        names = [query.question.name for query in queries]
        self.asked.append(([*resolvers], [*anew], names))
        self.queries = [*queries] or self.queries
        heard, self.heard = self.heard, []
        return Exchanged([-self.error or SENT_NS] * len(queries), heard)

    def answer(self, at: int, query: Query, after_ns: int = 0) -> None:
        """Bring an answer with the next exchange."""
        message = encode_reply(query.question, query.transaction, Reply(rcode=3))
        self.heard.append((at, message, SENT_NS + after_ns))


ONE, OTHER = FakeResolver(), FakeResolver()
ASKED = [(ONE, "a"), (ONE, "b"), (OTHER, "a"), (OTHER, "b")]


@pytest.fixture
def exchange() -> FakeExchange:
    """Nothing was exchanged yet."""
    return FakeExchange()


def asking(
    exchange: FakeExchange,
    asked: Sequence[tuple[FakeResolver, str]] = ASKED,
    timeout_s: float = 0.0,
    count: int = 1,
) -> LookupRound:
    """Return a round; without a timeout all is asked again at once."""
    askings = [
        Asking(question=Question(name, 4), resolver=resolver, count=count)
        for resolver, name in asked
    ]
    return LookupRound(askings, timeout_s=timeout_s, exchange=exchange)


def results(round_: LookupRound) -> list[tuple[Result, int]]:
    """Return what became of each question, and how often it was asked."""
    return [(one.result, one.sent) for one in round_.observations(complete=True)]


def test_questions_of_several_sources_go_together(exchange: FakeExchange) -> None:
    """Each source connects anew with its first question of the round."""
    current = asking(exchange, count=2)

    assert [current.send(0, 3, 0), current.send(3, 9, 0)] == [3, 1]
    assert current.send(0, 9, 1) == 4
    assert current.send(0, 9, 2) == 0
    assert exchange.asked == [
        ([ONE, OTHER], [0, 1], ["a", "b", "a"]),
        ([OTHER], [], ["b"]),
        ([ONE, OTHER], [], ["a", "b", "a", "b"]),
    ]


def test_an_answer_that_has_come_is_taken_before_asking_again(
    exchange: FakeExchange,
) -> None:
    """What is still open is asked once more, in one exchange; never a third time."""
    current = asking(exchange)
    current.send(0, 4, 0)
    exchange.answer(0, exchange.queries[0])
    exchange.answer(1, exchange.queries[3])
    assert current.retry() is None
    assert current.retry() is None

    assert [names for _, _, names in exchange.asked[1:]] == [[], ["b", "a"]]
    asked_once, asked_twice = (Result.NXDOMAIN, 1), (Result.TIMEOUT, 2)
    assert results(current) == [asked_once, asked_twice, asked_twice, asked_once]


def test_many_are_asked_again_in_several_exchanges(exchange: FakeExchange) -> None:
    """Of no more than one bears."""
    names = [(ONE, f"n{number}") for number in range(MOST + 1)]
    current = asking(exchange, names)
    current.send(0, MOST, 0)
    current.send(MOST, MOST + 1, 0)
    due_s = current.retry()
    assert due_s is not None
    assert due_s <= time.monotonic()
    assert current.retry() is None

    assert [len(names) for _, _, names in exchange.asked if names] == [
        *(MOST, 1),
        *(MOST, 1),
    ]


def test_only_sources_with_open_questions_are_looked_at(exchange: FakeExchange) -> None:
    """Not those that are closed either."""
    third = FakeResolver()
    current = asking(exchange, [(ONE, "a"), (OTHER, "a"), (third, "a")])
    current.send(0, 3, 0)
    exchange.answer(0, exchange.queries[0])
    current.look()
    third.close()
    current.forget(third)
    assert current.outstanding == 1
    current.look()

    assert exchange.asked[-1] == ([OTHER], [], [])
    assert results(current)[2] == (Result.NETNS_ERROR, 1)


def test_nobody_listens_is_true_of_one_source(exchange: FakeExchange) -> None:
    """Of all that is open there, also of what went out with it."""
    current = asking(exchange)
    exchange.heard = [(0, None, None)]
    current.send(0, 4, 0)

    assert current.outstanding == 2
    refused, silent = (Result.NO_RESOLVER, 1), (Result.TIMEOUT, 1)
    assert results(current) == [refused, refused, silent, silent]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ECONNREFUSED, Result.NO_RESOLVER),
        (errno.EADDRNOTAVAIL, Result.NO_RESOLVER),
        (errno.EPERM, Result.REFUSED_BY_KERNEL),
        (errno.ENOENT, Result.SEND_ERROR),
    ],
    ids=["refused", "no address", "packet filter", "a name not told"],
)
def test_what_was_not_sent_is_not_waited_for(
    exchange: FakeExchange, number: int, expected: Result
) -> None:
    """Nor asked again; the errno says why."""
    exchange.error = number
    current = asking(exchange, count=2)
    current.send(0, 4, 0)
    assert (current.outstanding, current.retry()) == (0, None)
    exchange.error = 0
    current.send(0, 1, 1)

    assert exchange.asked[-1] == ([ONE], [0], ["a"])
    assert results(current)[1:] == [(expected, 0)] * 3


def test_times_are_those_of_the_stamps(exchange: FakeExchange) -> None:
    """However late one looks."""
    current = asking(exchange, [(ONE, "a")], timeout_s=60)
    current.send(0, 1, 0)
    exchange.answer(0, exchange.queries[0], after_ns=2_000_000)
    current.look()

    (found,) = current.observations(complete=True)
    assert found == Observation(
        result=Result.NXDOMAIN, sent=1, received=1, rtts_s=(0.002,)
    )
