"""Cycles over a network in memory, on a clock of their own."""

from collections.abc import Callable, Mapping

from exporter.cycle import CycleOutcome, CycleRunner
from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, PairState
from exporter.model.plan import plan
from exporter.model.selection import select
from exporter.model.topology import SandboxId, Topology
from exporter.sightings import CycleSettings
from tests.fakes.clock import HandClock
from tests.fakes.prober import Answer, FakeProber

ICMP = (Scope.CONTAINER, Scope.HOST, Scope.GATEWAY)


def run(
    found: Topology,
    answer: Answer | FakeProber,
    previous: Mapping[Pair, PairState] | None = None,
    is_there: Callable[[SandboxId], bool] = lambda _: True,
    *,
    later_s: float = 0.0,
) -> CycleOutcome:
    """Run one cycle over every ICMP pair, so much later than the first of a test."""
    prober = answer if isinstance(answer, FakeProber) else FakeProber(found, answer)
    planned = plan(found, ICMP, lambda _: True)
    selection = select(found, planned, epoch=0, budget=NeighbourBudget(1000))
    clock = HandClock()
    clock.move(later_s)
    runner = CycleRunner(prober, clock, CycleSettings())
    return runner.run(found, selection, previous or {}, is_there)


def run_twice(
    found: Topology, answer: Answer | FakeProber, *, later_s: float = 1.0
) -> CycleOutcome:
    """Run a second cycle that knows of the first."""
    first = run(found, answer)
    before = {state.pair: state for state in first.states}
    return run(found, answer, before, later_s=later_s)


def verdicts(outcome: CycleOutcome) -> dict[str, str]:
    """Return verdicts by `source>address`."""
    return {f"{s.pair.source}>{s.pair.address}": s.verdict for s in outcome.states}
