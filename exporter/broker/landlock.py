"""Lets this process write to no file, whatever user it is (landlock(7)).

A root without capabilities still owns root's files: without this it could write those
that others run.
"""

import ctypes
import errno
import struct
from typing import Final

_CREATE: Final = 444
_RESTRICT: Final = 446
"""System calls; of every architecture since Linux 5.13."""
_VERSION: Final = 1  # LANDLOCK_CREATE_RULESET_VERSION
_WRITING: Final = (
    1 << 0  # EXECUTE
    | 1 << 1  # WRITE_FILE
    | 1 << 4  # REMOVE_DIR
    | 1 << 5  # REMOVE_FILE
    | 0x7F << 6  # MAKE_CHAR, _DIR, _REG, _SOCK, _FIFO, _BLOCK, _SYM
)
"""LANDLOCK_ACCESS_FS_* of the first version, include/uapi/linux/landlock.h."""
_SINCE: Final = {2: 1 << 13, 3: 1 << 14}
"""What a later version can refuse besides: REFER, TRUNCATE."""


def confine() -> None:
    """Refuse to this thread, and those it makes, to write, make, remove or run files.

    Files that are open stay so. It needs no_new_privs (prctl(2)).

    Raises:
        OSError: this kernel cannot do it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = _called(libc.syscall(_CREATE, None, 0, _VERSION))
    refused = _WRITING
    for since, what in _SINCE.items():
        refused |= what if version >= since else 0
    attributes = struct.pack("=Q", refused)
    ruleset = _called(libc.syscall(_CREATE, attributes, len(attributes), 0))
    try:
        _called(libc.syscall(_RESTRICT, ruleset, 0))
    finally:
        libc.close(ruleset)


def _called(result: int) -> int:
    if result >= 0:
        return result
    number = ctypes.get_errno()
    raise OSError(number, f"landlock: {errno.errorcode.get(number, number)}")
