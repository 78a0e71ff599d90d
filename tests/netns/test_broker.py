"""What is lent across processes works in real namespaces as one's own powers do."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from exporter.broker import wire
from exporter.broker.process import Process
from exporter.broker.remote import RemotePowers
from exporter.detection.nftables import parse_tables
from exporter.dns.message import Question, Reply, encode_reply
from exporter.errors import BrokerGone, NetnsGone
from exporter.hostns import BridgeMark, HostFound
from exporter.icmp.packet import Identity
from exporter.icmp.prober import Prober
from exporter.icmp.probes import Lookup, Ping, Source
from exporter.model.outcome import Observation, Result
from exporter.model.topology import HOST, SandboxId
from exporter.netns import NamespaceRef
from exporter.powers import OwnPowers, Terms
from tests.fakes.engine_socket import EngineSocket
from tests.lab.broker import lent
from tests.lab.fixtures import MakePlainLab
from tests.lab.plain import PlainContainer, PlainLab
from tests.netns.mortal import mortal
from tests.netns.nameserver import Server

pytestmark = pytest.mark.netns
IDENTITY = Identity(4711, 1)
ROOT = Path(__file__).parents[2]


def id_of(container: PlainContainer) -> str:
    """Return the id of a container of the lab, as an engine would write it."""
    return container.name.replace("-", "").ljust(64, "0")


def descriptors(pid: int) -> set[str]:
    """Return what a process has open."""
    return {entry.name for entry in Path(f"/proc/{pid}/fd").iterdir()}


@dataclass(frozen=True)
class Stand:
    """A lab, an engine that tells of it, and powers: lent ones and our own."""

    lab: PlainLab
    engine: EngineSocket
    lent: RemotePowers
    process: Process
    own: OwnPowers

    def tell(self, identity: str, path: str, pid: int = 0) -> None:
        """Let the engine have a container."""
        answer = {
            "Id": identity,
            "State": {"Pid": pid, "Running": True},
            "NetworkSettings": {"SandboxKey": path},
        }
        where = f"{self.engine.prefix}/containers/{identity}/json"
        self.engine.script[where] = lambda to: to.json(answer)

    def source(self, container: PlainContainer) -> Source:
        """Return a container as a source, told of by the engine."""
        identity = id_of(container)
        self.tell(identity, container.path)
        assert self.lent.engine.container(identity)
        ref = NamespaceRef(path=container.path, container_id=identity)
        return Source(id=SandboxId(identity), namespace=ref)

    def host(self) -> HostFound:
        """Return the host, found over there."""
        marks = [BridgeMark(name=bridge.name) for bridge in self.lab.bridges]
        found = self.lent.find_host((), marks)
        assert isinstance(found, HostFound)
        return found


@pytest.fixture
def stand(netns_lab: MakePlainLab, tmp_path: Path) -> Iterator[Stand]:
    """Two bridges with two containers each."""
    lab = netns_lab(containers=2, bridges=2)
    terms = Terms(
        environment={"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"},
        host_namespace=lab.host.path,
    )
    with EngineSocket(tmp_path) as engine, lent(terms) as (powers, process):
        yield Stand(lab, engine, powers, process, OwnPowers(terms))


@pytest.fixture
def prober(stand: Stand) -> Iterator[Prober]:
    """A prober that enters no namespace itself; every container is a source."""
    made = Prober(on_gone=lambda _: None, opener=stand.lent)
    made.start()
    devices = tuple(bridge.name for bridge in stand.lab.bridges)
    host = Source(id=HOST, namespace=stand.host().ref, devices=devices)
    sources = [stand.source(one) for one in stand.lab.containers]
    try:
        assert made.sync([host, *sources]) == {}
        yield made
    finally:
        made.stop()


def results(found: tuple[Observation, ...]) -> list[Result]:
    """Return what became of probes."""
    return [one.result for one in found]


def test_probes_through_lent_sockets_are_answered(stand: Stand, prober: Prober) -> None:
    """From containers and from the host, in both families; isolation is seen."""
    first, second, third, _ = stand.lab.containers
    source = SandboxId(id_of(first))
    pings = [
        Ping(source, second.ipv4, 1),
        Ping(source, second.ipv6, 1),
        Ping(source, third.ipv4, 1),
        Ping(HOST, first.ipv4, 1, device="br0"),
        Ping(HOST, third.ipv4, 1, device="br1"),
        Ping(HOST, third.ipv4, 1, device="br0"),
    ]
    found = results(prober.probe(pings, timeout_s=0.5))

    ok = Result.OK
    assert found == [ok, ok, Result.TIMEOUT, ok, ok, Result.WRONG_ROUTE]


def test_a_bridge_made_anew_is_bound_over_there(stand: Stand, prober: Prober) -> None:
    """Where this process may not, the socket goes there and back."""
    first = stand.lab.containers[0]
    bridge = stand.lab.bridges[0]
    stand.lab.host.ip(
        "link del br0",
        "link add br0 type bridge forward_delay 0",
        f"address add {bridge.ipv4}/24 dev br0",
        "link set br0 up",
        f"link set {first.port} master br0",
    )
    found = prober.probe([Ping(HOST, first.ipv4, 1, device="br0")], timeout_s=0.5)

    assert results(found) == [Result.OK]


def test_names_are_asked_from_another_port_each_round(
    stand: Stand, prober: Prober
) -> None:
    """The sockets of all containers are connected over there at once."""
    first, second = stand.lab.containers[:2]

    def answer(question: Question, transaction: int) -> list[bytes]:
        reply = Reply(rcode=0, addresses=(second.ipv4,))
        return [encode_reply(question, transaction, reply)]

    lookups = [Lookup(SandboxId(id_of(one)), "web", 4) for one in (first, second)]
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(one, answer)) for one in (first, second)]
        found = [results(prober.probe(lookups, timeout_s=0.5)) for _ in range(2)]

    assert found == [[Result.OK] * 2] * 2
    for server in servers:
        assert len({port for _, _, port in server.asked}) == 2


def test_the_end_of_a_container_is_seen(stand: Stand) -> None:
    """By the pidfd that came along."""
    gone = threading.Event()
    made = Prober(on_gone=lambda _: gone.set(), opener=stand.lent)
    made.start()
    with mortal(stand.lab) as container:
        pid = container.process.pid
        cgroup = Path(f"/proc/{pid}/cgroup").read_text()
        identity = next(filter(str.isalnum, cgroup.split("/")[::-1]), "0")
        stand.tell(identity, "/nowhere", pid)
        assert stand.lent.engine.container(identity)
        ref = NamespaceRef(path="/nowhere", pid=pid, container_id=identity)
        assert made.sync([Source(id=SandboxId("one"), namespace=ref)]) == {}
        assert not gone.is_set()
        container.kill()
        assert gone.wait(5)
    made.stop()


def test_facts_and_tables_are_those_that_we_would_read(stand: Stand) -> None:
    """Of a container, and of the host."""
    first, second = stand.lab.containers[:2]
    ref, found = stand.source(first).namespace, stand.host()
    asked = (second.ipv4, second.ipv6)

    assert stand.lent.facts(ref, asked) == stand.own.facts(ref, asked)
    assert stand.lent.facts(found, asked) == stand.own.facts(found, asked)
    assert stand.lent.host_network(found) == stand.own.host_network(found)
    assert stand.lent.look(found) == stand.own.look(found)
    assert stand.lent.privileges() == stand.own.privileges()
    lent_tables, own_tables = stand.lent.tables(found.ref), stand.own.tables(found.ref)
    assert lent_tables.source == own_tables.source
    assert lent_tables.tables.keys() == own_tables.tables.keys()


def test_changes_of_rules_and_links_are_told(stand: Stand) -> None:
    """Over sockets that were opened over there, and with the links as they were."""
    heard, own = (p.subscribe(stand.host()) for p in (stand.lent, stand.own))
    assert heard.refusals == own.refusals == {}
    assert heard.table.note(b"") == own.table.note(b"")
    assert heard.nftables is not None
    assert heard.links is not None
    stand.lab.host.run(["iptables", "-A", "FORWARD", "-j", "DROP"])
    stand.lab.host.ip("link set veth0-1 down")
    assert wire.is_readable(heard.nftables.fileno(), 5)
    tables = [parse_tables(one).tables for one in heard.nftables.read().datagrams]
    assert wire.is_readable(heard.links.fileno(), 5)
    links = [heard.table.note(one).bridges for one in heard.links.read().datagrams]
    heard.close()
    own.close()

    assert "ip filter" in frozenset().union(*tables)
    assert "br0" in frozenset().union(*links)


def test_a_namespace_that_is_no_containers_is_not_entered(stand: Stand) -> None:
    """Neither by its path nor by a process: it might be anybody's."""
    container = stand.lab.containers[0]
    source = stand.source(container)
    other = stand.lab.containers[1]
    refs = [
        NamespaceRef(path=container.path),
        NamespaceRef(path=stand.lab.host.path),  # not found yet
        NamespaceRef(path="/proc/1/ns/net"),
        NamespaceRef(path="/dev/null", container_id=id_of(container)),
        NamespaceRef(path=other.path, container_id=id_of(container)),
        NamespaceRef(path=other.path, container_id=id_of(other)),
        NamespaceRef(pid=1),
        NamespaceRef(pid=1, container_id=id_of(container)),
        NamespaceRef(path=container.path, pid=1, container_id=id_of(container)),
    ]
    for ref in refs:
        with pytest.raises(NetnsGone):
            stand.lent.open_source(replace(source, namespace=ref), IDENTITY)
        with pytest.raises(NetnsGone):
            stand.lent.facts(ref, ())
        assert stand.lent.has_gone(ref)
    assert not stand.lent.shows_process(1, "")
    assert stand.own.shows_process(1, "")
    found = HostFound(ref=refs[2], source="own", identity=stand.host().identity)
    with pytest.raises(NetnsGone):
        stand.lent.host_network(found)
    with pytest.raises(NetnsGone):
        stand.lent.subscribe(found)
    stand.lent.open_source(source, IDENTITY).close()


