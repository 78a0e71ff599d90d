"""The program as an operator installs it: in an environment that every user may read.

That of the tests lies where only root gets, so what runs in it can become nobody else.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.errors import LabError

_REPOSITORY = Path(__file__).parents[2]
_PYTHON = "/usr/bin/python3"
_LIMIT_S = 300.0


@cache
def missing() -> str | None:
    """Return why it cannot be installed here, None if it can."""
    ask = "import sys, venv; sys.exit(sys.version_info < (3, 11))"
    try:
        status = subprocess.run(
            [_PYTHON, "-c", ask], check=False, capture_output=True
        ).returncode
    except OSError:
        status = 1
    return f"no {_PYTHON} of 3.11 or later with venv" if status else None


@contextmanager
def installed() -> Iterator[Path]:
    """Install it with its pinned packages for the machine's Python; yield that Python.

    Raises:
        LabError: it failed.
    """
    with TemporaryDirectory(prefix="dockernet-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        python = folder / "bin" / "python"
        _do([_PYTHON, "-m", "venv", "--without-pip", made])
        own = [sys.executable, "-m"]
        install = [*own, "pip", "--python", str(python), "install", "--quiet"]
        pins = str(_REPOSITORY / "requirements" / "run.txt")
        _do([*install, "--require-hashes", "--only-binary", ":all:", "-r", pins])
        _do([*own, "hatchling", "build", "-t", "wheel", "-d", f"{made}/wheel"])
        (wheel,) = (folder / "wheel").iterdir()
        _do([*install, "--no-deps", "--no-index", str(wheel)])
        yield python


def _do(command: Sequence[str]) -> None:
    done = subprocess.run(
        command,
        cwd=_REPOSITORY,
        umask=0o022,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise LabError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
