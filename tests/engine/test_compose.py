"""The compose file and the stack, up on a real engine with what can be had here.

The exporter is the image of the Dockerfile; Prometheus and Alertmanager are this
machine's own programs in images made here; the socket proxy is a stand-in that takes
the same flags (`tests/lab/socket_proxy.py`). Grafana is not started: Debian has none.
"""

import json
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.test_detection import restore
from tests.lab import alerting
from tests.lab.alerting import ALERTMANAGER, DEPLOY, PROMETHEUS, Watch
from tests.lab.composing import composed
from tests.lab.engine import HOST_IPV4
from tests.lab.fixtures import require
from tests.lab.pool import EnginePool
from tests.lab.processes import wait_for_end
from tests.lab.rights import children_of, held, nothing
from tests.lab.suites import Suite
from tests.lab.topology import BB

# The first build on a machine makes the base image.
pytestmark = [pytest.mark.suites("forky"), pytest.mark.timeout(600)]

LEAK = "DockernetUnexpectedCrossNetworkConnectivity"
NO_LEAK = "sum(dockernet_pair_violations)==0"
README = Path(__file__).parents[2] / "README.md"
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


@pytest.fixture(scope="module")
def up(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Watch]:
    """The demo, and deploy/compose.yaml as it is but for the images."""
    require(alerting.missing())
    engine = engine_pool.fresh(engine_suite, (), {})
    alerting.build(engine)
    demo = DEPLOY / "demo" / "compose.yaml"
    with (
        composed(engine, "demo", demo, DEMO_IMAGE=BB),
        alerting.alerting(engine) as watch,
    ):
        yield watch
    engine_pool.settle()


class TestCompose:
    """deploy/compose.yaml beside deploy/demo/compose.yaml."""

    def test_prometheus_scrapes_the_exporter(self, up: Watch) -> None:
        """Its target is up, with the verdicts of the demo, and the rules are loaded."""
        up.until(lambda: up.query("up") != [])
        (target,) = up.query("up")
        up.until(lambda: up.query("dockernet_container_pairs") != [])
        pairs = {
            row["metric"]["verdict"]: float(row["value"][1])
            for row in up.query("sum by(verdict)(dockernet_container_pairs)>0")
        }
        rules = json.loads(up.ask(f"{PROMETHEUS}/api/v1/rules"))

        assert target["value"][1] == "1"
        assert (target["metric"]["job"], target["metric"]["instance"]) == (
            "dockernet",
            "127.0.0.1:10042",
        )
        assert pairs == {"as_expected": 12}
        assert rules["data"]["groups"]

    def test_it_sees_the_host_without_its_processes(self, up: Watch) -> None:
        """Scope host, and the news of the host's packet filter and links."""
        up.until(lambda: up.query("dockernet_endpoint_host_reachable") != [])
        reached = [
            row["value"][1] for row in up.query("dockernet_endpoint_host_reachable")
        ]
        active = {
            row["metric"]["source"]
            for row in up.query("dockernet_detection_source_active==1")
        }

        assert reached == ["1"] * 4
        assert {"nftables", "links", "sysctls"} <= active

    def test_prometheus_has_its_alertmanager(self, up: Watch) -> None:
        """At the address of the shipped configuration."""

        def found() -> list[str]:
            answer = up.ask(f"{PROMETHEUS}/api/v1/alertmanagers")
            active = json.loads(answer)["data"]["activeAlertmanagers"] if answer else []
            return [entry["url"] for entry in active]

        up.until(lambda: found() != [])
        assert found() == ["http://127.0.0.1:9093/api/v2/alerts"]
        up.until(lambda: "OK" in up.ask(f"{ALERTMANAGER}/-/ready"))

    def test_the_exporter_is_only_let_ask(self, up: Watch) -> None:
        """Through the socket that it has: no POST, no secrets."""
        (exporter,) = up.engine.docker.containers.list(
            filters={"name": "dockernet-exporter"}
        )

        status, said = exporter.exec_run(["python", "-c", POST])

        assert isinstance(said, bytes)
        assert (status, said.decode().split()) == (0, ["200", "403", "403"])

    def test_the_proxy_refuses_nothing_that_the_exporter_asks(self, up: Watch) -> None:
        """While it probes and listens to events: its allowance is enough."""
        up.until(lambda: up.query("dockernet_cycles_total>1") != [])
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

    @pytest.mark.parametrize("killed", ["HTTP", "privileges"])
    def test_either_process_is_killed(self, up: Watch, killed: str) -> None:
        """The other one ends too, the engine starts both, and Prometheus has news."""
        (exporter,) = up.engine.docker.containers.list(
            filters={"name": "dockernet-exporter"}
        )
        restarts = exporter.attrs["RestartCount"]
        pid = up.engine.pid_of(str(exporter.name))
        both = {"HTTP": pid, "privileges": children_of(pid)[0]}
        assert held(pid) == nothing(65534, 65534)
        os.kill(both[killed], signal.SIGKILL)

        assert [wait_for_end(one, 5) for one in both.values()] == [True, True]
        cycle = "dockernet_last_cycle_timestamp_seconds"
        (last,) = up.query(f"last_over_time({cycle}[1h])")
        news = f"{cycle} > {last['value'][1]}"
        up.until(lambda: up.query(news))
        exporter.reload()
        assert exporter.attrs["RestartCount"] == restarts + 1
        again = up.engine.pid_of(str(exporter.name))
        assert (held(again), len(children_of(again))) == (nothing(65534, 65534), 1)


def test_the_readmes_way_to_an_alert(up: Watch) -> None:
    """With the commands that stand there, but for those that started all this."""
    block = re.search(r"see one fire.*?```sh\n(.*?)```", README.read_text(), re.DOTALL)
    assert block is not None
    commands = [shlex.split(line, comments=True) for line in block[1].splitlines()]
    flush, accept, withdraw = (one for one in commands if one[0] == "iptables")

    rules = up.engine.run_beside(["iptables-save"]).stdout
    began_s = time.monotonic()
    try:
        up.engine.run_beside(flush)
        up.engine.run_beside(accept)
        found = up.wait_for(LEAK, "firing", since_s=began_s, within_s=15.0)
        up.engine.run_beside(withdraw)
        up.until(lambda: up.query(NO_LEAK))
    finally:
        restore(up.engine, rules)
    up.wait_for(LEAK, "resolved", since_s=began_s, within_s=60.0)

    assert {"docker-user-accepts"} == {one.labels["cause"] for one in found}


def test_nothing_of_it_is_reachable_from_outside(up: Watch) -> None:
    """From the LAN the host answers, none of its services does."""
    ports = ("10042", "9090", "9093", "9094")

    done = up.engine.run_in_lan([sys.executable, "-I", "-c", REACH, HOST_IPV4, *ports])

    assert done.stdout.split() == ["111"] * 4  # ECONNREFUSED
