"""A program of any name that listens on a Unix socket and does nothing else."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = """
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print(flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that listens."""

    pid: int
    socket: str
    """Path of its socket."""


@contextmanager
def listening(
    folder: Path, name: str, *, under: Sequence[str] = ()
) -> Iterator[Program]:
    """Run the program until the context is left.

    Args:
        folder: for its files; made if it is missing.
        name: what the kernel calls it, at most 15 characters.
        under: a command that becomes another, such as nsenter with its options.
    """
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.symlink_to(sys.executable)
    path = folder / f"{name}.sock"
    with subprocess.Popen(
        [*under, program, "-I", "-S", "-c", _SCRIPT, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"\n"
            yield Program(pid=process.pid, socket=str(path))
        finally:
            process.kill()
