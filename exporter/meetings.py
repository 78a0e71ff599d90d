"""What is due of those who are awake, where the containers take turns.

Isolation between two of them is proven only while both are (`exporter.model.shares`),
and a question for a name makes an entry of its source's own. So of both, all that is
about the awake is looked at in their turn, whatever else a sample would look at.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain, islice

from exporter.agenda import Agenda
from exporter.model.kinds import Block
from exporter.model.neighbours import NeighbourBudget, entries_of
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, PairState, Planned
from exporter.model.pairs import names_of
from exporter.model.plan import Plan
from exporter.model.sample import ACROSS, NAMES
from exporter.model.selection import Resting
from exporter.model.topology import IpVersion, SandboxId


class Meetings:
    """Goes through what is due in each turn, a part in each cycle."""

    def __init__(self) -> None:
        """Start before the first turn."""
        self._turn: int | None = None
        self._since = datetime.min.replace(tzinfo=UTC)
        """When the turn began."""

    def begin(self, turn: int, now: datetime) -> None:
        """Note which turn it is in a cycle, and when it began, in UTC."""
        if turn != self._turn:
            self._turn, self._since = turn, now

    def serve(
        self,
        agenda: Agenda,
        resting: Resting,
        budget: NeighbourBudget,
        states: Mapping[Pair, PairState],
    ) -> tuple[Planned, ...]:
        """Return what was not looked at yet in this turn, as far as it fits.

        Args:
            agenda: of the cycle; across networks only what it leaves aside is missing.
            resting: whose turn it is not, of the families that take turns.
            budget: what the tables bear; is drawn from.
            states: what is known.
        """

        def is_due(item: Planned) -> bool:
            state = states.get(item.pair)
            return state is None or state.probed is None or state.probed < self._since

        plan = agenda.plan
        names = _names(plan, resting) if 4 in resting else ()
        crossing = _across(plan, resting) if agenda.aside else ()
        due = chain(
            islice(filter(is_due, names), NAMES),
            islice(filter(is_due, crossing), ACROSS),
        )
        return tuple(i for i in due if budget.take(entries_of(plan.topology, i)))


def crossings(plan: Plan) -> Iterator[tuple[IpVersion, Block]]:
    """Yield the pairs across networks that are probed, with their family."""
    for block in plan.across:
        if not block.decision.is_left_alone:
            yield block.ip_version, block


def _across(plan: Plan, resting: Resting) -> Iterator[Planned]:
    for version, block in crossings(plan):
        if version in resting:
            yield from _between(block, resting[version])


def _between(block: Block, idle: frozenset[SandboxId]) -> Iterator[Planned]:
    sources = [one for one in block.sources if one.id not in idle]
    destinations = [one for one in block.destinations if one.id not in idle]
    for source in sources:
        for destination in destinations:
            if source is not destination:
                pair = block.between(source, destination)
                yield Planned(pair=pair, decision=block.decision)


def _names(plan: Plan, resting: Resting) -> Iterator[Planned]:
    """Yield the names that the awake may ask for; what answers is at 127.0.0.11."""
    if Scope.NAME not in plan.scopes:
        return
    for source in plan.topology.sandboxes:
        if source.id not in resting[4]:
            for item in plan.items(names_of(plan.topology, source)):
                if not item.decision.is_left_alone:
                    yield item
