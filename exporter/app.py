"""The composition root: builds every part, owns start, stop and signals."""

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog

from exporter import __version__, files, log, oneshot
from exporter.access import Access
from exporter.agenda import Settings
from exporter.board import Board
from exporter.broker.split import Split
from exporter.config import AccessKeeper, Config
from exporter.daemon import Daemon
from exporter.detection.detector import Detector, Service
from exporter.dirt import Dirt
from exporter.engine.events import Change, EngineEvent
from exporter.engine.watch import Listeners, StreamState, Watcher
from exporter.errors import BrokerGone, ConfigError
from exporter.health import Health
from exporter.heartbeat import Heartbeat
from exporter.memory import settle, share_heap
from exporter.metrics.ahead import Ahead
from exporter.metrics.exposition import Exposition, Rendered
from exporter.model.snapshot import Snapshot
from exporter.model.tally import Tally
from exporter.model.topology import SandboxId
from exporter.report import api
from exporter.report.api.ids import pair_id
from exporter.report.request import CheckRequest
from exporter.runfolder import run_folder
from exporter.scheduler import CycleScheduler
from exporter.session import (
    looks_at,
    open_session,
    policy_of,
    runner_for,
    sweeper_for,
    terms_of,
)
from exporter.store import SnapshotStore
from exporter.web import Door, Names, Sources, WebServer, build_app
from exporter.web.stream import Stream

STALLED_CYCLES = 5
"""Cycles without any news after which the process counts as not well."""
SWITCH_INTERVAL_S = 0.001
"""For how long a thread that computes may keep the others waiting; Python's own 5 ms
add up, as answering a scrape takes several turns."""
Reload = Callable[[], Config]
_NEEDS_RESTART = ("engine", "web", "metrics", "process")
"""Sections whose parts are built once; all others can be reloaded."""

check = oneshot.check
topology = oneshot.topology
__all__ = ["CheckRequest", "check", "run", "topology"]


