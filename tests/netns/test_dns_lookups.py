"""Names asked of a server at 127.0.0.11 inside a container's namespace."""

from ipaddress import ip_address
from itertools import pairwise

import pytest

from exporter.dns.exchange import Query
from exporter.dns.message import Question, Reply, encode_reply
from exporter.icmp.opening import OwnOpener
from exporter.icmp.packet import Identity
from exporter.icmp.prober import Prober
from exporter.icmp.probes import Lookup, Source
from exporter.model.outcome import Observation, Result
from exporter.netns import NamespaceRef
from tests.lab.fixtures import MakePlainLab
from tests.lab.plain import PlainContainer
from tests.netns.nameserver import Answer, Server
from tests.netns.probing import running, sandbox

V4, V6 = ip_address("172.18.0.2"), ip_address("fd00::2")
FOUND = Reply(rcode=0, addresses=(V4,))


def replying(reply: Reply) -> Answer:
    """Answer every question alike."""
    return lambda question, transaction: [encode_reply(question, transaction, reply)]


def look_up(
    prober: Prober, container: PlainContainer, name: str = "web", timeout_s: float = 0.4
) -> Observation:
    """Return what becomes of asking for a name's IPv4 address."""
    probe = Lookup(sandbox(container), name, 4)
    (observation,) = prober.probe([probe], timeout_s=timeout_s)
    return observation


def test_names_resolve(netns_lab: MakePlainLab) -> None:
    """Each question gets its own answer; only the names given are asked."""
    answers = {
        Question("web", 4): (V4,),
        Question("web", 6): (V6,),
        Question("db.n1", 4): (V4, ip_address("172.19.0.9")),
    }

    def answer(question: Question, transaction: int) -> list[bytes]:
        reply = Reply(rcode=0, addresses=answers[question])
        return [encode_reply(question, transaction, reply)]

    lab = netns_lab(containers=1)
    (container,) = lab.containers
    with running(lab) as prober, Server(container, answer) as server:
        found = prober.probe(
            [Lookup(sandbox(container), *question) for question in answers]
        )

    assert [
        ("172.18.0.2",),
        ("fd00::2",),
        ("172.18.0.2", "172.19.0.9"),
    ] == [one.resolved for one in found]
    assert [Result.OK] * 3 == [one.result for one in found]
    assert [(1, 1)] * 3 == [(one.sent, one.received) for one in found]
    assert all(0 < (one.rtt_s or 0) < 0.2 for one in found)
    assert list(answers) == [question for question, _, _ in server.asked]
    assert 0 == prober.foreign_total


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(Reply(rcode=3), Result.NXDOMAIN, id="no such name"),
        pytest.param(Reply(rcode=0), Result.NXDOMAIN, id="no address of the family"),
        pytest.param(Reply(rcode=2), Result.SERVFAIL, id="server failure"),
        pytest.param(Reply(rcode=5), Result.SERVFAIL, id="refused"),
        pytest.param(
            Reply(rcode=0, truncated=True), Result.SERVFAIL, id="only over TCP"
        ),
    ],
)
def test_answers_without_an_address(
    netns_lab: MakePlainLab, reply: Reply, expected: Result
) -> None:
    """The server's word is the result, and it is asked once."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    with running(lab) as prober, Server(container, replying(reply)):
        found = look_up(prober, container)

    assert (expected, 1, 1, ()) == (
        found.result,
        found.sent,
        found.received,
        found.resolved,
    )


def test_nobody_listens(netns_lab: MakePlainLab) -> None:
    """A container without user networks: refused at once, for every name."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with running(lab) as prober, Server(second, replying(FOUND)):
        found = prober.probe(
            [Lookup(sandbox(first), name, 4) for name in ("a", "b", "c")]
            + [Lookup(sandbox(second), "a", 4)],
            timeout_s=5,
        )

    assert [Result.NO_RESOLVER] * 3 + [Result.OK] == [one.result for one in found]
    assert [0, 0, 0, 1] == [one.received for one in found]


def test_no_route_to_the_server(netns_lab: MakePlainLab) -> None:
    """Then nobody can listen there."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    container.namespace.ip("address flush dev lo", "route del default")
    with running(lab) as prober:
        found = look_up(prober, container)

    assert Observation(result=Result.NO_RESOLVER) == found


def test_the_containers_own_packet_filter(netns_lab: MakePlainLab) -> None:
    """The kernel refuses to send the question."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    rule = "OUTPUT -p udp --dport 53 -j DROP"
    container.namespace.run(["iptables", "-w", "-I", *rule.split()])
    with running(lab) as prober:
        found = look_up(prober, container)

    assert Observation(result=Result.REFUSED_BY_KERNEL) == found


def test_a_silent_server_is_asked_twice(netns_lab: MakePlainLab) -> None:
    """Once more after half of the time, with another transaction."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    with (
        running(lab) as prober,
        Server(container, lambda *_: []) as server,
    ):
        found = look_up(prober, container)

    assert Observation(result=Result.TIMEOUT, sent=2) == found
    assert 2 == len({transaction for _, transaction, _ in server.asked})


def test_the_second_question_is_answered(netns_lab: MakePlainLab) -> None:
    """One lost packet is no failure."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers

    def answer(question: Question, transaction: int) -> list[bytes]:
        lost = len(server.asked) == 1
        return [] if lost else [encode_reply(question, transaction, FOUND)]

    server = Server(container, answer)
    with running(lab) as prober, server:
        found = look_up(prober, container)

    assert (Result.OK, 2, 1, 0) == (
        found.result,
        found.sent,
        found.received,
        found.duplicates,
    )


