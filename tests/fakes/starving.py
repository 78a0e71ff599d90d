"""A host with small neighbour tables, for what takes turns there."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from exporter.agenda import Agenda, Agendas, Settings, Wish
from exporter.budget import SharedBudget
from exporter.model.hoststate import HostState, NeighbourTable
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, PairState, Planned
from exporter.model.selection import Selection
from exporter.model.topology import IP_VERSIONS, IpVersion, Topology
from exporter.turns import Turnstile
from tests.fakes.clock import HandClock
from tests.fakes.crowds import crowd

SOFT, HARD = 64, 128
STALE_S = 90.0
"""After which the kernel removes what nobody uses: gc_stale_time, and its next look."""
SETTINGS = Settings(
    scopes=frozenset({Scope.CONTAINER, Scope.HOST, Scope.GATEWAY}),
    looks_at=lambda _: True,
    resync_interval_s=300.0,
)
MANY = crowd(60, 4)
KERNEL = (512, 1024)
NOBODY: dict[IpVersion, int] = {4: 0, 6: 0}


class Host:
    """A host with small tables, whose entries are ours and go when unused."""

    def __init__(
        self,
        found: Topology,
        folder: Path,
        *,
        interval_s: float = 15.0,
        limits: tuple[int, int] = KERNEL,
    ) -> None:
        """Begin with empty tables, as large as an untouched kernel's."""
        self.limits, self.interval_s = limits, interval_s
        self.settings = replace(SETTINGS, interval_s=interval_s)
        self.found, self.clock, self.cycle = found, HandClock(), 0
        self.states: dict[Pair, PairState] = {}
        self.others = dict(NOBODY)
        self.versions: tuple[IpVersion, ...] = IP_VERSIONS
        self._used: dict[IpVersion, dict[object, float]] = {v: {} for v in IP_VERSIONS}
        self._budget = SharedBudget(self.clock, folder, self._state)
        self.agendas, self.turnstile = Agendas(), Turnstile()

    def _state(self) -> HostState:
        soft, hard = self.limits
        return HostState(
            tables={
                version: NeighbourTable(
                    entries=self.entries(version) + self.others[version],
                    fulls=0,
                    soft_limit=soft,
                    hard_limit=hard,
                )
                for version in self.versions
            }
        )

    def entries(self, version: IpVersion) -> int:
        """Return how many of ours are in a table."""
        oldest_s = self.clock.monotonic_s() - STALE_S
        return sum(used_s >= oldest_s for used_s in self._used[version].values())

    def run(
        self, wish: Wish | None = None, takes_s: float | None = None
    ) -> tuple[Agenda, Selection]:
        """Return what a cycle looks at, and let an interval pass."""
        wish, now = wish or Wish(trigger="interval"), self.clock.now_utc()
        found = self.agendas.of(
            self.found,
            self.settings,
            self.states,
            wish=wish,
            cycle=self.cycle,
            now=now,
        )
        with self._budget.hold(lambda _: None, in_turn=wish.is_in_turn) as budget:
            agenda, selection = self.turnstile.select(
                found,
                budget,
                states=self.states,
                wish=wish,
                cycle=self.cycle,
                interval_s=self.interval_s,
                now=now,
            )
        for entry in budget.used:
            self._used[entry[-1].version][entry] = self.clock.monotonic_s()
        self.clock.move(self.interval_s if takes_s is None else takes_s)
        self.cycle += wish.choose is None
        return agenda, selection

    def probed(self, cycles: int) -> Iterator[Planned]:
        """Yield everything that so many rounds of everything look at."""
        for _ in range(cycles):
            yield from self.run()[1].probed
