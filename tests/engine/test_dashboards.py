"""Every panel has data, and shows the fault that it is for.

A real engine, exporter and Prometheus, and the queries of the dashboards as they are.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from grafana.generate import states
from tests.engine import faults
from tests.engine.test_detection import flushed
from tests.lab import prometheus
from tests.lab.dashboards import Json, dashboards, filled, panels_of, queries
from tests.lab.fixtures import require
from tests.lab.pool import EnginePool
from tests.lab.prometheus import Prometheus, Sample
from tests.lab.service import Service, serving
from tests.lab.suites import Suite
from tests.lab.topology import DEMO, ContainerSpec, NetworkSpec, Running

pytestmark = [pytest.mark.suites("forky"), pytest.mark.timeout(180)]

OVERVIEW, CONTAINER = "dockernet-overview", "dockernet-container"
DASHBOARDS = dashboards()
MATRIX = "From network (row) to network (column)"
SETTLED_S = 20.0
"""By then a scrape has shown what a cycle of a second has found."""
EMPTY_WHEN_HEALTHY: Mapping[tuple[str, str, str], str] = {
    (OVERVIEW, "Wrong now", "A"): "no promise is broken",
    (OVERVIEW, "Wrong now", "B"): "no promise is broken",
    (OVERVIEW, "Pairs that were wrong", "A"): "none was",
    (OVERVIEW, "Series", "C"): "nothing is left out",
    (CONTAINER, "Wrong now", "A"): "no promise is broken",
    (CONTAINER, "Wrong now", "B"): "no promise is broken",
    (CONTAINER, "Pairs of this container that were wrong", "A"): "none was",
}
"""Dashboard, panel and query, and why there is nothing to show."""


@dataclass(frozen=True)
class Scene:
    """A host, its exporter, and what Prometheus knows of it."""

    running: Running
    service: Service
    prometheus: Prometheus

    def ask(
        self, dashboard: str, title: str, ref: str = "A", where: str = ""
    ) -> list[Sample]:
        """Return what a query of a panel shows; `where` is a condition on it."""
        return list(self.prometheus.query(f"({text(dashboard, title, ref)}){where}"))

    def wait(
        self, dashboard: str, title: str, ref: str = "A", where: str = ""
    ) -> list[Sample]:
        """Return it as soon as it is anything."""
        wanted = f"({text(dashboard, title, ref)}){where}"
        return list(self.prometheus.until(wanted, SETTLED_S))


def text(dashboard: str, title: str, ref: str) -> str:
    """Return a query of a panel, about the container mybridge1."""
    (panel,) = (
        one for one in panels_of(DASHBOARDS[dashboard]) if one["title"] == title
    )
    (query,) = (one for one in queries(panel) if one["refId"] == ref)
    return filled(query["expr"], container=faults.FIRST)


def every_query() -> Iterator[tuple[str, Json, Json]]:
    """Yield dashboard, panel and query."""
    for name, dashboard in DASHBOARDS.items():
        for panel in panels_of(dashboard):
            for query in queries(panel):
                yield name, panel, query


@pytest.fixture(scope="module")
def whole(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Scene]:
    """The demo with a cycle a second, once for this module."""
    require(prometheus.missing())
    running = Running(engine_pool.shared(engine_suite))
    with ExitStack() as last:
        last.callback(engine_pool.close)
        running.start(DEMO)
        service = last.enter_context(serving(running.engine))
        service.wait_for_cycle(trigger="interval")
        yield Scene(
            running, service, last.enter_context(prometheus.scraping(service.url))
        )


@pytest.fixture
def scene(whole: Scene) -> Scene:
    """The demo, and nothing is wrong: the tests come in any order."""
    for figure in ("Leaks", "Lost", "Not verified"):
        whole.wait(OVERVIEW, figure, where=" == 0")
    whole.wait(OVERVIEW, "Hosts", "F", " == 5")
    return whole


def empty_queries(scene: Scene) -> set[tuple[str, str, str]]:
    """Return the queries that show nothing now."""
    return {
        (name, panel["title"], query["refId"])
        for name, panel, query in every_query()
        if not scene.ask(name, panel["title"], query["refId"])
    }


def networks(sample: Sample) -> tuple[str, str]:
    """Return from where to where."""
    return sample.labels["source_network"], sample.labels["destination_network"]


def ends(samples: list[Sample]) -> set[tuple[str, str]]:
    """Return the pairs."""
    return {(one.labels["source"], one.labels["destination"]) for one in samples}


def test_a_healthy_host_has_data_in_every_panel(scene: Scene) -> None:
    """But in those that show what is wrong; and none of it is red."""
    deadline_s = time.monotonic() + SETTLED_S
    # A rate needs two scrapes, and the prober's first cycles.
    while empty_queries(scene) != EMPTY_WHEN_HEALTHY.keys():
        if time.monotonic() > deadline_s:
            assert EMPTY_WHEN_HEALTHY.keys() == empty_queries(scene)
        scene.service.wait_for_cycle()

    for figure in ("Leaks", "Lost", "Not verified"):
        assert [0.0] == [one.value for one in scene.ask(OVERVIEW, figure)]
    cells = scene.ask(OVERVIEW, MATRIX)
    assert {
        ("bridge", "bridge"): states.REACHES,
        ("bridge", "mybridge"): states.ISOLATED,
        ("mybridge", "bridge"): states.ISOLATED,
        ("mybridge", "mybridge"): states.REACHES,
    } == {networks(one): one.value for one in cells}


def test_a_leak_is_everywhere_it_belongs(scene: Scene) -> None:
    """In figure, list, matrix, timeline and alert, and at the container."""
    with flushed(scene.running.engine):
        scene.wait(OVERVIEW, "Leaks", where=" == 8")
        wrong = scene.ask(OVERVIEW, "Wrong now", "B", " >= 0")
        cells = scene.wait(OVERVIEW, MATRIX, where=f" == {states.LEAK}")
        rows = scene.wait(OVERVIEW, "Pairs that were wrong", where=f" == {states.LEAK}")
        at_it = scene.ask(CONTAINER, "To this container", where=f" == {states.LEAK}")
        from_it = scene.ask(CONTAINER, "From this container", where=" == 7")
        assert [2.0] == [one.value for one in scene.ask(CONTAINER, "Leaks to it")]
        notes = scene.prometheus.until(
            filled(DASHBOARDS[OVERVIEW]["annotations"]["list"][0]["expr"])
        )
        kinds = {one.labels["kind"] for one in scene.ask(CONTAINER, "Wrong now")}

    assert ("bridge1", "mybridge1") in ends(wrong)
    assert {"isolation-missing", "raw-drop-missing"} >= {
        one.labels["cause"] for one in wrong
    }
    assert {("bridge", "mybridge"), ("mybridge", "bridge")} == set(map(networks, cells))
    assert ("bridge1", "mybridge1") in ends(rows)
    assert {"bridge1", "bridge2"} == {one.labels["source"] for one in at_it}
    assert {"bridge1", "bridge2"} == {one.labels["destination"] for one in from_it}
    assert {"unexpected_reachable"} == kinds
    assert {"DockernetUnexpectedCrossNetworkConnectivity"} == {
        one.labels["alertname"] for one in notes
    }


def test_a_lost_link_is_where_it_belongs(scene: Scene) -> None:
    """In figure, matrix, loss and at the container; afterwards in the timeline."""
    with faults.port_lost(scene.running):
        scene.wait(OVERVIEW, "Lost", where=" > 0")
        cells = scene.wait(OVERVIEW, MATRIX, where=f" == {states.LOST}")
        peers = scene.wait(CONTAINER, "To this container", where=f" == {states.LOST}")
        scene.wait(CONTAINER, "Peers lost", where=" > 0")
        lost = scene.wait(OVERVIEW, "Packet loss by network", where=" > 0.01")
        assert scene.ask(OVERVIEW, "Packet loss", where=" > 0")
        assert scene.ask(CONTAINER, "Answers the host", where=" == 0")
    scene.wait(OVERVIEW, "Lost", where=" == 0")

    assert {("mybridge", "mybridge")} == set(map(networks, cells))
    assert {"mybridge2", "host"} == {one.labels["source"] for one in peers}
    assert ("mybridge", "container") in {
        (one.labels.get("network"), one.labels["scope"]) for one in lost
    }
    wrong_once = f"count_over_time(({_timeline()})[1m:1s])"
    assert (faults.SECOND, faults.FIRST) in ends(
        list(scene.prometheus.query(wrong_once))
    )


def _timeline() -> str:
    return text(OVERVIEW, "Pairs that were wrong", "A")


def test_a_full_subnet_is_where_it_belongs(scene: Scene) -> None:
    """In figure, bar, list and matrix."""
    with small_network(scene.running):
        (left,) = scene.wait(OVERVIEW, "Addresses left", where=" == 0")
        assert scene.ask(OVERVIEW, "Fullest subnet", where=" >= 0.95")
        (bar,) = scene.ask(OVERVIEW, "Subnets in use", where=" >= 0.95")
        cells = scene.ask(OVERVIEW, MATRIX)

    assert ("small", "10.40.0.0/29") == (left.labels["network"], left.labels["subnet"])
    assert "small" == bar.labels["network"]
    assert any("small" in networks(one) for one in cells)


@contextmanager
def small_network(running: Running) -> Iterator[None]:
    """Fill a network for five containers."""
    running.add_network(NetworkSpec(name="small", subnets=("10.40.0.0/29",)))
    names = [f"small{number}" for number in range(5)]
    try:
        for name in names:
            running.add(ContainerSpec(name=name, networks=("small",)))
        yield
    finally:
        for name in names:
            running.drop(name)
        running.engine.docker.networks.get("small").remove()


def test_an_engine_that_is_gone_is_no_isolation(scene: Scene) -> None:
    """Hosts say so; no cell of the matrix is called isolated or reachable."""
    calm = f" == {states.ISOLATED}", f" == {states.REACHES}"
    with gone(scene.running):
        scene.wait(OVERVIEW, "Hosts", where=" == 0")
        scene.wait(OVERVIEW, "Not verified", where=" > 0")
        assert [[], []] == [scene.ask(OVERVIEW, MATRIX, where=where) for where in calm]
        assert scene.ask(OVERVIEW, "Hosts", "D", " > 0")
        scene.wait(OVERVIEW, "Failures", where=" > 0")


@contextmanager
def gone(running: Running) -> Iterator[None]:
    """Stop the engine; afterwards its containers run again."""
    running.engine.halt()
    try:
        yield
    finally:
        running.engine.restart()
        for container in DEMO.containers:
            running.container(container.name).start()
