"""The budget that processes share: arithmetic, the lock, what others leave there."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.budget import (
    WINDOW_S,
    SharedBudget,
    allowance,
)
from exporter.errors import BudgetError, BusyError
from exporter.model.hoststate import (
    Conntrack,
    HostState,
    NeighbourTable,
    TableSource,
)
from exporter.model.neighbours import NeighbourEntry
from exporter.model.topology import IP_VERSIONS, NetworkId, SandboxId
from tests.fakes.clock import HandClock

SHARE = 256


def entries(count: int, start: int = 0) -> list[NeighbourEntry]:
    """Return distinct entries."""
    numbers = range(start, start + count)
    return [(SandboxId("a"), NetworkId("n"), IPv4Address(n)) for n in numbers]


def spend(budget: SharedBudget, count: int, start: int = 0) -> int:
    """Take entries one by one; return how many were new."""
    with budget.hold(lambda _: None) as held:
        for entry in entries(count, start):
            held.take((entry,))
        return len(held.added)


def in_turn(budget: SharedBudget, count: int) -> int:
    """As `spend`, for what can wait."""
    with budget.hold(lambda _: None, in_turn=True) as held:
        for entry in entries(count):
            held.take((entry,))
        return len(held.added)


def shared(
    folder: Path, clock: HandClock | None = None, patience_s: float = 60.0
) -> SharedBudget:
    """Return a budget of an untouched kernel, as an own process would have it."""
    return SharedBudget(clock or HandClock(), folder, patience_s=patience_s)


def test_what_comes_in_turns_leaves_a_part_to_what_cannot_wait(tmp_path: Path) -> None:
    """However much there is of it, for a whole window, in this process and others."""
    clock = HandClock()
    budget = shared(tmp_path, clock)

    assert SHARE * 3 // 4 == in_turn(budget, 1000)
    clock.move(20)
    assert in_turn(shared(tmp_path, clock), 1000) == 0
    assert SHARE // 4 == spend(budget, 1000, start=2000)
    assert spend(budget, 1000, start=4000) == 0


@given(
    st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 9)
)
def test_allowance_is_a_quarter_and_fits_below_the_soft_limit(
    taken: int, soft: int, hard: int, added: int
) -> None:
    """At most 25 % of gc_thresh3 in a window, never beyond gc_thresh2.

    Nor beyond gc_thresh3, where somebody has set that below gc_thresh2.
    """
    table = NeighbourTable(entries=taken, soft_limit=soft, hard_limit=hard)

    allowed = allowance(table, added)

    assert allowed >= 0
    assert allowed == 0 or added + allowed <= hard * 0.25
    assert allowed == 0 or taken + allowed <= min(soft, hard)


def test_one_window_bears_a_quarter_and_the_next_one_again(tmp_path: Path) -> None:
    """The share comes back when the window has passed, not before."""
    clock = HandClock()
    budget = shared(tmp_path, clock)

    first = spend(budget, 1000)
    clock.move(WINDOW_S - 1)
    early = spend(budget, 1000, start=1000)
    clock.move(2)
    later = spend(budget, 1000, start=2000)

    assert (first, early, later) == (SHARE, 0, SHARE)


def test_what_is_used_again_stays_known(tmp_path: Path) -> None:
    """An entry in use costs nothing, however often it is used."""
    clock = HandClock()
    budget = shared(tmp_path, clock)
    spend(budget, SHARE)

    added = []
    for _ in range(5):
        clock.move(WINDOW_S - 15)
        added.append(spend(budget, SHARE))

    assert added == [0] * 5


def test_two_processes_share_one_window(tmp_path: Path) -> None:
    """What one has added, the other may not add as well."""
    clock = HandClock()
    one, other = shared(tmp_path, clock), shared(tmp_path, clock)

    assert (spend(one, 200), spend(other, 200, start=500)) == (200, SHARE - 200)


def test_a_process_killed_while_probing_has_used_all(tmp_path: Path) -> None:
    """Nobody knows how far it came: a crash loop must not fill the table."""
    clock = HandClock()
    with shared(tmp_path, clock).hold(lambda _: None) as held:
        held.take(entries(10))
        left_behind = (tmp_path / "probing.lock").read_bytes()
    (tmp_path / "probing.lock").write_bytes(left_behind)

    assert spend(shared(tmp_path, clock), 10) == 0
    clock.move(WINDOW_S + 1)
    assert spend(shared(tmp_path, clock), 10) == 10


def test_what_a_write_that_was_cut_short_left_over_is_not_read(tmp_path: Path) -> None:
    """The new text replaces the old one before the rest of that goes."""
    clock = HandClock()
    spend(shared(tmp_path, clock), 200)
    with (tmp_path / "probing.lock").open("a") as file:
        file.write("23.5, 7]]}")

    assert spend(shared(tmp_path, clock), 200, start=500) == SHARE - 200


@contextmanager
def held_by_another(folder: Path, content: str = "") -> Iterator[None]:
    """Hold the lock as another process would: an own open file, never released."""
    path = folder / "probing.lock"
    path.write_text(content)
    file = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def test_a_lock_that_is_never_released_is_given_up(tmp_path: Path) -> None:
    """Its holder may be stopped (SIGSTOP): whoever waits says so and ends."""
    clock, told = HandClock(), list[str]()
    clock.step_s = 10.0
    budget = shared(tmp_path, clock, patience_s=30.0)

    with (
        held_by_another(tmp_path, '{"pid": 4711, "added": []}'),
        pytest.raises(BusyError, match="process 4711"),
        budget.hold(told.append),
    ):
        pytest.fail("two hold it")

    assert told == ["process 4711"]


def test_who_shall_stop_does_not_wait_for_the_lock(tmp_path: Path) -> None:
    """SIGTERM ends a wait."""
    with (
        held_by_another(tmp_path),
        pytest.raises(BusyError, match="unknown process"),
        shared(tmp_path).hold(lambda _: None, lambda: True),
    ):
        pytest.fail("two hold it")


NONSENSE = (
    "",
    "{",
    "[" * 60_000,
    "null",
    "[]",
    '{"pid": "root"}',
    '{"pid": 1, "added": 7}',
    '{"added": [[1000.0, 1e400], [NaN, 5], [1e999, 5], "x", [1], null]}',
    '{"added": [[1000.0, -100000]]}',
    f'{{"added": [[{"9" * 400}, 5], [1000.0, {"9" * 400}]]}}',
    "\0" * 200_000,
)


@pytest.mark.parametrize("text", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_in_the_file_neither_fails_nor_widens_the_budget(
    tmp_path: Path, text: str
) -> None:
    """Whoever can write there cannot stop us by it, nor make us fill the table."""
    (tmp_path / "probing.lock").write_text(text)

    assert spend(shared(tmp_path), 1000) <= SHARE
    assert json.loads((tmp_path / "probing.lock").read_text())["pid"] == os.getpid()


@given(st.binary(max_size=200))
def test_any_bytes_in_the_file_are_borne(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Never an exception, never more than the share."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "probing.lock").write_bytes(content)

    assert spend(shared(folder), 1000) <= SHARE


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    """Else somebody's file would be overwritten."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "probing.lock").symlink_to(victim)

    with pytest.raises(BudgetError), shared(tmp_path).hold(lambda _: None):
        pytest.fail("followed")

    assert victim.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file where the folder should be; nobody is blamed for probing."""
    (tmp_path / "file").write_text("")
    told = (
        rf"cannot write {tmp_path}/file/probing\.lock \(File exists\), by which "
        "processes on one host share what they may probe; make its folder writable"
    )

    with (
        pytest.raises(BudgetError, match=told),
        shared(tmp_path / "file").hold(lambda _: None),
    ):
        pytest.fail("no lock")


def test_the_lock_is_released_when_a_cycle_fails(tmp_path: Path) -> None:
    """The next one, of whatever process, gets it."""
    budget = shared(tmp_path)
    with pytest.raises(ZeroDivisionError), budget.hold(lambda _: None):
        raise ZeroDivisionError

    assert spend(shared(tmp_path), 5) == 5


def tables(**v4: int) -> HostState:
    """Return tables of which the older family's is as told."""
    return HostState(
        source=TableSource.OWN, tables={4: NeighbourTable(**v4), 6: NeighbourTable()}
    )


