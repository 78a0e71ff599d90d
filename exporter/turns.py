"""Shares the host's neighbour tables out among the pairs; tells how long it takes."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Final

from exporter.agenda import Agenda, Wish
from exporter.meetings import Meetings, crossings
from exporter.model.bounds import Bounds, Turns
from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, PairState, Planned, count_key
from exporter.model.pairs import all_pairs
from exporter.model.plan import EPOCH_CYCLES, Plan
from exporter.model.rations import (
    Need,
    Rations,
    cycles_inside,
    need_of,
    prime_from,
    rations_of,
)
from exporter.model.rings import Rings, rings_of
from exporter.model.rota import Rota
from exporter.model.sample import ACROSS, NAMES
from exporter.model.selection import Resting, Selection, select
from exporter.model.shares import (
    Cuts,
    are_even,
    broken,
    broken_ends,
    broken_inside,
    costs,
    cuts_of,
    resting,
    steady,
    turn_cycles,
    turns_to_meet,
)
from exporter.model.topology import IP_VERSIONS, IpVersion, SandboxId, Topology

_TAKE_TURNS: Final = (
    "the host's neighbour table has no room for all containers at once: they are "
    "probed in turns; a larger net.ipv4.neigh.default.gc_thresh2 and gc_thresh3, and "
    "net.ipv6 likewise, would do without"
)
_FULL: Final = (
    "the host's IPv{version} neighbour table is full of others' entries: pairs that "
    "need one are not probed; a larger net.ipv{version}.neigh.default.gc_thresh2 and "
    "gc_thresh3 would give room"
)
_AWAKE: Final = 4
"""Of what may be added in a turn, ends of broken promises have one part in so many."""
_FEW: Final = 16
"""One in so many each, beside the row, for what is broken inside networks, and for what
a change asks for there."""


@dataclass(frozen=True, slots=True)
class _Crowd:
    """What the pairs of one plan ask of the neighbour tables."""

    plan: Plan
    rings: Mapping[IpVersion, Rings]
    needs: Mapping[IpVersion, Need]
    across: int
    """How many pairs lie across networks."""


class Turnstile:
    """Lets as many pairs of an agenda through as the neighbour tables bear."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._crowd: _Crowd | None = None
        self._rations: Rations = {}
        self._rota, self._meetings, self._bounds = Rota(), Meetings(), Bounds()
        self._cuts: dict[IpVersion, Cuts] = {}

    @property
    def notices(self) -> tuple[str, ...]:
        """That a table has no room for everybody, or for nobody, where that is so."""
        in_turn = any(ration.shares > 1 for ration in self._rations.values())
        return (
            *((_TAKE_TURNS,) if in_turn else ()),
            *(
                _FULL.format(version=version)
                for version, ration in self._rations.items()
                if ration.is_closed
            ),
        )

    def select(
        self,
        agenda: Agenda,
        budget: NeighbourBudget,
        *,
        states: Mapping[Pair, PairState],
        wish: Wish,
        cycle: int,
        interval_s: float,
        now: datetime,
    ) -> tuple[Agenda, Selection]:
        """Return what of an agenda fits into the neighbour tables, and when all has.

        Args:
            agenda: what the cycle is about.
            budget: is drawn from.
            states: what is known of pairs.
            wish: what the cycle was asked for.
            cycle: counts the cycles that went through everything.
            interval_s: between two of those.
            now: in UTC.
        """
        crowd = self._crowd = _crowd_of(agenda.plan, self._crowd)
        rations = self._rations = self._rationed(crowd, budget, interval_s)
        short = [version for version, one in rations.items() if one.is_short]
        few = {version: share // _FEW for version, share in budget.share.items()}
        long = _turn_cycles(crowd, rations, interval_s, sampled=bool(agenda.aside))
        turn, most = cycle // long, min(budget.share.values()) // _AWAKE
        bad = broken(states)
        awake = {*wish.changed, *broken_ends(bad, most)}
        selection = select(
            crowd.plan.topology,
            agenda.wanted,
            epoch=cycle // EPOCH_CYCLES,
            budget=budget,
            everything=agenda.everything,
            resting={} if wish.is_again else self._idle(crowd, turn, awake),
            rationed={}
            if wish.is_again
            else {v: None if wish.is_in_turn else few[v] for v in short},
            watched=broken_inside(bad, few),
        )
        if wish.is_in_turn and not agenda.is_spared:
            self._meetings.begin(turn, now)
            found = (
                *self._rota.serve(crowd.plan, crowd.rings, rations, budget),
                *self._meetings.serve(agenda, selection.resting, budget, states),
            )
            agenda, selection = _with(agenda, selection, found)
        turns = self._told(cycle, _turns(agenda, crowd, rations, long))
        return replace(agenda, turns=turns), selection

    def _told(self, cycle: int, found: Turns) -> Turns:
        """Return after how many cycles all have had their turn, told steadily."""
        closed = [version for version, one in self._rations.items() if one.is_closed]
        return self._bounds.at(cycle, found, unknown=closed)

    def _rationed(
        self, crowd: _Crowd, budget: NeighbourBudget, interval_s: float
    ) -> Rations:
        """Return what pairs may have; shares do not change for little."""
        most = prime_from(len(crowd.plan.topology.sandboxes))
        before = self._rations
        return {
            version: one._replace(
                shares=steady(
                    before[version].shares if version in before else 1,
                    min(one.shares, most),
                )
            )
            for version, one in rations_of(crowd.needs, budget, interval_s).items()
        }

    def _idle(self, crowd: _Crowd, turn: int, awake: Collection[SandboxId]) -> Resting:
        topology = crowd.plan.topology
        return {
            version: resting(topology, self._cut(topology, version), turn, awake)
            for version, one in self._rations.items()
            if one.shares > 1
        }

    def _cut(self, topology: Topology, version: IpVersion) -> Cuts:
        """Return the cuts between the shares, as they were while they are even."""
        count, each = self._rations[version].shares, costs(topology, version)
        known = self._cuts.get(version, ())
        if len(known) + 1 != count or not are_even(each, known):
            known = self._cuts[version] = cuts_of(each, count)
        return known


def _crowd_of(plan: Plan, known: _Crowd | None) -> _Crowd:
    if known is not None and known.plan is plan:
        return known
    topology, scopes = plan.topology, plan.scopes & {Scope.HOST, Scope.GATEWAY}
    controls = tuple(plan.items(all_pairs(topology, scopes)))
    inside = Scope.CONTAINER in plan.scopes
    rings = {
        version: rings_of(topology, version, plan.looks_at) if inside else {}
        for version in IP_VERSIONS
    }
    needs = {v: need_of(topology, controls, rings[v], v) for v in IP_VERSIONS}
    across = sum(block.size for _, block in crossings(plan))
    return _Crowd(plan, rings, needs, across)


def _turn_cycles(
    crowd: _Crowd, rations: Rations, interval_s: float, *, sampled: bool
) -> int:
    """Return for how many cycles a turn lasts: until all that is due in it was probed.

    Shares are not equally large; so there is room for twice what is due on average.
    """
    found = turn_cycles(interval_s)
    for shares in {one.shares for one in rations.values() if one.shares > 1}:
        awake = 2 / shares
        names = ceil(2 * crowd.plan.names * awake / NAMES)
        across = ceil(2 * crowd.across * awake**2 / ACROSS) if sampled else 0
        found = max(found, names, across)
    return found


def _with(
    agenda: Agenda, selection: Selection, found: Collection[Planned]
) -> tuple[Agenda, Selection]:
    """Return both with further pairs, of which some may be in already."""
    done = {item.pair for item in selection.probed}
    more = {item.pair: item for item in found if item.pair not in done}
    selection = replace(
        selection,
        probed=(*selection.probed, *more.values()),
        skipped=tuple(item for item in selection.skipped if item.pair not in more),
        throttled=selection.throttled - len(selection.put_off & more.keys()),
    )
    if agenda.aside:
        known = {item.pair for item in agenda.known}
        new = tuple(item for pair, item in more.items() if pair not in known)
        aside = Counter(agenda.aside)
        aside.subtract(map(count_key, new))
        agenda = replace(agenda, known=(*agenda.known, *new), aside=+aside)
    return agenda, selection


def _turns(agenda: Agenda, crowd: _Crowd, rations: Rations, long: int) -> Turns:
    """Return after how many cycles all have had their turn.

    Args:
        agenda: what is due, and when all was if there is room.
        crowd: what is asked of the tables.
        rations: what may be had.
        long: how many cycles a turn lasts.
    """
    across, inside = dict[IpVersion, int](), dict[IpVersion, int]()
    for version, one in rations.items():
        met = turns_to_meet(one.shares) if crowd.across else one.shares
        across[version] = agenda.cycles if one.shares == 1 else long * met
        inside[version] = cycles_inside(crowd.needs[version], one, agenda.cycles)
    return Turns(across=across, inside=inside)
