"""Whose turn it is, while containers come and go."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle as endlessly

import pytest

from exporter.model.kinds import Block
from exporter.model.outcome import Scope
from exporter.model.pair import Pair
from exporter.model.plan import Plan
from exporter.model.rotation import Rotation, cycles_of
from exporter.model.topology import Topology
from tests.fakes.crowds import crowd

WHOLE = crowd(60, 3)


def without(count: int) -> Topology:
    """Return a host on which the first containers do not run."""
    return replace(WHOLE, sandboxes=WHOLE.sandboxes[count:])


def blocks(found: Topology) -> Iterator[Block]:
    """Yield the pairs across its networks."""
    scopes = frozenset({Scope.CONTAINER})
    for block in Plan(found, scopes, lambda _: True).blocks:
        if not block.decision.on_link:
            yield block


def due(found: Topology, cycle: int, pace: int) -> set[Pair]:
    """Return what is due in a cycle."""
    rotation = Rotation(found.sandboxes)
    return {
        pair for block in blocks(found) for pair in rotation.due(block, cycle, pace)
    }


def everything(found: Topology) -> set[Pair]:
    """Return every pair across its networks."""
    return {
        pair
        for block in blocks(found)
        for pair in map(block.pair, range(block.turns))
        if pair is not None
    }


@pytest.mark.parametrize("paces", [(4,), (4, 9), (1, 4, 2)])
@pytest.mark.parametrize("absent", [(0,), (0, 1), (3, 0, 7)])
def test_every_pair_has_its_turn_in_time_whoever_comes_and_goes(
    absent: tuple[int, ...], paces: tuple[int, ...]
) -> None:
    """A container that restarts in every cycle passes nobody's turn over."""
    bound = max(cycles_of(block, min(paces)) for block in blocks(WHOLE))
    seen: set[Pair] = set()
    states = zip(range(bound), endlessly(absent), endlessly(paces), strict=False)
    for cycle, gone, pace in states:
        seen |= due(without(gone), 1000 + cycle, pace)

    assert everything(without(max(absent))) <= seen


def test_each_cycle_takes_some_of_every_block() -> None:
    """So that what harms two networks as a whole is found at once."""
    for cycle in range(200):
        ways = {(pair.source[-1], pair.network) for pair in due(WHOLE, cycle, 1)}

        assert len({network for _, network in ways}) == 3
        assert len(due(WHOLE, cycle, 1)) >= 6


def test_a_block_that_is_small_enough_is_due_as_a_whole() -> None:
    """In every cycle."""
    assert everything(WHOLE) == due(WHOLE, 5, 400)
