"""The probe budget that all processes of this project share on one host.

The neighbour table is the host's, so the budget is the host's too: a lock file
lets one process probe at a time and carries how many entries were added when.
Times are CLOCK_MONOTONIC, which all processes of a boot share.
"""

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from exporter.clock import Clock
from exporter.errors import BusyError
from exporter.model.hoststate import HostState, NeighbourTable, TableSource
from exporter.model.neighbours import NeighbourBudget, NeighbourEntry, PerFamily
from exporter.model.restraint import is_strained
from exporter.model.topology import IpVersion
from exporter.runfolder import LOCK_FILE, open_lock, run_folder

WINDOW_S = 45.0
"""How long a fresh neighbour entry stays uncollectable (measured; arp(7))."""
GONE_S = 90.0
"""After which an entry that nobody uses is gone: gc_stale_time, 60 s, and the kernel's
next look. Until then it is one of ours, not of others."""
SHARE = 0.25
"""Part of `gc_thresh3` that may be added in one window."""
KEPT_BACK = 0.25
"""Part of the share that what comes in turns leaves: who starts meanwhile, or seems
broken, must not wait for the window to pass."""
PATIENCE_S = 60.0
"""How long another process may hold the lock before we give up waiting."""
_POLL_S = 0.05
_FILE_BYTES = 65536
_MAX_ENTRIES = 2**31
_ASSUMED = (
    "the kernel's default limits are assumed (gc_thresh3 1024); with the host's pid "
    "namespace and CAP_SYS_PTRACE, or on the host's network, they could be read"
)
_NOTICES = {
    TableSource.NONE: "the host's neighbour tables cannot be read from here: "
    f"{_ASSUMED}",
    TableSource.INIT_ENTRIES: "the limits of the host's neighbour tables cannot be "
    f"read from here: {_ASSUMED}",
}
_OVERFLOWED = (
    "the host's neighbour table has overflowed (table_fulls in /proc/net/stat): for "
    f"{WINDOW_S:.0f} s no pair is probed that needs a new entry"
)
_STRAINED = (
    "the host's connection table is nearly full (nf_conntrack_count of "
    "nf_conntrack_max): only broken promises are probed"
)


def allowance(table: NeighbourTable, added: int, *, in_turn: bool = False) -> int:
    """Return how many entries may be added to a table now.

    Args:
        table: the table's state.
        added: entries added by us within the last window.
        in_turn: they are for what can wait.
    """
    share = int(table.hard_limit * SHARE)
    kept_back = int(share * KEPT_BACK) if in_turn else 0
    # The limits are set one by one: the soft one may lie above the hard one.
    room = min(table.soft_limit, table.hard_limit) - (table.entries or 0)
    return max(0, min(share - added, room) - kept_back)


class Row(NamedTuple):
    """Entries that one process added at one time, as the file has them."""

    at_s: float
    ipv4: int
    ipv6: int

    def of(self, version: IpVersion) -> int:
        """Return how many of one family."""
        return self.ipv4 if version == 4 else self.ipv6


@dataclass(slots=True)
class Ledger:
    """What this process and its like have added to the neighbour table."""

    used: dict[NeighbourEntry, float] = field(default_factory=dict)
    """Entries of this process that may still be in the table, by when they were last
    used, in monotonic seconds."""
    added: list[Row] = field(default_factory=list)
    """By any process of this project."""

    def forget(self, now_s: float) -> None:
        """Drop what lies before the window."""
        oldest_s = now_s - WINDOW_S
        self.used = {e: t for e, t in self.used.items() if t >= now_s - GONE_S}
        self.added = [row for row in self.added if oldest_s <= row.at_s <= now_s]

    def known(self, now_s: float) -> list[NeighbourEntry]:
        """Return the entries of this process that are surely in the table."""
        return [e for e, t in self.used.items() if t >= now_s - WINDOW_S]

    def total(self, version: IpVersion) -> int:
        """Return how many entries of a family were added within the window."""
        return sum(row.of(version) for row in self.added)


