"""Rules of the schedule: on time, one at a time, never stacked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from exporter.clock import SystemClock
from exporter.scheduler import CycleScheduler

INTERVAL_S = 0.05


class Cycles:
    """A job whose ends are decided by the test."""

    def __init__(self) -> None:
        """Begin with nothing run."""
        self.started = 0
        self.ended = 0
        self.most_at_once = 0
        self.skipped = 0
        self.may_end = asyncio.Event()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Run until the test lets it end."""
        self.started += 1
        self.most_at_once = max(self.most_at_once, self.started - self.ended)
        self._changed.set()
        await self.may_end.wait()
        self.ended += 1

    def skip(self) -> None:
        """Take note of a cycle that was left out."""
        self.skipped += 1
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; the test's timeout ends it otherwise."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()


def scheduled(scenario: Callable[[Cycles, CycleScheduler], Awaitable[None]]) -> Cycles:
    """Run a scenario with a started schedule, and stop it."""

    async def main() -> Cycles:
        cycles = Cycles()
        scheduler = CycleScheduler(cycles.run, INTERVAL_S, cycles.skip)
        scheduler.start()
        try:
            await scenario(cycles, scheduler)
        finally:
            cycles.may_end.set()
            await scheduler.stop()
        return cycles

    return asyncio.run(main())


def test_cycles_come_at_the_interval() -> None:
    """Cycles run again and again, the first after one interval."""

    async def scenario(cycles: Cycles, _scheduler: CycleScheduler) -> None:
        cycles.may_end.set()
        before = asyncio.get_running_loop().time()
        await cycles.until(lambda: cycles.started == 4)
        assert asyncio.get_running_loop().time() - before >= 3.9 * INTERVAL_S

    assert 0 == scheduled(scenario).skipped


def test_a_slow_cycle_is_never_joined_by_another() -> None:
    """Cycles that are due meanwhile are skipped, counted, and not made up for."""

    async def scenario(cycles: Cycles, _scheduler: CycleScheduler) -> None:
        await cycles.until(lambda: cycles.skipped >= 3)
        assert 1 == cycles.started
        skipped = cycles.skipped
        cycles.may_end.set()
        await cycles.until(lambda: cycles.started == 3)
        assert skipped == cycles.skipped

    assert 1 == scheduled(scenario).most_at_once


def test_a_failing_cycle_does_not_end_the_schedule(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What a cycle raises is logged once, and the next one runs."""
    runs: list[int] = []

    async def main() -> None:
        again = asyncio.Event()

        async def job() -> None:
            runs.append(len(runs))
            if len(runs) == 1:
                message = "cycle broke"
                raise RuntimeError(message)
            again.set()

        scheduler = CycleScheduler(job, INTERVAL_S, lambda: None)
        scheduler.start()
        await again.wait()
        await scheduler.stop()

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())

    assert [0, 1] == runs[:2]
    assert 1 == sum("raised an exception" in line for line in caplog.messages)


def test_stop_waits_for_the_cycle_at_work() -> None:
    """A cycle is not torn apart, and none follows it."""

    async def main() -> tuple[int, int]:
        cycles = Cycles()
        scheduler = CycleScheduler(cycles.run, INTERVAL_S, cycles.skip)
        scheduler.start()
        await cycles.until(lambda: cycles.started == 1)
        stopping = asyncio.create_task(scheduler.stop())
        await asyncio.sleep(2 * INTERVAL_S)
        assert not stopping.done()
        cycles.may_end.set()
        await stopping
        await asyncio.sleep(2 * INTERVAL_S)
        return cycles.started, cycles.ended

    assert (1, 1) == asyncio.run(main())


def test_stop_can_be_given_up() -> None:
    """A cycle that does not end is cancelled when the patience of the caller does."""

    async def main() -> int:
        cycles = Cycles()
        scheduler = CycleScheduler(cycles.run, INTERVAL_S, cycles.skip)
        scheduler.start()
        await cycles.until(lambda: cycles.started == 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(INTERVAL_S):
                await scheduler.stop()
        return cycles.ended

    assert 0 == asyncio.run(main())


def test_stop_without_start() -> None:
    """What never ran stops at once, and twice."""

    async def main() -> None:
        cycles = Cycles()
        scheduler = CycleScheduler(cycles.run, INTERVAL_S, cycles.skip)
        await scheduler.stop()
        scheduler.start()
        await scheduler.stop()
        await scheduler.stop()

    asyncio.run(main())


def test_the_interval_can_change() -> None:
    """A new interval counts at once, longer or shorter."""

    async def main() -> int:
        cycles = Cycles()
        cycles.may_end.set()
        scheduler = CycleScheduler(cycles.run, 3600, cycles.skip)
        scheduler.start()
        scheduler.set_interval(INTERVAL_S)
        assert INTERVAL_S == scheduler.interval_s
        await cycles.until(lambda: cycles.started == 2)
        scheduler.set_interval(3600)
        started = cycles.started
        await asyncio.sleep(3 * INTERVAL_S)
        await scheduler.stop()
        return cycles.started - started

    assert 0 == asyncio.run(main())


def test_the_same_interval_changes_nothing() -> None:
    """A reload with the same interval does not put the next cycle off."""

    async def scenario(cycles: Cycles, scheduler: CycleScheduler) -> None:
        cycles.may_end.set()
        loop = asyncio.get_running_loop()
        end = loop.time() + 3 * INTERVAL_S
        while loop.time() < end:
            scheduler.set_interval(INTERVAL_S)
            await asyncio.sleep(INTERVAL_S / 5)

    assert scheduled(scenario).started >= 2


def test_a_clock_set_back_does_not_stop_the_cycles() -> None:
    """The next cycle is never further away than one interval."""

    async def scenario(cycles: Cycles, scheduler: CycleScheduler) -> None:
        cycles.may_end.set()
        await cycles.until(lambda: cycles.started == 1)
        # No test may set the clock; this is what APScheduler makes of one set back.
        scheduler._scheduler.modify_job(  # noqa: SLF001
            "cycle", next_run_time=SystemClock().now_utc() + timedelta(hours=1)
        )
        await cycles.until(lambda: cycles.started == 3)

    assert 0 == scheduled(scenario).skipped
