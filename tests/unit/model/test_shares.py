"""Whose turn it is where the neighbour table has no room for everybody."""

from dataclasses import replace

import pytest

from exporter.model.outcome import Verdict
from exporter.model.pair import Pair
from exporter.model.shares import (
    broken,
    broken_ends,
    broken_inside,
    resting,
    steady,
    turn_cycles,
)
from exporter.model.topology import SandboxId
from tests.fakes.board import Watch
from tests.fakes.crowds import crowd
from tests.fakes.topologies import demo

HOST = crowd(60, 4)


@pytest.mark.parametrize(
    ("before", "wanted", "expected"),
    [(1, 1, 1), (1, 13, 13), (13, 15, 15), (15, 13, 15), (15, 9, 15), (15, 7, 7)],
)
def test_their_number_does_not_follow_what_others_have(
    before: int, wanted: int, expected: int
) -> None:
    """At once where more are needed, and not soon where fewer would do."""
    assert steady(before, wanted) == expected


@pytest.mark.parametrize(
    ("interval_s", "expected"), [(15.0, 4), (60.0, 4), (7.0, 16), (1.0, 64)]
)
def test_a_turn_lasts_longer_than_an_entry(interval_s: float, expected: int) -> None:
    """A minute at least, in cycles by a power of two."""
    assert turn_cycles(interval_s) == expected


def test_everybody_has_one_turn() -> None:
    """But for those who cannot rest, who have all."""
    awake = {SandboxId("c0001")}
    everybody = {one.id for one in HOST.sandboxes}
    at_work = [everybody - resting(HOST, 5, turn, awake) for turn in range(5)]

    assert set[SandboxId]().union(*at_work) == everybody
    assert sum(map(len, at_work)) == len(everybody) + 4
    assert resting(HOST, 1, 3, ()) == frozenset()


def test_the_ends_of_what_is_broken_are_awake_as_far_as_they_fit() -> None:
    """The oldest first."""
    watch = Watch(demo())
    watch.cycle()
    states = dict(watch.board.states)
    names = [("bridge1", "mybridge1"), ("bridge2", "mybridge2")]
    for seconds, ends in enumerate(names):
        pair = next(pair for pair in states if (pair.source, pair.destination) == ends)
        watch.clock.move(seconds)
        states[pair] = replace(
            states[pair],
            verdict=Verdict.UNEXPECTED_REACHABLE,
            since=watch.clock.now_utc(),
        )

    assert broken_ends(broken(states), 9) == {name for ends in names for name in ends}
    assert broken_ends(broken(states), 3) == set(names[0])
    assert broken_ends(broken(watch.board.states), 9) == frozenset()


def test_of_what_is_broken_inside_networks_the_oldest_few_are_watched() -> None:
    """Each costs entries of its own in every cycle."""
    watch = Watch(demo())
    watch.cycle()
    inside = [("bridge1", "bridge2"), ("mybridge1", "mybridge2")]
    states, bad = dict(watch.board.states), list[Pair]()
    for seconds, names in enumerate([*inside, ("bridge1", "mybridge1")]):
        pair = next(pair for pair in states if (pair.source, pair.destination) == names)
        bad.append(pair)
        watch.clock.move(seconds)
        states[pair] = replace(
            states[pair],
            verdict=Verdict.UNEXPECTED_UNREACHABLE,
            since=watch.clock.now_utc(),
        )

    assert broken_inside(broken(states), {4: 9, 6: 0}) == set(bad[:2])
    assert broken_inside(broken(states), {4: 1, 6: 9}) == {bad[0]}
    assert broken_inside(broken(watch.board.states), {4: 9, 6: 9}) == frozenset()
