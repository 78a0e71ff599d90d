"""Takes away from this process what only the other one needs.

Before anything of a stranger's is read and before any thread is made: capabilities are
each thread's own (capabilities(7)). Sources: credentials(7), prctl(2), capset(2).
"""

import ctypes
import os
import pwd
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from exporter.broker import landlock, seccomp
from exporter.capabilities import holds_any

_NO_NEW_PRIVS: Final = 38  # include/uapi/linux/prctl.h
_CAPABILITY_VERSION: Final = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_HEADER: Final = struct.Struct("=Ii")
_NOTHING: Final = bytes(24)
"""Effective, permitted and inheritable of both halves: none."""


_PARTS: Final = (
    (landlock.confine, "write files"),
    (seccomp.confine, "make system calls that it has no need of"),
)
"""What needs no privilege, and what can be done where the kernel has it not."""


def confine(user: str, readable: Iterable[Path]) -> tuple[str, ...]:
    """Become another user without any capability; return what did not work.

    Nothing is raised: what cannot be taken away is told, a line each, and the rest is
    taken away all the same.

    Args:
        user: a name, or a number.
        readable: folders that the user must be able to read: our own.
    """
    problems = list(_change_user(user, tuple(readable)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = _HEADER.pack(_CAPABILITY_VERSION, 0)
    libc.capset(header, _NOTHING)
    if len([*Path("/proc/self/task").iterdir()]) > 1:
        problems.append("the process that speaks HTTP had threads, which keep theirs")
    if holds_any():
        problems.append("the process that speaks HTTP keeps capabilities")
    for part, lost in _PARTS:
        try:
            part()
        except OSError as error:
            problems.append(
                f"the process that speaks HTTP may {lost} ({error.strerror})"
            )
    return tuple(problems)


def _change_user(user: str, readable: tuple[Path, ...]) -> Iterator[str]:
    """Change user and groups; yield why that did not work."""
    now = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    speaker = "the process that speaks HTTP"
    stays = f"{speaker} stays {now}"
    try:
        entry = _entry(user)
    except KeyError:
        yield f"{stays}: there is no user {user!r}; set process.user"
        return
    uid, gid = entry
    groups = {*os.getresgid(), *os.getgroups()}
    if ({*os.getresuid()}, groups) == ({uid}, {gid}):
        return
    barred = [str(one) for one in readable if not _may_read(one, uid, gid)]
    if barred:
        yield f"{stays}: {user} may not read {barred[0]}; install it where all may"
        return
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
    except PermissionError:
        yield f"{speaker} stays in its groups: grant CAP_SETGID"
    try:
        os.setresuid(uid, uid, uid)
    except PermissionError:
        yield f"{stays}: grant CAP_SETUID"


def _entry(user: str) -> tuple[int, int]:
    if user.isascii() and user.isdigit():
        number = int(user)
        with suppress(KeyError):
            return number, pwd.getpwuid(number).pw_gid
        return number, number
    found = pwd.getpwnam(user)
    return found.pw_uid, found.pw_gid


def _may_read(path: Path, uid: int, gid: int) -> bool:
    """Return whether a user without groups may look into a folder, by its mode bits."""
    return all(
        _allows(folder, uid, gid, 0o5 if folder == path else 0o1)
        for folder in (path, *path.parents)
    )


def _allows(folder: Path, uid: int, gid: int, wanted: int) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    shift = 6 if found.st_uid == uid else 3 if found.st_gid == gid else 0
    return found.st_mode >> shift & wanted == wanted
