"""The folder of one engine, who owns it, and how all of it is taken away.

Everything that an engine makes lies below its folder or carries its token (processes,
cgroups), so that whoever finds the folder can remove the engine, also long after its
owner's death: the folder holds a record of the owner from its first moment.

    /var/lib/dockernet-lab/dnl-1a2b3c/     the folder; its name is the engine's token
        record.json                        who owns it
        docker.sock, dockerd.log           the engine's
        data/ exec/                        its image store and its run-time files
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from tests.lab.errors import LabError
from tests.lab.mounts import mounts_below, unmount_all
from tests.lab.processes import Identity, end_engine, identify, of_engine

PREFIX = "dnl-"
_CGROUPS = Path("/sys/fs/cgroup")
_RECORD = "record.json"
_LONGEST_SOCKET = "exec/containerd/containerd.sock.ttrpc"
_SOCKET_PATH_MAX = 107
"""Bytes of a socket's path, without the closing zero (unix(7), sun_path)."""
_HIDDEN = ("/run", "/var/run", "/etc", "/usr")
"""What the engine's own mounts hide (see `daemon`)."""


def run_folder() -> Path:
    """Return where engines live; `DOCKERNET_LAB_RUN` sets it.

    Not a home: `--userns-remap` wants a path that others may pass. Not /tmp: nobody
    else may make files there.
    """
    chosen = os.environ.get("DOCKERNET_LAB_RUN", "/var/lib/dockernet-lab")
    return Path(chosen).resolve()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The folder of one engine and the process that owns it."""

    path: Path
    suite: str
    owner: Identity | None
    """None where the record cannot be read."""

    @classmethod
    def create(cls, suite: str) -> Self:
        """Make a folder that this process owns.

        Raises:
            LabError: the folder for engines is in a place that cannot work.
        """
        folder = run_folder()
        path = folder / f"{PREFIX}{secrets.token_hex(3)}"
        _refuse_bad_place(path)
        owner = identify(os.getpid())
        if owner is None:
            raise LabError("this process is not in /proc")
        # Nobody may see the folder without its record, so the rename comes last.
        draft = folder / f".{path.name}"
        draft.mkdir(parents=True)
        draft.chmod(0o711)
        record = {"suite": suite, "owner": asdict(owner)}
        (draft / _RECORD).write_text(json.dumps(record))
        for name in ("data", "exec", "tmp"):
            (draft / name).mkdir()
        draft.rename(path)
        return cls(path=path, suite=suite, owner=owner)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the workspace in a folder, with no owner if its record is bad."""
        try:
            record = json.loads((path / _RECORD).read_text())
            return cls(
                path=path, suite=record["suite"], owner=Identity(**record["owner"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path=path, suite="unknown", owner=None)

    @property
    def token(self) -> str:
        """What marks everything that belongs to this engine."""
        return self.path.name

    @property
    def is_orphan(self) -> bool:
        """Whether the process that made it is gone."""
        return self.owner is None or not self.owner.is_alive

    def leftovers(self) -> tuple[str, ...]:
        """Return what of this engine is still on the machine, in plain words."""
        return (
            *(f"process {pid}" for pid in of_engine(self.token)),
            *(f"mount {point}" for point in mounts_below(self.path)),
            *(f"cgroup {group}" for group in _cgroups(self.token)),
            *([f"folder {self.path}"] if self.path.exists() else []),
        )

    def remove(self) -> None:
        """Take the engine away, whatever state it is in; twice does no harm.

        Raises:
            LabError: something could not be removed; it says what.
        """
        with _locked(self.path):
            _thaw(self.token)
            end_engine(self.token)
            # Its namespaces die with its processes and its mounts; see `namespaces`.
            unmount_all(self.path)
            _remove_cgroups(self.token)
            if self.path.exists():
                shutil.rmtree(self.path)
            with contextlib.suppress(OSError):
                run_folder().rmdir()  # if this was the last engine


def all_workspaces() -> tuple[Workspace, ...]:
    """Return the folder of every engine on this machine, in use or not."""
    return tuple(
        Workspace.read(path) for path in sorted(run_folder().glob(f"{PREFIX}*"))
    )


def sweep() -> tuple[Workspace, ...]:
    """Remove every engine whose owner is dead; return those.

    Raises:
        LabError: one of them could not be removed.
    """
    orphans = tuple(space for space in all_workspaces() if space.is_orphan)
    for orphan in orphans:
        orphan.remove()
    return orphans


def _refuse_bad_place(path: Path) -> None:
    if any(path.is_relative_to(hidden) for hidden in _HIDDEN):
        raise LabError(
            f"engines cannot live below {path.parent}: they get their own"
            f" {', '.join(_HIDDEN)}; choose another DOCKERNET_LAB_RUN"
        )
    if len(os.fsencode(path / _LONGEST_SOCKET)) > _SOCKET_PATH_MAX:
        raise LabError(
            f"{path.parent} is too long a path for the engine's sockets;"
            " choose a shorter DOCKERNET_LAB_RUN"
        )


def _cgroups(token: str) -> tuple[Path, ...]:
    """Return the engine's cgroups of every hierarchy, children before parents."""
    roots = [
        base / token
        for base in (_CGROUPS, *_CGROUPS.glob("*/"))
        if (base / token).is_dir()
    ]
    return tuple(
        Path(folder) for root in roots for folder, _, _ in os.walk(root, topdown=False)
    )


def _thaw(token: str) -> None:
    """Let paused containers go: nothing ends what a freezer of cgroup v1 holds."""
    for group in _cgroups(token):
        with contextlib.suppress(OSError):
            if (state := group / "freezer.state").exists():
                state.write_text("THAWED")


def _remove_cgroups(token: str, *, timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while groups := _cgroups(token):
        for group in groups:
            # The kernel lets go of a dead process's group a moment after its death.
            with contextlib.suppress(OSError):
                group.rmdir()
        if time.monotonic() > deadline:
            raise LabError(f"cannot remove {', '.join(map(str, groups))}")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one at a time remove an engine: its owner, its keeper or a sweeper."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        # Somebody has just done it; what is left to do does no harm twice.
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