def test_a_removed_container_is_not_entered_any_more(stand: Stand) -> None:
    """Its namespace may be another's soon."""
    source = stand.source(stand.lab.containers[0])
    del stand.engine.script[f"{stand.engine.prefix}/containers/{source.id}/json"]
    assert stand.lent.engine.container(source.id) is None

    with pytest.raises(NetnsGone):
        stand.lent.open_source(source, IDENTITY)


def test_a_path_that_is_none_of_the_engines_is_no_host(stand: Stand) -> None:
    """What would be opened beside it is not."""
    (own,) = [OwnPowers(Terms()).find_host([f"{stand.lab.host.path}/x"], ())]
    assert "netns/default" in str(own)
    with lent() as (powers, _):
        assert "netns/default" not in str(powers.find_host(["/tmp/x/y"], ()))


def test_nothing_stays_open_in_either_process(stand: Stand) -> None:
    """Whether it worked or was refused."""
    source, found = stand.source(stand.lab.containers[0]), stand.host()
    bad = replace(source, namespace=NamespaceRef(pid=1))

    def everything() -> None:
        stand.lent.open_source(source, IDENTITY).close()
        stand.lent.subscribe(found).close()
        stand.lent.look(found)
        os.close(stand.lent.lock_file())
        with pytest.raises(NetnsGone):
            stand.lent.open_source(bad, IDENTITY)
        with pytest.raises(OSError, match=r".*"):
            stand.lent.ask("bind", {"device": "br0"}, [0])

    everything()
    before = descriptors(os.getpid()), descriptors(stand.process.pid)
    for _ in range(3):
        everything()

    assert (descriptors(os.getpid()), descriptors(stand.process.pid)) == before


