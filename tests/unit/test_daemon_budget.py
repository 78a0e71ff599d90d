"""The daemon and the budget of neighbour entries that it draws from."""

import asyncio
from pathlib import Path

import pytest

from exporter.budget import SharedBudget
from exporter.dirt import Dirt
from exporter.model.hoststate import HostState, NeighbourTable
from exporter.model.topology import SandboxId
from tests.fakes.daemon import World, running

ONE = SandboxId("mybridge1")
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run on the loop that the service runs on."""
    return "asyncio"


async def test_a_change_does_not_wait_for_what_comes_in_turns(tmp_path: Path) -> None:
    """The round of everything takes all that it may; whoever changes is probed yet."""
    small = NeighbourTable(entries=0, soft_limit=60, hard_limit=60)
    async with running(tmp_path) as world:
        world.host = HostState(tables={4: small, 6: small})
        await world.settled()
        started = world.runner.selections[0]
        assert started.throttled > 0
        put_off = {item.pair for item in started.skipped if ONE == item.pair.source}

        world.engine.changes(world.engine.found.sandbox_by_id[ONE], pid=4711)
        world.daemon.changed(Dirt(containers=frozenset({str(ONE)})))
        await world.until(lambda: len(world.sweeper.selections) == 1)

        probed = {item.pair for item in world.sweeper.selections[0].probed}
        assert put_off
        assert put_off <= probed


async def test_it_stops_while_another_process_holds_the_lock(tmp_path: Path) -> None:
    """SIGTERM is not kept waiting by somebody who is stopped."""
    world = World(tmp_path)
    with SharedBudget(world.clock, tmp_path).hold(lambda _: None):
        task = asyncio.create_task(world.daemon.run())
        await world.until(lambda: "sharing" in world.daemon._failing)  # noqa: SLF001
        async with asyncio.timeout(2):
            await world.daemon.stop()
            await task