def run(config: Config, reload: Reload) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    Args:
        config: the settings.
        reload: reads the configuration again, for SIGHUP.

    Raises:
        ListenError: an address cannot be listened on.
    """
    log.configure(config.log.level, config.log.format)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    share_heap()
    return asyncio.run(_serve(config, reload))


async def _serve(config: Config, reload: Reload) -> int:
    service = _Service(config, reload)
    try:
        service.confine()
        settle()
        with service.session:
            return await service.run()
    finally:
        service.close()


class _Service:
    """The daemon with its HTTP server, its schedule and its watcher."""

    def __init__(self, config: Config, reload: Reload) -> None:
        self._config = config
        self._reload = reload
        self._log = structlog.get_logger("app")
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._status = 0
        self._board = Board(config.probe.interval, config.probe.packets_per_second)
        self._access = self._make_access()
        self._run_folder = run_folder()
        files.expect(self._pause_file(config))
        is_split = config.process.split
        self._split = Split(terms_of(config), self._observe) if is_split else None
        self.session = open_session(
            config,
            on_gone=self._on_gone,
            observer=self._observe,
            powers=self._split.powers if self._split else None,
        )
        self._store = SnapshotStore(Snapshot(taken=self.session.clock.now_utc()))
        self._exposition = self._make_exposition()
        self._ahead = Ahead(self._exposition)
        self._stream = Stream(self._store.current, api.event_entry, self.session.clock)
        self._store.tell(self._published)
        self._config_ok = self._web_ok = True
        self._door: Door
        self._server = self._make_server()
        self._daemon = self._make_daemon()
        self._detector = self._make_detector()
        self._scheduler = CycleScheduler(
            self._daemon.tick, config.probe.interval, self._daemon.cycle_skipped
        )
        self._watcher = self._make_watcher()
        self._health = Health(self._unhealthy)

    def confine(self) -> None:
        """Give up the privileges to the other process; there is one thread as yet."""
        if self._split is not None:
            user = self._config.process.user
            self._split.confine(user, self._loop, self._on_broker_ended)

    def close(self) -> None:
        """End the other process."""
        if self._split is not None:
            self._split.stop()

    def _on_broker_ended(self) -> None:
        self._log.error("service.failed", error=str(BrokerGone()))
        self._status = 1
        self._stop.set()

    def _published(self) -> None:
        self._ahead.published()
        self._stream.published()

    def _make_daemon(self) -> Daemon:
        config = self._config
        return Daemon(
            surveyor=self.session.survey,
            runner=runner_for(self.session, config),
            sweeper=sweeper_for(self.session, config),
            budget=self.session.budget,
            board=self._board,
            store=self._store,
            clock=self.session.clock,
            settings=self._settings(config),
            heartbeat=Heartbeat(self.session.engine.info),
            detection=lambda: self._detector.detection,
        )

    def _make_detector(self) -> Detector:
        around = Service(
            host=lambda: self.session.survey.host_found,
            topology=lambda: self._store.current().topology,
            sweep=self._daemon.sweep,
            changed=self._daemon.detection_changed,
            count=self._board.count,
            broken=lambda: [s.pair for s in self._store.current().violations],
            most=lambda: int(self._config.probe.packets_per_second),
        )
        return Detector(self.session.powers, around, self.session.clock)

    def _make_exposition(self) -> Exposition:
        return Exposition(
            self._store.current,
            self.session.clock,
            series_limit=self._config.metrics.series_limit,
            endpoint_info=self._config.metrics.endpoint_info,
        )

    def _held(self, accept: str, encoding: str) -> Rendered | None:
        """Return what is rendered, while something newer is on its way."""
        is_at_work = self._ahead.is_at_work
        return self._exposition.held(accept, encoding) if is_at_work else None

    def _make_server(self) -> WebServer:
        exposition = self._exposition
        config = self._config
        sources = Sources(
            render=exposition.render,
            ready=exposition.ready,
            held=self._held,
            snapshot=self._store.current,
            clock=self.session.clock,
            unhealthy=self._unhealthy,
            not_ready=self._not_ready,
            api=self._answer,
            pair_id=pair_id,
            stream=self._stream.answer,
            reload=self._reload_now if config.web.enable_lifecycle else None,
        )
        path = config.web.telemetry_path
        app = build_app(sources, version=__version__, telemetry_path=path)
        addresses = config.web.listen_addresses
        hosts = (one.host for one in addresses)
        names = Names(hosts, config.web.allowed_hosts)
        self._door = Door(app, self._access, names)
        mode = int(config.web.socket_mode, 8)
        return WebServer(self._door, addresses, access=self._access, socket_mode=mode)

    def _make_access(self) -> Callable[[], Access]:
        path = self._config.web.config_file
        if path is None:
            everybody = Access()
            return lambda: everybody
        return AccessKeeper(Path(path), self._on_web_file).current

    def _on_web_file(self, problems: tuple[str, ...]) -> None:
        for problem in problems:
            self._log.error("web_config.rejected", problem=problem)
        if not problems:
            self._log.info("web_config.reloaded")
            self._stream.stop()  # who listens may not be let in any more
        self._web_ok = not problems
        self._daemon.config_loaded(ok=self._config_ok and self._web_ok)

    def _answer(
        self,
        snapshot: Snapshot,
        path: str,
        parameters: Mapping[str, str],
        now: datetime,
    ) -> Mapping[str, object] | None:
        facts = api.Facts(
            version=__version__,
            series=self._exposition.series,
            series_limit=self._config.metrics.series_limit,
        )
        return api.answer(snapshot, path, parameters, now, facts=facts)

    def _make_watcher(self) -> Watcher:
        listeners = Listeners(
            changed=self._on_changed,
            connected=self._on_connected,
            happened=self._on_event,
        )
        return Watcher(
            self.session.engine, listeners=listeners, clock=self.session.clock
        )

    async def run(self) -> int:
        """Serve until a signal; every thread and socket is gone afterwards."""
        self._install_signals()
        self._log_start()
        self._watcher.start()
        self._scheduler.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._daemon.run())
                group.create_task(self._detector.run(self._daemon.supervisor))
                group.create_task(self._server.serve())
                await self._stop.wait()
                self._log.info("service.stopping")
                await self._shut_down()
        finally:
            self._watcher.stop()
            self._door.stop()
            self._health.close()
        self._log.info("service.stopped")
        return self._status

    async def _shut_down(self) -> None:
        self._daemon.quiesce()
        self._detector.stop()
        await asyncio.to_thread(self._watcher.stop)
        await self._scheduler.stop()
        await self._daemon.stop()
        self._stream.stop()
        self._server.stop()
        await asyncio.to_thread(self._ahead.stop)

    def _install_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        self._loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def _log_start(self) -> None:
        for url in self._server.urls:
            self._log.info("service.started", url=url, engine=self._config.engine.host)

    def _unhealthy(self) -> str | None:
        stalled_s = self._daemon.stalled_s
        limit_s = STALLED_CYCLES * self._config.probe.interval
        return (
            f"nothing happened for {stalled_s:.0f} s" if stalled_s > limit_s else None
        )

    def _not_ready(self) -> str | None:
        snapshot = self._store.current()
        if snapshot.cycle is not None or snapshot.paused is not None:
            return None
        return "the first cycle is not done" if snapshot.engine_up else "no engine yet"

    # Reports from other threads.

    def _on_gone(self, sandbox: SandboxId) -> None:
        self._call(lambda: self._daemon.sandbox_gone(sandbox))

    def _on_changed(self, change: Change) -> None:
        reason = change.reason if change.resync else ""
        dirt = Dirt(
            containers=frozenset(change.containers),
            networks=frozenset(change.networks),
            resync=reason,
        )
        self._call(lambda: self._daemon.changed(dirt))

    def _on_connected(self, state: StreamState) -> None:
        error = str(state.error) if state.error is not None else None
        self._call(lambda: self._daemon.engine_connected(state.connected, error))

    def _on_event(self, event: EngineEvent) -> None:
        self.session.attachments.note(event)

        def count(tally: Tally) -> None:
            tally.events[event.type, event.action] += 1

        self._board.count(count)

    def _observe(self, kind: str, code: str, duration_s: float) -> None:
        def count(tally: Tally) -> None:
            tally.api_requests[kind, code] += 1
            tally.api_duration.observe(duration_s)

        self._board.count(count)

    def _call(self, work: Callable[[], None]) -> None:
        """Do something on the event loop; nothing if it has ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(work)

    # Reload: all or nothing.

    def _on_hangup(self) -> None:
        problems = self._take_config()
        for problem in problems:
            self._log.error("config.rejected", problem=problem)

    async def _reload_now(self) -> tuple[str, ...]:
        """Reload; return the problems, none if it is in force."""
        return self._take_config()

    def _take_config(self) -> tuple[str, ...]:
        try:
            config = self._reload()
        except ConfigError as error:
            self._note_config(ok=False)
            return error.problems
        fixed = [
            section
            for section in _NEEDS_RESTART
            if getattr(config, section) != getattr(self._config, section)
        ]
        if fixed:
            self._note_config(ok=False)
            return tuple(f"{section}: a change needs a restart" for section in fixed)
        self._config = config
        log.configure(config.log.level, config.log.format)
        self._board.configure(config.probe.interval, config.probe.packets_per_second)
        self._scheduler.set_interval(config.probe.interval)
        self._daemon.reconfigure(
            self._settings(config),
            runner_for(self.session, config),
            sweeper_for(self.session, config),
        )
        self._note_config(ok=True)
        self._log.info("config.reloaded")
        return ()

    def _note_config(self, *, ok: bool) -> None:
        self._config_ok = ok
        self._daemon.config_loaded(ok=ok and self._web_ok)

    def _settings(self, config: Config) -> Settings:
        return Settings(
            scopes=frozenset(config.probe.scopes),
            looks_at=looks_at(config),
            resync_interval_s=config.discovery.resync_interval,
            policy=policy_of(config),
            interval_s=config.probe.interval,
            packets_per_second=config.probe.packets_per_second,
            pause_file=self._pause_file(config),
        )

    def _pause_file(self, config: Config) -> Path:
        return Path(config.probe.pause_file or self._run_folder / "pause")
