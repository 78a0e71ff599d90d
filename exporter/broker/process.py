"""The process with the privileges, seen from the one that starts it.

A program of its own, not a fork: it never has what the other one loads to read YAML and
speak HTTP, and nobody who knows one's memory knows the other's.
"""

import os
import queue
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from exporter.broker import requests, wire
from exporter.powers import Terms

CHANNELS: Final = 8
"""Requests at a time: as many threads ask, at most."""
_PATIENCE_S: Final = 5.0
"""How long the process may take to end."""


class Process:
    """The process, and the channels to it."""

    def __init__(
        self, pid: int, life: socket.socket, channels: Iterable[socket.socket]
    ) -> None:
        self.pid = pid
        self.life = life
        """Readable once the process has ended."""
        self.free: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        """Channels that nobody asks over now."""
        for channel in channels:
            self.free.put(channel)

    def stop(self) -> None:
        """Let it end, and wait for that; it may have ended before."""
        self.life.close()
        with suppress(queue.Empty):
            while True:
                self.free.get_nowait().close()
        with suppress(ChildProcessError):
            pidfd = os.pidfd_open(self.pid)
            ended = wire.is_readable(pidfd, _PATIENCE_S)
            os.close(pidfd)
            os.waitpid(self.pid, 0 if ended else os.WNOHANG)


def start(terms: Terms, files: Iterable[str] = ()) -> Process:
    """Start the process with the privileges that this one has now.

    Args:
        terms: what its powers are bound to.
        files: the only ones that it opens for others.

    Raises:
        OSError: it cannot be started.
    """
    life, lent = socket.socketpair()
    pairs = [socket.socketpair() for _ in range(CHANNELS)]
    theirs = [lent, *(there for _, there in pairs)]
    try:
        for there in theirs:
            there.set_inheritable(True)
        pid = os.posix_spawn(
            sys.executable,
            [
                *(sys.executable, "-P", "-m", "exporter.broker"),
                *(str(there.fileno()) for there in theirs),
            ],
            {
                **os.environ,
                **terms.environment,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
        )
    finally:
        for there in theirs:
            there.close()
    wire.send_request(life, requests.terms_json(terms, files))
    return Process(pid, life, [here for here, _ in pairs])
