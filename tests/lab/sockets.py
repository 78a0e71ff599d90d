"""Which sockets a process holds, in whatever namespace they are."""

import ctypes
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

_PIDFD_GETFD = 438  # pidfd_getfd(2), the same number everywhere; Linux 5.6


def protocols_of(pid: int) -> list[tuple[int, int]]:
    """Return family and protocol of every socket of a process.

    Raises:
        OSError: it may not be looked into, or has ended.
    """
    pidfd = os.pidfd_open(pid)
    try:
        return [*_protocols(pid, pidfd)]
    finally:
        os.close(pidfd)


def _protocols(pid: int, pidfd: int) -> Iterator[tuple[int, int]]:
    libc = ctypes.CDLL(None, use_errno=True)
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if not stat.S_ISSOCK(entry.stat().st_mode):
                continue
        except FileNotFoundError:  # closed meanwhile
            continue
        copy = libc.syscall(_PIDFD_GETFD, pidfd, int(entry.name), 0)
        if copy < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        with socket.socket(fileno=copy) as found:
            yield found.family, found.proto
