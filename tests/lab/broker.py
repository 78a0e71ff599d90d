"""The process with the privileges, started for tests: these have threads already."""

import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.broker.process import Process
from exporter.broker.remote import RemotePowers
from exporter.engine.api import RequestObserver
from exporter.powers import Terms

_ROOT = Path(__file__).parents[2]
_CHANNELS = 8
_BE = """
import socket, sys
from exporter.broker.process import be
life, *channels = (socket.socket(fileno=int(word)) for word in sys.argv[1:])
be(life, channels)
"""


@contextmanager
def started(*under: str) -> Iterator[Process]:
    """The process; what it says of defects goes to standard error.

    Args:
        under: a command that runs another, such as `setpriv` with its options.
    """
    pairs = [socket.socketpair() for _ in range(_CHANNELS + 1)]
    theirs = [there.fileno() for _, there in pairs]
    child = subprocess.Popen(
        [*under, sys.executable, "-c", _BE, *map(str, theirs)],
        cwd=_ROOT,
        pass_fds=theirs,
    )
    for _, there in pairs:
        there.close()
    life, *channels = (here for here, _ in pairs)
    process = Process(child.pid, life, channels)
    try:
        yield process
    finally:
        process.stop()
        child.wait(10)


@contextmanager
def lent(
    terms: Terms,
    files: Iterable[str] = (),
    observe: RequestObserver | None = None,
    under: Iterable[str] = (),
) -> Iterator[RemotePowers]:
    """What such a process lends."""
    with started(*under) as process:
        process.settle(terms, files)
        yield RemotePowers(process, observe)
