"""One cycle, from topology to verdicts, over a network in memory."""

from collections import Counter
from datetime import timedelta

import pytest

from exporter.board import Board
from exporter.cycle import CycleRunner
from exporter.model.aging import MaxAge, carried, stale
from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Observed, Result, Verdict
from exporter.model.pair import PairState
from exporter.model.plan import plan
from exporter.model.selection import select
from exporter.model.topology import SandboxId, Topology
from exporter.sightings import CycleSettings
from tests.fakes.clock import START, HandClock
from tests.fakes.cycles import ICMP, run, run_twice, verdicts
from tests.fakes.prober import Answer, FakeProber, but, docker_like
from tests.fakes.topologies import container, demo, endpoint, network, topology

NOW = START


def test_healthy_demo_is_as_expected() -> None:
    """12 container pairs, 4 host pairs, 4 gateways: all as promised."""
    found = demo()

    outcome = run(found, docker_like(found))

    assert Counter(verdicts(outcome).values()) == {"as_expected": 20}


def test_flushed_isolation_names_the_eight_pairs() -> None:
    """One valid reply where isolation is promised is proof."""
    found = demo()

    outcome = run(found, lambda *_: Result.OK)

    broken = {k for k, v in verdicts(outcome).items() if v == "unexpected_reachable"}
    assert broken == {
        f"{a}>{b}"
        for sources, addresses in (
            (("bridge1", "bridge2"), ("172.18.0.2", "172.18.0.3")),
            (("mybridge1", "mybridge2"), ("172.17.0.2", "172.17.0.3")),
        )
        for a in sources
        for b in addresses
    }


def link_down(found: Topology) -> FakeProber:
    """Return the demo's world with the link of mybridge1 down."""
    world = but(docker_like(found), Result.NO_ROUTE, [("mybridge1", "*")])
    world = but(world, Result.OK, [("mybridge1", "own 172.18.0.2")])
    world = but(world, Result.TIMEOUT, [("*", "172.18.0.2")])
    prober = FakeProber(found, world)
    prober.set_link_down("mybridge1")
    return prober


def test_link_down_is_the_fault_and_never_isolation() -> None:
    """Every promise from and to it is broken; its silence elsewhere proves nothing."""
    found = demo()

    actual = verdicts(run_twice(found, link_down(found)))

    promised = {
        "host>172.18.0.2",
        "mybridge2>172.18.0.2",
        "mybridge1>172.18.0.3",
        "mybridge1>172.18.0.1",
    }
    unproven = {
        "mybridge1>172.17.0.2",
        "mybridge1>172.17.0.3",
        "bridge1>172.18.0.2",
        "bridge2>172.18.0.2",
    }
    assert {k for k, v in actual.items() if v == "unexpected_unreachable"} == promised
    assert {k for k, v in actual.items() if v == "unverified"} == unproven
    assert sum(v == "as_expected" for v in actual.values()) == 12


def test_a_destination_that_ignores_echo_is_unverified_not_broken() -> None:
    """It has the address, its link is up, and it does not even answer itself."""
    found = demo()
    world = but(
        docker_like(found),
        Result.TIMEOUT,
        [("*", "172.18.0.2"), ("mybridge1", "own 172.18.0.2")],
    )

    outcome = run(found, world)

    to_it = {
        (s.verdict, s.observation.result)
        for s in outcome.states
        if str(s.pair.address) == "172.18.0.2"
        and s.pair.source not in ("bridge1", "bridge2")
    }
    assert to_it == {(Verdict.UNVERIFIED, Result.ICMP_IGNORED)}


def test_a_refused_path_is_a_fault_whatever_the_destination_ignores() -> None:
    """What the kernel did not send was not ignored by anybody."""
    found = demo()
    world = but(docker_like(found), Result.TIMEOUT, [("mybridge1", "own 172.18.0.2")])
    world = but(world, Result.NO_ROUTE, [("mybridge2", "172.18.0.2")])

    assert verdicts(run_twice(found, world))["mybridge2>172.18.0.2"] == (
        "unexpected_unreachable"
    )


def test_a_deleted_address_is_a_fault() -> None:
    """An address that is gone is not one that ignores echo requests."""
    found = demo()
    world = but(docker_like(found), Result.TIMEOUT, [("*", "172.18.0.2")])
    world = but(world, Result.NO_ROUTE, [("mybridge1", "own 172.18.0.2")])

    actual = verdicts(run_twice(found, world))

    assert actual["mybridge2>172.18.0.2"] == "unexpected_unreachable"
    assert actual["host>172.18.0.2"] == "unexpected_unreachable"
    assert actual["bridge1>172.18.0.2"] == "unverified"


