"""The probe budget that all processes of this project share on one host.

The neighbour table is the host's, so the budget is the host's too: a lock file
lets one process probe at a time and carries how many entries were added when.
Times are CLOCK_MONOTONIC, which all processes of a boot share.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from exporter.clock import Clock
from exporter.errors import BusyError
from exporter.model.plan import NeighbourBudget, NeighbourEntry
from exporter.model.topology import IP_VERSIONS, IpVersion

WINDOW_S = 45.0
"""How long a fresh neighbour entry stays uncollectable (measured; arp(7))."""
SHARE = 0.25
"""Part of `gc_thresh3` that may be added in one window."""
PATIENCE_S = 60.0
"""How long another process may hold the lock before we give up waiting."""
_POLL_S = 0.05
_FILE_BYTES = 65536
_MAX_ENTRIES = 2**31
DEFAULT_LIMITS = (512, 1024)
"""gc_thresh2 and gc_thresh3 of an untouched kernel, arp(7)."""
_TABLES: dict[IpVersion, tuple[str, str]] = {
    4: ("sys/net/ipv4/neigh/default", "net/stat/arp_cache"),
    6: ("sys/net/ipv6/neigh/default", "net/stat/ndisc_cache"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourTable:
    """The host's neighbour table of one family."""

    entries: int
    """0 where it cannot be read (not in the initial network namespace)."""
    soft_limit: int
    """gc_thresh2."""
    hard_limit: int
    """gc_thresh3."""


def read_tables(proc: Path = Path("/proc")) -> dict[IpVersion, NeighbourTable]:
    """Return the neighbour tables as seen from this process's namespace.

    Both files exist only in the initial network namespace; elsewhere the kernel's
    defaults are assumed.
    """
    tables: dict[IpVersion, NeighbourTable] = {}
    for ip_version in IP_VERSIONS:
        limits, statistics = _TABLES[ip_version]
        soft, hard = DEFAULT_LIMITS
        entries = 0
        with suppress(OSError, ValueError):
            soft = int((proc / limits / "gc_thresh2").read_text())
            hard = int((proc / limits / "gc_thresh3").read_text())
        with suppress(OSError, ValueError, IndexError):
            row = (proc / statistics).read_text().splitlines()[1]
            entries = int(row.split()[0], 16)
        tables[ip_version] = NeighbourTable(
            entries=entries, soft_limit=soft, hard_limit=hard
        )
    return tables


def allowance(table: NeighbourTable, added: int) -> int:
    """Return how many entries may be added to a table now.

    Args:
        table: the table's state.
        added: entries added by us within the last window.
    """
    share = int(table.hard_limit * SHARE) - added
    room = table.soft_limit - table.entries
    return max(0, min(share, room))


@dataclass(slots=True)
class Ledger:
    """What this process and its like have added to the neighbour table."""

    known: dict[NeighbourEntry, float] = field(default_factory=dict)
    """Entries of this process by when they were last used, monotonic seconds."""
    added: list[tuple[float, int]] = field(default_factory=list)
    """When, and how many, by any process of this project."""

    def forget(self, now_s: float) -> None:
        """Drop what lies before the window."""
        oldest_s = now_s - WINDOW_S
        self.known = {e: t for e, t in self.known.items() if t >= oldest_s}
        self.added = [(t, n) for t, n in self.added if oldest_s <= t <= now_s]

    def total(self) -> int:
        """Return how many entries were added within the window."""
        return sum(count for _, count in self.added)


class SharedBudget:
    """Lets one process at a time probe, within what the host bears."""

    def __init__(
        self,
        clock: Clock,
        folder: Path | None = None,
        proc: Path = Path("/proc"),
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Bind to a folder that all processes of this project share.

        Args:
            clock: for the window.
            folder: /run/dockernet-exporter, or the user's run folder, if None.
            proc: where procfs is mounted.
            patience_s: how long to wait while another process probes.
        """
        self._clock = clock
        self._patience_s = patience_s
        self._path = (folder or run_folder()) / "probing.lock"
        self._proc = proc
        self._ledger = Ledger()

    @contextmanager
    def hold(
        self,
        on_wait: Callable[[str], None],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[NeighbourBudget]:
        """Take the lock and yield what may be added; blocks while another probes.

        Args:
            on_wait: told who is probing, once, if there is a wait.
            should_stop: asked while waiting; True gives up.

        Raises:
            BusyError: the lock file cannot be made, or was not free in time.
        """
        with self._locked(on_wait, should_stop) as file:
            now_s = self._clock.monotonic_s()
            self._ledger.added = _read(file)
            self._ledger.forget(now_s)
            added = self._ledger.total()
            tables = read_tables(self._proc).values()
            allowed = min(allowance(table, added) for table in tables)
            budget = NeighbourBudget(allowed, self._ledger.known)
            # All of it counts as used until we say better: we may be killed meanwhile.
            _write(file, [*self._ledger.added, (now_s, allowed)])
            try:
                yield budget
            finally:
                self._settle(file, budget)

    def _settle(self, file: int, budget: NeighbourBudget) -> None:
        now_s = self._clock.monotonic_s()
        self._ledger.known.update(dict.fromkeys(budget.used, now_s))
        if budget.added:
            self._ledger.added.append((now_s, len(budget.added)))
        _write(file, self._ledger.added)

    @contextmanager
    def _locked(
        self, on_wait: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> Iterator[int]:
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            file = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise BusyError(f"{self._path}: {error.strerror}") from error
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


def run_folder() -> Path:
    """Return the folder that all processes of this project and user share."""
    if os.geteuid() == 0:
        return Path("/run/dockernet-exporter")
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base or f"/tmp/dockernet-{os.geteuid()}") / "dockernet-exporter"  # noqa: S108


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: int) -> str:
    pid = _content(file).get("pid")
    return f"process {pid}" if isinstance(pid, int) else "unknown process"


def _read(file: int) -> list[tuple[float, int]]:
    rows = _content(file).get("added")
    return [row for row in map(_row, rows if isinstance(rows, list) else ()) if row]


def _content(file: int) -> dict[str, object]:
    """Return what the file says; nothing if it is new, or not by one of us."""
    try:
        found = json.loads(os.pread(file, _FILE_BYTES, 0))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _row(row: object) -> tuple[float, int] | None:
    """Return when and how many; None for what no one of us has written."""
    match row:
        case [int() | float() as when, int() as count] if 0 <= count < _MAX_ENTRIES:
            return float(min(when, _MAX_ENTRIES)), count
    return None


def _write(file: int, added: list[tuple[float, int]]) -> None:
    text = json.dumps({"pid": os.getpid(), "added": added[-2000:]})
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, text.encode(), 0)