@pytest.mark.parametrize(("version", "expected"), [(4, 10), (6, SHARE)])
def test_each_family_has_its_own_room(
    tmp_path: Path, version: int, expected: int
) -> None:
    """Below gc_thresh2, beside others' entries: every interface has some of IPv6."""
    found = {v: NeighbourTable(entries=502 if v == version else 0) for v in IP_VERSIONS}
    budget = SharedBudget(HandClock(), tmp_path, lambda: HostState(tables=found))

    assert spend(budget, 1000) == expected


def test_after_an_overflow_nothing_new_is_added_for_a_window(tmp_path: Path) -> None:
    """Whoever caused it: everybody's new connections break. What exists may be used."""
    clock, state = HandClock(), [tables(entries=0, fulls=7)]
    budget = SharedBudget(clock, tmp_path, lambda: state[0])
    first = spend(budget, 10)
    before = budget.notices
    state[0] = tables(entries=0, fulls=8)
    clock.move(15)
    closed = (spend(budget, 100), budget.notices)
    clock.move(WINDOW_S - 1)
    still = spend(budget, 100)
    clock.move(2)

    assert (first, before) == (10, ())
    assert closed[0] == 0
    assert "table_fulls" in closed[1][0]
    assert still == 0
    assert (spend(budget, 100, start=500), budget.notices) == (100, ())


