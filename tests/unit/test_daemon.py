"""The service's core: what it believes while engine, network and cycles misbehave."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.budget import WINDOW_S
from exporter.dirt import Dirt
from exporter.errors import BusyError, EngineUnavailable
from exporter.model.hoststate import (
    Conntrack,
    HostState,
    NeighbourTable,
    TableSource,
)
from exporter.model.outcome import Result, Verdict
from exporter.model.snapshot import Snapshot
from exporter.model.topology import SandboxId
from tests.fakes.daemon import World, running
from tests.fakes.prober import but, docker_like

AWAY = EngineUnavailable("unix:///run/docker.sock", "connection refused")
ONE = SandboxId("mybridge1")
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run on the loop that the service runs on."""
    return "asyncio"


FINE = {Verdict.AS_EXPECTED: 20}
DOUBT = {Verdict.UNVERIFIED: 20}


async def test_it_starts_with_a_survey_and_a_cycle(tmp_path: Path) -> None:
    """Nobody has to wait for the first interval."""
    async with running(tmp_path) as world:
        await world.settled()

        assert (world.verdicts(), world.look().engine_up) == (FINE, True)
        assert world.look().cycle is not None


async def test_an_engine_that_is_away_verifies_nothing(tmp_path: Path) -> None:
    """The answer of a question counts at once, and so does its return."""
    async with running(tmp_path) as world:
        await world.settled()
        world.engine.error = AWAY
        world.daemon.changed(Dirt(resync="gap"))
        await world.until(lambda: not world.look().engine_up)
        assert world.verdicts() == DOUBT

        world.engine.error = None
        world.daemon.changed(Dirt(resync="gap"))
        await world.until(lambda: world.verdicts() == FINE)

        assert world.look().engine_up


async def test_what_was_broken_when_the_engine_went_away_is_told(
    tmp_path: Path,
) -> None:
    """Else it would be told twice as broken, with nothing between."""
    async with running(tmp_path) as world:
        await world.settled()
        world.runner.prober._answer = but(  # noqa: SLF001 - the world changes
            docker_like(world.engine.found), Result.OK, [("bridge1", "172.18.0.2")]
        )
        await world.daemon.tick()
        world.engine.error = AWAY
        with capture_logs() as lines:
            world.daemon.changed(Dirt(resync="gap"))
            await world.until(lambda: not world.look().engine_up)

        told = [
            (line["before"], line["verdict"]) for line in lines if "verdict" in line
        ]
        assert told == [("unexpected_reachable", "unverified")]


async def test_a_stream_that_was_cut_is_no_outage(tmp_path: Path) -> None:
    """Proxies cut quiet streams: the engine answers, so nothing is taken back."""
    async with running(tmp_path) as world:
        await world.settled()
        since = {state.pair: state.since for state in world.look().pairs}
        seen: list[bool] = []
        publish = world.store.publish

        def watch(snapshot: Snapshot) -> None:
            seen.append(snapshot.engine_up)
            publish(snapshot)

        world.store.publish = watch  # type: ignore[method-assign]
        world.daemon.engine_connected(connected=False, error="connection reset")
        await world.until(lambda: world.engine.asked.count("full") == 2)
        world.daemon.engine_connected(connected=True, error=None)
        await world.daemon.tick()

        assert set(seen) == {True}
        assert {state.pair: state.since for state in world.look().pairs} == since


async def test_a_stream_that_cannot_be_opened_again_is_an_outage(
    tmp_path: Path,
) -> None:
    """Whatever the engine answered last."""
    async with running(tmp_path) as world:
        await world.settled()
        world.daemon.engine_connected(connected=False, error=None)
        world.daemon.engine_connected(connected=False, error="no such file")

        assert (world.look().engine_up, world.verdicts()) == (False, DOUBT)


async def test_an_answer_from_before_the_outage_does_not_end_it(
    tmp_path: Path,
) -> None:
    """The engine answered, then went; the answer arrives afterwards."""
    async with running(tmp_path) as world:
        await world.settled()
        world.daemon.engine_connected(connected=False, error=None)
        await world.until(lambda: len(world.engine.asked) == 2)
        loop, done = asyncio.get_running_loop(), threading.Event()

        def goes_away() -> None:
            def lose() -> None:
                world.daemon.engine_connected(connected=False, error="refused")
                done.set()

            loop.call_soon_threadsafe(lose)
            assert done.wait(5)
            world.engine.error = AWAY

        world.engine.during = goes_away
        world.daemon.changed(Dirt(containers=frozenset({"x"})))
        await world.until(done.is_set)
        await world.until(lambda: len(world.engine.asked) >= 4)

        assert (world.look().engine_up, world.verdicts()) == (False, DOUBT)


