"""Everything around a daemon: an engine and cycles that do as a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from exporter.agenda import Settings
from exporter.board import Board
from exporter.budget import SharedBudget
from exporter.cycle import CycleOutcome, CycleRunner, LookAgain
from exporter.daemon import Daemon
from exporter.heartbeat import Heartbeat
from exporter.model.detection import NO_DETECTION
from exporter.model.hoststate import HostState
from exporter.model.outcome import Scope, Verdict
from exporter.model.pair import Pair, PairState
from exporter.model.selection import Selection
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Sandbox, SandboxId, Topology
from exporter.sightings import CycleSettings
from exporter.store import SnapshotStore
from tests.fakes.clock import START, HandClock
from tests.fakes.prober import FakeProber, docker_like
from tests.fakes.topologies import demo

ICMP = frozenset({Scope.CONTAINER, Scope.HOST, Scope.GATEWAY})


class Engine:
    """A surveyor that answers what a test put there."""

    def __init__(self, found: Topology) -> None:
        """Answer with a topology until told otherwise."""
        self.found = found
        self.error: Exception | None = None
        self.asked: list[str] = []
        self.during: Callable[[], None] = lambda: None
        """Happens while it is asked, in the engine's thread."""

    @property
    def notices(self) -> tuple[str, ...]:
        """Nothing is missing."""
        return ()

    def full(self) -> Topology:
        """List everything."""
        return self._answer("full")

    def refresh(self, containers: frozenset[str], networks: frozenset[str]) -> Topology:
        """Look again."""
        return self._answer(",".join(sorted(containers | networks)))

    def changes(self, one: Sandbox, *, pid: int) -> None:
        """Let a sandbox have another process from now on."""
        sandboxes = tuple(
            replace(each, pid=pid) if each is one else each
            for each in self.found.sandboxes
        )
        self.found = replace(self.found, sandboxes=sandboxes)

    def _answer(self, what: str) -> Topology:
        self.asked.append(what)
        if self.error is not None:
            raise self.error
        found = self.found
        self.during()
        return found


class Runner(CycleRunner):
    """Cycles that a test can hold up or break."""

    def __init__(self, engine: Engine, clock: HandClock) -> None:
        """Probe the world that the engine tells of."""
        self.prober = FakeProber(engine.found, docker_like(engine.found))
        super().__init__(self.prober, clock, CycleSettings())
        self.error: Exception | None = None
        self.during: Callable[[], object] = lambda: None
        self.selections: list[Selection] = []

    def run(
        self,
        topology: Topology,
        selection: Selection,
        previous: Mapping[Pair, PairState],
        is_there: Callable[[SandboxId], bool] = lambda _: True,
        look_again: LookAgain = lambda _: None,
    ) -> CycleOutcome:
        """Run a cycle, or fail."""
        self.selections.append(selection)
        self.during()
        if self.error is not None:
            raise self.error
        return super().run(topology, selection, previous, is_there, look_again)


class World:
    """A daemon and everything around it."""

    def __init__(self, folder: Path) -> None:
        """Put it together; nothing runs."""
        self.clock = HandClock()
        self.engine = Engine(demo())
        self.runner = Runner(self.engine, self.clock)
        self.sweeper = Runner(self.engine, self.clock)
        self.detection = NO_DETECTION
        self.store = SnapshotStore(Snapshot(taken=START))
        self.budget = SharedBudget(self.clock, folder, lambda: self.host)
        self.host = HostState()
        self.pause_file = folder / "pause"
        self.daemon = Daemon(
            surveyor=self.engine,
            runner=self.runner,
            budget=self.budget,
            board=Board(15.0, 2000.0),
            store=self.store,
            clock=self.clock,
            settings=Settings(
                scopes=ICMP,
                looks_at=lambda _: True,
                resync_interval_s=300.0,
                pause_file=folder / "pause",
            ),
            heartbeat=Heartbeat(lambda: None),
            sweeper=self.sweeper,
            detection=lambda: self.detection,
        )

    def look(self) -> Snapshot:
        """Return what a scrape would see."""
        return self.store.current()

    def verdicts(self) -> dict[Verdict, int]:
        """Return how many pairs have which verdict."""
        return {k: count for k, count in self.look().summary.items() if count}

    async def until(self, true: Callable[[], bool]) -> None:
        """Let everything run until something holds, in a bounded time."""
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110 - the state of many threads
                await asyncio.sleep(0.001)

    async def settled(self) -> None:
        """Wait for the first cycle."""
        await self.until(lambda: self.look().cycle is not None)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[World]:
    """Run a daemon whose event stream stands."""
    world = World(folder)
    task = asyncio.create_task(world.daemon.run())
    world.daemon.engine_connected(connected=True, error=None)
    try:
        yield world
    finally:
        await world.daemon.stop()
        with suppress(asyncio.CancelledError):
            await task
