"""The two processes, as seen by the one that shall have no privileges."""

import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

import exporter
from exporter.broker.confinement import confine
from exporter.broker.remote import RemotePowers, start
from exporter.engine.api import RequestObserver
from exporter.powers import Terms


def _our_folders() -> set[Path]:
    """Return the folders that modules are imported from, at any time."""
    ours = {Path(exporter.__file__).parent, Path(os.__file__).parent}
    return ours | {Path(entry) for entry in sys.path if Path(entry).is_dir()}


class Split:
    """Starts the other process, and gives up what that one has."""

    def __init__(
        self, terms: Terms, files: Iterable[str], observe: RequestObserver
    ) -> None:
        """Start it; this process is what it was, until `confine`.

        Args:
            terms: what its powers are bound to.
            files: what it opens for us, once we may not.
            observe: told of each request to the engine.

        Raises:
            OSError: it cannot be started.
        """
        self._files = frozenset(files)
        self._process = start(terms, self._files)
        self.powers = RemotePowers(self._process, observe)

    @property
    def pid(self) -> int:
        """Of the other process."""
        return self._process.pid

    @property
    def life(self) -> socket.socket:
        """Readable once the other process has ended."""
        return self._process.life

    def confine(self, user: str) -> tuple[str, ...]:
        """Give up everything, for good; return what did not work, a line each.

        To be called while there is one thread, and before anything is answered.
        """
        return confine(user, _our_folders())

    def open_file(self, path: str, flags: int) -> int:
        """Open a file, as `open` asks its opener to; by the other process if need be.

        Raises:
            OSError: it cannot be opened.
        """
        try:
            return os.open(path, flags | os.O_CLOEXEC)
        except PermissionError:
            if os.fspath(path) not in self._files:
                raise
            return self.powers.open_file(os.fspath(path))

    def stop(self) -> None:
        """End the other process."""
        self._process.stop()
