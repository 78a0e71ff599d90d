"""What the pager gets when the engine itself stops; nothing else runs beside it.

The engine's containers may not outlive it, whatever it is told.
"""

import time
from collections.abc import Iterator

import pytest

from tests.engine.alert_scene import SOON_S, Scene, watched
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite

pytestmark = [pytest.mark.suites("forky"), pytest.mark.timeout(600)]

DOWN = "DockernetDockerDown"


@pytest.fixture(scope="module")
def scene(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Scene]:
    """The demo, watched, for this module."""
    with watched(engine_suite, engine_pool) as found:
        yield found


def test_an_engine_that_stops_is_told_and_nothing_else(scene: Scene) -> None:
    """What nobody can see is not called broken; nor is it once it is back."""
    began_s = time.monotonic()
    scene.running.engine.halt()
    (down,) = scene.watch.wait_for(DOWN, "firing", since_s=began_s, within_s=SOON_S)
    assert down.labels["severity"] == "warning"
    scene.running.engine.restart()
    # Alertmanager tells news of a group every five minutes: here Prometheus is asked.
    scene.watch.until(lambda: DOWN not in scene.watch.firing("10s"))
    scene.wait_for_cycles()

    assert {DOWN} == {one.name for one in scene.watch.since(began_s)}
