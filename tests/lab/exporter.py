"""The exporter's commands as processes, as a user would run them.

    ran = run_exporter("check", "--json", engine=engine.base_url)
    assert (0, "") == (ran.status, ran.err)
    assert {} == ran.wrong

Each process has a probe budget of its own: the neighbour entries of a test, which go
with its containers, are not held against the tests after it. Where processes are to
share one, the test names the folder.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.lab.namespaces import namespaces_missing

REPOSITORY = Path(__file__).parents[2]
LIMIT_S = 60.0
"""Within this every command has ended, whatever the engine does."""
ROOM = 256
"""Entries of the machine's neighbour tables that may be in use when a command starts:
half of the kernel's own soft limit, above which the exporter leaves pairs out."""
_ROOM_LIMIT_S = 90.0
"""The kernel removes what nobody uses after `gc_stale_time`, 60 s, at its next look."""
_BUDGET_FOLDER = "/run/dockernet-exporter"
_OURS = ("DOCKER", "COLUMNS", "NO_COLOR", "FORCE_COLOR")
"""Variables that begin like this would change what a command does."""

# In a mount namespace of its own the folder of the budget is another one. What is
# mounted elsewhere (an engine's namespace files) still arrives: slave.
_ENTER = """
mkdir -p "$1"
mount --bind "$2" "$1"
shift 2
exec "$@"
"""

Pair = Mapping[str, Any]
"""A pair of the JSON document of `check`."""


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    status: int
    out: str
    err: str
    took_s: float

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """Standard output, read as JSON."""
        assert self.out, self.err
        found: Mapping[str, Any] = json.loads(self.out)
        return found

    @property
    def lines(self) -> Sequence[str]:
        """Standard output, line by line."""
        return self.out.splitlines()

    @property
    def pairs(self) -> Sequence[Pair]:
        """The pairs of the document."""
        found: Sequence[Pair] = self.document["pairs"]
        return found

    @property
    def summary(self) -> Mapping[str, int]:
        """How many pairs have which verdict; those that none has are left out."""
        counts: Mapping[str, int] = self.document["summary"]
        return {verdict: count for verdict, count in counts.items() if count}

    @property
    def wrong(self) -> Mapping[str, frozenset[str]]:
        """The pairs by verdict, without those that are as expected."""
        found: dict[str, set[str]] = {}
        for pair in self.pairs:
            if pair["verdict"] != "as_expected":
                found.setdefault(pair["verdict"], set()).add(named(pair))
        return {verdict: frozenset(pairs) for verdict, pairs in found.items()}

    @property
    def results(self) -> Mapping[str, str]:
        """The particular outcome of each pair."""
        return {named(pair): pair["result"] for pair in self.pairs}


def named(pair: Pair) -> str:
    """Return what a pair is called here: `container one two`."""
    return f"{pair['scope']} {pair['source']} {pair['destination']}"


def run_exporter(
    *arguments: str,
    engine: str,
    under: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    budget: Path | None = None,
) -> Ran:
    """Run a command until it ends.

    Args:
        arguments: of the command line.
        engine: DOCKER_HOST.
        under: a command that becomes another, such as setpriv with its options.
        environment: more variables.
        budget: folder of the probe budget; a new one if None.

    Raises:
        subprocess.TimeoutExpired: it runs on after `LIMIT_S` seconds; it was killed.
    """
    wait_for_room()
    began_s = time.monotonic()
    with starting(
        *arguments, engine=engine, under=under, environment=environment, budget=budget
    ) as process:
        out, err = process.communicate(timeout=LIMIT_S)
    return Ran(process.returncode, out, err, time.monotonic() - began_s)


@contextmanager
def starting(
    *arguments: str,
    engine: str,
    under: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    budget: Path | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Start a command; what still runs at the end is killed. See `run_exporter`."""
    folder = TemporaryDirectory() if budget is None else nullcontext(str(budget))
    with folder as path:
        process = subprocess.Popen(
            [
                *budget_prefix(path),
                *("setpriv", "--pdeathsig", "KILL"),
                *under,
                *(sys.executable, "-m", "exporter", *arguments),
            ],
            cwd=REPOSITORY,
            env={
                **surroundings(),
                "DOCKER_HOST": engine,
                "XDG_RUNTIME_DIR": path,  # where users other than root keep it
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()


def wait_for_room() -> None:
    """Poll until others, tests beside this one perhaps, let the exporter probe."""
    deadline_s = time.monotonic() + _ROOM_LIMIT_S
    while (used := max(map(_entries, ("arp_cache", "ndisc_cache")))) > ROOM:
        assert time.monotonic() < deadline_s, f"{used} neighbours are in use by others"
        time.sleep(0.2)


def _entries(table: str) -> int:
    """Return how many entries a table has, by its statistics (one row a CPU)."""
    file = Path("/proc/net/stat", table)
    if not file.exists():  # outside the initial network namespace
        return 0
    return int(file.read_text().splitlines()[1].split()[0], 16)


def budget_prefix(folder: str) -> tuple[str, ...]:
    """Return a command that becomes another, with the budget in this folder.

    Nothing where this process may not mount.
    """
    if not _is_able_to_mount():
        return ()
    unshare = ("unshare", "--mount", "--propagation", "slave", "--")
    return (*unshare, "sh", "-euc", _ENTER, "sh", _BUDGET_FOLDER, folder)


@cache
def _is_able_to_mount() -> bool:
    return namespaces_missing() is None


def surroundings() -> dict[str, str]:
    """Return the environment without what would change what a command does."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(_OURS)
    }
