"""Runs a few lines of Python in a process of their own, under other circumstances."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TIMEOUT_S = 20.0


def say(script: str, *arguments: str, under: Sequence[str] = ()) -> str:
    """Return what a script prints, stripped.

    Args:
        script: Python code; `sys` is imported, `sys.argv[1:]` are the arguments.
        under: a command that runs another, such as setpriv with its options.

    Raises:
        AssertionError: it failed; with its last words.
    """
    done = subprocess.run(
        [*under, sys.executable, "-c", f"import sys\n{script}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
