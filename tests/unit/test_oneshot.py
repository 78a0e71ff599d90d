"""A check: one look, repeated until what was asked for is settled."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from exporter import oneshot
from exporter.budget import SharedBudget
from exporter.config import Config
from exporter.errors import EngineNotLocal, UnknownName
from exporter.model.hoststate import HostState, NeighbourTable
from exporter.model.inspection import NOT_INSPECTED
from exporter.model.many import ManyStates
from exporter.model.outcome import Result, Verdict
from exporter.model.snapshot import Snapshot
from exporter.model.topology import SandboxId, Topology
from exporter.report.request import CheckRequest
from tests.fakes.clock import START, HandClock
from tests.fakes.crowds import crowd as many
from tests.fakes.prober import FakeProber, but, docker_like
from tests.fakes.topologies import container, demo, endpoint, network, topology

ICMP = ("container", "host", "gateway")
_ROOM = NeighbourTable(entries=0, soft_limit=400_000, hard_limit=800_000)
ROOMY = HostState(tables={4: _ROOM, 6: _ROOM})
"""A host whose neighbour table is no matter."""


class Bench:
    """A session without an engine, on a clock that sleeping moves."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, found: Topology
    ) -> None:
        """Put it in the place of a real one."""
        self.clock = HandClock()
        self.found = found
        self.surveys = 0
        self.later: Callable[[Topology], Topology] = lambda topology: topology
        """What the engine says from the second question on."""
        self.prober = FakeProber(found, docker_like(found))
        self.folder = folder
        self.on_gone: Callable[[SandboxId], None] = lambda _: None
        self.slept: list[float] = []
        self.said: list[str] = []
        monkeypatch.setattr(oneshot, "open_session", self._open)
        self.host = HostState()
        monkeypatch.setattr("time.sleep", self._sleep)
        monkeypatch.setattr(oneshot, "SystemClock", lambda: self.clock)

    def check(self, **request: object) -> Snapshot:
        """Run a check."""
        config = Config.model_validate({"probe": {"scopes": ICMP}})
        return oneshot.check(
            config,
            CheckRequest(**request),  # type: ignore[arg-type]  # as a test gives it
            self.said.append,
        )

    def _open(
        self, config: Config, *, on_gone: Callable[[SandboxId], None]
    ) -> nullcontext[SimpleNamespace]:
        self.on_gone = on_gone
        session = SimpleNamespace(
            config=config,
            clock=self.clock,
            prober=self.prober,
            survey=SimpleNamespace(full=self._survey, notices=(), host_found=None),
            inspector=SimpleNamespace(inspect=lambda *_: NOT_INSPECTED),
            budget=SharedBudget(self.clock, self.folder, lambda: self.host),
        )
        return nullcontext(session)

    def _survey(self) -> Topology:
        self.surveys += 1
        return self.found if self.surveys == 1 else self.later(self.found)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.move(seconds)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    """Return the demo, healthy."""
    return Bench(monkeypatch, tmp_path, demo())


def crowd(count: int) -> Topology:
    """Return many containers on one bridge."""
    net = network("n", "10.1.0.0/16")
    members = (
        container(
            f"c{i:03}", endpoint(f"c{i:03}", net, f"10.1.{i // 200}.{i % 200 + 2}")
        )
        for i in range(count)
    )
    return topology((net,), tuple(members))


def couples(count: int) -> Topology:
    """Return networks of two containers each."""
    networks = [network(f"n{i:02}", f"10.{i}.0.0/24") for i in range(count)]
    members = (
        container(f"c{n.name}{i}", endpoint(f"c{n.name}{i}", n, f"10.{k}.0.{i + 2}"))
        for k, n in enumerate(networks)
        for i in range(2)
    )
    return topology(tuple(networks), tuple(members))


def without(name: str) -> Callable[[Topology], Topology]:
    """Return what is left when a container has gone."""

    def later(found: Topology) -> Topology:
        left = tuple(one for one in found.sandboxes if one.id != name)
        return replace(found, sandboxes=left)

    return later


def anew(name: str) -> Callable[[Topology], Topology]:
    """Return what is there when a container was started again."""

    def later(found: Topology) -> Topology:
        changed = tuple(
            replace(one, pid=99) if one.id == name else one for one in found.sandboxes
        )
        return replace(found, sandboxes=changed)

    return later


