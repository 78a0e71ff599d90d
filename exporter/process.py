"""What can be known of another process by its pid, without being mistaken for another.

A pid alone proves nothing: it may belong to another pid namespace than ours, and it is
given again once its process has ended. Sources: pidfd_open(2), cgroups(7),
proc_pid_fdinfo(5), proc_pid_net(5), include/linux/proc_fs.h.
"""

import errno
import os
import select
from pathlib import Path
from typing import Final

from exporter.errors import NetnsError

_MAX_PID: Final = 2**22  # PID_MAX_LIMIT of include/linux/threads.h


def is_process_of(pid: int, container_id: str, proc: str = "/proc") -> bool:
    """Return whether a pid, seen from here, is a process of a container.

    Its cgroup has to name the container: so it does in both versions of cgroups, with
    either driver of the engine and below any cgroup parent. An empty id asks only
    whether there is such a process.
    """
    try:
        cgroup = Path(proc, str(pid), "cgroup").read_text(encoding="utf-8")
    except OSError:
        return False
    return container_id in cgroup


def open_pidfd(pid: int, container_id: str, proc: str = "/proc") -> int | None:
    """Return a pidfd of a container's process, None where that is not to be had.

    The cgroup is read after the pidfd was opened: as long as `has_ended` says no, it
    is the same process still.

    Args:
        container_id: as for `is_process_of`.
        proc: where the engine's pids are visible; may be of another pid namespace than
            ours, and then there is no pidfd unless both mean the same process.

    Raises:
        NetnsError: no file descriptor is left.
    """
    if not 0 < pid <= _MAX_PID:
        return None
    try:
        pidfd = os.pidfd_open(pid)
    except OSError as error:
        raise_if_exhausted(error)
        return None  # not visible from here, or no pidfds (Linux < 5.3, seccomp)
    if _is_same_process(pidfd, pid, proc) and is_process_of(pid, container_id, proc):
        return pidfd
    os.close(pidfd)
    return None


def is_hidden(pid: int, proc: str = "/proc") -> bool:
    """Return whether a process exists that `proc` does not show (hidepid, proc(5)).

    CAP_SYS_PTRACE lifts it; systemd's ProtectProc= sets it.
    """
    if not 0 < pid <= _MAX_PID or Path(proc, str(pid)).exists():
        return False
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        return _is_same_process(pidfd, pid, proc)
    finally:
        os.close(pidfd)


def has_ended(pidfd: int) -> bool:
    """Return whether the process of a pidfd has ended; it is readable then."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def command_of(pid: int, proc: str = "/proc") -> str:
    """Return the name of a process's program, at most 15 bytes; empty if unknown."""
    try:
        return Path(proc, str(pid), "comm").read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError):
        return ""


def shares_our_network(pid: int, proc: str = "/proc") -> bool | None:
    """Return whether a process is in our network namespace; None if it is unknown.

    The files under /proc/PID/net belong to a network namespace, so their inodes tell
    namespaces apart that are both alive. Unlike /proc/PID/ns/net, looking at them
    needs no CAP_SYS_PTRACE.
    """
    try:
        there = Path(proc, str(pid), "net", "dev").stat()
        here = Path(proc, "self", "net", "dev").stat()
    except OSError:
        return None
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def raise_if_exhausted(error: OSError) -> None:
    """Raise NetnsError if an OSError says that no file descriptor is left."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        raise NetnsError(
            f"no file descriptor is left ({error.strerror}); raise RLIMIT_NOFILE"
        ) from error


def _is_same_process(pidfd: int, pid: int, proc: str) -> bool:
    """Return whether a pidfd is of the process that `proc` shows under a pid."""
    try:
        info = Path(proc, "self", "fdinfo", str(pidfd)).read_text(encoding="ascii")
    except OSError:
        return False
    return f"\nPid:\t{pid}\n" in info