def test_forged_and_broken_answers_are_passed_over(netns_lab: MakePlainLab) -> None:
    """Another transaction, another name, noise: the right answer still comes."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    evil = Reply(rcode=0, addresses=(ip_address("203.0.113.1"),))

    def answer(question: Question, transaction: int) -> list[bytes]:
        right = encode_reply(question, transaction, FOUND)
        return [
            encode_reply(question, transaction ^ 1, evil),
            encode_reply(Question("evil", 4), transaction, evil),
            right[:20],
            b"",
            right,
            encode_reply(question, transaction, evil),
        ]

    with running(lab) as prober, Server(container, answer):
        found = look_up(prober, container)

    assert (Result.OK, ("172.18.0.2",)) == (found.result, found.resolved)
    assert 4 <= prober.foreign_total


def test_repeated_answers_are_counted(netns_lab: MakePlainLab) -> None:
    """Answers to both questions: one is received, the other a duplicate."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    held: list[bytes] = []

    def answer(question: Question, transaction: int) -> list[bytes]:
        held.append(encode_reply(question, transaction, FOUND))
        return held if len(held) == 2 else []

    with (
        running(lab) as prober,
        Server(first, answer),
        Server(second, lambda *_: []),  # keeps the round open
    ):
        found, _ = prober.probe(
            [Lookup(sandbox(one), "web", 4) for one in (first, second)], timeout_s=0.4
        )

    assert (Result.OK, 2, 1, 1) == (
        found.result,
        found.sent,
        found.received,
        found.duplicates,
    )


def test_questions_go_in_small_pieces(netns_lab: MakePlainLab) -> None:
    """So that no queue of the engine's is measured: by 8, with pauses between."""
    (container,) = netns_lab(containers=1).containers
    source = Source(id=sandbox(container), namespace=NamespaceRef(path=container.path))
    opener = OwnOpener()
    queries = [Query(0, Question("web", 4), number) for number in range(20)]
    opened = opener.open_source(source, Identity(1, 1))
    with Server(container, replying(FOUND)):
        sent_ns = opener.exchange([opened.resolver], [0], queries).sent
    opened.close()
    gaps_ns = [after - before for before, after in pairwise(sent_ns)]

    assert min(sent_ns) > 0
    assert {7, 15} <= {index for index, gap in enumerate(gaps_ns) if gap > 500_000}


def test_each_round_asks_from_another_port(netns_lab: MakePlainLab) -> None:
    """An engine that was restarted listens elsewhere; old translations are not kept."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    with running(lab) as prober, Server(container, replying(FOUND)) as server:
        for _ in range(5):
            assert Result.OK == look_up(prober, container).result

    assert 1 < len({port for _, _, port in server.asked})


def test_a_server_that_comes_back(netns_lab: MakePlainLab) -> None:
    """A refusal is forgotten with its round."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    with running(lab) as prober:
        before = look_up(prober, container).result
        with Server(container, replying(FOUND)):
            between = look_up(prober, container).result
        after = look_up(prober, container).result

    assert [Result.NO_RESOLVER, Result.OK, Result.NO_RESOLVER] == [
        before,
        between,
        after,
    ]


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64])
def test_a_name_that_dns_cannot_carry(netns_lab: MakePlainLab, name: str) -> None:
    """Nothing is asked, and nothing is said of the path."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    with running(lab) as prober, Server(container, replying(FOUND)) as server:
        found = look_up(prober, container, name)

    assert Observation(result=Result.SEND_ERROR) == found
    assert [] == server.asked


def test_several_questions_about_one_name(netns_lab: MakePlainLab) -> None:
    """A server that fails once has answered once it answers."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers

    def answer(question: Question, transaction: int) -> list[bytes]:
        reply = FOUND if len(server.asked) == 2 else Reply(rcode=2)
        return [encode_reply(question, transaction, reply)]

    server = Server(container, answer)
    with running(lab) as prober, server:
        probe = Lookup(sandbox(container), "web", 4, count=3)
        (found,) = prober.probe([probe])

    assert (Result.OK, 3, 3, 3) == (
        found.result,
        found.sent,
        found.received,
        len(found.rtts_s),
    )


def test_many_names_at_once(netns_lab: MakePlainLab) -> None:
    """Hundreds of questions over one socket, each with its own answer."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    names = [f"name-{number}" for number in range(300)]

    def answer(question: Question, transaction: int) -> list[bytes]:
        number = int(question.name.removeprefix("name-"))
        addresses = (ip_address(f"10.0.{number // 256}.{number % 256}"),)
        reply = Reply(rcode=0, addresses=addresses)
        return [encode_reply(question, transaction, reply)]

    with running(lab) as prober, Server(container, answer):
        found = prober.probe([Lookup(sandbox(container), name, 4) for name in names])

    assert [(f"10.0.{number // 256}.{number % 256}",) for number in range(300)] == [
        one.resolved for one in found
    ]
