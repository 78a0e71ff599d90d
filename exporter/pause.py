"""The kill switch: while a file exists, nothing is probed.

A file, and no signal: it can be seen, it survives a restart of the service, and one
serves every process that is told of it.
"""

from pathlib import Path

from exporter import files
from exporter.printable import printable


def why_paused(file: Path | None) -> str | None:
    """Return that probing is paused and how to go on, None if it is not.

    A file that cannot be looked for counts as there: who wanted a pause must not get
    probes. Where a part of its path is missing there is no such file (stat(2)).

    Args:
        file: whose presence pauses; None never does.
    """
    if file is None:
        return None
    shown = printable(str(file))
    try:
        files.status_of(file, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"probing is paused: {shown} cannot be looked for: {error.strerror}"
    return f"probing is paused: {shown} exists; remove it to go on"
