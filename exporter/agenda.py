"""What a cycle of the daemon is about: everything, or a sample where that is much."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Scope
from exporter.model.pair import CountKey, Pair, PairState, Planned
from exporter.model.plan import (
    EPOCH_CYCLES,
    Plan,
    Selection,
    cycles_to_cover,
    select,
)
from exporter.model.policy import NO_POLICY, Policy
from exporter.model.queue import Demands, Queue, cycles_to_serve, demands_of
from exporter.model.sample import KEPT_CYCLES, is_sampled, sample
from exporter.model.shares import (
    broken_ends,
    resting,
    shares,
    steady,
    turn_cycles,
)
from exporter.model.sweep import SWEEPS, Choose
from exporter.model.topology import Network, SandboxId, Topology

QUICK = frozenset({*SWEEPS, "change"})
"""Triggers of cycles that must not take long."""
IN_TURN = frozenset({"start", "interval"})
"""Triggers of cycles that go through everything, over and over."""
_TAKE_TURNS = (
    "the host's neighbour table has no room for all containers at once: they are "
    "probed in turns; a larger net.ipv4.neigh.default.gc_thresh2 and gc_thresh3, and "
    "net.ipv6 likewise, would do without"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What of the configuration the daemon goes by."""

    scopes: frozenset[Scope]
    looks_at: Callable[[Network], bool]
    resync_interval_s: float
    """Seconds after which everything is listed again, events or not."""
    policy: Policy = NO_POLICY
    interval_s: float = 15.0
    """Between two cycles."""
    packets_per_second: float = 2000.0
    """At most."""
    pause_file: Path | None = None
    """While it exists, nothing is probed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a cycle was asked for."""

    trigger: str
    """Interval, change, recheck, start, or of `SWEEPS`."""
    choose: Choose | None = None
    """Which pairs to probe; None is all whose turn it is."""
    changed: Collection[SandboxId] = ()
    """Sandboxes that a sample must not leave out."""

    @property
    def is_again(self) -> bool:
        """Whether it is about pairs probed just now, whoever's turn it is meanwhile."""
        return self.trigger == "recheck"

    @property
    def is_in_turn(self) -> bool:
        """Whether it is the round of everything, which alone can wait."""
        return self.choose is None and self.trigger in IN_TURN

    @property
    def is_quick(self) -> bool:
        """Whether it must not take long."""
        return self.trigger in QUICK


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What a cycle is about."""

    known: tuple[Planned, ...]
    """The pairs to keep the state of."""
    wanted: tuple[Planned, ...]
    """The pairs to probe, as far as the neighbour table bears it."""
    everything: bool
    """All that is wanted is due; else peers inside large networks have turns."""
    aside: Mapping[CountKey, int] = field(default_factory=dict)
    """The number of pairs that are not among the known."""
    cycles: int
    """After so many every pair has had its turn."""
    queued: int = 0
    """And so many later pairs inside networks had room in the neighbour table."""


class Agendas:
    """Makes agendas; keeps what it knows of a topology while that stays the same."""

    def __init__(self) -> None:
        """Start without a plan."""
        self._plan: Plan | None = None
        self._settings: Settings | None = None
        self._shares = 1
        self._queue = Queue()
        self._demands: Demands | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """That the neighbour table has no room for everybody, where it has not."""
        return () if self._shares == 1 else (_TAKE_TURNS,)

    def of(
        self,
        topology: Topology,
        settings: Settings,
        states: Mapping[Pair, PairState],
        *,
        wish: Wish,
        cycle: int,
        now: datetime,
    ) -> Agenda:
        """Return what a cycle is about.

        Args:
            topology: what exists.
            settings: of the daemon.
            states: what is known of pairs.
            wish: what the cycle was asked for.
            cycle: counts the cycles that went through everything.
            now: in UTC.
        """
        plan = self._plan_of(topology, settings, now)
        choose = wish.choose or _all
        if not is_sampled(plan, settings.interval_s * settings.packets_per_second):
            return Agenda(
                known=plan.everything,
                wanted=choose(plan.everything),
                everything=wish.is_again,
                cycles=cycles_to_cover(topology),
            )
        kept = timedelta(seconds=KEPT_CYCLES * settings.interval_s)
        found = sample(plan, cycle, states, changed=wish.changed, fresh_from=now - kept)
        return Agenda(
            known=found.known,
            wanted=found.due if wish.choose is None else choose(found.known),
            everything=True,
            aside=found.aside,
            cycles=found.cycles,
        )

    def select(
        self,
        agenda: Agenda,
        wanted: tuple[Planned, ...],
        budget: NeighbourBudget,
        *,
        states: Mapping[Pair, PairState],
        wish: Wish,
        cycle: int,
    ) -> tuple[Agenda, Selection]:
        """Return what of an agenda fits into the neighbour table, and when all has.

        Args:
            agenda: the newest that `of` returned.
            wanted: what of it is still wanted.
            budget: is drawn from.
            states: as for `of`.
            wish: as for `of`.
            cycle: as for `of`.
        """
        plan, settings = self._plan, self._settings
        assert plan is not None  # noqa: S101 - `of` was called
        assert settings is not None  # noqa: S101
        count = self._shares = steady(
            self._shares, shares(plan.topology, agenda.known, budget)
        )
        long, idle = turn_cycles(settings.interval_s), frozenset[SandboxId]()
        if count > 1 and not wish.is_again:
            most = max(budget.per_turn.values()) // 4
            awake = {*wish.changed, *broken_ends(states, most)}
            idle = resting(plan.topology, count, cycle // long, awake)
        selection = select(
            plan.topology,
            wanted,
            epoch=cycle // EPOCH_CYCLES,
            budget=budget,
            everything=agenda.everything,
            resting=idle,
            waiting=self._queue.first(budget.most) if wish.is_in_turn else {},
        )
        if not agenda.aside:
            self._queue.note(selection)
            agenda = self._bounded(agenda, budget, settings.interval_s)
        if count == 1:
            return agenda, selection
        # Of a sample every turn has to meet every other.
        within = long if agenda.aside else long * count
        cycles = max(agenda.cycles, within) * (count if agenda.aside else 1)
        return replace(agenda, cycles=cycles), selection

    def _bounded(
        self, agenda: Agenda, budget: NeighbourBudget, interval_s: float
    ) -> Agenda:
        """Return an agenda that tells how long pairs inside networks may wait."""
        if self._demands is None:  # the plan is another one
            self._demands = demands_of(agenda.known)
            self._queue.keep(agenda.known)
        queued = cycles_to_serve(self._demands, budget, self._shares, interval_s)
        return replace(agenda, queued=queued)

    def _plan_of(self, topology: Topology, settings: Settings, now: datetime) -> Plan:
        plan, today = self._plan, now.date()
        if (
            plan is None
            or plan.topology is not topology
            or plan.today != today
            or self._settings is not settings
        ):
            plan = Plan(
                topology, settings.scopes, settings.looks_at, settings.policy, today
            )
            self._plan, self._settings = plan, settings
            self._demands = None
        return plan


def _all(planned: tuple[Planned, ...]) -> tuple[Planned, ...]:
    return planned