def test_known_entries_are_used_while_nothing_new_is_added(tmp_path: Path) -> None:
    """They cost nothing."""
    state = [tables(entries=0, fulls=0)]
    budget = SharedBudget(HandClock(), tmp_path, lambda: state[0])
    spend(budget, 10)
    state[0] = tables(entries=0, fulls=1)

    with budget.hold(lambda _: None) as held:
        assert held.take(entries(10))
        assert not held.take(entries(1, start=10))


def test_overflows_before_the_first_look_are_of_the_past(tmp_path: Path) -> None:
    """The counter is since the boot; and where it cannot be read, nothing rises."""
    budget = SharedBudget(HandClock(), tmp_path, lambda: tables(entries=0, fulls=99))
    unseen = [tables(entries=0, fulls=5), HostState()]
    other = SharedBudget(HandClock(), tmp_path, lambda: unseen.pop(0))

    assert spend(budget, 10) == 10
    assert (spend(other, 10, start=20), spend(other, 10, start=40)) == (10, 10)


def test_what_is_assumed_of_the_host_is_said_once_it_was_looked_at(
    tmp_path: Path,
) -> None:
    """Not before: it may well be readable."""
    for source, word in (
        (TableSource.NONE, "tables cannot be read"),
        (TableSource.INIT_ENTRIES, "limits of the host's neighbour tables cannot"),
    ):
        state = HostState(source=source)
        budget = SharedBudget(HandClock(), tmp_path, [state].pop)

        before = budget.notices
        assert before == ()
        assert budget.look() == budget.host == state
        assert word in budget.notices[0]


def test_a_nearly_full_connection_table_is_said_until_it_is_well_below(
    tmp_path: Path,
) -> None:
    """Above 80 %, until below 70 %: not back and forth with every cycle."""
    now = [0]

    def read() -> HostState:
        conntrack = Conntrack(entries=now[0], limit=1000)
        return replace(tables(), conntrack=conntrack)

    budget = SharedBudget(HandClock(), tmp_path, read)
    seen = []
    for now[0] in (799, 800, 701, 700, 699, 799):
        budget.look()
        seen.append((budget.is_strained, len(budget.notices)))

    calm, strained = (False, 0), (True, 1)
    assert seen == [calm, strained, strained, strained, calm, calm]


def test_a_connection_table_without_a_limit_asks_for_nothing(tmp_path: Path) -> None:
    """Nor does one that is not there."""
    for conntrack in (None, Conntrack(entries=5, limit=0)):
        state = replace(tables(), conntrack=conntrack)
        budget = SharedBudget(HandClock(), tmp_path, [state].pop)
        budget.look()

        assert not budget.is_strained
