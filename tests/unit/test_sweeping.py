"""The service's core: sweeps that a change on the host asks for."""

import asyncio
from pathlib import Path

import pytest

from exporter.budget import PATIENCE_S, SharedBudget
from exporter.dirt import Dirt
from exporter.errors import EngineUnavailable
from exporter.flows import APART_S
from exporter.model.detection import Detection
from exporter.model.outcome import Result, Scope, Verdict
from exporter.model.pair import Planned
from tests.fakes.daemon import World, running
from tests.fakes.prober import but, docker_like

pytestmark = pytest.mark.anyio
LEAK = [("bridge1", "172.18.0.2")]


@pytest.fixture
def anyio_backend() -> str:
    """Run on the loop that the service runs on."""
    return "asyncio"


def across(planned: tuple[Planned, ...]) -> tuple[Planned, ...]:
    """Return the pairs across bridges and what controls them."""
    return tuple(
        item
        for item in planned
        if item.pair.scope is not Scope.CONTAINER or not item.decision.on_link
    )


def leak(world: World) -> None:
    """Let one pair through that is to be isolated."""
    answer = but(docker_like(world.engine.found), Result.OK, LEAK)
    for runner in (world.runner, world.sweeper):
        runner.prober._answer = answer  # noqa: SLF001 - the world changes


async def test_a_sweep_after_a_change_meets_the_rules_of_now(tmp_path: Path) -> None:
    """By connections that no rule knows yet; the cycles after it go on with them."""
    async with running(tmp_path) as world:
        await world.settled()
        world.clock.move(APART_S)
        before = len(world.sweeper.prober.calls)
        await world.daemon.sweep("firewall", across)
        world.clock.move(APART_S)
        await world.daemon.sweep("link", across)

        assert world.sweeper.prober.renewed == [before]


async def test_a_change_while_probing_is_paused_is_met_after_it(
    tmp_path: Path,
) -> None:
    """What was let through before is no longer known to the packet filter then."""
    async with running(tmp_path) as world:
        await world.settled()
        world.clock.move(APART_S)
        before = len(world.runner.prober.calls)
        world.pause_file.touch()
        await world.daemon.sweep("firewall", across)
        world.pause_file.unlink()
        await world.daemon.tick()

        assert world.runner.prober.renewed == [before]


async def test_a_change_that_nobody_could_look_at_is_met_by_the_next_cycle(
    tmp_path: Path,
) -> None:
    """Another process held the budget for too long."""
    async with running(tmp_path) as world:
        await world.settled()
        world.clock.move(APART_S)
        before = len(world.runner.prober.calls)
        with SharedBudget(world.clock, tmp_path).hold(lambda _: None):
            sweep = asyncio.create_task(world.daemon.sweep("firewall", across))
            await world.until(lambda: "sharing" in world.daemon._failing)  # noqa: SLF001
            world.clock.move(PATIENCE_S)
            await sweep
        await world.daemon.tick()

        assert world.sweeper.prober.renewed == []
        assert world.runner.prober.renewed == [before]


async def test_a_sweep_publishes_what_it_finds(tmp_path: Path) -> None:
    """At once, by its own runner, and moves no turn of the full cycles."""
    async with running(tmp_path) as world:
        await world.settled()
        leak(world)
        await world.daemon.sweep("firewall", across)

        cycle = world.look().cycle
        assert cycle is not None
        assert cycle.trigger == "firewall"
        assert world.verdicts() == {
            Verdict.AS_EXPECTED: 19,
            Verdict.UNEXPECTED_REACHABLE: 1,
        }
        assert [len(one.probed) for one in world.sweeper.selections] == [16]
        assert world.look().tally.sweeps == {"firewall": 1}
        assert world.daemon._sweeps == 1  # noqa: SLF001 - the first cycle's


async def test_a_sweep_while_the_engine_is_away_is_none(tmp_path: Path) -> None:
    """Nothing is verified then, and its return looks at everything."""
    async with running(tmp_path) as world:
        await world.settled()
        world.engine.error = EngineUnavailable("unix:///run/docker.sock", "refused")
        world.daemon.changed(Dirt(resync="gap"))
        await world.until(lambda: not world.look().engine_up)
        await world.daemon.sweep("firewall", across)

        assert world.sweeper.selections == []
        assert world.look().tally.sweeps == {}


async def test_no_sweep_begins_once_it_is_to_stop(tmp_path: Path) -> None:
    """What is in hand is finished, nothing more is started."""
    async with running(tmp_path) as world:
        await world.settled()
        world.daemon.quiesce()
        await world.daemon.sweep("firewall", across)

        assert world.sweeper.selections == []


async def test_a_change_of_containers_is_a_quick_cycle_too(tmp_path: Path) -> None:
    """A new endpoint has its first verdict within two seconds."""
    async with running(tmp_path) as world:
        await world.settled()
        (first, *rest) = world.engine.found.sandboxes
        world.engine.changes(first, pid=77)
        world.daemon.changed(Dirt(containers=frozenset({first.id})))
        await world.until(lambda: len(world.sweeper.selections) == 1)
        await world.daemon.tick()

        assert rest
        assert len(world.runner.selections) == 2  # the first, and the tick


async def test_the_snapshot_tells_how_changes_are_noticed(tmp_path: Path) -> None:
    """With the notices, and how long work takes."""
    async with running(tmp_path) as world:
        await world.settled()
        world.detection = Detection(notices=("nobody tells",))
        world.runner.during = lambda: world.clock.move(2.0)
        await world.daemon.tick()

        assert world.look().detection is world.detection
        assert "nobody tells" in world.look().notices
        assert world.look().longest_cycle_s == 2.0
        assert world.look().longest_survey_s == 0.0


async def test_another_state_of_detection_shows_at_once(tmp_path: Path) -> None:
    """Not with the next cycle, which may be a minute away."""
    async with running(tmp_path) as world:
        await world.settled()
        world.detection = Detection(notices=("nobody tells",))
        world.daemon.detection_changed()

        assert "nobody tells" in world.look().notices


async def test_a_sweep_waits_for_the_cycle_at_work(tmp_path: Path) -> None:
    """One at a time: they share the sockets and the budget."""
    async with running(tmp_path) as world:
        await world.settled()
        busy = asyncio.create_task(world.daemon.tick())
        await world.daemon.sweep("link", across)
        await busy

        assert world.look().cycle is not None
        assert world.look().tally.cycles == {"completed": 3}
