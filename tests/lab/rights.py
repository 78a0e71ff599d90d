"""What a process may still do, as the kernel tells (proc_pid_status(5))."""

from collections.abc import Mapping
from pathlib import Path

_TELLING = ("Uid", "Gid", "Groups", "CapEff", "CapPrm", "CapInh", "CapAmb")

Held = tuple[str, ...]
"""User, group, groups, four sets of capabilities, no_new_privs, seccomp."""


def status_of(pid: int) -> Mapping[str, str]:
    """Return the fields of a process's status."""
    return _fields(Path(f"/proc/{pid}"))


def held(pid: int) -> set[Held]:
    """Return what the threads of a process have; one entry where all have the same."""
    found = map(_fields, Path(f"/proc/{pid}/task").iterdir())
    return {
        (*(status[name] for name in _TELLING), status["NoNewPrivs"], status["Seccomp"])
        for status in found
    }


def nothing(uid: int, gid: int) -> set[Held]:
    """Return what `held` is where everything was given up."""
    ids = ("\t".join([str(number)] * 4) for number in (uid, gid))
    return {(*ids, "", *["0" * 16] * 4, "1", "2")}


def children_of(pid: int) -> list[int]:
    """Return the processes that the first thread of one has started."""
    return [
        int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]


def _fields(process: Path) -> Mapping[str, str]:
    lines = (process / "status").read_text().splitlines()
    fields = (line.partition(":") for line in lines)
    return {name: value.strip() for name, _, value in fields}
