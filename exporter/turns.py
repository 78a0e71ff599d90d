"""Shares the host's neighbour tables out among the pairs; tells how long it takes."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from exporter.agenda import Agenda, Wish
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
    rations_of,
)
from exporter.model.rings import Rings, rings_of
from exporter.model.rota import Rota
from exporter.model.selection import Resting, Selection, select
from exporter.model.shares import (
    broken,
    broken_ends,
    broken_inside,
    resting,
    steady,
    turn_cycles,
)
from exporter.model.topology import IP_VERSIONS, IpVersion, SandboxId

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


class Turnstile:
    """Lets as many pairs of an agenda through as the neighbour tables bear."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._crowd: _Crowd | None = None
        self._rations: Rations = {}
        self._rota, self._bounds = Rota(), Bounds()

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
    ) -> tuple[Agenda, Selection]:
        """Return what of an agenda fits into the neighbour tables, and when all has.

        Args:
            agenda: what the cycle is about.
            budget: is drawn from.
            states: what is known of pairs.
            wish: what the cycle was asked for.
            cycle: counts the cycles that went through everything.
            interval_s: between two of those.
        """
        crowd = self._crowd = _crowd_of(agenda.plan, self._crowd)
        rations = self._rations = self._rationed(crowd, budget, interval_s)
        short = [version for version, one in rations.items() if one.is_short]
        few = {version: share // _FEW for version, share in budget.share.items()}
        long, most = turn_cycles(interval_s), min(budget.share.values()) // _AWAKE
        bad = broken(states)
        awake = {*wish.changed, *broken_ends(bad, most)}
        selection = select(
            crowd.plan.topology,
            agenda.wanted,
            epoch=cycle // EPOCH_CYCLES,
            budget=budget,
            everything=agenda.everything,
            resting={} if wish.is_again else self._idle(crowd, cycle // long, awake),
            rationed={}
            if wish.is_again
            else {v: None if wish.is_in_turn else few[v] for v in short},
            watched=broken_inside(bad, few),
        )
        if short and wish.is_in_turn and not agenda.is_spared:
            found = self._rota.serve(crowd.plan, crowd.rings, rations, budget)
            agenda, selection = _with(agenda, selection, found)
        turns = _turns(agenda, crowd, rations, long)
        closed = [version for version, one in rations.items() if one.is_closed]
        told = self._bounds.at(cycle, turns, unknown=closed)
        return replace(agenda, turns=told), selection

    def _rationed(
        self, crowd: _Crowd, budget: NeighbourBudget, interval_s: float
    ) -> Rations:
        """Return what pairs may have; shares do not change for little."""
        most = len(crowd.plan.topology.sandboxes) | 1
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
            version: resting(topology, one.shares, turn, awake)
            for version, one in self._rations.items()
            if one.shares > 1
        }


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
    return _Crowd(plan, rings, needs)


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
        cycles = agenda.cycles
        if one.shares > 1 and agenda.aside:  # every turn has to meet every other
            cycles = max(cycles, long) * one.shares
        elif one.shares > 1:
            cycles = max(cycles, long * one.shares)
        across[version] = cycles
        inside[version] = cycles_inside(crowd.needs[version], one, agenda.cycles)
    return Turns(across=across, inside=inside)
