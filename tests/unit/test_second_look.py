"""Before a promise is called broken the engine is asked once more."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.errors import EngineUnavailable
from exporter.model.outcome import Result
from exporter.model.topology import SandboxId, Topology
from exporter.second_look import FEW, SecondLook
from tests.fakes.daemon import Engine, World
from tests.fakes.prober import but, docker_like
from tests.fakes.topologies import demo

AWAY = EngineUnavailable("unix:///run/docker.sock", "connection refused")
ONE = SandboxId("bridge1")


def joined(found: Topology) -> Topology:
    """Return the demo after bridge1 has joined mybridge as well."""
    other = found.sandbox_by_id[SandboxId("mybridge1")].endpoints
    sandboxes = tuple(
        replace(one, endpoints=one.endpoints + other) if one.id == ONE else one
        for one in found.sandboxes
    )
    return replace(found, sandboxes=sandboxes)


@pytest.mark.parametrize(
    ("count", "asked"),
    [
        pytest.param(1, "bridge1", id="few: one by one"),
        pytest.param(FEW + 1, "full", id="many: everything"),
    ],
)
def test_it_asks_for_no_more_than_it_needs(count: int, asked: str) -> None:
    """Its answer is the newest that is known."""
    engine = Engine(demo())
    others = (SandboxId(f"x{number}") for number in range(count - 1))
    with ThreadPoolExecutor(1) as pool:
        look = SecondLook(engine, pool, lambda: None)
        look.at(frozenset({ONE, *others}))

    assert [asked] == engine.asked
    assert engine.found is look.newest()


def test_without_an_answer_what_is_known_has_to_do() -> None:
    """An engine that is away is noticed elsewhere."""
    engine, known = Engine(demo()), demo()
    engine.error = AWAY
    with ThreadPoolExecutor(1) as pool:
        look = SecondLook(engine, pool, lambda: known)
        look.at(frozenset({ONE}))
    look.at(frozenset({ONE}))  # the pool is closed: the service stops

    assert known is look.newest()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_who_joins_a_network_during_a_cycle_is_no_leak(
    tmp_path: Path, anyio_backend: str
) -> None:
    """It is reached before the engine's event arrives."""
    assert anyio_backend
    world = World(tmp_path)
    task = asyncio.create_task(world.daemon.run())
    try:
        world.daemon.engine_connected(connected=True, error=None)
        await world.settled()
        fine = docker_like(world.engine.found)
        way = [("bridge1", "172.18.0.2"), ("mybridge1", "172.17.0.2")]
        world.runner.prober._answer = but(fine, Result.OK, way)  # noqa: SLF001
        world.engine.found = joined(world.engine.found)  # and no event yet
        await world.daemon.tick()

        assert ["full", "bridge1,mybridge1"] == world.engine.asked
        assert () == world.look().violations
    finally:
        await world.daemon.stop()
        with suppress(asyncio.CancelledError):
            await task