async def test_a_cycle_that_always_fails_lets_verdicts_grow_old(
    tmp_path: Path,
) -> None:
    """They must not stand there for ever as if they were of now."""
    async with running(tmp_path) as world:
        await world.settled()
        world.runner.error = BusyError("process 4711")
        for _ in range(4):
            world.clock.move(15)
            await world.daemon.tick()

        assert world.verdicts() == DOUBT
        assert world.look().tally.cycles["failed"] == 4
        assert world.daemon.stalled_s == 60


async def test_a_cycle_that_hangs_lets_verdicts_grow_old(tmp_path: Path) -> None:
    """The schedule goes on telling that a cycle was left out."""
    async with running(tmp_path) as world:
        await world.settled()
        free = threading.Event()
        world.runner.during = lambda: bool(free.wait(5))
        stuck = asyncio.create_task(world.daemon.tick())
        await world.until(lambda: len(world.runner.selections) == 2)
        world.clock.move(46)
        world.daemon.cycle_skipped()
        taken_back = world.verdicts()
        free.set()
        await stuck

        assert taken_back == DOUBT
        assert world.verdicts() == FINE


async def test_a_failed_cycle_is_not_a_failed_survey(tmp_path: Path) -> None:
    """Each is counted and logged as what it is, and once."""
    with capture_logs() as lines:
        world = World(tmp_path)
        world.runner.error = BusyError("process 4711")
        task = asyncio.create_task(world.daemon.run())
        await world.until(lambda: world.look().tally.errors["cycle"] == 1)
        await world.daemon.tick()
        await world.daemon.stop()
        await task

    assert world.look().tally.errors == {"cycle": 2}
    assert sum(line["event"] == "cycle.failed" for line in lines) == 1
    assert not any(line["event"] == "survey.failed" for line in lines)


async def test_what_a_failed_survey_was_asked_for_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change is never lost, whatever the failure."""
    monkeypatch.setattr("exporter.daemon.RETRY_S", 0.01)
    async with running(tmp_path) as world:
        await world.settled()
        world.engine.error = RuntimeError("unforeseen")
        world.daemon.changed(Dirt(containers=frozenset({"x"})))
        await world.until(lambda: world.look().tally.errors is not None)
        await world.until(lambda: world.engine.asked.count("x") > 1)
        world.engine.error = None
        count = world.engine.asked.count("x")
        await world.until(lambda: world.engine.asked.count("x") > count)
        await world.daemon.tick()

        assert world.look().tally.errors["survey"] >= 1


async def test_events_do_not_turn_the_wheel(tmp_path: Path) -> None:
    """Whose turn it is moves with full cycles alone: a crash loop starves nobody."""
    async with running(tmp_path) as world:
        await world.settled()
        for number in range(9):
            one = world.engine.found.sandboxes[0]
            other = replace(one, pid=100 + number)
            rest = world.engine.found.sandboxes[1:]
            world.engine.found = replace(world.engine.found, sandboxes=(other, *rest))
            before = len(world.sweeper.selections)
            world.daemon.changed(Dirt(containers=frozenset({one.id})))
            await world.until(lambda n=before: len(world.sweeper.selections) > n)  # type: ignore[misc]
        await world.daemon.tick()

        assert world.daemon._sweeps == 2  # noqa: SLF001 - the first and the tick


async def test_a_container_that_dies_before_the_engine_knows_breaks_nothing(
    tmp_path: Path,
) -> None:
    """The engine still calls it running when it is asked for another reason."""
    async with running(tmp_path) as world:
        await world.settled()
        silent = docker_like(world.engine.found)
        silent = but(silent, Result.TIMEOUT, [("*", "172.18.0.2")])
        silent = but(silent, Result.NETNS_ERROR, [("mybridge1", "*")])
        world.runner.prober._answer = silent  # noqa: SLF001 - the world changes
        world.daemon.sandbox_gone(ONE)
        world.daemon.changed(Dirt(containers=frozenset({"bridge1"})))
        await world.until(lambda: world.engine.asked[-1] == "bridge1")
        await world.daemon.tick()

        assert world.look().violations == ()


async def test_who_leaves_a_network_during_a_cycle_breaks_nothing(
    tmp_path: Path,
) -> None:
    """Its address was taken away by order."""
    async with running(tmp_path) as world:
        await world.settled()
        silent = but(
            docker_like(world.engine.found), Result.TIMEOUT, [("*", "172.18.0.2")]
        )
        world.runner.prober._answer = silent  # noqa: SLF001 - the world changes
        known, ready = threading.Event(), threading.Event()

        def disconnect() -> None:
            ready.set()
            assert known.wait(5)

        world.runner.during = disconnect
        tick = asyncio.create_task(world.daemon.tick())
        await world.until(ready.is_set)
        found = world.engine.found
        left = tuple(
            replace(one, endpoints=()) if one.id == ONE else one
            for one in found.sandboxes
        )
        world.engine.found = replace(found, sandboxes=left)
        world.daemon.changed(Dirt(containers=frozenset({str(ONE)})))
        await world.until(lambda: world.engine.asked[-1] == str(ONE))
        await asyncio.sleep(0.05)  # the answer reaches the loop
        known.set()
        await tick

        assert world.look().violations == ()


async def test_a_listing_is_due_after_its_interval(tmp_path: Path) -> None:
    """Events are a hint, never the only way to learn of something."""
    async with running(tmp_path) as world:
        await world.settled()
        await world.daemon.tick()
        assert world.engine.asked == ["full"]
        world.clock.move(301)
        await world.daemon.tick()
        await world.until(lambda: world.engine.asked == ["full", "full"])


async def test_nothing_starts_after_it_was_told_to_stop(tmp_path: Path) -> None:
    """No survey, no cycle."""
    async with running(tmp_path) as world:
        await world.settled()
        world.daemon.quiesce()
        asked = list(world.engine.asked)
        world.daemon.changed(Dirt(resync="gap"))
        await world.daemon.tick()
        await asyncio.sleep(0)

        assert (world.engine.asked, len(world.runner.selections)) == (asked, 1)


async def test_a_silence_is_looked_at_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with the next interval: a fault is known within seconds."""
    monkeypatch.setattr("exporter.daemon.RECHECK_S", 0.01)
    async with running(tmp_path) as world:
        await world.settled()
        silent = but(
            docker_like(world.engine.found), Result.TIMEOUT, [("*", "172.18.0.2")]
        )
        world.runner.prober._answer = silent  # noqa: SLF001 - the world changes
        await world.daemon.tick()
        suspected = world.verdicts()
        world.clock.move(1.5)
        await world.until(lambda: len(world.look().violations) == 2)

        cycle = world.look().cycle
        assert cycle is not None
        assert cycle.trigger == "recheck"
        assert suspected == {Verdict.AS_EXPECTED: 16, Verdict.UNVERIFIED: 4}
        assert len(world.runner.selections[-1].probed) < 20
        assert world.daemon._sweeps == 2  # noqa: SLF001 - it moves no turn


