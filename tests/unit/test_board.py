"""What is known between cycles: carried, aged, taken back, counted."""

from datetime import timedelta

from exporter.board import Board
from exporter.cycle import CycleOutcome
from exporter.model.bounds import Turns
from exporter.model.outcome import Result, Scope, Verdict
from exporter.model.plan import EPOCH_CYCLES, epochs_to_cover, plan
from exporter.model.snapshot import CycleInfo
from exporter.model.topology import Topology
from tests.fakes.board import ICMP, INTERVAL_S, Watch
from tests.fakes.prober import but
from tests.fakes.topologies import container, demo, endpoint, network, topology


def crowd(count: int) -> Topology:
    """Return many containers on one bridge."""
    net = network("n", "10.1.0.0/16")
    members = (
        container(f"c{i:02}", endpoint(f"c{i:02}", net, f"10.1.1.{i + 2}"))
        for i in range(count)
    )
    return topology((net,), tuple(members))


def test_a_first_cycle_without_fault_needs_no_line() -> None:
    """Only what is not as it should be is a change."""
    assert Watch(demo()).cycle() == ()


def test_a_fault_is_a_change_once() -> None:
    """It repeats without a line, and its end is one."""
    watch = Watch(demo())
    watch.cycle()
    healthy = watch.answer
    watch.answer = but(healthy, Result.OK, [("bridge1", "172.18.0.2")])

    first, second = watch.cycle(), watch.cycle()
    watch.answer = healthy
    last = watch.cycle()

    assert [change.after.verdict for change in first] == [Verdict.UNEXPECTED_REACHABLE]
    assert second == ()
    assert [change.after.verdict for change in last] == [Verdict.AS_EXPECTED]


def test_since_is_when_the_verdict_began() -> None:
    """Not when it was seen last."""
    watch = Watch(demo(), lambda *_: Result.OK)
    watch.cycle()
    began = watch.clock.utc
    watch.clock.move(INTERVAL_S)
    watch.cycle()

    violations = watch.look().violations
    assert {state.since for state in violations} == {began}
    assert {state.probed for state in violations} == {watch.clock.utc}


