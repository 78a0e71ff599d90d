"""The compose file and the stack, up on a real engine with what can be had here.

The exporter is the image of the Dockerfile; Prometheus and Alertmanager are this
machine's own programs in images made here; the socket proxy is a stand-in that takes
the same flags (`tests/lab/socket_proxy.py`). Grafana is not started: Debian has none.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.lab import composing, imaging
from tests.lab.composing import composed, engine_paths
from tests.lab.engine import HOST_IPV4, Engine
from tests.lab.fixtures import require
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite
from tests.lab.topology import BB

# The first build on a machine makes the base image.
pytestmark = [pytest.mark.suites("forky"), pytest.mark.timeout(600)]

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = ("socket-proxy", "dockernet-exporter", "prometheus", "alertmanager")
LIMIT_S = 60.0
PAGER = "http://127.0.0.1:9093"
ASK = (
    "import sys, urllib.request as r; "
    "sys.stdout.write(r.urlopen(sys.argv[1], timeout=5).read().decode())"
)
POST = """
import http.client, socket, sys
class Engine(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/proxy/docker.sock")
for method, path in (("GET", "/version"), ("POST", "/v1.41/containers/create"),
                     ("GET", "/v1.41/secrets")):
    engine = Engine("localhost")
    engine.request(method, path)
    print(engine.getresponse().status)
"""
REACH = """
import socket, sys
for port in sys.argv[2:]:
    with socket.socket() as client:
        client.settimeout(2)
        print(client.connect_ex((sys.argv[1], int(port))))
"""


@dataclass(frozen=True, slots=True)
class Up:
    """What is up, on which engine."""

    engine: Engine

    def ask(self, url: str) -> str:
        """Return what is answered in the host's namespace; empty while nothing is."""
        command = [sys.executable, "-I", "-c", ASK, url]
        return self.engine.run_in_host(command, check=False).stdout

    def query(self, expression: str, port: int = 9090) -> list[Mapping[str, Any]]:
        """Return the result of an instant query."""
        answer = self.ask(f"http://127.0.0.1:{port}/api/v1/query?query={expression}")
        result: list[Mapping[str, Any]] = []
        return json.loads(answer)["data"]["result"] if answer else result


@pytest.fixture(scope="module")
def built(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Engine]:
    """An engine with every image that the files need, but Grafana's."""
    require(imaging.missing() or composing.missing())
    engine = engine_pool.fresh(engine_suite, (), {})
    imaging.build_exporter(engine)
    imaging.import_program(engine, imaging.PROMETHEUS)
    imaging.import_program(engine, imaging.ALERTMANAGER)
    yield engine
    engine_pool.settle()


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that puts the stand-in in the socket proxy's place, and nothing else."""
    file = tmp_path_factory.mktemp("compose") / "stand-in.yaml"
    proxy = {
        "image": imaging.BASE,
        "entrypoint": ["python", "-u", "/proxy.py"],
        "volumes": [f"{composing.PROXY}:/proxy.py:ro"],
    }
    YAML(typ="safe").dump({"services": {"socket-proxy": proxy}}, file)
    return file


@pytest.fixture(scope="module")
def up(built: Engine, stand_in: Path) -> Iterator[Up]:
    """The demo, and deploy/compose.yaml as it is but for the images."""
    images = {
        "PROMETHEUS_IMAGE": imaging.PROMETHEUS,
        "ALERTMANAGER_IMAGE": imaging.ALERTMANAGER,
    }
    demo = composed(built, "demo", DEPLOY / "demo" / "compose.yaml", DEMO_IMAGE=BB)
    files = (DEPLOY / "compose.yaml", stand_in)
    watching = composed(
        built, "watch", *files, services=SERVICES, **engine_paths(built), **images
    )
    with demo, watching:
        yield Up(built)


def wait_for(holds: Callable[[], bool], what: str) -> None:
    """Ask again until something holds."""
    deadline_s = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline_s, f"not within {LIMIT_S} s: {what}"
        time.sleep(0.2)


class TestCompose:
    """deploy/compose.yaml beside deploy/demo/compose.yaml."""

    def test_prometheus_scrapes_the_exporter(self, up: Up) -> None:
        """Its target is up, with the verdicts of the demo, and the rules are loaded."""
        wait_for(lambda: up.query("up") != [], "a scrape")
        (target,) = up.query("up")
        wait_for(lambda: up.query("dockernet_container_pairs") != [], "a cycle")
        pairs = {
            row["metric"]["verdict"]: float(row["value"][1])
            for row in up.query("sum+by(verdict)(dockernet_container_pairs)>0")
        }
        rules = json.loads(up.ask("http://127.0.0.1:9090/api/v1/rules"))

        assert target["value"][1] == "1"
        assert (target["metric"]["job"], target["metric"]["instance"]) == (
            "dockernet",
            "127.0.0.1:10042",
        )
        assert pairs == {"as_expected": 12}
        assert rules["data"]["groups"]

    def test_it_sees_the_host_without_its_processes(self, up: Up) -> None:
        """Scope host, and the news of the host's packet filter and links."""
        wait_for(lambda: up.query("dockernet_endpoint_host_reachable") != [], "host")
        reached = [
            row["value"][1] for row in up.query("dockernet_endpoint_host_reachable")
        ]
        active = {
            row["metric"]["source"]
            for row in up.query("dockernet_detection_source_active==1")
        }

        assert reached == ["1"] * 4
        assert {"nftables", "links", "sysctls"} <= active

    def test_prometheus_has_its_alertmanager(self, up: Up) -> None:
        """At the address of the shipped configuration."""

        def found() -> list[str]:
            answer = up.ask("http://127.0.0.1:9090/api/v1/alertmanagers")
            active = json.loads(answer)["data"]["activeAlertmanagers"] if answer else []
            return [entry["url"] for entry in active]

        wait_for(lambda: found() != [], "an Alertmanager")
        assert found() == ["http://127.0.0.1:9093/api/v2/alerts"]
        wait_for(lambda: "OK" in up.ask(f"{PAGER}/-/ready"), "Alertmanager")

    def test_the_exporter_is_only_let_ask(self, up: Up) -> None:
        """Through the socket that it has: no POST, no secrets."""
        (exporter,) = up.engine.docker.containers.list(
            filters={"name": "dockernet-exporter"}
        )

        status, said = exporter.exec_run(["python", "-c", POST])

        assert isinstance(said, bytes)
        assert (status, said.decode().split()) == (0, ["200", "403", "403"])

    def test_the_proxy_refuses_nothing_that_the_exporter_asks(self, up: Up) -> None:
        """While it probes and listens to events: its allowance is enough."""
        wait_for(lambda: up.query("dockernet_cycles_total>1") != [], "two cycles")
        (proxy,) = up.engine.docker.containers.list(filters={"name": "socket-proxy"})
        allowed = "/v1.41/containers/create", "/v1.41/secrets"
        refused = [
            line
            for line in b"".join(proxy.logs(stream=True, follow=False))
            .decode()
            .splitlines()
            if line.startswith("refused") and not any(path in line for path in allowed)
        ]

        assert refused == []


def test_nothing_of_it_is_reachable_from_outside(up: Up) -> None:
    """From the LAN the host answers, none of its services does."""
    ports = ("10042", "9090", "9093", "9094")

    done = up.engine.run_in_lan([sys.executable, "-I", "-c", REACH, HOST_IPV4, *ports])

    assert done.stdout.split() == ["111"] * 4  # ECONNREFUSED