def test_one_lost_packet_raises_nothing() -> None:
    """More packets are sent before silence is held against a promise."""
    found = demo()
    fine = docker_like(found)

    def lossy(source: str, target: str, call: int) -> Result:
        lost = call == 1 and (source, target) in {
            ("mybridge1", "172.18.0.3"),
            ("bridge1", "172.17.0.1"),
        }
        return Result.TIMEOUT if lost else fine(source, target, call)

    outcome = run(found, lossy)

    assert Counter(verdicts(outcome).values()) == {"as_expected": 20}
    state = next(
        s
        for s in outcome.states
        if (s.pair.source, str(s.pair.address)) == ("mybridge1", "172.18.0.3")
    )
    assert (state.observation.sent, state.observation.received) == (4, 3)


def test_a_known_violation_is_not_confirmed_again() -> None:
    """A lasting violation costs no further packets and keeps its start."""
    found = demo()
    first = run(found, lambda *_: Result.OK)
    before = {
        s.pair: PairState(
            **{f: getattr(s, f) for f in s.__slots__ if f != "since"},
            since=NOW - timedelta(hours=1),
        )
        for s in first.states
    }
    prober = FakeProber(found, lambda *_: Result.OK)

    again = run(found, prober, before)

    assert len(prober.calls) == 1
    assert {s.since for s in again.states} == {NOW - timedelta(hours=1)}


def test_a_container_that_vanished_is_dropped() -> None:
    """Pairs with an end that died during the cycle are never judged."""
    found = demo()
    world = but(docker_like(found), Result.TIMEOUT, [("*", "172.18.0.2")])

    outcome = run(found, world, is_there=lambda sandbox: sandbox != "mybridge1")

    ends = {s.pair.source for s in outcome.states}
    ends |= {SandboxId(str(s.pair.destination)) for s in outcome.states}
    assert "mybridge1" not in ends
    assert set(verdicts(outcome).values()) == {"as_expected"}


def test_a_container_that_was_replaced_is_dropped() -> None:
    """A restart during the cycle leaves its pairs to the next one."""
    found = demo()
    world = but(docker_like(found), Result.NETNS_ERROR, [("mybridge1", "*")])
    prober = FakeProber(found, world)
    prober.replaced.add(SandboxId("mybridge1"))

    outcome = run(found, prober)

    assert Counter(verdicts(outcome).values()) == {"as_expected": 20 - 8}


def test_isolation_is_no_loss() -> None:
    """Silence counts as lost packets only where a reply is promised."""
    found = demo()
    board = Board(1.0, 1.0)
    planned = plan(found, ICMP, lambda _: True)
    selection = select(found, planned, epoch=0, budget=NeighbourBudget(1000))
    world = but(docker_like(found), Result.TIMEOUT, [("mybridge1", "172.18.0.3")])

    board.count_cycle(found, selection, run(found, world))

    lost: list[int] = []
    board.count(lambda tally: lost.append(tally.packets_lost.total()))
    assert [4] == lost


def test_silence_of_a_young_container_is_not_held_against_it() -> None:
    """Within the grace period a missing reply is unverified."""
    net = network("n", "10.1.0.0/24")
    found = topology(
        (net,),
        (
            container("old", endpoint("old", net, "10.1.0.2")),
            container("new", endpoint("new", net, "10.1.0.3"), started=NOW),
        ),
    )
    world = but(docker_like(found), Result.TIMEOUT, [("*", "10.1.0.3")])

    outcome = run_twice(found, world)

    assert verdicts(outcome)["old>10.1.0.3"] == "unverified"
    assert {s.silent_since_s for s in outcome.states} == {None}
    assert not outcome.doubtful


def test_a_start_in_the_future_makes_nobody_young() -> None:
    """A clock that was set back must not hide a fault until it has caught up."""
    net = network("n", "10.1.0.0/24")
    later = NOW + timedelta(hours=1)
    found = topology(
        (net,),
        (
            container("old", endpoint("old", net, "10.1.0.2")),
            container("odd", endpoint("odd", net, "10.1.0.3"), started=later),
        ),
    )
    world = but(docker_like(found), Result.TIMEOUT, [("*", "10.1.0.3")])

    outcome = run_twice(found, world)

    assert verdicts(outcome)["old>10.1.0.3"] == "unexpected_unreachable"


