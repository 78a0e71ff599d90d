"""The two processes, as seen by the one that shall have no privileges."""

import asyncio
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

import exporter
from exporter import files
from exporter.broker.confinement import confine
from exporter.broker.process import start
from exporter.broker.remote import RemotePowers
from exporter.engine.api import RequestObserver
from exporter.powers import Terms

_log = structlog.get_logger("app")


def _our_folders() -> set[Path]:
    """Return the folders that modules are imported from, at any time."""
    ours = {Path(exporter.__file__).parent, Path(os.__file__).parent}
    return ours | {Path(entry) for entry in sys.path if Path(entry).is_dir()}


class Split:
    """Starts the other process, and gives up what that one has."""

    def __init__(self, terms: Terms, observe: RequestObserver) -> None:
        """Start it; this process is what it was, until `confine`.

        What was read of `files` until now, it will open for us.

        Args:
            terms: what its powers are bound to.
            observe: told of each request to the engine.

        Raises:
            OSError: it cannot be started.
        """
        self._files = files.seen()
        self._process = start(terms, self._files)
        self._forget: Callable[[], object] = lambda: None
        self.powers = RemotePowers(self._process, observe)

    def confine(
        self, user: str, loop: asyncio.AbstractEventLoop, ended: Callable[[], None]
    ) -> None:
        """Give up everything, for good; what did not work is logged.

        To be called while there is one thread, and before anything is answered.

        Args:
            user: who to become.
            loop: that is running.
            ended: called once, on the loop, if the other process has ended.
        """
        files.lend(self._open_file)
        for problem in confine(user, _our_folders()):
            _log.warning("privileges.kept", problem=problem)
        life = self._process.life

        def on_readable() -> None:
            loop.remove_reader(life)
            ended()

        loop.add_reader(life, on_readable)
        self._forget = partial(loop.remove_reader, life)
        _log.info("privileges.split", pid=self._process.pid, user=os.geteuid())

    def _open_file(self, path: str, flags: int) -> int:
        """Open a file (`files.Opener`), by the other process if need be."""
        try:
            return os.open(path, flags | os.O_CLOEXEC)
        except PermissionError:
            if os.fspath(path) not in self._files:
                raise
            return self.powers.open_file(os.fspath(path))

    def stop(self) -> None:
        """End the other process."""
        self._forget()
        self._process.stop()
