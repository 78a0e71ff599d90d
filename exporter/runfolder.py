"""Where processes of this project on one host meet."""

import os
from pathlib import Path
from typing import Final

from exporter.errors import BudgetError

LOCK_FILE: Final = "probing.lock"
"""By which they take turns (`exporter.budget`)."""


def open_lock(path: Path) -> int:
    """Return a descriptor of the lock file, made with its folder where it is missing.

    Raises:
        BudgetError: it cannot be opened.
    """
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise BudgetError(str(path), error.strerror or "") from error


def run_folder() -> Path:
    """Return the folder that all processes of this project and user share."""
    if os.geteuid() == 0:
        return Path("/run/dockernet-exporter")
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base or f"/tmp/dockernet-{os.geteuid()}") / "dockernet-exporter"  # noqa: S108
