"""The kill switch: nothing is sent, the metrics stay and say so."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.dirt import Dirt
from exporter.model.outcome import Verdict
from exporter.pause import why_paused
from tests.fakes.daemon import World, running
from tests.fakes.scrapes import matching, scrape
from tests.fakes.topologies import demo, topology

FINE = {Verdict.AS_EXPECTED: 20}
DOUBT = {Verdict.UNVERIFIED: 20}


@pytest.fixture
def anyio_backend() -> str:
    """Run on the loop that the service runs on."""
    return "asyncio"


def cycles(world: World) -> int:
    """Return how many cycles sent anything."""
    return len(world.runner.selections)


def paused(world: World) -> list[float]:
    """Return what the metric says."""
    return matching(scrape(world.look()), "probing_paused")


@pytest.mark.anyio
async def test_while_the_file_is_there_nothing_is_probed(tmp_path: Path) -> None:
    """The picture stays, grows old, and is renewed once the file is gone."""
    async with running(tmp_path) as world:
        await world.settled()
        before = (cycles(world), paused(world))
        world.pause_file.touch()
        world.clock.move(15)
        await world.daemon.tick()
        fresh = world.verdicts()
        world.clock.move(60)
        await world.daemon.tick()
        old = (world.verdicts(), cycles(world), paused(world))
        stalled_s = world.daemon.stalled_s
        reasons = {state.reason for state in world.look().pairs}

        world.pause_file.unlink()
        await world.daemon.tick()

        assert before == (1, [0])
        assert fresh == FINE
        assert old == (DOUBT, 1, [1])
        assert stalled_s == 0
        assert reasons == {"too old: probing is paused"}
        assert (world.verdicts(), cycles(world), paused(world)) == (FINE, 2, [0])


@pytest.mark.anyio
async def test_the_log_says_it_once_each_way(tmp_path: Path) -> None:
    """With the file, so that whoever reads it knows how to go on."""
    async with running(tmp_path) as world:
        await world.settled()
        with capture_logs() as logs:
            world.pause_file.touch()
            for _ in range(3):
                await world.daemon.tick()
            world.pause_file.unlink()
            for _ in range(3):
                await world.daemon.tick()

    said = [(e["event"], e["notice"]) for e in logs if "notice" in e]
    notice = f"probing is paused: {world.pause_file} exists; remove it to go on"
    assert said == [("notice.raised", notice), ("notice.cleared", notice)]


@pytest.mark.anyio
async def test_what_changes_during_a_pause_is_not_probed(tmp_path: Path) -> None:
    """Events are followed, what is gone is forgotten, and the service is well."""
    async with running(tmp_path) as world:
        await world.settled()
        world.pause_file.touch()
        world.clock.move(3600)
        left = [one for one in demo().containers if one.name != "mybridge2"]
        world.engine.found = topology(demo().networks, tuple(left))
        world.daemon.changed(Dirt(resync="gap"))
        await world.until(lambda: world.look().paused is not None)
        names = {world.look().source_name(state) for state in world.look().pairs}

        assert cycles(world) == 1
        assert "mybridge2" not in names
        assert "mybridge1" in names
        assert world.daemon.stalled_s < 15


@pytest.mark.anyio
async def test_a_start_during_a_pause_sends_nothing(tmp_path: Path) -> None:
    """A service that is restarted does not forget that it shall be quiet."""
    (tmp_path / "pause").touch()
    async with running(tmp_path) as world:
        await world.until(lambda: world.look().topology is not None)
        await world.daemon.tick()
        await asyncio.sleep(0)

        assert (cycles(world), paused(world)) == (0, [1])
        assert world.look().cycle is None


def test_without_a_file_there_is_no_pause(tmp_path: Path) -> None:
    """Nor where a part of the path is missing, or is no folder."""
    (tmp_path / "file").touch()
    missing = (tmp_path / "pause", tmp_path / "no" / "pause", tmp_path / "file" / "x")

    assert [why_paused(path) for path in (None, *missing)] == [None] * 4


def test_anything_of_that_name_pauses(tmp_path: Path) -> None:
    """A folder, and a link to nowhere."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    for name in ("folder", "link"):
        assert f"{tmp_path / name} exists" in str(why_paused(tmp_path / name))


def test_a_file_that_cannot_be_looked_for_pauses(tmp_path: Path) -> None:
    """Who wanted a pause must not get probes."""
    (tmp_path / "a").symlink_to(tmp_path / "a")

    said = str(why_paused(tmp_path / "a" / "pause"))

    assert said.startswith("probing is paused: ")
    assert "symbolic links" in said


def test_a_path_that_does_not_print_is_written_as_an_escape(tmp_path: Path) -> None:
    """It stands in the log and on the page."""
    (tmp_path / "pau\x1bse").touch()

    assert "pau\\x1bse exists" in str(why_paused(tmp_path / "pau\x1bse"))
