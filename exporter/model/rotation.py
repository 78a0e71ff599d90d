"""Whose turn it is among the pairs of a block, whoever comes and goes meanwhile.

A pair's turn follows from its own two ends and not from its place among others: with a
container that starts and stops all the time, places would shift between two turns, and
a pair could be passed over again and again. How many turns there are is a power of two:
a pair that is due when there are many is due then as well when there are few.
"""

from collections.abc import Iterable, Iterator

from exporter.model.kinds import Block
from exporter.model.pair import Pair
from exporter.model.plan import place
from exporter.model.topology import Sandbox, SandboxId


def cycles_of(block: Block, pace: int) -> int:
    """Return after how many cycles each pair of a block has had its turn.

    Args:
        block: the pairs.
        pace: how many of them are due in one cycle, about, >= 1.
    """
    return 1 << (-(-block.turns // pace) - 1).bit_length()


class Rotation:
    """Finds the pairs whose turn it is."""

    def __init__(self, sandboxes: Iterable[Sandbox]) -> None:
        """Give every sandbox its rank, which it keeps."""
        self._ranks: dict[SandboxId, int] = {
            one.id: int.from_bytes(place(one.id), "big") for one in sandboxes
        }

    def due(self, block: Block, cycle: int, pace: int) -> Iterator[Pair]:
        """Yield the pairs of a block that are due in a cycle, at least one.

        Args:
            block: the pairs.
            cycle: counts the cycles.
            pace: how many pairs, about, >= 1.
        """
        cycles, ranks = cycles_of(block, pace), self._ranks
        by_rest: dict[int, list[Sandbox]] = {}
        for one in block.destinations:
            by_rest.setdefault(ranks[one.id] % cycles, []).append(one)
        is_any = False
        for source in block.sources:
            for destination in by_rest.get((cycle - ranks[source.id]) % cycles, ()):
                if source is not destination:
                    is_any = True
                    yield block.between(source, destination)
        if not is_any:
            yield self._one(block, cycle)

    @staticmethod
    def _one(block: Block, cycle: int) -> Pair:
        """Return some pair of a block; one end in a row meets itself at most once."""
        some = (block.pair((cycle + more) % block.turns) for more in range(block.turns))
        return next(pair for pair in some if pair is not None)