@pytest.mark.parametrize(
    "result",
    [Result.NETNS_ERROR, Result.PERMISSION_DENIED, Result.NEIGHBOUR_TABLE],
)
def test_what_could_not_be_measured_is_unverified(result: Result) -> None:
    """A probe that was not made is not a probe without answer."""
    found = demo()

    outcome = run(found, lambda *_: result)

    assert set(verdicts(outcome).values()) == {"unverified"}
    assert {s.observation.observed for s in outcome.states} == {Observed.ERROR}


def test_lonely_macvlan_containers_are_controlled_by_themselves() -> None:
    """Where nobody is promised to reach it, its own address with its link up."""
    net = network("m", "10.1.0.0/24", driver="macvlan", macvlan_mode="private")
    found = topology(
        (net,),
        (
            container("a", endpoint("a", net, "10.1.0.2")),
            container("b", endpoint("b", net, "10.1.0.3")),
        ),
    )
    world = but(
        docker_like(found), Result.TIMEOUT, [("a", "10.1.0.3"), ("b", "10.1.0.2")]
    )
    healthy = FakeProber(found, world)
    broken = FakeProber(found, world)
    broken.set_link_down("b")

    assert set(verdicts(run(found, healthy)).values()) == {"as_expected"}
    assert set(verdicts(run(found, broken)).values()) == {"unverified"}


def test_old_states_turn_unverified() -> None:
    """What was not probed for too long says nothing any more."""
    found = demo()
    planned = plan(found, ICMP, lambda _: True)
    states = {s.pair: s for s in run(found, docker_like(found)).states}

    limit = MaxAge.of_all(60)
    fresh = carried(planned, {}, states, NOW + timedelta(seconds=59), limit)
    old = carried(planned, {}, states, NOW + timedelta(seconds=61), limit)

    assert {s.verdict for s in fresh.values()} == {Verdict.AS_EXPECTED}
    assert {(s.verdict, s.observation.observed) for s in old.values()} == {
        (Verdict.UNVERIFIED, Observed.NOT_PROBED)
    }


def test_an_engine_outage_leaves_nothing_reachable() -> None:
    """Every judged pair is unverified while the engine is away."""
    found = demo()
    states = run(found, docker_like(found)).states

    actual = {stale(s, NOW, "the engine is down").verdict for s in states}

    assert actual == {Verdict.UNVERIFIED}


def cut_off() -> tuple[Topology, Answer]:
    """Return two networks of one each, and a world where X is off its bridge."""
    one, other = network("a", "10.1.0.0/24"), network("b", "10.2.0.0/24")
    found = topology(
        (one, other),
        (
            container("A", endpoint("A", one, "10.1.0.2")),
            container("X", endpoint("X", other, "10.2.0.2")),
        ),
    )
    world = but(docker_like(found), Result.TIMEOUT, [("*", "10.2.0.2"), ("X", "*")])
    return found, but(world, Result.OK, [("X", "own 10.2.0.2")])


def test_silence_proves_nothing_while_the_budget_puts_the_controls_off() -> None:
    """Nobody asked whether the destination lives: its own answer is not enough.

    It is as if nobody had asked the pair either.
    """
    found, world = cut_off()
    planned = plan(found, ICMP, lambda _: True)
    first = NeighbourBudget(100)
    known = [item for item in planned if item.pair.network == "net-a"]
    select(found, known, epoch=0, budget=first)
    selection = select(found, planned, epoch=0, budget=NeighbourBudget(0, first.used))
    runner = CycleRunner(FakeProber(found, world), HandClock(), CycleSettings())

    outcome = runner.run(found, selection, {})

    assert "A>10.2.0.2" not in verdicts(outcome)
    assert "10.2.0.2" in {str(item.pair.address) for item, _ in outcome.counted}


def test_silence_proves_nothing_while_the_controls_cannot_be_measured() -> None:
    """A full neighbour table is no answer, and no lack of a promise either."""
    found, world = cut_off()
    full = but(world, Result.NEIGHBOUR_TABLE, [("host", "*"), ("X", "10.2.0.1")])

    assert verdicts(run(found, full))["A>10.2.0.2"] == Verdict.UNVERIFIED
