"""A process that has few descriptors left."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def descriptors() -> set[str]:
    """Return what this process has open."""
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


@contextmanager
def at_most(more: int) -> Iterator[None]:
    """Let so many descriptors more be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, descriptors()))
    fill = [os.dup(0) for _ in range(highest - len(descriptors()) + 1)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(descriptors()) + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in fill:
            os.close(number)
