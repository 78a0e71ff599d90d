"""The probe budget that all processes of this project share on one host.

The neighbour table is the host's, so the budget is the host's too: a lock file
lets one process probe at a time and carries how many entries were added when.
Times are CLOCK_MONOTONIC, which all processes of a boot share.
"""

import fcntl
import json
import os
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
        self, clock: Clock, folder: Path | None = None, proc: Path = Path("/proc")
    ) -> None:
        """Bind to a folder that all processes of this project share.

        Args:
            clock: for the window.
            folder: /run/dockernet-exporter, or the user's run folder, if None.
            proc: where procfs is mounted.
        """
        self._clock = clock
        self._path = (folder or _run_folder()) / "probing.lock"
        self._proc = proc
        self._ledger = Ledger()

    @contextmanager
    def hold(self, on_wait: Callable[[str], None]) -> Iterator[NeighbourBudget]:
        """Take the lock and yield what may be added; blocks while another probes.

        Args:
            on_wait: told who is probing, once, if there is a wait.

        Raises:
            BusyError: the lock file cannot be made or locked.
        """
        with self._locked(on_wait) as file:
            now_s = self._clock.monotonic_s()
            self._ledger.added = _read(file)
            self._ledger.forget(now_s)
            added = self._ledger.total()
            tables = read_tables(self._proc).values()
            allowed = min(allowance(table, added) for table in tables)
            budget = NeighbourBudget(allowed, self._ledger.known)
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
    def _locked(self, on_wait: Callable[[str], None]) -> Iterator[int]:
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            file = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise BusyError(f"{self._path}: {error.strerror}") from error
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait(_holder(file))
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def _run_folder() -> Path:
    if os.geteuid() == 0:
        return Path("/run/dockernet-exporter")
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base or f"/tmp/dockernet-{os.geteuid()}") / "dockernet-exporter"  # noqa: S108


def _holder(file: int) -> str:
    try:
        return f"process {int(json.loads(os.pread(file, 65536, 0))['pid'])}"
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown process"


def _read(file: int) -> list[tuple[float, int]]:
    try:
        rows = json.loads(os.pread(file, 65536, 0))["added"]
        return [(float(when), int(count)) for when, count in rows]
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
    ):  # new, or written by no one of us
        return []


def _write(file: int, added: list[tuple[float, int]]) -> None:
    text = json.dumps({"pid": os.getpid(), "added": added[-2000:]})
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, text.encode(), 0)
