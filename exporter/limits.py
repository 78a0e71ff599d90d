"""Raises what the system limits, as far as it lets anybody."""

import resource
from contextlib import suppress


def allow_descriptors() -> None:
    """Raise the soft limit of open files to the hard one (getrlimit(2)).

    The usual soft limit of 1024 is reached by 200 containers; the usual hard one is
    half a million or more. Where it may not be raised, what cannot be opened is
    unverified, and said.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
