"""Notices changes on the host and has looked at once at what they may have touched.

Everything here runs on the event loop but entering the namespace, which a thread of
its own does. What the kernel tells is read as it comes; sweeps and looks take turns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeVar

import structlog

from exporter.clock import Clock
from exporter.detection.choice import chooser
from exporter.detection.host import HostChanges, Look, Notifications, Subscription
from exporter.detection.nftables import parse_tables
from exporter.detection.pace import Allowance, Settling
from exporter.detection.touched import NOTHING, Touched
from exporter.detection.words import Status, detection_of
from exporter.errors import ExporterError, PacketError
from exporter.hostns import HostFound
from exporter.model.detection import Detection
from exporter.model.pair import Pair
from exporter.model.sweep import Choose, representatives, with_pairs
from exporter.model.tally import Tally
from exporter.model.topology import Topology

T = TypeVar("T")
WATCH_S: Final = 5.0
"""Seconds between looks at what has no notifications."""
SEARCH_S: Final = 1.0
"""Seconds between attempts to open, and after a step that failed."""
WATCH_SHARE: Final = 0.2
"""Of the time that probing representatives may take."""


class Guard(Protocol):
    """Survives what a piece of work raises."""

    async def guarded(self, stage: str, work: Awaitable[None]) -> bool:
        """Return whether it came to its end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What detection asks of the service around it; all on the event loop."""

    host: Callable[[], HostFound | None]
    """Where the engine's namespace is; None while it is not found."""
    topology: Callable[[], Topology | None]
    sweep: Callable[[str, Choose], Awaitable[None]]
    """Runs a cycle now: its trigger, and which pairs it is about."""
    changed: Callable[[], None]
    """Called where other sources are in use than before, or other notices hold."""
    count: Callable[[Callable[[Tally], None]], None]
    broken: Callable[[], Sequence[Pair]]
    """Pairs whose promise is broken, as far as is known; the oldest first."""
    most: Callable[[], int]
    """Pairs across networks that a sweep takes without leaving any out."""