def silent(found: Topology, address: str) -> Callable[[str, str, int], Result]:
    """Return the world as it is when an address answers nobody else."""
    return but(docker_like(found), Result.TIMEOUT, [("*", address)])


def verdicts(snapshot: Snapshot) -> dict[Verdict, int]:
    """Return how many pairs have which verdict."""
    return {key: count for key, count in snapshot.summary.items() if count}


def test_a_healthy_demo_is_one_cycle(bench: Bench) -> None:
    """No waiting, twenty promises kept."""
    assert verdicts(bench.check()) == {Verdict.AS_EXPECTED: 20}
    assert bench.slept == []


def test_a_container_that_ends_meanwhile_is_not_judged(bench: Bench) -> None:
    """Its silence is no violation, and there is no pair any more to be unverified."""
    bench.prober = FakeProber(bench.found, silent(bench.found, "172.18.0.2"))
    bench.later = without("mybridge1")

    snapshot = bench.check()

    assert verdicts(snapshot) == {Verdict.AS_EXPECTED: 12}
    assert all(state.pair.source != "mybridge1" for state in snapshot.pairs)


def test_a_container_that_starts_anew_meanwhile_is_unverified(bench: Bench) -> None:
    """Never skipped: a crash loop would else pass as fine."""
    bench.prober = FakeProber(bench.found, silent(bench.found, "172.18.0.2"))
    bench.later = anew("mybridge1")

    snapshot = bench.check()

    assert verdicts(snapshot) == {Verdict.AS_EXPECTED: 12, Verdict.UNVERIFIED: 8}
    assert {state.reason for state in snapshot.pairs} == {
        "",
        "an end was replaced while it was looked at",
    }


def test_a_death_that_the_engine_does_not_know_of_yet_is_not_judged(
    bench: Bench,
) -> None:
    """The kernel has told of it."""
    world = silent(bench.found, "172.18.0.2")

    def answer(source: str, target: str, call: int) -> Result:
        bench.on_gone(SandboxId("mybridge1"))
        return world(source, target, call)

    bench.prober = FakeProber(bench.found, answer)

    assert verdicts(bench.check()) == {Verdict.AS_EXPECTED: 12}


def test_a_silence_is_looked_at_twice(bench: Bench) -> None:
    """What one cycle finds silent, a second one decides."""
    bench.prober = FakeProber(bench.found, silent(bench.found, "172.18.0.2"))

    snapshot = bench.check()

    assert bench.slept == [1.5]
    assert verdicts(snapshot)[Verdict.UNEXPECTED_UNREACHABLE] == 2


def test_a_silence_of_a_moment_is_no_fault(bench: Bench) -> None:
    """What answers the second time is as promised."""
    quiet, fine = silent(bench.found, "172.18.0.2"), docker_like(bench.found)
    bench.prober = FakeProber(
        bench.found,
        lambda *probe: fine(*probe) if bench.slept else quiet(*probe),
    )

    assert verdicts(bench.check()) == {Verdict.AS_EXPECTED: 20}


def test_a_silent_newcomer_is_waited_for_once(bench: Bench) -> None:
    """Within its grace period silence is not held against it; afterwards it is."""
    young = tuple(
        replace(one, started=START) if one.id == "mybridge1" else one
        for one in bench.found.sandboxes
    )
    bench.found = replace(bench.found, sandboxes=young)
    bench.prober = FakeProber(bench.found, silent(bench.found, "172.18.0.2"))

    snapshot = bench.check()

    assert bench.slept == [10.0, 1.5]
    assert verdicts(snapshot)[Verdict.UNEXPECTED_UNREACHABLE] == 2


def test_a_newcomer_that_ends_while_it_is_waited_for_is_not_judged(
    bench: Bench,
) -> None:
    """A short job beside a check must not fail it."""
    young = tuple(
        replace(one, started=START) if one.id == "mybridge1" else one
        for one in bench.found.sandboxes
    )
    bench.found = replace(bench.found, sandboxes=young)
    bench.prober = FakeProber(bench.found, silent(bench.found, "172.18.0.2"))
    bench.later = lambda found: without("mybridge1")(found) if bench.slept else found

    snapshot = bench.check()

    assert Verdict.UNEXPECTED_UNREACHABLE not in verdicts(snapshot)


