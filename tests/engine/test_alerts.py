"""From a broken network to the pager: which alerts arrive, how soon, and which do not.

A real engine, and on it the exporter, Prometheus and Alertmanager with the files that
we ship. It takes minutes, as an alert waits.
"""

import time
from collections.abc import Iterator

import pytest

from tests.engine import faults
from tests.engine.alert_scene import SOON_S, Scene, watched
from tests.engine.test_detection import flushed
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite
from tests.lab.topology import DEMO, ContainerSpec, NetworkSpec

pytestmark = [
    pytest.mark.suites("forky"),
    # The first build on a machine makes the base image.
    pytest.mark.timeout(600),
]

LEAK = "DockernetUnexpectedCrossNetworkConnectivity"
LOST = "DockernetExpectedConnectivityLost"
FULL = "DockernetSubnetNearlyFull"
LEAK_S = 15.0
"""From the flush to the pager, at most."""


@pytest.fixture(scope="module")
def scene(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Scene]:
    """The demo, watched, once for this module."""
    with watched(engine_suite, engine_pool) as found:
        yield found


def test_a_leak_is_at_the_pager_within_seconds(scene: Scene) -> None:
    """With both ends, their networks and the cause; and so is its end. Nothing else."""
    began_s = time.monotonic()
    with flushed(scene.running.engine):
        found = scene.watch.wait_for(LEAK, "firing", since_s=began_s, within_s=LEAK_S)
        ends = {(one.labels["source"], one.labels["destination"]) for one in found}
        assert ("bridge1", "mybridge1") in ends
        for one in found:
            networks = {
                one.labels[f"{end}_network"] for end in ("source", "destination")
            }
            assert {"bridge", "mybridge"} == networks
            assert one.labels["severity"] == "critical"
            assert one.labels["cause"] in {"isolation-missing", "raw-drop-missing"}
            assert one.labels["source"] in one.notes["description"]
            assert one.labels["cause"] in one.notes["description"]
    over_s = time.monotonic()
    scene.watch.wait_for(LEAK, "resolved", since_s=over_s, within_s=60.0)

    assert {LEAK} == {one.name for one in scene.watch.since(began_s)}


def test_a_rolling_restart_is_no_alert(scene: Scene) -> None:
    """Of every container, one after the other."""
    began_s = time.monotonic()
    for container in DEMO.containers:
        scene.running.container(container.name).restart(timeout=0)
    scene.wait_for_cycles()

    assert scene.watch.since(began_s) == []
    past_s = int(time.monotonic() - began_s)
    assert scene.watch.firing(f"{past_s}s") == set()


def test_a_broken_link_and_a_full_subnet(scene: Scene) -> None:
    """Each is told once it has lasted a minute, and when it is over."""
    running = scene.running
    running.add_network(NetworkSpec(name="small", subnets=("10.40.0.0/29",)))
    names = [f"small{number}" for number in range(5)]
    began_s = time.monotonic()
    for name in names:
        running.add(ContainerSpec(name=name, networks=("small",)))
    with faults.port_lost(running):
        (full,) = scene.watch.wait_for(FULL, "firing", since_s=began_s, within_s=SOON_S)
        lost = scene.watch.wait_for(LOST, "firing", since_s=began_s, within_s=SOON_S)
        assert ("small", "10.40.0.0/29") == (
            full.labels["network"],
            full.labels["subnet"],
        )
        assert {"mybridge"} == {one.labels["destination_network"] for one in lost}
    over_s = time.monotonic()
    for name in names:
        running.drop(name)
    scene.watch.wait_for(LOST, "resolved", since_s=over_s, within_s=SOON_S)

    assert {FULL, LOST} == {one.name for one in scene.watch.since(began_s)}
