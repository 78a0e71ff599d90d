"""What becomes of a policy in a cycle: verdicts, controls, counters, time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model.outcome import Expected, Result, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.policy import Policy, PolicyEntry, Selector
from exporter.model.topology import IpVersion, Topology
from tests.fakes.board import Watch
from tests.fakes.policies import entry, labelled
from tests.fakes.prober import Answer, but, docker_like
from tests.fakes.topologies import demo

MY, DEFAULT = Selector(network=("mybridge",)), Selector(network=("bridge",))
SAME = entry(Expected.ISOLATED, source=MY, destination=MY)
ACROSS = entry(Expected.REACHABLE, source=DEFAULT, destination=MY)
ADDRESS = {
    "bridge1": "172.17.0.2",
    "bridge2": "172.17.0.3",
    "mybridge1": "172.18.0.2",
    "mybridge2": "172.18.0.3",
}
QUIET = docker_like(demo())


def watched(
    *entries: PolicyEntry, answer: Answer = QUIET, found: Topology | None = None
) -> Watch:
    """Return a board after a cycle by a policy."""
    watch = Watch(found or demo(), answer)
    watch.policy = Policy(entries)
    watch.cycle()
    return watch


def state_of(watch: Watch, source: str, destination: str) -> PairState:
    """Return what is known of a pair that is not about a name."""
    return next(
        state
        for state in watch.look().pairs
        if (state.pair.source, str(state.pair.destination)) == (source, destination)
    )


def silent(*cases: tuple[str, str], base: Answer = QUIET) -> Answer:
    """Return a world in which some (source, destination) get no reply."""
    targets = [(source, ADDRESS.get(name, name)) for source, name in cases]
    return but(base, Result.TIMEOUT, targets)


class TestStricter:
    """Isolated on one bridge, where Docker promises the contrary."""

    def test_a_reply_is_a_violation(self) -> None:
        """It is the policy's promise that is broken now."""
        state = state_of(watched(SAME), "mybridge1", "mybridge2")

        assert Verdict.UNEXPECTED_REACHABLE is state.verdict
        assert ("policy-1", Expected.REACHABLE) == (
            state.decision.rule,
            state.decision.promised,
        )

    def test_silence_with_both_ends_alive_is_as_expected(self) -> None:
        """The host and the gateway control the ends, as everywhere."""
        answer = silent(("mybridge1", "mybridge2"), ("mybridge2", "mybridge1"))
        watch = watched(SAME, answer=answer)

        assert Verdict.AS_EXPECTED is state_of(watch, "mybridge1", "mybridge2").verdict
        assert {Verdict.AS_EXPECTED} == {state.verdict for state in watch.look().pairs}

    def test_silence_of_a_dead_end_proves_nothing(self) -> None:
        """No policy makes a dead destination look isolated."""
        answer = silent(("*", "mybridge2"), ("mybridge2", "*"))
        state = state_of(watched(SAME, answer=answer), "mybridge1", "mybridge2")

        assert Verdict.UNVERIFIED is state.verdict
        assert False is state.controls.destination


MUTE = silent(("mybridge1", "172.18.0.1"), ("mybridge2", "172.18.0.1"))
"""The gateway of mybridge answers no container."""


class TestGateway:
    """A policy may forbid what every container can: to reach its gateway."""

    CLOSED = entry(Expected.ISOLATED, source=MY, scopes=frozenset({Scope.GATEWAY}))

    def verdicts(self, answer: Answer) -> set[tuple[Verdict, bool | None]]:
        """Return verdicts and the destination's control of mybridge's gateway pairs."""
        return {
            (state.verdict, state.controls.destination)
            for state in watched(self.CLOSED, answer=answer).look().pairs
            if state.decision.policy
        }

    def test_silence_while_the_host_answers_itself(self) -> None:
        """The peers show that the sources are alive."""
        assert {(Verdict.AS_EXPECTED, True)} == self.verdicts(MUTE)

    def test_silence_of_a_host_that_does_not(self) -> None:
        """Nothing is known of the gateway then."""
        answer = but(MUTE, Result.TIMEOUT, [("host", "own 172.18.0.1")])

        assert {(Verdict.UNVERIFIED, None)} == self.verdicts(answer)

    def test_a_reply(self) -> None:
        """It is a violation."""
        assert {(Verdict.UNEXPECTED_REACHABLE, True)} == self.verdicts(QUIET)

    def test_without_a_policy_there_is_no_such_control(self) -> None:
        """Docker promises that gateways answer."""
        assert {None} == {
            state.controls.destination
            for state in watched().look().pairs
            if state.pair.scope is Scope.GATEWAY
        }


