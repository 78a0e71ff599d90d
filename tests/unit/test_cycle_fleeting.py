"""When an answer becomes a leak: at once if it is repeated, else over two cycles."""

from exporter.cycle import CycleOutcome
from exporter.model.outcome import Observation, Result, Verdict
from exporter.model.pair import PairState
from exporter.model.verdict import FLEETING, Evidence, judge
from tests.fakes.cycles import run
from tests.fakes.prober import Answer, docker_like
from tests.fakes.topologies import demo
from tests.fakes.verdicts import ALIVE, ISOLATED, item

WAY = ("bridge1", "172.18.0.2")


def answering(*calls: int) -> Answer:
    """Return a world in which an isolated pair answers in some of the two passes."""
    fine = docker_like(demo())

    def answer(source: str, target: str, call: int) -> Result:
        if (source, target) == WAY:
            return Result.OK if call in calls else Result.TIMEOUT
        return fine(source, target, call)

    return answer


def leak(outcome: CycleOutcome) -> PairState:
    """Return the state of the pair."""
    return next(
        state
        for state in outcome.states
        if (state.pair.source, str(state.pair.address)) == WAY
    )


def test_an_answer_that_is_repeated_counts_at_once() -> None:
    """A leak waits for nothing."""
    assert Verdict.UNEXPECTED_REACHABLE is leak(run(demo(), answering(1, 2))).verdict


def test_an_answer_that_is_not_repeated_waits_for_another_cycle() -> None:
    """An engine before 28 opens its isolation whenever it makes a network."""
    first = run(demo(), answering(1))
    state = leak(first)
    before = {one.pair: one for one in first.states}

    assert (Verdict.UNVERIFIED, FLEETING) == (state.verdict, state.reason)
    assert {state.pair} == first.doubtful
    assert Verdict.AS_EXPECTED is leak(run(demo(), answering(), before)).verdict


def test_an_answer_in_two_cycles_counts_however_rare_it_is() -> None:
    """A rule with a limit of one in a second lets a packet pass all the same."""
    first = {one.pair: one for one in run(demo(), answering(1)).states}
    second = leak(run(demo(), answering(1), first))
    third = leak(run(demo(), answering(1), {second.pair: second}))

    assert Verdict.UNEXPECTED_REACHABLE is second.verdict
    assert Verdict.UNEXPECTED_REACHABLE is third.verdict


def test_half_of_the_packets_is_enough() -> None:
    """A leak that loses packets is one."""
    for received, verdict in (
        (1, Verdict.UNVERIFIED),
        (2, Verdict.UNEXPECTED_REACHABLE),
    ):
        seen = Observation(result=Result.OK, sent=4, received=received)

        assert (
            verdict is judge(item(ISOLATED), seen, ALIVE, Evidence((), {}, {})).verdict
        )


def test_one_silence_does_not_end_a_leak() -> None:
    """A reply that a busy host lost: the packets that confirm it are answered."""
    first = {one.pair: one for one in run(demo(), answering(1, 2)).states}

    second = leak(run(demo(), answering(2), first))

    assert Verdict.UNEXPECTED_REACHABLE is second.verdict
    assert first[second.pair].since == second.since


def test_a_leak_ends_where_nothing_answers_any_more() -> None:
    """Four packets without a reply, in the same cycle."""
    first = {one.pair: one for one in run(demo(), answering(1, 2)).states}

    second = leak(run(demo(), answering(), first))

    assert Verdict.AS_EXPECTED is second.verdict
    assert second.observation.sent == 4
