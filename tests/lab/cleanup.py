"""Removing what dead owners left: `python -m tests.lab.cleanup`.

Two lines of defence. Each engine has a keeper, a small process that waits for the end
of its pipe from the owner and then removes the engine: so the engine goes with its
owner, also when that was killed by SIGKILL. And whoever starts an engine sweeps first,
for the case that the keeper was killed too or that the machine was switched off.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.workspace import Workspace, all_workspaces, sweep

_REPOSITORY = Path(__file__).parents[2]


class Keeper:
    """The process that removes an engine when its owner dies."""

    __slots__ = ("_process",)

    def __init__(self, workspace: Workspace) -> None:
        # Its own session: what ends the owner's process group does not end it.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.cleanup", "--watch", workspace.token],
            cwd=_REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The keeper's process id."""
        return self._process.pid

    def dismiss(self, timeout_s: float = 30.0) -> None:
        """Let the keeper go; it removes what it still finds of the engine."""
        self._process.communicate(timeout=timeout_s)


def main(arguments: list[str] | None = None) -> int:
    """Sweep once, or watch one engine; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.cleanup")
    parser.add_argument("--watch", metavar="TOKEN", help=argparse.SUPPRESS)
    token = parser.parse_args(arguments).watch
    try:
        return _sweep() if token is None else _watch(token)
    except LabError as error:
        print(f"cleanup: {error}", file=sys.stderr)
        return 1


def _sweep() -> int:
    for orphan in sweep():
        print(f"removed {orphan.path} ({orphan.suite}), its owner is dead")
    for space in all_workspaces():
        owner = space.owner.pid if space.owner else "nobody"
        print(f"in use: {space.path} ({space.suite}) by process {owner}")
    return 0


def _watch(token: str) -> int:
    while os.read(sys.stdin.fileno(), 1):
        pass
    for space in all_workspaces():
        if space.token == token:
            space.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
