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


def status_of(path: Path, *, follow: bool = True) -> os.stat_result:
    """Return a file's status, whoever may look at it; raises OSError.

    Args:
        path: of the file.
        follow: whether a symbolic link means what it leads to, where we may look.
    """
    if not _lent:
        _seen.add(str(path))
    try:
        return path.stat(follow_symlinks=follow)
    except PermissionError:
        if not _lent:
            raise
        with open_binary(path) as file:
            return os.fstat(file.fileno())


def seen() -> frozenset[str]:
    """Return the paths that were opened here, there or not."""
    return frozenset(_seen)


def lend(opener: Opener) -> None:
    """Let files be opened by somebody else from now on."""
    _lent.append(opener)
