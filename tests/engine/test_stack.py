"""The stack on a swarm of one node: Prometheus finds the node's exporter.

The images are those of `test_compose`; more than one node was not tried.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from docker.models.containers import Container

from tests.lab import composing, imaging
from tests.lab.engine import HOST_IPV4, Engine
from tests.lab.fixtures import require
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite

# The first build on a machine makes the base image.
pytestmark = [pytest.mark.suites("forky"), pytest.mark.timeout(600)]

STACK = Path(__file__).parents[2] / "deploy" / "swarm" / "stack.yaml"
LIMIT_S = 90.0
ASK = (
    "import sys, urllib.request as r; "
    "sys.stdout.write(r.urlopen(sys.argv[1], timeout=5).read().decode())"
)


@pytest.fixture(scope="module")
def swarm(
    engine_suite: Suite,
    engine_pool: EnginePool,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Engine]:
    """A swarm of one node with the stack deployed, its proxy the stand-in."""
    require(imaging.missing())
    engine = engine_pool.fresh(engine_suite, (), {})
    imaging.build_exporter(engine)
    imaging.import_program(engine, imaging.PROMETHEUS)
    engine.docker.swarm.init(advertise_addr=HOST_IPV4)
    paths = {**composing.engine_paths(engine), "PROMETHEUS_IMAGE": imaging.PROMETHEUS}
    stand_in = tmp_path_factory.mktemp("stack") / "stand-in.yaml"
    composing.write_stand_in(stand_in)
    files = ["--compose-file", str(STACK), "--compose-file", str(stand_in)]
    engine.run_beside(
        [
            *("env", *(f"{name}={value}" for name, value in paths.items())),
            *("docker", "stack", "deploy", "--detach=true", "--resolve-image=never"),
            *(*files, "dockernet"),
        ]
    )
    yield engine
    engine.docker.swarm.leave(force=True)
    engine_pool.settle()


def running(engine: Engine, service: str) -> Container | None:
    """Return the running container of a service of the stack."""
    label = f"com.docker.swarm.service.name=dockernet_{service}"
    found = engine.docker.containers.list(filters={"label": label})
    return found[0] if found else None


def query(engine: Engine, expression: str) -> list[dict[str, Any]]:
    """Return the result of an instant query, asked over the stack's own network.

    Empty where nobody answers.
    """
    exporter = running(engine, "dockernet-exporter")
    if exporter is None:
        return []
    # By its task: a service's own address takes IPVS, which not every kernel has.
    url = f"http://tasks.prometheus:9090/api/v1/query?query={quote(expression)}"
    status, said = exporter.exec_run(["python", "-c", ASK, url])
    assert isinstance(said, bytes)
    result: list[dict[str, Any]] = (
        json.loads(said)["data"]["result"] if not status else []
    )
    return result


def wait_for(engine: Engine, expression: str) -> list[dict[str, Any]]:
    """Ask again until a query has a result."""
    deadline_s = time.monotonic() + LIMIT_S
    while not (found := query(engine, expression)):
        assert time.monotonic() < deadline_s, f"nothing for {expression}"
        time.sleep(0.5)
    return found


def test_prometheus_finds_the_exporter_by_its_node(swarm: Engine) -> None:
    """One target, up, named by the node's host name."""
    (target,) = wait_for(swarm, "up==1")

    assert target["metric"] == {
        "__name__": "up",
        "job": "dockernet",
        "instance": swarm.docker.info()["Name"],
    }


def test_the_host_is_found_by_its_namespace_file(swarm: Engine) -> None:
    """Off the host's network, without its processes: the helper makes it appear."""
    wait_for(swarm, "dockernet_endpoint_host_reachable==1")
    (told,) = wait_for(swarm, 'dockernet_detection_source_active{source="nftables"}')

    assert told["value"][1] == "1"


def test_nothing_is_asked_for_in_vain(swarm: Engine) -> None:
    """The proxy refuses nothing that the exporter or Prometheus asks."""
    wait_for(swarm, "dockernet_cycles_total>1")
    proxy = running(swarm, "socket-proxy")
    assert proxy is not None

    assert "refused" not in proxy.logs().decode()
