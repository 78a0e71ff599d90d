"""The long-running service: keeps the picture true, cycle by cycle, event by event.

One event loop owns the state. Blocking work runs in two threads: one asks the engine,
one probes. Everything that goes wrong in a cycle or a survey is caught in one place,
counted, and logged once a change of state.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

import structlog

from exporter.agenda import Agenda, Agendas, Settings, Wish
from exporter.board import Board
from exporter.budget import SharedBudget
from exporter.clock import Clock
from exporter.cycle import CycleOutcome, CycleRunner
from exporter.dirt import Dirt
from exporter.durations import Durations
from exporter.errors import EngineError
from exporter.flows import Flows
from exporter.heartbeat import Heartbeat
from exporter.journal import report_changes, report_cycle, report_notices
from exporter.model.detection import NO_DETECTION, Detection
from exporter.model.pair import Pair
from exporter.model.plan import about, changed_sandboxes, touching
from exporter.model.snapshot import CycleInfo, Snapshot
from exporter.model.sweep import Choose
from exporter.model.tally import Tally
from exporter.model.topology import SandboxId, Topology
from exporter.pause import why_paused
from exporter.presence import Presence
from exporter.second_look import SecondLook, Surveyor
from exporter.store import SnapshotStore
from exporter.supervisor import Supervisor
from exporter.troubles import Troubles
from exporter.turns import Turnstile

T = TypeVar("T")
RETRY_S = 1.0
"""Seconds until an engine whose event stream is open is asked again."""
RECHECK_S = 1.5
"""Seconds until a silence that a cycle has found is looked at again; more than
`CycleSettings.apart_s`."""


class Daemon:
    """Surveys, cycles, and publishes snapshots."""

    def __init__(
        self,
        *,
        surveyor: Surveyor,
        runner: CycleRunner,
        budget: SharedBudget,
        board: Board,
        store: SnapshotStore,
        clock: Clock,
        settings: Settings,
        heartbeat: Heartbeat,
        sweeper: CycleRunner | None = None,
        detection: Callable[[], Detection] = lambda: NO_DETECTION,
    ) -> None:
        """Bind the parts; nothing starts yet. Without a sweeper the runner sweeps."""
        self._surveyor = surveyor
        self._runner, self._sweeper = runner, sweeper or runner
        self._detection = detection
        self._budget = budget
        self._board, self._store = board, store
        self._clock, self._heartbeat = clock, heartbeat
        self._settings = settings
        self._log = structlog.get_logger("daemon")
        self._engine_pool = ThreadPoolExecutor(1, "engine")
        self._probe_pool = ThreadPoolExecutor(1, "probe")
        self._cycle_lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._dirt = Dirt(resync="start")
        self._doubtful: frozenset[Pair] = frozenset()
        self._topology: Topology | None = None
        self._agendas, self._turnstile = Agendas(), Turnstile()
        self._flows, self._presence = Flows(clock), Presence(clock)
        self._connected = self._engine_up = self._stopping = False
        self._losses = self._sweeps = 0
        self._failing = Troubles()
        self.supervisor = Supervisor(board, self._failing, self._log)
        self._guarded = self.supervisor.guarded
        self._surveys = Durations()
        self._listed_s = self._progress_s = clock.monotonic_s()
        self._config = (True, clock.now_utc())
        self._pause: str | None = None

    @property
    def stalled_s(self) -> float:
        """Seconds since anything came to its end: a cycle, or a look at the engine."""
        return self._clock.monotonic_s() - self._progress_s

    # Reports of other parts; all on the event loop.

    def engine_connected(self, connected: bool, error: str | None) -> None:
        """Take note that the event stream opened, or ended and why.

        A resync follows by itself when it opened. A stream that ends proves nothing
        yet, a proxy may have cut it: the engine is asked, and it is away once it does
        not answer, or the stream cannot be opened again.
        """
        if self._stopping:
            return
        if connected:
            self._failing.leaves("stream")
            self._log.info("engine.connected")
        else:
            if self._failing.enters("stream"):
                self._log.error("engine.disconnected", error=error)
            if self._connected:
                self.changed(Dirt(resync="gap"))
            else:
                self._lose_engine(error or "its event stream ended")
        self._connected = connected
        self._publish()

    def changed(self, dirt: Dirt) -> None:
        """Take note of what the engine's events say."""
        self._dirt |= dirt
        self._wake.set()

    def sandbox_gone(self, sandbox: SandboxId) -> None:
        """Take note that a sandbox's process has ended."""
        self._presence.went(sandbox, self._topology)

    def cycle_skipped(self) -> None:
        """Count a cycle that was due while the one before was still at work."""
        self._board.count(Tally.count_overrun)
        self._log.warning("cycle.skipped", reason="the cycle before is still at work")
        self._age()

    def reconfigure(
        self, settings: Settings, runner: CycleRunner, sweeper: CycleRunner
    ) -> None:
        """Take over reloaded settings from the next cycle on."""
        self._settings = settings
        self._runner, self._sweeper = runner, sweeper

    def config_loaded(self, ok: bool) -> None:
        """Take note of how the newest reload went."""
        when = self._clock.now_utc() if ok else self._config[1]
        self._config = (ok, when)
        self._publish()

    def detection_changed(self) -> None:
        """Take note that changes on the host are noticed otherwise than before."""
        self._publish()

    def _recheck(self, pairs: frozenset[Pair]) -> None:
        self._doubtful |= pairs
        self._wake.set()

    # Work.

    async def run(self) -> None:
        """Follow the engine until `stop`; cycles come through `tick` as well."""
        self._wake.set()
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            await self._attend()

    async def _attend(self) -> None:
        """Do what is due: a look at the engine, then one at what was silent."""
        dirt, self._dirt = self._dirt, Dirt()
        doubtful, self._doubtful = self._doubtful, frozenset[Pair]()
        if self._stopping:
            return
        if dirt and not await self._guarded("survey", self._survey(dirt)):
            asyncio.get_running_loop().call_later(RETRY_S, self.changed, dirt)
        if doubtful and self._engine_up:
            choose = partial(about, pairs=doubtful)
            await self._run_cycle(Wish(trigger="recheck", choose=choose))

    def quiesce(self) -> None:
        """Begin to stop: what is in hand is finished, nothing more is started."""
        self._stopping = True
        self._wake.set()

    async def stop(self) -> None:
        """Wait until the work in hand has ended."""
        self.quiesce()
        async with self._cycle_lock:
            pass
        self._heartbeat.stop()
        self._engine_pool.shutdown(wait=False, cancel_futures=True)
        self._probe_pool.shutdown(wait=True, cancel_futures=True)

    async def tick(self) -> None:
        """Run the cycle that is due."""
        if self._stopping:
            return
        if self._engine_up and not await self._heartbeat.beats():
            if self._failing.enters("engine"):
                self._log.error("engine.unavailable", error="no answer in time")
            self._lose_engine("no answer in time")
        if not self._engine_up:
            self._progress_s = self._clock.monotonic_s()
            self._board.count(Tally.count_skipped)
            self.changed(Dirt(resync="gap"))
            self._publish()
            return
        await self._run_cycle(Wish(trigger="interval"))
        age_s = self._clock.monotonic_s() - self._listed_s
        if age_s >= self._settings.resync_interval_s:
            self.changed(Dirt(resync="interval"))

    async def sweep(self, trigger: str, choose: Choose) -> None:
        """Look at once at what may have changed; the trigger is one of `SWEEPS`."""
        if self._engine_up:
            self._board.count(lambda tally: tally.count_sweep(trigger))
            await self._run_cycle(Wish(trigger=trigger, choose=choose))

    async def _survey(self, dirt: Dirt) -> None:
        losses = self._losses
        topology = await self._ask_engine(dirt)
        if topology is None:
            return
        before, self._topology = self._topology, topology
        if losses != self._losses:  # it was lost after it had answered
            self.changed(Dirt(resync="gap"))
            return
        was_up, self._engine_up = self._engine_up, True
        if dirt.resync:
            self._listed_s = self._clock.monotonic_s()
            self._board.count(lambda tally: tally.count_resync(dirt.resync))
        changed = changed_sandboxes(before, topology)
        if before is None or not was_up:
            await self._run_cycle(Wish(trigger="start"))
        elif changed or before != topology:
            choose = partial(touching, changed=changed)
            wish = Wish(trigger="change", choose=choose, changed=changed)
            await self._run_cycle(wish)

    async def _ask_engine(self, dirt: Dirt) -> Topology | None:
        noted, began_s = self._presence.noted(), self._clock.monotonic_s()
        full = dirt.resync or self._topology is None
        try:
            topology = await self._in(
                self._engine_pool,
                self._surveyor.full
                if full
                else lambda: self._surveyor.refresh(dirt.containers, dirt.networks),
            )
        except EngineError as error:
            self._progress_s = self._clock.monotonic_s()
            if self._failing.enters("engine"):
                self._log.error("engine.unavailable", error=str(error))
            self._lose_engine(str(error))
            asyncio.get_running_loop().call_later(RETRY_S, self._retry, dirt)
            return None
        self._failing.leaves("engine")
        self._presence.settle(noted, self._topology, topology)
        self._progress_s = self._clock.monotonic_s()
        self._surveys.add(self._progress_s - began_s)
        return topology

    async def _run_cycle(self, wish: Wish) -> None:
        self._flows.note(wish.trigger)
        self._pause = why_paused(self._settings.pause_file)
        if self._pause is not None:
            self._progress_s = self._clock.monotonic_s()
            now = self._clock.now_utc()
            self._budget.look()
            changes = self._board.pass_over(self._topology, now)
            report_changes(self._log, self._publish(), changes)
        elif not await self._guarded("cycle", self._cycle(wish)):
            self._age()

    async def _cycle(self, wish: Wish) -> None:
        """Probe what a wish is about and publish what it means."""
        async with self._cycle_lock:
            topology = self._topology
            if topology is None or self._stopping:
                return
            started, began_s = self._clock.now_utc(), self._clock.monotonic_s()
            stale = self._flows.due(is_told=self._detection().tells_of_rules)
            agenda, outcome = await self._in(
                self._probe_pool, lambda: self._probe(topology, wish, stale)
            )
            if not self._engine_up:
                return
            changes = self._board.absorb(
                topology,
                agenda.known,
                outcome,
                self._clock.now_utc(),
                aside=agenda.aside,
                turns=agenda.turns,
            )
            info = CycleInfo(
                number=self._board.cycles + 1,
                trigger=wish.trigger,
                started=started,
                duration_s=self._clock.monotonic_s() - began_s,
            )
            self._board.finish_cycle(info)
            self._sweeps += wish.choose is None
            self._progress_s = self._clock.monotonic_s()
            snapshot = self._publish()
            report_cycle(self._log, info, snapshot, changes)
            if outcome.doubtful:
                loop = asyncio.get_running_loop()
                loop.call_later(RECHECK_S, self._recheck, outcome.doubtful)

    def _probe(
        self, topology: Topology, wish: Wish, stale: int | None
    ) -> tuple[Agenda, CycleOutcome]:
        agenda = self._agendas.of(
            topology,
            self._settings,
            self._board.states,
            wish=wish,
            cycle=self._sweeps,
            now=self._clock.now_utc(),
        )
        with self._budget.hold(
            self._note_sharing, lambda: self._stopping, in_turn=wish.is_in_turn
        ) as budget:
            if self._budget.is_strained and not wish.is_again:
                agenda = agenda.spared(self._board.spare(agenda.wanted))
            agenda, selection = self._turnstile.select(
                agenda,
                budget,
                states=self._board.states,
                wish=wish,
                cycle=self._sweeps,
                interval_s=self._settings.interval_s,
                now=self._clock.now_utc(),
            )
            look = SecondLook(self._surveyor, self._engine_pool, lambda: self._topology)
            is_there = self._presence.still_in(topology, look.newest)
            runner = self._sweeper if wish.is_quick else self._runner
            if stale is not None:
                runner.renew()
                self._flows.began(stale)
            outcome = runner.run(
                topology, selection, self._board.states, is_there, look.at
            )
        self._board.count_cycle(topology, selection, outcome)
        return agenda, outcome

    def _retry(self, dirt: Dirt) -> None:
        if self._connected:  # else the event stream's own reconnect asks again
            self.changed(dirt)

    def _note_sharing(self, holder: str) -> None:
        if self._failing.enters("sharing"):
            self._log.warning("budget.shared", holder=holder)

    def _lose_engine(self, reason: str) -> None:
        self._losses += 1
        if self._engine_up or self._topology is None:
            self._engine_up = False
            changes = self._board.outage(self._clock.now_utc(), reason)
            report_changes(self._log, self._publish(), changes)

    def _age(self) -> None:
        """Say what is too old, as no cycle came to its end."""
        changes = self._board.age(self._clock.now_utc())
        report_changes(self._log, self._publish(), changes)

    def _publish(self) -> Snapshot:
        detection = self._detection()
        snapshot = self._board.snapshot(
            self._clock.now_utc(),
            engine_up=self._engine_up,
            stream_connected=self._connected,
            notices=(
                *self._surveyor.notices,
                *self._budget.notices,
                *self._turnstile.notices,
                *detection.notices,
            ),
            policy=self._settings.policy,
            host=self._budget.host,
        )
        ok, when = self._config
        snapshot = replace(
            snapshot,
            config_reload_ok=ok,
            config_reloaded=when,
            paused=self._pause,
            detection=detection,
            longest_survey_s=self._surveys.longest_s,
        )
        report_notices(self._log, self._store.current(), snapshot)
        self._store.publish(snapshot)
        return snapshot

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
