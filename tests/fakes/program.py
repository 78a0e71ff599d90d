"""What a program prints that is run by itself: in a process where nothing is loaded."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def said_by(program: str, *options: str) -> str:
    """Return what a program of some lines of Python prints.

    Args:
        program: the lines.
        options: of the interpreter.
    """
    ran = subprocess.run(
        [sys.executable, *options, "-c", program],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout
