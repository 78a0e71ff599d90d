"""A process that has given everything up probes as before."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter.dns.message import Question, Reply, encode_reply
from tests.lab.fixtures import MakePlainLab
from tests.netns.lending import Stand, id_of, standing
from tests.netns.nameserver import Server

pytestmark = pytest.mark.netns
ROOT = Path(__file__).parents[2]


@pytest.fixture
def stand(netns_lab: MakePlainLab, tmp_path: Path) -> Iterator[Stand]:
    """Two bridges with two containers each."""
    with standing(netns_lab(containers=2, bridges=2), tmp_path) as made:
        yield made


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

docker, host, identity, path, to, name = sys.argv[1:]
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
        Lookup(identity, name, 4), Lookup(identity, "secret.example", 4),
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
    stand.tell(id_of(first), first.path, name="web")

    def answer(question: Question, transaction: int) -> list[bytes]:
        reply = Reply(rcode=0, addresses=(second.ipv4,))
        return [encode_reply(question, transaction, reply)]

    words = [
        stand.engine.environment["DOCKER_HOST"],
        *(stand.lab.host.path, id_of(first), first.path, str(second.ipv4), "web"),
    ]
    with ExitStack() as stack:
        server = stack.enter_context(Server(first, answer))
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
        stand.make_anew()
        child.stdin.write("go\n")
        child.stdin.flush()
        after = child.stdout.readline()
        last = child.communicate(timeout=10)[0]

    assert began == "[[], 0]\n"
    assert before == after == '["ok", "ok", "ok", "send_error"]\n'
    assert {question.name for question, _, _ in server.asked} == {"web"}
    assert (last, child.returncode) == ("end\n", 0)
