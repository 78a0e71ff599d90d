"""Finding and ending the processes of one engine, and no others.

An engine's processes are known by two marks that nothing else carries: the variable
`DOCKERNET_LAB` in their environment (dockerd, containerd, shims and proxies inherit it)
and the engine's own cgroup (containers, whose environment is their image's). A process
is ended through a pidfd that is opened first and checked afterwards, so that a recycled
pid is never hit (pidfd_open(2)).
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError

MARK = "DOCKERNET_LAB"
"""Environment variable that carries the token of the engine a process belongs to."""

_STARTED = 19
"""Index of `starttime` (field 22 of proc(5) stat) counted after the command's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A process that cannot be confused with a later one of the same pid."""

    pid: int
    started: int
    """Clock ticks between boot and the start of the process."""
    boot_id: str
    """Tells a pid of this boot from one of an earlier boot."""

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return self == identify(self.pid)


def identify(pid: int) -> Identity | None:
    """Return the identity of a running process, None where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name may hold blanks and brackets: the fields start after the last bracket.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Identity(pid=pid, started=int(fields[_STARTED]), boot_id=boot_id)


def belongs_to(pid: int, token: str) -> bool:
    """Whether a process carries the mark of the engine `token`."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        cgroups = Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False
    if f"{MARK}={token}".encode() in environment.split(b"\0"):
        return True
    return any(token in line.split("/") for line in cgroups.splitlines())


def of_engine(token: str) -> tuple[int, ...]:
    """Return the pids of all processes of one engine, in ascending order."""
    return tuple(pid for pid in all_pids() if belongs_to(pid, token))


def end_engine(token: str, *, timeout_s: float = 15.0) -> None:
    """Kill every process of one engine and wait until all are dead.

    Args:
        token: the engine's token.
        timeout_s: bound for the whole, seconds, > 0.

    Raises:
        LabError: some are still there when the time is over.
    """
    deadline = time.monotonic() + timeout_s
    # The survivors of one sweep may have started others meanwhile: until none is left.
    while victims := of_engine(token):
        if time.monotonic() > deadline:
            raise LabError(f"processes of {token} do not die: {victims}")
        with contextlib.ExitStack() as open_files:
            dying = [
                fd
                for pid in victims
                if (fd := _kill(pid, token, open_files)) is not None
            ]
            _wait_until_dead(dying, deadline)


def wait_for_end(pid: int, timeout_s: float) -> bool:
    """Wait until a process is dead; whether it is, within `timeout_s` seconds."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))
    finally:
        os.close(fd)


def _kill(pid: int, token: str, open_files: contextlib.ExitStack) -> int | None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    open_files.callback(os.close, fd)
    # Only now is it certain whose pid this is.
    if not belongs_to(pid, token):
        return None
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(fd, signal.SIGKILL)
    return fd


def _wait_until_dead(pidfds: list[int], deadline: float) -> None:
    poll = select.poll()
    for fd in pidfds:
        poll.register(fd, select.POLLIN)
    alive = len(pidfds)
    while alive and (left := deadline - time.monotonic()) > 0:
        for fd, _ in poll.poll(left * 1000):
            poll.unregister(fd)
            alive -= 1


def all_pids() -> Iterator[int]:
    """Yield the pids of this machine's processes."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            yield int(entry.name)
