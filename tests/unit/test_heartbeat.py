"""Whether the engine still answers."""

import asyncio
import threading

from exporter.heartbeat import Heartbeat


def test_an_answer_is_a_beat() -> None:
    """Asked and answered, each time anew."""
    asked: list[int] = []

    async def twice() -> tuple[bool, bool]:
        heartbeat = Heartbeat(lambda: asked.append(1))
        found = await heartbeat.beats(), await heartbeat.beats()
        heartbeat.stop()
        return found

    assert (True, True) == asyncio.run(twice())
    assert [1, 1] == asked


def test_an_error_is_none() -> None:
    """An engine that refuses is away."""

    def refuse() -> None:
        raise ConnectionRefusedError

    async def once() -> bool:
        heartbeat = Heartbeat(refuse)
        found = await heartbeat.beats()
        heartbeat.stop()
        return found

    assert asyncio.run(once()) is False


def test_an_engine_that_hangs_is_away_until_it_answers() -> None:
    """The open question is not asked twice, and its late answer counts."""
    answer = threading.Event()
    asked: list[int] = []

    def hang() -> None:
        asked.append(1)
        answer.wait(10)

    async def follow() -> tuple[bool, bool, bool]:
        heartbeat = Heartbeat(hang, patience_s=0.05)
        first, second = await heartbeat.beats(), await heartbeat.beats()
        answer.set()
        while not (third := await heartbeat.beats()):
            pass
        heartbeat.stop()
        return first, second, third

    assert (False, False, True) == asyncio.run(follow())
    assert [1] == asked