def test_a_thousand_bridges_are_lent(stand: Stand) -> None:
    """The process has the hard limit of descriptors: each takes two for a moment."""
    limits = Path(f"/proc/{stand.process.pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if "open files" in line]
    soft, hard = line.split()[3:5]

    assert soft == hard


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_its_end_in_the_middle_is_told_to_everybody(
    stand: Stand, number: signal.Signals
) -> None:
    """Who waits, who asks next, and the event loop."""
    asked = threading.Semaphore(0)
    never = threading.Event()
    identity = "f" * 64

    def stall(_: object) -> None:
        asked.release()
        never.wait(20)

    stand.engine.script[f"{stand.engine.prefix}/containers/{identity}/json"] = stall
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(stand.lent.engine.container, identity) for _ in range(8)]
        for _ in range(8):
            assert asked.acquire(timeout=10)
        os.kill(stand.process.pid, number)
        errors = [one.exception(timeout=10) for one in waiting]
        never.set()

    assert {type(error) for error in errors} == {BrokerGone}
    assert wire.is_readable(stand.process.life.fileno(), 5)
    with pytest.raises(BrokerGone):
        stand.lent.privileges()


def test_a_slow_engine_leaves_the_kernel_to_the_others(stand: Stand) -> None:
    """As many may wait for the engine as ever do, and probing goes on."""
    source = stand.source(stand.lab.containers[0])
    asked, never = threading.Semaphore(0), threading.Event()

    def stall(_: object) -> None:
        asked.release()
        never.wait(20)

    identity = "e" * 64
    stand.engine.script[f"{stand.engine.prefix}/containers/{identity}/json"] = stall
    with ThreadPoolExecutor(7) as pool:
        waiting = [pool.submit(stand.lent.engine.container, identity) for _ in range(7)]
        for _ in range(7):
            assert asked.acquire(timeout=10)
        began_s = time.monotonic()
        stand.lent.open_source(source, IDENTITY).close()
        took_s = time.monotonic() - began_s
        never.set()
        for one in waiting:
            one.exception(timeout=10)

    assert took_s < 1


