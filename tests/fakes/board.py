"""A board fed by cycles over a network in memory."""

from collections.abc import Iterable

from exporter.board import Board, Change
from exporter.cycle import CycleOutcome, CycleRunner
from exporter.model.hoststate import HostState
from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Scope
from exporter.model.pair import Planned
from exporter.model.plan import plan
from exporter.model.policy import NO_POLICY
from exporter.model.selection import Selection, select
from exporter.model.snapshot import CycleInfo, Snapshot
from exporter.model.topology import Topology
from exporter.sightings import CycleSettings
from tests.fakes.clock import HandClock
from tests.fakes.prober import Answer, FakeProber, docker_like

INTERVAL_S = 15.0
ICMP = (Scope.CONTAINER, Scope.HOST, Scope.GATEWAY)


class Watch:
    """A board with a clock, and cycles over a network in memory."""

    def __init__(self, found: Topology, answer: Answer | None = None) -> None:
        """Begin with nothing known."""
        self.clock = HandClock()
        self.board = Board(INTERVAL_S, 2000.0)
        self.found = found
        self.answer = answer or docker_like(found)
        self.policy = NO_POLICY

    def cycle(self, epoch: int = 0, allowed: int = 100_000) -> tuple[Change, ...]:
        """Run a cycle and take it over."""
        today = self.clock.now_utc().date()
        planned = plan(self.found, ICMP, lambda _: True, self.policy, today)
        selection = select(
            self.found, planned, epoch=epoch, budget=NeighbourBudget(allowed)
        )
        prober = FakeProber(self.found, self.answer)
        runner = CycleRunner(prober, self.clock, CycleSettings())
        outcome = runner.run(self.found, selection, self.board.states)
        return self.absorb(planned, selection, outcome)

    def absorb(
        self,
        planned: Iterable[Planned],
        selection: Selection,
        outcome: CycleOutcome,
    ) -> tuple[Change, ...]:
        """Take over an outcome."""
        changes = self.board.absorb(self.found, planned, outcome, self.clock.now_utc())
        self.board.count_cycle(self.found, selection, outcome)
        self.board.finish_cycle(
            CycleInfo(
                number=1, trigger="interval", started=self.clock.utc, duration_s=0.1
            )
        )
        return changes

    def look(self) -> Snapshot:
        """Return what a scrape would see."""
        return self.board.snapshot(
            self.clock.now_utc(),
            engine_up=True,
            stream_connected=True,
            notices=(),
            host=HostState(),
            policy=self.policy,
        )
