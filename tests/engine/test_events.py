"""What the events of a real engine lead to equals what a look at all of it says."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.clock import SystemClock
from exporter.engine.client import DockerEngine
from exporter.engine.events import OTHER, Change, EngineEvent
from exporter.engine.inventory import Inventory
from exporter.engine.watch import Listeners, StreamState, Watcher
from exporter.errors import EngineError
from exporter.model.topology import ContainerId, HostNetwork, Topology
from tests.engine.proxy import RecordingProxy
from tests.engine.scene import Scene
from tests.lab.engine import Engine

NO_HOST = HostNetwork(available=False, source="not asked")
PATIENCE_S = 5.0
"""For an engine under load; what is promised is asserted on its own."""


class Follower:
    """An inventory that only ever hears of events."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.client = DockerEngine(environment=environment)
        self.inventory = Inventory(self.client)
        self.news = threading.Condition()
        self.topology: Topology | None = None
        self.connected = False
        self.changes: list[Change] = []
        self.events: list[EngineEvent] = []
        self.watcher = Watcher(
            DockerEngine(environment=environment),
            listeners=Listeners(
                changed=self.change, connected=self.connect, happened=self.events.append
            ),
            clock=SystemClock(),
        )

    def change(self, change: Change) -> None:
        """Apply a change; an engine that is away is asked again after the gap."""
        with contextlib.suppress(EngineError):
            self.inventory.apply(change)
        with self.news:
            self.changes.append(change)
            if self.inventory.state is not None:
                self.topology = self.inventory.topology(NO_HOST)
            self.news.notify_all()

    def connect(self, state: StreamState) -> None:
        """Hear of the stream."""
        with self.news:
            self.connected = state.connected
            self.news.notify_all()

    def until(self, condition: Callable[[], bool], limit_s: float = PATIENCE_S) -> bool:
        """Wait until something is true after a change or a state."""
        with self.news:
            return self.news.wait_for(condition, limit_s)

    def deaths_of(self, identity: str) -> int:
        """Return how often a container was heard to die."""
        return len(
            [e for e in self.events if (e.action, e.container) == ("die", identity)]
        )

    def stop(self) -> None:
        """End it."""
        self.watcher.stop()
        self.client.close()


@pytest.fixture
def scene(engine: Engine) -> Iterator[Scene]:
    """Tools to make networks and containers on the engine."""
    with Scene(engine.base_url) as found:
        yield found


@pytest.fixture
def follower(engine: Engine) -> Iterator[Follower]:
    """An inventory that has caught up with the engine and follows it."""
    found = Follower({"DOCKER_HOST": engine.base_url})
    found.watcher.start()
    assert found.until(lambda: found.topology is not None)
    yield found
    found.stop()


@pytest.fixture
def judge(engine: Engine) -> Iterator[Callable[[], Topology]]:
    """A look at all of the engine, by somebody who knows nothing yet."""
    client = DockerEngine(environment={"DOCKER_HOST": engine.base_url})

    def look() -> Topology:
        inventory = Inventory(client)
        inventory.full()
        return inventory.topology(NO_HOST)

    yield look
    client.close()


def test_a_containers_life(
    scene: Scene,
    follower: Follower,
    judge: Callable[[], Topology],
    subtests: pytest.Subtests,
) -> None:
    """After every step the topology is right, by events alone.

    Doubled disconnects (20.10, 26.1), connect before start, die first or last.
    """
    ours: set[ContainerId] = set()
    for number, step in enumerate(scene.life()):
        step()
        expected = judge()
        ours.update(container.id for container in expected.containers)
        with subtests.test("step", number=number):
            follower.until(lambda wanted=expected: follower.topology == wanted)  # type: ignore[misc]  # bound now
            assert expected == follower.topology

    resyncs = [c.reason for c in follower.changes if c.resync]
    # 28.5 may say "reload" of its own start: before we listen, with it, or after.
    assert resyncs in (["start"], ["reload"], ["start", "reload"])
    # A test before this one may still be heard of: somebody's exec, for example.
    heard = {event.action for event in follower.events if event.container in ours}
    assert {"start", "pause", "die", "destroy"} <= heard
    assert OTHER not in heard


def test_many_at_once(
    scene: Scene, follower: Follower, judge: Callable[[], Topology]
) -> None:
    """Containers that come and go faster than anyone looks."""
    scene.network("crowd")
    made = [scene.create(f"crowd{n}", network="crowd") for n in range(12)]

    def churn(mine: list[str]) -> None:
        for identity in mine:
            container = scene.docker.containers.get(identity)
            container.start()
            container.restart(timeout=0)
        for identity in mine[::2]:
            scene.docker.containers.get(identity).remove(force=True)

    threads = [threading.Thread(target=churn, args=(made[n::3],)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = judge()

    follower.until(lambda: follower.topology == expected)

    assert expected == follower.topology
    assert 6 == len(expected.sandboxes)


def test_a_crash_loop_ends_right(
    scene: Scene, follower: Follower, judge: Callable[[], Topology]
) -> None:
    """Start and die follow one another within milliseconds."""
    again = scene.run(
        "again",
        command="sh -c 'exit 3'",
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 3},
    )
    assert follower.until(lambda: 4 == follower.deaths_of(again))
    expected = judge()

    follower.until(lambda: follower.topology == expected)

    assert expected == follower.topology
    assert () == expected.sandboxes


@pytest.mark.parametrize("end", [Engine.halt, Engine.kill], ids=["stopped", "killed"])
def test_an_engine_that_goes_and_comes_back(
    engine: Engine,
    scene: Scene,
    follower: Follower,
    judge: Callable[[], Topology],
    end: Callable[[Engine], None],
) -> None:
    """Its end is known within a second, its return within two; then all is right."""
    scene.run("stays", restart_policy={"Name": "always"})
    clock = SystemClock()

    end(engine)
    ended_s = clock.monotonic_s()
    assert follower.until(lambda: not follower.connected)
    assert clock.monotonic_s() - ended_s < 1.0

    engine.restart()
    back_s = clock.monotonic_s()
    assert follower.until(lambda: follower.connected)
    assert clock.monotonic_s() - back_s < 2.0

    # Judged anew each time: an engine may start what it killed more than once.
    assert follower.until(lambda: follower.topology == judge())
    assert follower.until(lambda: "gap" in {c.reason for c in follower.changes})


def test_a_reconfigured_engine(engine: Engine, follower: Follower) -> None:
    """SIGHUP makes it read its configuration again, and us ask for everything."""
    os.kill(engine.pid, signal.SIGHUP)

    assert follower.until(
        lambda: any(change.reason == "reload" for change in follower.changes)
    )


def test_following_sends_nothing_but_get(
    engine: Engine, scene: Scene, tmp_path: Path
) -> None:
    """Seen at the engine's socket, through a container's whole life."""
    with RecordingProxy(engine.socket, tmp_path) as proxy:
        follower = Follower(proxy.environment)
        follower.watcher.start()
        follower.until(lambda: follower.topology is not None)
        scene.live()
        follower.until(
            lambda: any(e.action == "destroy" and e.network for e in follower.events)
        )
        follower.stop()

    assert {"GET"} == {request.partition(" ")[0] for request in proxy.requests}
    assert any("/events?since=" in request for request in proxy.requests)