class SharedBudget:
    """Lets one process at a time probe, within what the host bears."""

    def __init__(
        self,
        clock: Clock,
        folder: Path | None = None,
        read: Callable[[], HostState] = HostState,
        patience_s: float = PATIENCE_S,
        open_file: Callable[[], int] | None = None,
    ) -> None:
        """Bind to a folder that all processes of this project share.

        Args:
            clock: for the window.
            folder: /run/dockernet-exporter, or the user's run folder, if None.
            read: returns the host's tables; quick, raises nothing.
            patience_s: how long to wait while another process probes.
            open_file: instead of opening the folder's lock file; as `open_lock`.
        """
        self._clock = clock
        self._patience_s = patience_s
        path = (folder or run_folder()) / LOCK_FILE
        self._open_file = open_file or partial(open_lock, path)
        self._read = read
        self._ledger = Ledger()
        self._host: HostState | None = None
        self._closed_until_s = clock.monotonic_s()
        self._is_strained = False

    @property
    def host(self) -> HostState:
        """Return the host's tables when last looked at, assumed ones before that."""
        return self._host or HostState()

    @property
    def is_strained(self) -> bool:
        """Return whether the connection table asks for restraint."""
        return self._is_strained

    @property
    def notices(self) -> tuple[str, ...]:
        """What holds the probes back now, or is not known of the host, a line each."""
        is_closed = self._clock.monotonic_s() < self._closed_until_s
        said = (
            _NOTICES.get(self._host.source) if self._host else None,
            _OVERFLOWED if is_closed else None,
            _STRAINED if self._is_strained else None,
        )
        return tuple(filter(None, said))

    def look(self) -> HostState:
        """Look at the host's tables, and return them.

        Where one overflowed since the last look, whoever's entries those were, nothing
        new is added for a window.
        """
        before, now = self.host.tables, self._read()
        if any(_overflowed(before.get(v), table) for v, table in now.tables.items()):
            self._closed_until_s = self._clock.monotonic_s() + WINDOW_S
        self._is_strained = is_strained(now.conntrack, was=self._is_strained)
        self._host = now
        return now

    @contextmanager
    def hold(
        self,
        on_wait: Callable[[str], None],
        should_stop: Callable[[], bool] = lambda: False,
        *,
        in_turn: bool = False,
    ) -> Iterator[NeighbourBudget]:
        """Take the lock and yield what may be added; blocks while another probes.

        Args:
            on_wait: told who is probing, once, if there is a wait.
            should_stop: asked while waiting; True gives up.
            in_turn: it is for what can wait; a part is kept back for what cannot.

        Raises:
            BudgetError: the lock file cannot be opened.
            BusyError: it was not free in time.
        """
        with self._locked(on_wait, should_stop) as file:
            now_s = self._clock.monotonic_s()
            self._ledger.added = _rows(file)
            self._ledger.forget(now_s)
            allowed = self._allowed(in_turn=in_turn)
            budget = self._budget(allowed)
            # All of it counts as used until we say better: we may be killed meanwhile.
            taken = Row(now_s, allowed.get(4, 0), allowed.get(6, 0))
            _write(file, [*self._ledger.added, taken])
            try:
                yield budget
            finally:
                self._settle(file, budget)

    def _allowed(self, *, in_turn: bool) -> PerFamily:
        """Return what may be added of each family: each has a table of its own."""
        tables = self.look().tables
        if self._clock.monotonic_s() < self._closed_until_s:
            return dict.fromkeys(tables, 0)
        return {
            version: allowance(table, self._ledger.total(version), in_turn=in_turn)
            for version, table in tables.items()
        }

    def _budget(self, allowed: PerFamily) -> NeighbourBudget:
        """Return a budget, with what the tables bear beside others' entries."""
        used = Counter(entry[-1].version for entry in self._ledger.used)
        tables, part = self.host.tables.items(), SHARE * (1 - KEPT_BACK)
        return NeighbourBudget(
            allowed,
            self._ledger.known(self._clock.monotonic_s()),
            room={v: _room(table, own=used[v]) for v, table in tables},
            share={v: int(table.hard_limit * part) for v, table in tables},
        )

    def _settle(self, file: int, budget: NeighbourBudget) -> None:
        now_s = self._clock.monotonic_s()
        self._ledger.used.update(dict.fromkeys(budget.used, now_s))
        if budget.added:
            added = Counter(entry[-1].version for entry in budget.added)
            self._ledger.added.append(Row(now_s, added[4], added[6]))
        _write(file, self._ledger.added)

    @contextmanager
    def _locked(
        self, on_wait: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> Iterator[int]:
        file = self._open_file()
        try:
            self._lock(file, on_wait, should_stop)
            yield file
        finally:
            os.close(file)

    def _lock(
        self,
        file: int,
        on_wait: Callable[[str], None],
        should_stop: Callable[[], bool],
    ) -> None:
        """Lock the file; never for ever: who holds it may be stopped (SIGSTOP)."""
        if _try_lock(file):
            return
        on_wait(_holder(file))
        give_up_s = self._clock.monotonic_s() + self._patience_s
        while not _try_lock(file):
            if should_stop() or self._clock.monotonic_s() >= give_up_s:
                raise BusyError(_holder(file))
            time.sleep(_POLL_S)  # flock(2) knows no timeout


def _room(table: NeighbourTable, own: int) -> int:
    """Return how many entries a table bears beside those of others."""
    others = max(0, (table.entries or 0) - own)
    return max(0, min(table.soft_limit, table.hard_limit) - others)


def _overflowed(before: NeighbourTable | None, now: NeighbourTable) -> bool:
    if before is None or before.fulls is None or now.fulls is None:
        return False
    return before.fulls < now.fulls


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: int) -> str:
    pid = _content(file).get("pid")
    return f"process {pid}" if isinstance(pid, int) else "unknown process"


def _rows(file: int) -> list[Row]:
    rows = _content(file).get("added")
    return [row for row in map(_row, rows if isinstance(rows, list) else ()) if row]


def _content(file: int) -> dict[str, object]:
    """Return what the file says; nothing if it is new, or not by one of us."""
    try:
        text = os.pread(file, _FILE_BYTES, 0).decode()
        found, _ = json.JSONDecoder().raw_decode(text)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _row(row: object) -> Row | None:
    """Return a row; None for what no one of us has written."""
    match row:
        case [int() | float() as when, int() as ipv4, int() as ipv6] if (
            min(ipv4, ipv6) >= 0 and max(ipv4, ipv6) < _MAX_ENTRIES
        ):
            return Row(float(min(when, _MAX_ENTRIES)), ipv4, ipv6)
    return None


def _write(file: int, added: list[Row]) -> None:
    text = json.dumps({"pid": os.getpid(), "added": added[-2000:]}).encode()
    # Killed between the two, what follows the text is not read.
    with suppress(OSError):
        os.pwrite(file, text, 0)
        os.ftruncate(file, len(text))
