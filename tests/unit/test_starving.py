"""A neighbour table with room for a few only: everybody has a turn all the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.agenda import Agenda, Agendas, Settings, Wish
from exporter.budget import SharedBudget
from exporter.model.hoststate import HostState, NeighbourTable
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, Planned
from exporter.model.plan import Selection
from exporter.model.topology import SandboxId, Topology
from tests.fakes.clock import HandClock
from tests.fakes.crowds import crowd

INTERVAL_S = 15.0
SOFT, HARD = 64, 128
STALE_S = 90.0
"""After which the kernel removes what nobody uses: gc_stale_time, and gc_interval."""
SETTINGS = Settings(
    scopes=frozenset({Scope.CONTAINER, Scope.HOST, Scope.GATEWAY}),
    looks_at=lambda _: True,
    resync_interval_s=300.0,
    interval_s=INTERVAL_S,
)
MANY = crowd(60, 4)


class Host:
    """A host with small tables, whose entries are ours and go when unused."""

    def __init__(
        self, found: Topology, folder: Path, soft: int = SOFT, hard: int = HARD
    ) -> None:
        """Begin with empty tables."""
        self._limits = {"soft_limit": soft, "hard_limit": hard}
        self.found, self.clock, self.cycle = found, HandClock(), 0
        self._used: dict[object, float] = {}
        self._budget = SharedBudget(self.clock, folder, self._state)
        self.agendas = Agendas()

    def _state(self) -> HostState:
        oldest_s = self.clock.monotonic_s() - STALE_S
        entries = sum(used_s >= oldest_s for used_s in self._used.values())
        limits = self._limits
        return HostState(
            tables={
                4: NeighbourTable(entries=entries, fulls=0, **limits),
                6: NeighbourTable(entries=limits["soft_limit"], fulls=0, **limits),
            }
        )

    def run(self, wish: Wish) -> tuple[Agenda, Selection]:
        """Return what a cycle looks at, and let an interval pass."""
        now = self.clock.now_utc()
        found = self.agendas.of(
            self.found, SETTINGS, {}, wish=wish, cycle=self.cycle, now=now
        )
        with self._budget.hold(lambda _: None, in_turn=wish.is_in_turn) as budget:
            agenda, selection = self.agendas.select(
                found, found.wanted, budget, states={}, wish=wish, cycle=self.cycle
            )
        self._used.update(dict.fromkeys(budget.used, self.clock.monotonic_s()))
        self.clock.move(INTERVAL_S)
        self.cycle += wish.choose is None
        return agenda, selection

    def probed(self, cycles: int) -> Iterator[Planned]:
        """Yield everything that so many rounds of everything look at."""
        for _ in range(cycles):
            yield from self.run(Wish(trigger="interval"))[1].probed


def across(item: Planned) -> bool:
    """Return whether isolation is promised."""
    return item.pair.scope is Scope.CONTAINER and not item.decision.on_link


def test_isolation_is_probed_from_everybody_in_the_time_that_is_told(
    tmp_path: Path,
) -> None:
    """Without turns the first few keep the table for themselves, for ever."""
    host = Host(MANY, tmp_path)
    agenda, first = host.run(Wish(trigger="interval"))
    seen = {item.pair for item in (*first.probed, *host.probed(agenda.cycles))}

    known = {item.pair for item in agenda.known if across(item)}
    assert first.throttled > 0
    assert "gc_thresh3" in "".join(host.agendas.notices)
    assert known <= seen
    for scope in (Scope.HOST, Scope.GATEWAY):
        assert len({pair for pair in seen if pair.scope is scope}) == 60


def test_no_pair_of_one_network_is_put_off_for_ever(tmp_path: Path) -> None:
    """Who is refused changes with the turns."""
    host = Host(crowd(16, 1), tmp_path)
    pairs = {
        item.pair for item in host.probed(400) if item.pair.scope is Scope.CONTAINER
    }

    assert len(pairs) == 16 * 15


@pytest.mark.parametrize(("containers", "networks"), [(50, 4), (60, 1), (24, 1)])
def test_within_the_time_that_is_told_all_of_one_network_is_probed(
    tmp_path: Path, containers: int, networks: int
) -> None:
    """On a host as the kernel makes it; who is refused once comes first."""
    host = Host(crowd(containers, networks), tmp_path, 512, 1024)
    agenda, first = host.run(Wish(trigger="interval"))
    wanted = {item.pair for item in agenda.known}
    last = dict.fromkeys((item.pair for item in first.probed), 0)
    worst = 0

    told = agenda.cycles + agenda.queued
    for cycle in range(1, 3 * told):
        for item in host.run(Wish(trigger="interval"))[1].probed:
            worst = max(worst, cycle - last.get(item.pair, 0))
            last[item.pair] = cycle

    assert wanted == last.keys()
    assert worst <= told


def test_on_a_crowded_bridge_coverage_grows_as_fast_as_is_told(tmp_path: Path) -> None:
    """Two hundred containers ask for 39,800 entries, and a turn has room for sixty."""
    host = Host(crowd(200, 1), tmp_path, 512, 1024)
    seen = set[Pair]()
    for cycle in range(1, 121):
        agenda, selection = host.run(Wish(trigger="interval"))
        seen |= {item.pair for item in selection.probed}
        told = cycle / (agenda.cycles + agenda.queued)
        assert not agenda.aside
        assert len(agenda.known) == 200 * 199 + 400
        assert len(seen) >= told * len(agenda.known)


@pytest.mark.parametrize("name", ["c0007", "c0012", "c0033"])
def test_who_changed_is_looked_at_whoever_rests(tmp_path: Path, name: str) -> None:
    """What just started does not wait for its turn."""
    wish = Wish(
        trigger="change",
        choose=lambda planned: tuple(i for i in planned if name in _ends(i.pair)),
        changed=frozenset({SandboxId(name)}),
    )

    _, selection = Host(MANY, tmp_path).run(wish)

    assert len(selection.resting) > 40
    assert name not in selection.resting
    assert any(across(i) and i.pair.source == name for i in selection.probed)


def test_where_there_is_room_nobody_rests(tmp_path: Path) -> None:
    """And nothing is told to take longer."""
    host = Host(crowd(20, 4), tmp_path, 512, 1024)
    agenda, selection = host.run(Wish(trigger="interval"))

    assert host.agendas.notices == ()
    assert (agenda.cycles, selection.resting) == (1, frozenset())


def test_what_is_looked_at_again_does_not_rest(tmp_path: Path) -> None:
    """It was probed a moment ago, and its entries are there."""
    _, selection = Host(MANY, tmp_path).run(Wish(trigger="recheck", choose=lambda p: p))

    assert selection.resting == frozenset()


def _ends(pair: Pair) -> tuple[str, str]:
    return str(pair.source), str(pair.destination)
