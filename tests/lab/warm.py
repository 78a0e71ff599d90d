"""The exporter's commands without the second that each spends on its imports.

    with WarmExporter() as exporter:
        ran = exporter.run("check", "--json", engine=engine.base_url)

One process imports the program and forks for every command; the child has the
environment, the arguments and the pipes of a process of its own, and runs the same
`main()`. Where hundreds of commands are run this is minutes; elsewhere `run_exporter`
starts the program as a user would.

That process is `tests.lab.forks`.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from tests.lab.exporter import (
    LIMIT_S,
    REPOSITORY,
    Ran,
    budget_prefix,
    surroundings,
    wait_for_room,
)


class WarmExporter:
    """A process that has imported the program; a context manager.

    Args:
        limit_s: within this every command has ended.
    """

    def __init__(self, *, limit_s: float = LIMIT_S) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(limit_s)
        with theirs:
            self._process = subprocess.Popen(
                [
                    *budget_prefix(self._folder.name),
                    *("setpriv", "--pdeathsig", "KILL"),
                    *(sys.executable, "-m", "tests.lab.forks", str(theirs.fileno())),
                ],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def run(
        self,
        *arguments: str,
        engine: str,
        environment: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run a command until it ends, with a probe budget of its own.

        Args:
            arguments: of the command line.
            engine: DOCKER_HOST.
            environment: more variables.

        Raises:
            TimeoutError: it does not end in time.
        """
        wait_for_room()
        self._forget_budget()
        request = {
            "arguments": arguments,
            "environment": {
                **surroundings(),
                "DOCKER_HOST": engine,
                "XDG_RUNTIME_DIR": self._folder.name,
                **(environment or {}),
            },
        }
        began_s = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            socket.send_fds(
                self._socket,
                [json.dumps(request).encode()],
                [out.fileno(), err.fileno()],
            )
            status = int(self._socket.recv(16))
            took_s = time.monotonic() - began_s
            return Ran(status, _text(out), _text(err), took_s)

    def close(self) -> None:
        """Let the process end."""
        self._socket.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forget_budget(self) -> None:
        """Hold no entry of a test before against this one: they went with it."""
        for entry in Path(self._folder.name).iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
