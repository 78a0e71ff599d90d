"""What a cycle of the daemon is about: everything, or a sample where that is much."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from exporter.model.bounds import Turns
from exporter.model.outcome import Scope
from exporter.model.pair import CountKey, Pair, PairState, Planned
from exporter.model.plan import Plan, cycles_to_cover
from exporter.model.policy import NO_POLICY, Policy
from exporter.model.sample import KEPT_CYCLES, is_sampled, sample
from exporter.model.sweep import SWEEPS, Choose
from exporter.model.topology import Network, SandboxId, Topology

QUICK = frozenset({*SWEEPS, "change"})
"""Triggers of cycles that must not take long."""
IN_TURN = frozenset({"start", "interval"})
"""Triggers of cycles that go through everything, over and over."""


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

    plan: Plan
    """All pairs that there are."""
    known: tuple[Planned, ...]
    """The pairs to keep the state of."""
    wanted: tuple[Planned, ...]
    """The pairs to probe, as far as the neighbour table bears it."""
    everything: bool
    """All that is wanted is due; else peers inside large networks have turns."""
    aside: Mapping[CountKey, int] = field(default_factory=dict)
    """The number of pairs that are not among the known."""
    cycles: int
    """After so many every pair has had its turn, if the neighbour table has room."""
    turns: Turns = field(default_factory=Turns)
    """After so many they have had it indeed."""
    is_spared: bool = False
    """The connection table is nearly full: nothing beside what is wanted."""

    def spared(self, wanted: tuple[Planned, ...]) -> "Agenda":
        """Return it with what is wanted all the same."""
        return replace(self, wanted=wanted, is_spared=True)


class Agendas:
    """Makes agendas; keeps what it knows of a topology while that stays the same."""

    def __init__(self) -> None:
        """Start without a plan."""
        self._plan: Plan | None = None
        self._settings: Settings | None = None

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
                plan=plan,
                known=plan.everything,
                wanted=choose(plan.everything),
                everything=wish.is_again,
                cycles=cycles_to_cover(topology),
            )
        kept = timedelta(seconds=KEPT_CYCLES * settings.interval_s)
        found = sample(plan, cycle, states, changed=wish.changed, fresh_from=now - kept)
        return Agenda(
            plan=plan,
            known=found.known,
            wanted=found.due if wish.choose is None else choose(found.known),
            everything=True,
            aside=found.aside,
            cycles=found.cycles,
        )

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
        return plan


def _all(planned: tuple[Planned, ...]) -> tuple[Planned, ...]:
    return planned
