"""Names are asked by the process with the privileges, which sends nothing else."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.dns.message import Question, Reply, encode_reply
from exporter.errors import ProbeSocketError
from exporter.icmp.prober import Prober
from exporter.icmp.probes import Lookup, Source
from exporter.model.outcome import Observation, Result
from exporter.model.topology import SandboxId
from exporter.netns import NamespaceRef
from tests.fakes.scarcity import at_most
from tests.lab.fixtures import MakePlainLab
from tests.lab.sockets import protocols_of
from tests.netns.lending import IDENTITY, Stand, descriptors, standing
from tests.netns.mortal import Mortal, mortal
from tests.netns.nameserver import Server

pytestmark = pytest.mark.netns
UDP = (socket.AF_INET, socket.IPPROTO_UDP)
LIMIT_S = 5.0


@pytest.fixture
def stand(netns_lab: MakePlainLab, tmp_path: Path) -> Iterator[Stand]:
    """A bridge with two containers."""
    with standing(netns_lab(containers=2), tmp_path) as made:
        yield made


@pytest.fixture
def prober(stand: Stand) -> Iterator[Prober]:
    """A prober that enters no namespace itself; both containers are sources."""
    made = Prober(on_gone=lambda _: None, opener=stand.lent)
    made.start()
    try:
        assert made.sync(map(stand.source, stand.lab.containers)) == {}
        yield made
    finally:
        made.stop()


def answer(question: Question, transaction: int) -> list[bytes]:
    """Answer with an address of the family."""
    reply = Reply(rcode=0, addresses=())
    return [encode_reply(question, transaction, reply)]


def lookups(stand: Stand, *names: str) -> list[Lookup]:
    """Return each container asking for each name."""
    sources = map(stand.source, stand.lab.containers)
    return [Lookup(source.id, name, 4) for source in sources for name in names]


def results(found: tuple[Observation, ...]) -> list[Result]:
    """Return what became of probes."""
    return [one.result for one in found]


def test_no_socket_that_could_send_udp_is_lent(stand: Stand, prober: Prober) -> None:
    """Echo sockets are; those that ask for names stay over there."""
    ours, theirs = protocols_of(os.getpid()), protocols_of(stand.process.pid)

    assert prober.identities()
    assert (socket.AF_INET, socket.IPPROTO_ICMP) in ours
    assert UDP not in ours
    assert UDP in theirs


def test_names_are_asked_from_another_port_each_round(
    stand: Stand, prober: Prober
) -> None:
    """In all containers at once; times are those of the answers, not of our looking."""
    first, second = stand.lab.containers

    def found(question: Question, transaction: int) -> list[bytes]:
        reply = Reply(rcode=0, addresses=(first.ipv4,))
        return [encode_reply(question, transaction, reply)]

    asked = lookups(stand, first.name, second.name)
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(one, found)) for one in (first, second)]
        seen = [one for _ in range(2) for one in prober.probe(asked, timeout_s=0.5)]

    assert results(tuple(seen)) == [Result.OK] * 8
    assert {one.resolved for one in seen} == {(str(first.ipv4),)}
    assert all(0 < (one.rtt_s or 0) < 0.2 for one in seen)
    for server in servers:
        assert len({port for _, _, port in server.asked}) == 2


def test_names_that_the_engine_has_not_told_are_not_asked(
    stand: Stand, prober: Prober
) -> None:
    """They could carry words to whoever answers them in the end."""
    first, second = stand.lab.containers
    names = ["c2VjcmV0.example", f"x.{first.name}", f"{first.name}.", "", first.name]
    with Server(first, answer) as one, Server(second, answer) as other:
        found = prober.probe(lookups(stand, *names), timeout_s=0.5)
    names_asked = {question.name for question, _, _ in one.asked + other.asked}

    refused = Observation(result=Result.SEND_ERROR)
    assert [*found] == [*[refused] * 4, found[4], *[refused] * 4, found[9]]
    assert found[4].result is found[9].result is Result.NXDOMAIN
    assert names_asked == {first.name}


def test_a_container_that_was_renamed_is_asked_for_by_its_new_name(
    stand: Stand, prober: Prober
) -> None:
    """And not by the old one; one that was removed, by none."""
    first, second = stand.lab.containers
    asked = [one._replace(name="new") for one in lookups(stand, "new")]
    identity = asked[1].source
    stand.tell(identity, second.path, name="new")
    stand.lent.engine.container(identity)
    with Server(first, answer):
        before = prober.probe(asked[:1], timeout_s=0.5)
        old = prober.probe([asked[0]._replace(name=second.name)], timeout_s=0.5)
        del stand.engine.script[f"{stand.engine.prefix}/containers/{identity}/json"]
        assert stand.lent.engine.container(identity) is None
        after = prober.probe(asked[:1], timeout_s=0.5)

    refused = Observation(result=Result.SEND_ERROR)
    assert (results(before), old, after) == ([Result.NXDOMAIN], (refused,), (refused,))


def test_where_nobody_listens_is_known_at_once(stand: Stand, prober: Prober) -> None:
    """As the error comes back with what was sent."""
    began_s = time.monotonic()
    first, second = stand.lab.containers
    with Server(second, answer):
        found = prober.probe(lookups(stand, first.name), timeout_s=20)

    assert results(found) == [Result.NO_RESOLVER, Result.NXDOMAIN]
    assert time.monotonic() - began_s < 10


def test_a_silent_server_is_waited_for_and_asked_twice(
    stand: Stand, prober: Prober
) -> None:
    """As it is by one process."""
    first, second = stand.lab.containers
    silent = Server(first, lambda *_: [])
    with silent, Server(second, answer):
        found = prober.probe(lookups(stand, first.name), timeout_s=0.4)

    assert found[0] == Observation(result=Result.TIMEOUT, sent=2)
    assert results(found[1:]) == [Result.NXDOMAIN]
    assert len({transaction for _, transaction, _ in silent.asked}) == 2


def _told(stand: Stand, container: Mortal) -> Source:
    """Return a container that can die, told of by the engine."""
    pid = container.process.pid
    cgroup = Path(f"/proc/{pid}/cgroup").read_text()
    identity = next(filter(str.isalnum, cgroup.split("/")[::-1]), "0")
    stand.tell(identity, "/nowhere", pid, "mortal")
    assert stand.lent.engine.container(identity)
    ref = NamespaceRef(path="/nowhere", pid=pid, container_id=identity)
    return Source(id=SandboxId("mortal"), namespace=ref)


def test_a_dead_containers_interface_goes_away(stand: Stand) -> None:
    """The socket over there is closed with the others: the kernel takes the veth."""
    gone = threading.Event()
    prober = Prober(on_gone=lambda _: gone.set(), opener=stand.lent)
    prober.start()
    with mortal(stand.lab) as victim:
        source = _told(stand, victim)
        assert prober.sync([source]) == {}
        before = results(prober.probe([Lookup(source.id, "mortal", 4)]))
        victim.kill()
        assert gone.wait(LIMIT_S)
        deadline_s = time.monotonic() + LIMIT_S
        while victim.port_is_there():
            assert time.monotonic() < deadline_s
    after = results(prober.probe([Lookup(source.id, "mortal", 4)]))
    prober.stop()

    assert (before, after) == ([Result.NO_RESOLVER], [Result.NETNS_ERROR])


def test_a_source_that_is_opened_anew_has_one_socket(
    stand: Stand, prober: Prober
) -> None:
    """The one before is closed over there, and the new one asks."""
    first, _ = stand.lab.containers
    sources = [*map(stand.source, stand.lab.containers)]
    for number in range(3):
        changed = [replace(one, devices=(f"eth{number}",)) for one in sources]
        assert prober.sync(changed) == {}
    with Server(first, answer):
        found = prober.probe([Lookup(sources[0].id, first.name, 4)], timeout_s=0.5)

    assert protocols_of(stand.process.pid).count(UDP) == len(sources)
    assert results(found) == [Result.NXDOMAIN]


def test_what_could_not_be_taken_over_is_closed_over_there(stand: Stand) -> None:
    """Where no descriptor is left here, the answer to the opening is lost."""
    source = stand.source(stand.lab.containers[0])
    before = descriptors(stand.process.pid)
    with at_most(0), pytest.raises(ProbeSocketError):
        stand.lent.open_source(source, IDENTITY)

    deadline_s = time.monotonic() + LIMIT_S
    while descriptors(stand.process.pid) != before:  # what was sent is closed then
        assert time.monotonic() < deadline_s
