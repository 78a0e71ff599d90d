"""When cycles run: the only user of APScheduler.

A cycle that is due while the one before is still at work is skipped and told, never
stacked and never made up for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta

from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from exporter.clock import SystemClock

_JOB = "cycle"
_TOLERANCE = timedelta(seconds=1)


class CycleScheduler:
    """Runs a coroutine at a fixed interval on the running event loop."""

    def __init__(
        self,
        job: Callable[[], Awaitable[None]],
        interval_s: float,
        on_skipped: Callable[[], None],
    ) -> None:
        """Prepare; nothing runs before `start`.

        Args:
            job: runs one cycle. What it raises is logged, and the next one runs.
            interval_s: seconds from the start of a cycle to the next, above 0.
            on_skipped: called for each cycle that is left out.
        """
        self._job = job
        self._interval_s = interval_s
        self._clock = SystemClock()
        self._idle = asyncio.Event()
        self._idle.set()
        self._guard: asyncio.TimerHandle | None = None
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._scheduler.add_listener(
            lambda _event: on_skipped(), EVENT_JOB_MAX_INSTANCES
        )

    @property
    def interval_s(self) -> float:
        """Return the seconds between cycles."""
        return self._interval_s

    def start(self) -> None:
        """Begin; the first cycle is due after one interval."""
        self._scheduler.add_job(
            self._run,
            self._trigger(),
            id=_JOB,
            max_instances=1,
            coalesce=True,
            # A cycle that is late because the machine slept runs once, now.
            misfire_grace_time=None,
        )
        self._scheduler.start()
        self._watch()

    def set_interval(self, interval_s: float) -> None:
        """Change the time between cycles; the next is due after one new interval."""
        if interval_s != self._interval_s:
            self._interval_s = interval_s
            if self._scheduler.running:
                self._reschedule()

    async def stop(self) -> None:
        """Start no more cycles, and wait until the one at work has ended."""
        if not self._scheduler.running:
            return
        if self._guard is not None:
            self._guard.cancel()
        self._scheduler.pause()
        try:
            await self._idle.wait()
        finally:
            self._scheduler.shutdown(wait=False)  # cancels a cycle still at work
            await asyncio.sleep(0)  # it takes effect in the loop's next turn

    async def _run(self) -> None:
        self._idle.clear()
        try:
            await self._job()
        finally:
            self._idle.set()

    def _trigger(self) -> IntervalTrigger:
        return IntervalTrigger(seconds=self._interval_s, timezone=UTC)

    def _reschedule(self) -> None:
        self._scheduler.reschedule_job(_JOB, trigger=self._trigger())

    def _watch(self) -> None:
        """Notice that the wall clock was set back.

        APScheduler counts by the wall clock: set back by an hour, it would run no
        cycle for an hour.
        """
        loop = asyncio.get_running_loop()
        self._guard = loop.call_later(self._interval_s, self._watch)
        job = self._scheduler.get_job(_JOB)
        ahead = job.next_run_time - self._clock.now_utc()
        if ahead > timedelta(seconds=self._interval_s) + _TOLERANCE:
            self._reschedule()
