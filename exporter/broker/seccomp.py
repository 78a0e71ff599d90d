"""Takes system calls away from this process for good (seccomp(2)).

What is left can send on the sockets it has and serve those who connect. It cannot make
a socket or connect one, so the engine's is out of its reach whatever user it is; nor
start a program, enter a namespace or write an IP header of its own.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

_ERRNO: Final = 0x00050000  # SECCOMP_RET_ERRNO, include/uapi/linux/seccomp.h
_ALLOW: Final = 0x7FFF0000  # SECCOMP_RET_ALLOW
_SET_MODE_FILTER: Final = 1
_TSYNC: Final = 1  # every thread of the process
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_IF_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06
_INSTRUCTION: Final = struct.Struct("=HBBI")
_NUMBER_AT: Final = 0  # of struct seccomp_data
_MACHINE_AT: Final = 4
_ARGUMENTS_AT: Final = 16
_X32: Final = 0x40000000

_FASTOPEN: Final = 0x20000000  # MSG_FASTOPEN: a sendto(2) that connects
_NEW_NAMESPACES: Final = 0x7E020080  # every CLONE_NEW* of clone(2)
_HEADER_OF_ONES_OWN: Final = ((0, 3), (41, 36))  # IP_HDRINCL, IPV6_HDRINCL


_REFUSED: Final = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "setns": (308, 268),
    "unshare": (272, 97),
    "mount": (165, 40),
    "umount2": (166, 39),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_by_handle_at": (304, 265),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "personality": (135, 92),
}
"""What is refused always, with the numbers of asm/unistd_64.h (x86) and of
asm-generic/unistd.h (arm64)."""


class Machine(NamedTuple):
    """What differs between processors."""

    audit: int
    """AUDIT_ARCH_*, include/uapi/linux/audit.h."""
    refused: tuple[int, ...]
    """Numbers of what is refused always."""
    clone: int
    clone3: int
    setsockopt: int
    send: tuple[tuple[int, int], ...]
    """sendto, sendmsg, sendmmsg, and which argument has the flags."""
    seccomp: int


MACHINES: Final = {
    "x86_64": Machine(
        audit=0xC000003E,
        refused=tuple(x86 for x86, _ in _REFUSED.values()),
        clone=56,
        clone3=435,
        setsockopt=54,
        send=((44, 3), (46, 2), (307, 3)),
        seccomp=317,
    ),
    "aarch64": Machine(
        audit=0xC00000B7,
        refused=tuple(arm for _, arm in _REFUSED.values()),
        clone=220,
        clone3=435,
        setsockopt=208,
        send=((206, 3), (211, 2), (269, 3)),
        seccomp=277,
    ),
}
"""By the name that uname(2) gives."""


def program(machine: Machine) -> bytes:
    """Return the filter for a machine, classic BPF.

    A call of another architecture's table (x32, i386) is refused whatever it is.
    """
    checks = [instruction for check in _checks(machine) for instruction in check]
    head = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_IF_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IF_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]
    whole = [*head, *checks, (_RETURN, 0, 0, _ALLOW)]
    return b"".join(_INSTRUCTION.pack(*one) for one in whole)


def _checks(machine: Machine) -> Iterator[list[tuple[int, int, int, int]]]:
    """Yield pieces that return, or leave the call's number loaded for the next one."""
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    reload = (_LOAD, 0, 0, _NUMBER_AT)
    for number in machine.refused:
        yield [(_IF_EQUAL, 0, 1, number), refuse]
    # Its flags lie in memory: libc then uses clone(2), whose do not.
    yield [
        (_IF_EQUAL, 0, 1, machine.clone3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    flags = [(machine.clone, 0, _NEW_NAMESPACES)]
    flags += [(number, which, _FASTOPEN) for number, which in machine.send]
    for number, which, bits in flags:
        at = _ARGUMENTS_AT + 8 * which
        load = (_LOAD, 0, 0, at)
        yield [(_IF_EQUAL, 0, 4, number), load, (_IF_ANY_BIT, 0, 1, bits), refuse]
        yield [reload]
    for level, name in _HEADER_OF_ONES_OWN:
        yield [
            (_IF_EQUAL, 0, 6, machine.setsockopt),
            (_LOAD, 0, 0, _ARGUMENTS_AT + 8),
            (_IF_EQUAL, 0, 3, level),
            (_LOAD, 0, 0, _ARGUMENTS_AT + 16),
            (_IF_EQUAL, 0, 1, name),
            refuse,
            reload,
        ]


def confine() -> None:
    """Put the filter on every thread of this process, and on all that it makes.

    It needs CAP_SYS_ADMIN, or no_new_privs set (prctl(2)).

    Raises:
        OSError: this kernel or processor cannot do it.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(errno.ENOSYS, f"no system call numbers of {platform.machine()}")
    code = program(machine)
    memory = ctypes.create_string_buffer(code, len(code))
    count = len(code) // _INSTRUCTION.size
    fprog = struct.pack("HP", count, ctypes.addressof(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(machine.seccomp, _SET_MODE_FILTER, _TSYNC, fprog) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {errno.errorcode.get(number, number)}")
