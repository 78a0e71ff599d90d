"""A large host as the daemon knows it after some cycles: a sample of its pairs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from exporter.cycle import CycleOutcome, CycleRunner
from exporter.model.bounds import Turns
from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Scope
from exporter.model.plan import Plan
from exporter.model.sample import KEPT_CYCLES, Sample, sample
from exporter.model.selection import select
from exporter.model.snapshot import CycleInfo, Snapshot
from exporter.sightings import CycleSettings
from tests.fakes.board import INTERVAL_S, Watch
from tests.fakes.crowds import crowd
from tests.fakes.prober import FakeProber


class Crowd(Watch):
    """A board fed by samples of a crowd."""

    def __init__(self, containers: int = 1000, networks: int = 31) -> None:
        """Begin with nothing known."""
        super().__init__(crowd(containers, networks))
        self.plan = Plan(self.found, frozenset(Scope), lambda _: True)

    def cycles(self, count: int = KEPT_CYCLES) -> Iterator[CycleOutcome]:
        """Yield what cycles find, once the board knows."""
        kept = timedelta(seconds=KEPT_CYCLES * INTERVAL_S)
        for cycle in range(count):
            now = self.clock.now_utc()
            found = sample(self.plan, cycle, self.board.states, fresh_from=now - kept)
            selection = select(
                self.found,
                found.due,
                epoch=0,
                budget=NeighbourBudget(10**9),
                everything=True,
            )
            prober = FakeProber(self.found, self.answer)
            runner = CycleRunner(prober, self.clock, CycleSettings())
            outcome = runner.run(self.found, selection, self.board.states)
            self.board.count_cycle(self.found, selection, outcome)
            self.take(found, outcome)
            self.board.finish_cycle(
                CycleInfo(
                    number=cycle + 1, trigger="interval", started=now, duration_s=1
                )
            )
            yield outcome
            self.clock.move(INTERVAL_S)

    def take(self, found: Sample, outcome: CycleOutcome) -> None:
        """Take over what a cycle found."""
        self.board.absorb(
            self.found,
            found.known,
            outcome,
            self.clock.now_utc(),
            aside=found.aside,
            turns=Turns.of_all(found.cycles),
        )

    def look(self) -> Snapshot:
        """Return what a scrape would see, with a memory of its own."""
        return replace(super().look())
