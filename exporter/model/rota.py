"""Whose turn it is inside networks, where the neighbour table has no room for all."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from exporter.model.neighbours import NeighbourBudget, entries_of
from exporter.model.outcome import Scope
from exporter.model.pair import Planned
from exporter.model.pairs import pairs_between
from exporter.model.plan import Plan, is_peer
from exporter.model.rations import Ration, Rations
from exporter.model.rings import Mark, Rings, Two, row
from exporter.model.topology import IpVersion

LOOKED_AT: Final = 10_000
"""Twos of one family that are looked at in one cycle, at most."""


class Rota:
    """Goes round in the rows of each family, a little in each cycle."""

    def __init__(self) -> None:
        """Start anywhere."""
        self._marks: dict[IpVersion, Mark] = {}
        self._credit: dict[IpVersion, float] = {}

    def serve(
        self,
        plan: Plan,
        rings: Mapping[IpVersion, Rings],
        rations: Rations,
        budget: NeighbourBudget,
    ) -> tuple[Planned, ...]:
        """Return the pairs whose turn it is, both directions of two together.

        Args:
            plan: the pairs.
            rings: who meets whom, in each family.
            rations: how much of each family's table they may have.
            budget: what the tables bear now; is drawn from.
        """
        if Scope.CONTAINER not in plan.scopes:
            return ()
        return tuple(
            item
            for version, ration in rations.items()
            if ration.is_short
            for item in self._served(plan, rings[version], ration, budget, version)
        )

    def _served(
        self,
        plan: Plan,
        rings: Rings,
        ration: Ration,
        budget: NeighbourBudget,
        version: IpVersion,
    ) -> Iterator[Planned]:
        # Two entries have to come together one day, however slowly.
        most = max(2.0, 2 * ration.inside)
        credit = min(most, self._credit.get(version, 0.0) + ration.inside)
        for two in islice(row(rings, self._marks.get(version)), LOOKED_AT):
            items = tuple(_between(plan, two, version))
            entries = {
                entry for item in items for entry in entries_of(plan.topology, item)
            }
            cost = budget.cost(entries)
            if cost > credit or not budget.take(entries):
                break
            credit -= cost
            self._marks[version] = two.mark
            yield from items
        self._credit[version] = credit


def _between(plan: Plan, two: Two, version: IpVersion) -> Iterator[Planned]:
    """Yield the pairs of two members that may be probed, in one family."""
    topology, on = plan.topology, two.mark.network
    one, other = topology.sandbox_by_id[two.one], topology.sandbox_by_id[two.other]
    for source, destination in ((one, other), (other, one)):
        for item in plan.items(pairs_between(topology, source, destination, on)):
            if (
                item.pair.ip_version == version
                and is_peer(item.decision, on)
                and not item.decision.is_left_alone
            ):
                yield item
