"""Mounts below one folder: seen, made and taken away, never any other."""

import re
import subprocess
from pathlib import Path

from tests.lab.errors import LabError


def mount_table() -> tuple[str, ...]:
    """Return the mount points of this mount namespace in the order of mounting."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return tuple(_unescaped(line.split(" ")[4]) for line in lines)


def mounts_below(folder: Path) -> tuple[str, ...]:
    """Return the mount points at or below a folder, the last mounted first."""
    root = str(folder)
    return tuple(
        point
        for point in reversed(mount_table())
        if point == root or point.startswith(f"{root}/")
    )


def make_shared(folder: Path) -> None:
    """Make a folder a shared mount of its own peer group.

    What another mount namespace mounts below it is then visible here as well. It leaves
    the group of the mount it lies on first, else it would show there a second time.

    Raises:
        LabError: mount(8) refused.
    """
    for arguments in (
        ["--bind", str(folder), str(folder)],
        ["--make-private", str(folder)],
        ["--make-shared", str(folder)],
    ):
        done = subprocess.run(
            ["mount", *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LabError(f"cannot mount {folder}: {done.stderr.strip()}")


def unmount_all(folder: Path, *, rounds: int = 5) -> None:
    """Take away every mount at and below a folder.

    Raises:
        LabError: one is still there after `rounds` attempts.
    """
    for _ in range(rounds):
        points = mounts_below(folder)
        if not points:
            return
        for point in points:
            # Lazy: a dead container's file system may be held for some milliseconds.
            subprocess.run(
                ["umount", "--lazy", point], capture_output=True, check=False
            )
    raise LabError(f"cannot unmount {', '.join(mounts_below(folder))}")


def _unescaped(text: str) -> str:
    """Undo the octal escapes of proc(5) mountinfo."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text)