class TestLooser:
    """Reachable across bridges, where Docker promises isolation."""

    def test_a_leak_is_accepted(self) -> None:
        """Only where the policy says so: the way back is still a violation."""
        watch = watched(ACROSS, answer=lambda *_: Result.OK)

        assert Verdict.AS_EXPECTED is state_of(watch, "bridge1", "mybridge1").verdict
        back = state_of(watch, "mybridge1", "bridge1")
        assert Verdict.UNEXPECTED_REACHABLE is back.verdict

    def test_silence_is_a_violation(self) -> None:
        """A promise is a promise, whoever makes it."""
        watch = watched(ACROSS)
        watch.clock.move(15)
        watch.cycle()

        assert (
            Verdict.UNEXPECTED_UNREACHABLE
            is state_of(watch, "bridge1", "mybridge1").verdict
        )
        others = {
            state.verdict
            for state in watch.look().pairs
            if state.decision.policy is None
        }
        assert {Verdict.AS_EXPECTED} == others

    def test_its_silence_takes_no_control_away(self) -> None:
        """The isolation of the other way is confirmed as ever."""
        back = state_of(watched(ACROSS), "mybridge1", "bridge1")

        assert Verdict.AS_EXPECTED is back.verdict

    def test_its_packets_count_as_lost(self) -> None:
        """Loss is what an expected reply did not do; isolation is none."""
        version: IpVersion = 4
        key = (Scope.CONTAINER, "mybridge", version)
        lost = [
            watched(*entries).look().tally.packets_lost[key]
            for entries in ((), (ACROSS,))
        ]

        assert [0, 4 * 4] == lost  # four pairs, with three packets more each


class TestIgnored:
    """Probed and shown, never judged."""

    IGNORED = entry(Expected.UNKNOWN, scopes=frozenset({Scope.HOST}))

    def test_it_is_not_judged(self) -> None:
        """Neither a reply nor silence is held against it."""
        state = state_of(
            watched(self.IGNORED, answer=silent(("host", "bridge1"))), "host", "bridge1"
        )

        assert (Verdict.NOT_JUDGED, Result.TIMEOUT) == (
            state.verdict,
            state.observation.result,
        )

    def test_it_still_controls(self) -> None:
        """What the host reaches is alive; what it does not reach is not known to be."""
        alive = watched(self.IGNORED)
        dead = watched(
            self.IGNORED, answer=silent(("host", "bridge1"), ("bridge2", "bridge1"))
        )

        assert Verdict.AS_EXPECTED is state_of(alive, "mybridge1", "bridge1").verdict
        doubt = state_of(dead, "mybridge1", "bridge1")
        assert (Verdict.UNVERIFIED, False) == (
            doubt.verdict,
            doubt.controls.destination,
        )


def left_alone() -> Topology:
    """Return the demo with bridge1 opting out."""
    found = demo()
    return replace(
        found,
        containers=tuple(
            labelled(one, dockernet_ignore="true") if one.id == "bridge1" else one
            for one in found.containers
        ),
    )


class TestOptedOut:
    """Left alone by its label."""

    def test_its_pairs_are_there_but_not_probed(self) -> None:
        """They are counted: not judged, nothing seen."""
        watch = watched(answer=lambda *_: Result.OK, found=left_alone())
        mine = [
            state
            for state in watch.look().pairs
            if "bridge1" in (state.pair.source, state.pair.destination)
        ]

        assert 8 == len(mine)
        assert {(Verdict.NOT_JUDGED, Result.SKIPPED, None)} == {
            (state.verdict, state.observation.result, state.probed) for state in mine
        }

    def test_nothing_is_sent_from_or_to_it(self) -> None:
        """Not even to its own address."""
        asked: set[tuple[str, str]] = set()

        def answer(source: str, target: str, call: int) -> Result:
            asked.add((source, target.removeprefix("own ")))
            return QUIET(source, target, call)

        watched(answer=answer, found=left_alone())

        assert asked
        assert [] == [
            one for one in asked if "bridge1" in one or ADDRESS["bridge1"] in one
        ]

    def test_it_controls_nobody(self) -> None:
        """Others are judged as if it were not there."""
        watch = watched(found=left_alone())

        assert {Verdict.AS_EXPECTED} == {
            state.verdict
            for state in watch.look().pairs
            if not state.decision.opted_out
        }


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        pytest.param(86399, Verdict.AS_EXPECTED, id="the last second"),
        pytest.param(86400, Verdict.UNEXPECTED_REACHABLE, id="midnight"),
    ],
)
def test_an_entry_ends_at_midnight(seconds: int, verdict: Verdict) -> None:
    """The cycle after it judges by Docker's promise again."""
    watch = Watch(demo(), lambda *_: Result.OK)
    today = watch.clock.now_utc().date()
    watch.policy = Policy((replace(ACROSS, until=today),))
    watch.clock.utc += timedelta(seconds=seconds)
    watch.cycle()

    assert verdict is state_of(watch, "bridge1", "mybridge1").verdict
    assert bool(watch.look().notices) is (verdict is Verdict.UNEXPECTED_REACHABLE)
