"""Files of the configuration, which are read again after this process may not.

Whom a process may read as is the process's own, and so is this: what was read before
`lend` may be read by the lender afterwards, and nothing else.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

Opener = Callable[[str, int], int]
"""As the `opener` of `open`."""

_seen: Final[set[str]] = set()
_lent: Final[list[Opener]] = []


def open_binary(path: Path) -> BinaryIO:
    """Open a file for reading; raises OSError."""
    if not _lent:
        _seen.add(str(path))
    return open(path, "rb", opener=_lent[-1] if _lent else None)


def status_of(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
    """Return a file's status, whoever may look at it; raises OSError.

    Where only the lender may look, links are followed.
    """
    try:
        return path.stat(follow_symlinks=follow_symlinks)
    except PermissionError:
        if not _lent:
            raise
        with open_binary(path) as file:
            return os.fstat(file.fileno())


def expect(path: Path) -> None:
    """Take note of a file that will be looked for."""
    _seen.add(str(path))


def seen() -> frozenset[str]:
    """Return the paths that were opened or expected here, there or not."""
    return frozenset(_seen)


def lend(opener: Opener) -> None:
    """Let files be opened by somebody else from now on."""
    _lent.append(opener)