def test_what_nobody_of_ours_would_send_ends_both(stand: Stand) -> None:
    """Whoever sends it is not ours any more."""
    ended = os.pidfd_open(stand.process.pid)
    with pytest.raises(BrokerGone):
        stand.lent.ask("sell")
    assert wire.is_readable(ended, 5)
    os.close(ended)

    assert wire.is_readable(stand.process.life.fileno(), 5)
    with pytest.raises(BrokerGone):
        stand.lent.privileges()


def test_streams_of_events_are_few(stand: Stand) -> None:
    """Each takes threads and a connection over there; one that is closed makes room."""
    opened = threading.Semaphore(0)

    def flow(to: object) -> None:
        to.begin_chunks()  # type: ignore[attr-defined]
        to.chunk(b'{"Type": "container", "Action": "exec_start: secret"}\n')  # type: ignore[attr-defined]
        opened.release()
        threading.Event().wait(20)

    stand.engine.script[f"{stand.engine.prefix}/events"] = flow
    streams = [stand.lent.engine.events(0) for _ in range(4)]
    with pytest.raises(OSError, match=r".*") as refused:
        stand.lent.engine.events(0)
    first = next(iter(streams[0]))
    streams[0].close()
    assert refused.value.errno == errno.EAGAIN
    assert first == {"Type": "container", "Action": "exec_start"}
    limit_s = time.monotonic() + 5
    while True:
        try:
            streams.append(stand.lent.engine.events(0))
            break
        except OSError:
            assert time.monotonic() < limit_s
            time.sleep(0.02)
    for stream in streams:
        stream.close()


_CONFINED = """
import json, os, sys
from ipaddress import ip_address
from exporter.broker.confinement import confine
from exporter.broker.process import start
from exporter.broker.remote import RemotePowers
from exporter.hostns import BridgeMark
from exporter.icmp.prober import Prober
from exporter.icmp.probes import Lookup, Ping, Source
from exporter.model.topology import HOST
from exporter.netns import NamespaceRef
from exporter.powers import Terms

docker, host, identity, path, to = sys.argv[1:]
process = start(Terms(environment={"DOCKER_HOST": docker}, host_namespace=host))
powers = RemotePowers(process, None)
problems = confine(str(os.geteuid()), ())
assert powers.engine.container(identity)
found = powers.find_host((), [BridgeMark(name="br0"), BridgeMark(name="br1")])
prober = Prober(on_gone=lambda _: None, opener=powers)
prober.start()
ref = NamespaceRef(path=path, container_id=identity)
errors = prober.sync([
    Source(id=HOST, namespace=found.ref, devices=("br0", "br1")),
    Source(id=identity, namespace=ref),
])
print(json.dumps([list(problems), len(errors)]), flush=True)
for line in sys.stdin:
    to = ip_address(to)
    probes = [
        Ping(HOST, to, 1, device="br0"), Ping(identity, to, 1),
        Lookup(identity, "web", 4),
    ]
    results = prober.probe(probes, timeout_s=0.5)
    print(json.dumps([str(one.result.value) for one in results]), flush=True)
prober.stop()
process.stop()
print("end")
"""


def test_all_of_it_works_from_a_confined_process(stand: Stand) -> None:
    """Without a capability, under seccomp and Landlock; bridges made anew too."""
    first, second = stand.lab.containers[:2]
    bridge = stand.lab.bridges[0]
    stand.tell(id_of(first), first.path)

    def answer(question: Question, transaction: int) -> list[bytes]:
        reply = Reply(rcode=0, addresses=(second.ipv4,))
        return [encode_reply(question, transaction, reply)]

    words = [
        stand.engine.environment["DOCKER_HOST"],
        *(stand.lab.host.path, id_of(first), first.path, str(second.ipv4)),
    ]
    with ExitStack() as stack:
        stack.enter_context(Server(first, answer))
        child = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", _CONFINED, *words],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(child.kill)
        assert child.stdin is not None
        assert child.stdout is not None
        began = child.stdout.readline()
        child.stdin.write("go\n")
        child.stdin.flush()
        before = child.stdout.readline()
        stand.lab.host.ip(
            "link del br0",
            "link add br0 type bridge forward_delay 0",
            f"address add {bridge.ipv4}/24 dev br0",
            "link set br0 up",
            *(f"link set {one.port} master br0" for one in (first, second)),
        )
        child.stdin.write("go\n")
        child.stdin.flush()
        after = child.stdout.readline()
        child.stdin.close()
        last = child.stdout.readline()
        child.wait(10)

    assert began == "[[], 0]\n"
    assert before == after == '["ok", "ok", "ok"]\n'
    assert (last, child.returncode) == ("end\n", 0)