async def test_a_silence_of_a_moment_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What answers when it is looked at again is as promised."""
    monkeypatch.setattr("exporter.daemon.RECHECK_S", 0.01)
    async with running(tmp_path) as world:
        await world.settled()
        fine = docker_like(world.engine.found)
        silent = but(fine, Result.TIMEOUT, [("*", "172.18.0.2")])
        world.runner.prober._answer = silent  # noqa: SLF001 - the world changes
        await world.daemon.tick()
        world.runner.prober._answer = fine  # noqa: SLF001 - and back
        await world.until(lambda: world.verdicts() == FINE)

        assert not world.look().violations


async def test_beside_a_nearly_full_connection_table_little_is_probed(
    tmp_path: Path,
) -> None:
    """What is put off is counted, said once each way, and looked at afterwards."""
    async with running(tmp_path) as world:
        await world.settled()
        calm = world.host
        world.host = replace(calm, conntrack=Conntrack(entries=90, limit=100))
        with capture_logs() as logs:
            for _ in range(2):
                await world.daemon.tick()
            spared = world.runner.selections[-1]
            world.host = calm
            await world.daemon.tick()
        throttled = world.look().tally.throttled

        assert spared.probed == ()
        assert throttled == {"conntrack": 2 * 20}
        assert len(world.runner.selections[-1].probed) == 20
        assert [e["event"] for e in logs if "notice" in e] == [
            "notice.raised",
            "notice.cleared",
        ]


async def test_after_an_overflow_what_needs_new_entries_waits(tmp_path: Path) -> None:
    """Counted as what the neighbour table put off, and said."""
    async with running(tmp_path) as world:
        table = NeighbourTable(entries=0, fulls=1)
        world.host = HostState(
            source=TableSource.OWN, tables={4: table, 6: NeighbourTable()}
        )
        await world.settled()
        world.clock.move(WINDOW_S + 1)
        world.host = replace(
            world.host, tables={4: replace(table, fulls=2), 6: NeighbourTable()}
        )
        await world.daemon.tick()

        assert world.runner.selections[-1].probed == ()
        assert world.look().tally.throttled["neighbour_table"] == 20
        assert "table_fulls" in world.look().notices[0]
        assert world.look().host.tables[4].fulls == 2