class Detector:
    """Keeps the sources open, and sweeps when they tell of a change.

    Args:
        kernel: how the host's namespace is listened to.
        service: what is around.
        clock: for windows and intervals.
        watch_s: seconds between looks, > 0.
    """

    def __init__(
        self,
        kernel: HostChanges,
        service: Service,
        clock: Clock,
        *,
        watch_s: float = WATCH_S,
    ) -> None:
        self._kernel = kernel
        self._service = service
        self._clock = clock
        self._watch_s = watch_s
        self._log = structlog.get_logger("detection")
        self._pool = ThreadPoolExecutor(1, "detection")
        self._wake = asyncio.Event()
        self._stopping = False
        self._settling = Settling()
        self._allowance = Allowance()
        self._put_off = False
        self._subscription: Subscription | None = None
        self._stale = self._has_listened = False
        self._look: Look | None = None
        self._failure = ""
        self._turn = 0
        self._told: object = None
        self._period_s = watch_s
        now_s = clock.monotonic_s()
        self._opened_s = now_s - SEARCH_S
        self._look_at_s = now_s
        self._watch_at_s = now_s + watch_s

    @property
    def detection(self) -> Detection:
        """How changes are noticed now."""
        open_now = self._subscription
        return detection_of(
            Status(
                nftables=open_now is not None and open_now.nftables is not None,
                links=open_now is not None and open_now.links is not None,
                look=self._look,
                representatives=self._needs_representatives(),
                refusals=open_now.refusals if open_now is not None else {},
                failure=self._failure,
                wait_s=self._allowance.wait_s(self._clock.monotonic_s()),
                watch_s=self._watch_s,
                period_s=self._period_s,
            )
        )

    async def run(self, guard: Guard) -> None:
        """Watch until `stop`; every descriptor is closed afterwards."""
        try:
            while not self._stopping:
                if not await guard.guarded("detection", self._step()):
                    await self._sleep(SEARCH_S)
        finally:
            self._close()
            self._pool.shutdown(wait=True, cancel_futures=True)

    def stop(self) -> None:
        """Begin nothing more; `run` ends once what is in hand has ended."""
        self._stopping = True
        self._wake.set()

    async def _step(self) -> None:
        """Do one thing that is due, or wait for it."""
        now_s = self._clock.monotonic_s()
        due_s = self._due_s(now_s)
        if due_s is not None and due_s <= now_s:
            await self._sweep()
        elif self._look_at_s <= now_s:
            await self._look_around(now_s)
            self._tell()
        elif self._watch_at_s <= now_s:
            await self._watch()
        else:
            times = (due_s, self._look_at_s, self._watch_at_s)
            await self._sleep(min(t for t in times if t is not None) - now_s)

    def _due_s(self, now_s: float) -> float | None:
        due_s = self._settling.due_s()
        if due_s is None:
            return None
        wait_s = self._allowance.wait_s(now_s)
        if wait_s > max(0.0, due_s - now_s) and not self._put_off:
            self._put_off = True
            self._service.count(Tally.count_put_off)
        return max(due_s, now_s + wait_s)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    # Changes.

    def _on_readable(
        self, source: str, told_by: Notifications, parse: Callable[[bytes], Touched]
    ) -> None:
        touched, told = NOTHING, told_by.read()
        lost = told.lost
        for datagram in told.datagrams:
            try:
                touched |= parse(datagram)
            except PacketError:
                lost = True
        if lost:
            touched |= Touched(lost=frozenset({source}))
            self._stale = True
            self._look_at_s = self._opened_s + SEARCH_S
        self._note(touched)

    def _note(self, touched: Touched) -> None:
        self._settling.add(touched, self._clock.monotonic_s())
        if touched:
            self._wake.set()

    async def _sweep(self) -> None:
        self._put_off = False
        touched, topology = self._settling.take(), self._service.topology()
        self._service.count(lambda tally: tally.count_changes(touched.sources))
        if topology is None:
            return  # the first cycle looks at everything
        self._turn += 1
        most = self._service.most()
        choose = chooser(touched, topology, most=most, turn=self._turn)
        if choose is None:
            return
        self._log.info(
            "change.noticed",
            trigger=touched.trigger,
            **{key: " ".join(sorted(names)) for key, names in touched.words.items()},
        )
        began_s = self._clock.monotonic_s()
        await self._service.sweep(touched.trigger, self._with_broken(choose))
        now_s = self._clock.monotonic_s()
        self._allowance.spend(now_s, now_s - began_s)

    # What has no notifications.

    async def _look_around(self, now_s: float) -> None:
        """Open what is to be open, and look at what has no notifications."""
        self._look_at_s = now_s + SEARCH_S
        found = self._service.host()
        if found is None:
            self._close()
            return
        try:
            if self._is_to_be_opened(found):
                await self._open(found)
            self._compare(await self._in_thread(lambda: self._kernel.look(found)))
        except ExporterError as error:
            self._close()
            self._failure = str(error)
            return
        self._failure = ""
        if not self._stale:
            self._look_at_s = now_s + self._watch_s

    def _tell(self) -> None:
        """Say that the state of detection is another one, if it is."""
        now = self.detection
        active = [state.source for state in now.sources if state.active]
        if (active, now.notices) != self._told:
            self._told = (active, now.notices)
            self._service.changed()

    def _is_to_be_opened(self, found: HostFound) -> bool:
        known = self._subscription
        return known is None or known.identity != found.identity or self._stale

    async def _open(self, found: HostFound) -> None:
        opened = await self._in_thread(lambda: self._kernel.subscribe(found))
        self._close()
        self._subscription, self._stale = opened, False
        self._opened_s = self._clock.monotonic_s()
        parsers = (("nftables", parse_tables), ("links", opened.table.note))
        loop = asyncio.get_running_loop()
        for name, parse in parsers:
            source = opened.source(name)
            if source is not None:
                read = partial(self._on_readable, name, source, parse)
                loop.add_reader(source.fileno(), read)
        if self._has_listened:  # what happened meanwhile nobody told
            self._note(Touched(lost=frozenset({"nftables", "links"})))
        self._has_listened = True

    def _compare(self, look: Look) -> None:
        before, self._look = self._look, look
        if before is None:
            return
        names = before.sysctls.keys() | look.sysctls.keys()
        changed = {n for n in names if before.sysctls.get(n) != look.sysctls.get(n)}
        changed |= set(before.legacy) ^ set(look.legacy)
        self._note(Touched(sysctls=frozenset(changed)))

    def _needs_representatives(self) -> bool:
        """Return whether changes of a packet filter may go untold."""
        topology, known = self._service.topology(), self._subscription
        if topology is None or not topology.engine.local:
            return False
        told = known is not None and known.nftables is not None
        return not told or (self._look is not None and bool(self._look.legacy))

    async def _watch(self) -> None:
        began_s = self._clock.monotonic_s()
        if self._needs_representatives():
            self._turn += 1
            choose = partial(representatives, turn=self._turn)
            await self._service.sweep("watch", self._with_broken(choose))
        took_s = self._clock.monotonic_s() - began_s
        self._period_s = max(self._watch_s, took_s / WATCH_SHARE)
        self._watch_at_s = began_s + self._period_s

    def _with_broken(self, choose: Choose) -> Choose:
        """Return a choice that also takes what is broken, so that its end is seen."""
        broken = self._service.broken()[: self._service.most()]
        return with_pairs(choose, frozenset(broken))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _close(self) -> None:
        known, self._subscription = self._subscription, None
        self._look = None if known is None else self._look
        if known is None:
            return
        loop = asyncio.get_running_loop()
        for name in ("nftables", "links"):
            source = known.source(name)
            if source is not None:
                loop.remove_reader(source.fileno())
        known.close()
