"""The web configuration file in force, read again when it or a file in it changes."""

from collections.abc import Callable, Iterator
from pathlib import Path

from exporter.access import Access
from exporter.config.webfile import WebFile, read_access
from exporter.errors import ConfigError
from exporter.files import status_of
from exporter.printable import printable

Told = Callable[[tuple[str, ...]], None]
Mark = tuple[int, int, int, int, int] | None


class AccessKeeper:
    """Gives the rules in force. To be used by one thread.

    Looking costs a stat for each file, so it is done for every connection and every
    request: a certificate that was renewed is shown to the next client.
    """

    def __init__(self, path: Path, told: Told) -> None:
        """Read the file.

        Args:
            path: of the web configuration file.
            told: called with the problems of a file that changed and is not used, once
                for each change; with none when a changed one is in force.

        Raises:
            ConfigError: with every problem, as `FILE:LINE: PATH: text`.
        """
        self._path = path
        self._told = told
        self._files = [path]
        self._marks: list[Mark] = []
        self._problems: tuple[str, ...] = ()
        found = self._read()
        if found.problems:
            raise ConfigError(found.problems)
        self._access = found.access

    def current(self) -> Access:
        """Return the rules; those before, where the file cannot be used."""
        marks = self._look()
        if marks != self._marks:
            self._read_again()
        return self._access

    def _look(self) -> list[Mark]:
        return [_mark(path) for path in self._files]

    def _read(self) -> WebFile:
        """Read what was marked before: what changes meanwhile is read once more."""
        marks = {path: _mark(path) for path in self._files}
        found = read_access(self._path)
        if not found.files <= marks.keys():
            marks = {path: _mark(path) for path in found.files}
            found = read_access(self._path)
        self._files = sorted(found.files)
        self._marks = [marks.get(path) for path in self._files]
        return found

    def _read_again(self) -> None:
        found = self._read()
        problems = found.problems or tuple(self._opened(found.access))
        if not problems:
            self._access = found.access
        if problems != self._problems or not problems:
            self._problems = problems
            self._told(problems)

    def _opened(self, access: Access) -> Iterator[str]:
        """Yield what would let in whom the rules in force keep out.

        A file that is being written is empty for a moment; that must open nothing.
        """
        before, where = self._access, printable(str(self._path))
        taken = {
            "tls_server_config": before.tls and not access.tls,
            "tls_server_config.client_auth_type": before.verifies_clients
            and not access.verifies_clients,
            "tls_server_config.client_allowed_sans": before.allowed_sans
            and not access.allowed_sans,
            "basic_auth_users": before.users and not access.users,
        }
        for key, is_gone in taken.items():
            if is_gone:
                yield f"{where}: {key}: is taken away; that needs a restart"


def _mark(path: Path) -> Mark:
    """Return what changes when a file does, None where there is none."""
    try:
        found = status_of(path)
    except OSError:
        return None
    times = found.st_mtime_ns, found.st_ctime_ns
    return (found.st_dev, found.st_ino, found.st_size, *times)
