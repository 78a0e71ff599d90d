"""Whose turn it is where the neighbour table has no room for everybody."""

from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise

import pytest

from exporter.model.outcome import Verdict
from exporter.model.pair import Pair
from exporter.model.shares import (
    are_even,
    at_work,
    broken,
    broken_ends,
    broken_inside,
    costs,
    cuts_of,
    resting,
    share_of,
    steady,
    turn_cycles,
    turns_to_meet,
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
    ("interval_s", "expected"),
    [(15.0, 4), (30.0, 2), (60.0, 2), (300.0, 2), (7.0, 16), (1.0, 64)],
)
def test_a_turn_lasts_longer_than_an_entry(interval_s: float, expected: int) -> None:
    """A minute at least, in cycles by a power of two; and two cycles."""
    assert turn_cycles(interval_s) == expected


def test_everybody_has_two_turns_of_as_many_as_there_are_shares() -> None:
    """But for those who cannot rest, who have all."""
    awake = {SandboxId("c0001")}
    everybody = {one.id for one in HOST.sandboxes}
    cuts = cuts_of(costs(HOST, 4), 5)
    active = [everybody - resting(HOST, cuts, turn, awake) for turn in range(5)]

    assert set[SandboxId]().union(*active) == everybody
    assert sum(map(len, active)) == 2 * len(everybody) + 3


@pytest.mark.parametrize("count", [3, 7, 29, 61, 97])
def test_shares_cost_the_same_as_far_as_can_be(count: int) -> None:
    """Also where there are more of them than containers."""
    each = costs(HOST, 4)
    cuts = cuts_of(each, count)
    sizes = Counter(share_of(one, cuts) for one in each for _ in range(each[one]))

    assert set(each.values()) == {3}
    assert set(costs(HOST, 6).values()) == {0}
    assert len(cuts) == count - 1
    assert max(sizes.values()) <= 180 / count + 3
    assert are_even(each, cuts)


def test_who_costs_more_has_fewer_beside_it() -> None:
    """A container on many networks has a gateway on each."""
    each = {SandboxId(f"c{number}"): 3 for number in range(30)}
    each[SandboxId("c7")] = 45
    cuts = cuts_of(each, 3)
    own = share_of(SandboxId("c7"), cuts)

    assert sum(share_of(one, cuts) == own for one in each) < 8


def test_shares_are_cut_anew_only_once_some_have_grown() -> None:
    """Who comes and goes changes nobody's turn."""
    each = costs(HOST, 4)
    cuts = cuts_of(each, 7)
    more = {SandboxId(f"x{number}"): 3 for number in range(100)}
    here = {one: 3 for one in more if share_of(one, cuts) == 2}

    assert are_even({**each, **more}, cuts)
    assert len(here) > 8
    assert not are_even({**each, **here}, cuts)


@pytest.mark.parametrize("count", [3, 5, 7, 29])
def test_every_two_shares_meet_once_and_one_stays_for_the_next_turn(count: int) -> None:
    """Also from one round of all meetings to the next."""
    turns = turns_to_meet(count)
    met = [at_work(count, turn) for turn in range(turns + 1)]

    assert {frozenset(two) for two in combinations(range(count), 2)} == set(met)
    assert turns == len(set(met)) == count * (count - 1) // 2
    assert all(len(two & after) == 1 for two, after in pairwise(met))
    assert turns_to_meet(1) == 1


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