@pytest.mark.parametrize("count", [40, 60])
def test_everything_is_every_pair(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int
) -> None:
    """However long it takes: each pair once, none too old in the end."""
    bench = Bench(monkeypatch, tmp_path, crowd(count))

    snapshot = bench.check(everything=True)

    pairs = count * (count - 1) + 2 * count
    assert verdicts(snapshot) == {Verdict.AS_EXPECTED: pairs}
    # n (n-1) entries of the mesh and 2 n of the host's side, 256 in a window.
    windows = -(-count * (count + 1) // 256)
    assert len(bench.slept) <= 2 * (windows + 1)


def test_everything_ends_also_where_controls_fill_a_window(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Beyond 128 endpoints their own entries take a whole window."""
    bench = Bench(monkeypatch, tmp_path, couples(66))

    snapshot = bench.check(everything=True)

    assert verdicts(snapshot) == {Verdict.AS_EXPECTED: 132 * 131 + 2 * 132}
    assert len(bench.slept) <= 6


def test_a_table_that_others_fill_ends_in_unverified(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It neither waits for ever nor passes what it could not look at."""
    bench = Bench(monkeypatch, tmp_path, demo())
    full = NeighbourTable(entries=0x300)
    bench.host = HostState(tables={4: full, 6: NeighbourTable()})

    snapshot = bench.check(everything=True)

    assert verdicts(snapshot) == {Verdict.UNVERIFIED: 20}
    assert len(bench.slept) <= 6


def test_a_plain_check_does_not_wait_for_the_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the plan leaves out is skipped, and counted."""
    bench = Bench(monkeypatch, tmp_path, crowd(40))

    snapshot = bench.check()

    assert bench.slept == []
    assert verdicts(snapshot)[Verdict.SKIPPED] > 0


def test_a_network_is_asked_for_by_name(bench: Bench) -> None:
    """Pairs with an end on it, and no others."""
    snapshot = bench.check(networks=("mybridge",))

    assert len(snapshot.pairs) == 14
    with pytest.raises(UnknownName, match="mybridge"):
        bench.check(networks=("mybrigde",))


def test_an_engine_elsewhere_is_refused(bench: Bench) -> None:
    """There is nothing to enter."""
    engine = replace(bench.found.engine, local=False, local_reason="it is remote")
    bench.found = replace(bench.found, engine=engine)

    with pytest.raises(EngineNotLocal, match="it is remote"):
        bench.check()


def test_a_large_host_is_looked_at_in_sheets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A leak and a silence among forty thousand pairs are found, and nothing else."""
    bench = Bench(monkeypatch, tmp_path, many(200, 20))
    bench.host = ROOMY
    leaking = but(docker_like(bench.found), Result.OK, [("c0000", "10.1.0.2")])
    world = but(leaking, Result.TIMEOUT, [("c0000", "10.0.0.3")])
    bench.prober = FakeProber(bench.found, world)

    snapshot = bench.check(everything=True)

    pairs = 200 * 199 + 2 * 200
    assert isinstance(snapshot.pairs, ManyStates)
    assert len(snapshot.pairs) == pairs
    assert verdicts(snapshot) == {
        Verdict.AS_EXPECTED: pairs - 2,
        Verdict.UNEXPECTED_REACHABLE: 1,
        Verdict.UNEXPECTED_UNREACHABLE: 1,
    }
    assert {str(state.pair.address) for state in snapshot.violations} == {
        "10.1.0.2",
        "10.0.0.3",
    }


def test_a_large_host_is_given_time_for_its_neighbour_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Pairs on one link that have no room at once follow; none is left out."""
    bench = Bench(monkeypatch, tmp_path, many(150, 15))

    snapshot = bench.check(everything=True)

    assert verdicts(snapshot) == {Verdict.AS_EXPECTED: 150 * 149 + 2 * 150}
    assert sum(bench.slept) > 90


def test_who_ends_on_a_large_host_is_not_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its pairs are in no sheet."""
    bench = Bench(monkeypatch, tmp_path, many(200, 20))
    bench.host = ROOMY
    bench.prober = FakeProber(bench.found, silent(bench.found, "10.0.0.3"))
    bench.later = without("c0020")

    snapshot = bench.check(everything=True)

    assert verdicts(snapshot) == {Verdict.AS_EXPECTED: 199 * 198 + 2 * 199}