def test_what_was_rotated_out_is_kept_and_every_pair_gets_its_turn() -> None:
    """Forty on one bridge: no pair is unverified, and none is left out for ever."""
    watch = Watch(crowd(40))
    epochs = epochs_to_cover(40)

    for cycle in range(epochs * EPOCH_CYCLES + 1):
        watch.cycle(epoch=cycle // EPOCH_CYCLES)
        watch.clock.move(INTERVAL_S)

    assert watch.look().summary[Verdict.AS_EXPECTED] == 40 * 39 + 40 + 40
    for cycle in range(2 * epochs * EPOCH_CYCLES):
        watch.cycle(epoch=cycle // EPOCH_CYCLES)
        watch.clock.move(INTERVAL_S)
    assert watch.look().summary[Verdict.UNVERIFIED] == 0


def test_what_is_never_probed_again_is_taken_back() -> None:
    """The table bears nothing any more: three cycles later nothing is claimed."""
    watch = Watch(demo())
    watch.cycle()

    for _ in range(4):
        watch.clock.move(INTERVAL_S)
        watch.cycle(allowed=0)

    assert watch.look().summary[Verdict.AS_EXPECTED] == 0
    assert watch.look().summary[Verdict.UNVERIFIED] == 20


def test_what_was_never_probed_is_skipped_not_fine() -> None:
    """Nothing is claimed of it."""
    watch = Watch(demo())

    watch.cycle(allowed=0)

    assert watch.look().summary[Verdict.SKIPPED] == 20
    assert watch.board.age(watch.clock.now_utc() + timedelta(days=1)) == ()


def test_what_takes_turns_may_grow_as_old_as_two_of_them() -> None:
    """Where the neighbour table has no room for everybody."""
    watch = Watch(demo())
    watch.cycle()
    planned = plan(demo(), ICMP, lambda _: True)
    nothing = CycleOutcome(states=(), counted=(), doubtful=frozenset())
    watch.clock.move(10 * INTERVAL_S)

    for cycles, known in ((5, 20), (4, 0)):
        now = watch.clock.now_utc()
        turns = Turns(across={4: cycles, 6: 1}, inside={4: cycles, 6: 1})
        watch.board.absorb(demo(), planned, nothing, now, turns=turns)

        assert watch.look().summary[Verdict.AS_EXPECTED] == known


def test_cycles_that_take_longer_than_their_interval_put_turns_off() -> None:
    """The bound is of what really happens: a late cycle leaves the next one out."""
    watch = Watch(demo())
    watch.cycle()
    early = watch.look().cover_s
    now = watch.clock.now_utc()
    took_s = 2.5 * INTERVAL_S
    watch.board.finish_cycle(
        CycleInfo(number=1, trigger="interval", started=now, duration_s=took_s)
    )

    assert (early, watch.look().cover_s) == (INTERVAL_S, 3 * INTERVAL_S)


def test_nor_does_what_was_seen_grow_old_while_cycles_are_late() -> None:
    """The age limit is of what really happens, too."""
    watch = Watch(demo())
    watch.cycle()
    watch.board.finish_cycle(
        CycleInfo(
            number=1,
            trigger="interval",
            started=watch.clock.now_utc(),
            duration_s=1.5 * INTERVAL_S,
        )
    )
    watch.clock.move(6 * INTERVAL_S)
    early = watch.board.age(watch.clock.now_utc())
    watch.clock.move(1)

    assert (early, watch.look().summary[Verdict.AS_EXPECTED]) == ((), 20)
    watch.board.age(watch.clock.now_utc())
    assert watch.look().summary[Verdict.AS_EXPECTED] == 0


def test_where_no_cycle_ends_everything_grows_old() -> None:
    """A stuck cycle must not leave the newest verdicts standing as if of now."""
    watch = Watch(demo(), lambda *_: Result.OK)
    watch.cycle()
    watch.clock.move(3 * INTERVAL_S - 1)
    early = watch.board.age(watch.clock.now_utc())
    watch.clock.move(2)

    late = watch.board.age(watch.clock.now_utc())

    assert early == ()
    assert len(late) == 20
    assert {change.after.verdict for change in late} == {Verdict.UNVERIFIED}
    assert watch.look().violations == ()
    assert watch.board.age(watch.clock.now_utc()) == ()


def test_what_is_of_the_future_grows_old_too() -> None:
    """Where the clock was set back, nobody knows the age of what was seen before."""
    watch = Watch(demo())
    watch.cycle()
    watch.clock.utc -= timedelta(hours=1)

    watch.board.age(watch.clock.now_utc())

    assert watch.look().summary[Verdict.AS_EXPECTED] == 0


def test_nothing_ages_before_the_engine_answered() -> None:
    """There is nothing yet."""
    watch = Watch(demo())

    assert watch.board.age(watch.clock.now_utc()) == ()


def test_an_outage_takes_every_verdict_back() -> None:
    """Nothing is verified while the engine is away, and all is when it is back."""
    watch = Watch(demo())
    watch.cycle()

    watch.board.outage(watch.clock.now_utc())

    assert watch.look().summary[Verdict.UNVERIFIED] == 20
    watch.cycle()
    assert watch.look().summary[Verdict.AS_EXPECTED] == 20


def test_pairs_that_no_longer_exist_are_forgotten() -> None:
    """No state outlives its container."""
    watch = Watch(demo())
    watch.cycle()
    watch.found = topology(watch.found.networks, ())

    watch.cycle()

    assert (watch.look().pairs, dict(watch.board.states)) == ((), {})


def test_a_fixed_age_overrules_the_interval() -> None:
    """What one check has seen does not grow old before it ends."""
    watch = Watch(demo())
    watch.board = Board(1.0, 2000.0, max_age_s=86400.0)
    watch.cycle()
    watch.clock.move(3600)

    watch.cycle(allowed=0)

    assert watch.look().summary[Verdict.AS_EXPECTED] == 20


def test_counters_never_go_back_and_snapshots_do_not_change() -> None:
    """A snapshot holds a copy of its own."""
    watch = Watch(demo())
    watch.cycle()
    before = watch.look()
    sent = before.tally.packets_sent.total()
    watch.cycle()

    assert before.tally.packets_sent.total() == sent
    assert watch.look().tally.packets_sent.total() == 2 * sent
    assert watch.look().tally.cycles["completed"] == 2


def test_pairs_stand_in_the_order_of_the_plan() -> None:
    """By scope, source, destination: whatever order they were probed in."""
    watch = Watch(demo())
    watch.cycle()

    names = [
        (list(Scope).index(s.pair.scope), str(s.pair.source), str(s.pair.destination))
        for s in watch.look().pairs
    ]
    assert names == sorted(names)
