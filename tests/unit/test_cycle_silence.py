"""When a silence becomes a fault: over two cycles, never of a moment."""

from exporter.cycle import CycleOutcome, CycleRunner
from exporter.model.aging import stale
from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Result, Verdict
from exporter.model.pair import Pair, PairState
from exporter.model.plan import plan
from exporter.model.selection import select
from exporter.model.topology import Topology
from exporter.sightings import CycleSettings
from tests.fakes.clock import START, HandClock
from tests.fakes.cycles import ICMP, run, run_twice
from tests.fakes.prober import FakeProber, but, docker_like
from tests.fakes.topologies import demo


def silent_pair(outcome: CycleOutcome) -> PairState:
    """Return the state of mybridge2 to mybridge1."""
    return next(
        state
        for state in outcome.states
        if (state.pair.source, str(state.pair.address)) == ("mybridge2", "172.18.0.2")
    )


def test_a_silence_is_suspected_first_and_a_fault_in_a_second_cycle() -> None:
    """Two cycles, a second apart; the start of the silence is kept."""
    found = demo()
    world = but(docker_like(found), Result.TIMEOUT, [("mybridge2", "172.18.0.2")])

    first = run(found, world)
    before = {state.pair: state for state in first.states}
    second = run(found, world, before, later_s=1.0)

    assert first.doubtful == {silent_pair(first).pair}
    assert silent_pair(first).verdict is Verdict.UNVERIFIED
    assert silent_pair(second).verdict is Verdict.UNEXPECTED_UNREACHABLE
    assert silent_pair(second).silent_since_s == silent_pair(first).silent_since_s
    assert second.doubtful == frozenset()
    assert silent_pair(second).observation.sent == 4


def test_cycles_in_one_moment_are_one() -> None:
    """Events may bring two of them within milliseconds."""
    found = demo()
    world = but(docker_like(found), Result.TIMEOUT, [("mybridge2", "172.18.0.2")])

    outcome = run_twice(found, world, later_s=0.9)

    assert silent_pair(outcome).verdict is Verdict.UNVERIFIED
    assert outcome.doubtful == {silent_pair(outcome).pair}


def test_a_reply_between_two_silences_begins_anew() -> None:
    """Only cycles in a row count."""
    found = demo()
    world = but(docker_like(found), Result.TIMEOUT, [("mybridge2", "172.18.0.2")])

    first = {s.pair: s for s in run(found, world).states}
    heard = {
        s.pair: s for s in run(found, docker_like(found), first, later_s=5.0).states
    }
    third = run(found, world, heard, later_s=10.0)

    assert silent_pair(third).verdict is Verdict.UNVERIFIED


def test_a_silence_that_has_grown_old_begins_anew() -> None:
    """After an outage of the engine nothing counts that was seen before."""
    found = demo()
    world = but(docker_like(found), Result.TIMEOUT, [("mybridge2", "172.18.0.2")])
    first = run(found, world)

    old = {s.pair: stale(s, START, "the engine is down") for s in first.states}
    again = run(found, world, old, later_s=60.0)

    assert silent_pair(again).verdict is Verdict.UNVERIFIED


def test_the_causes_of_a_cycle_are_looked_for_once() -> None:
    """Whoever diagnoses sees the states of the cycle, and has the last word."""
    found = demo()
    asked: list[tuple[PairState, ...]] = []

    def diagnose(_: Topology, states: tuple[PairState, ...]) -> tuple[PairState, ...]:
        asked.append(states)
        return states[:1]

    prober = FakeProber(found, docker_like(found))
    planned = plan(found, ICMP, lambda _: True)
    selection = select(found, planned, epoch=0, budget=NeighbourBudget(1000))
    runner = CycleRunner(prober, HandClock(), CycleSettings(), diagnose)

    outcome = runner.run(found, selection, {})

    assert [20] == [len(states) for states in asked]
    assert outcome.states == asked[0][:1]


def test_what_rests_on_a_suspected_end_is_looked_at_again_with_it() -> None:
    """Its isolation is unverified for the same silence."""
    found = demo()
    world = but(docker_like(found), Result.TIMEOUT, [("*", "172.18.0.2")])

    outcome = run(found, world)

    assert {pair.source for pair in outcome.doubtful} == {
        "mybridge2",
        "host",
        "bridge1",
        "bridge2",
    }


def test_a_silence_that_nobody_is_suspected_of_is_left_to_its_turn() -> None:
    """A container that ignores echo requests would else be probed twice for ever."""
    found = demo()
    world = but(
        docker_like(found),
        Result.TIMEOUT,
        [("*", "172.18.0.2"), ("mybridge1", "own 172.18.0.2")],
    )

    assert run(found, world).doubtful == frozenset()


def test_short_waits_blame_nobody() -> None:
    """Two sweeps that hardly waited suspect; one that has waited long enough decides.

    A first packet may wait a second for the address to be resolved.
    """
    found, clock = demo(), HandClock()
    world = but(docker_like(found), Result.TIMEOUT, [("mybridge2", "172.18.0.2")])
    planned = plan(found, ICMP, lambda _: True)
    selection = select(found, planned, epoch=0, budget=NeighbourBudget(1000))
    quick, patient = (
        CycleRunner(FakeProber(found, world), clock, CycleSettings(decides=decides))
        for decides in (False, True)
    )
    seen: list[tuple[Verdict, bool]] = []
    previous: dict[Pair, PairState] = {}
    for runner in (quick, quick, patient, quick):
        outcome = runner.run(found, selection, previous)
        previous = {state.pair: state for state in outcome.states}
        seen.append((silent_pair(outcome).verdict, bool(outcome.doubtful)))
        clock.move(2.0)

    suspected = (Verdict.UNVERIFIED, True)
    broken = (Verdict.UNEXPECTED_UNREACHABLE, False)
    assert [suspected, suspected, broken, broken] == seen
