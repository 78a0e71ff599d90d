"""Takes system calls away from this process for good (seccomp(2)).

What is left can send on the sockets it has and serve those who connect. It cannot make
a socket or connect one, so the engine's is out of its reach whatever user it is; nor
start a process, signal one, enter a namespace, change a file or write an IP header of
its own. Calls that are newer than this list are not there.
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

Instruction = tuple[int, int, int, int]
_REFUSE: Final = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
_NOT_THERE: Final = (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)
_RELOAD: Final = (_LOAD, 0, 0, _NUMBER_AT)

_FASTOPEN: Final = 0x20000000  # MSG_FASTOPEN: a sendto(2) that connects
_NEW_NAMESPACES: Final = 0x7E020080  # every CLONE_NEW* of clone(2)
_THREAD: Final = 0x00010000  # CLONE_THREAD
_WRITING: Final = 0x243  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC; a file's, not a socket's
_ANY: Final = 0xFFFFFFFF
_HEADER_OF_ONES_OWN: Final = ((0, 3), (41, 36), (255, 36))
"""IP_HDRINCL, IPV6_HDRINCL; the latter by SOL_RAW too (`do_rawv6_setsockopt`)."""
_TYPING: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: words into a user's terminal
_NEWEST: Final = 462  # mseal; the numbers are everybody's from 424 on

Numbers = tuple[int | None, int | None]
_REFUSED: Final[dict[str, Numbers]] = {
    # Sockets.
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    # Other processes, and programs.
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "setpriority": (141, 140),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "mq_open": (240, 180),
    # Namespaces and mounts.
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
    # Files: to change them, and what Landlock leaves to their owner.
    "open_by_handle_at": (304, 265),
    "openat2": (437, 437),
    "creat": (85, None),
    "truncate": (76, 45),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "mknod": (133, None),
    "mknodat": (259, 33),
    # The kernel.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "syslog": (103, 116),
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
asm-generic/unistd.h (arm64), which lacks some."""


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
    open: tuple[tuple[int, int], ...]
    """open, openat, and which argument has the flags."""
    ioctl: int
    prlimit64: int
    seccomp: int


MACHINES: Final = {
    "x86_64": Machine(
        audit=0xC000003E,
        refused=tuple(x86 for x86, _ in _REFUSED.values() if x86 is not None),
        clone=56,
        clone3=435,
        setsockopt=54,
        send=((44, 3), (46, 2), (307, 3)),
        open=((2, 1), (257, 2)),
        ioctl=16,
        prlimit64=302,
        seccomp=317,
    ),
    "aarch64": Machine(
        audit=0xC00000B7,
        refused=tuple(arm for _, arm in _REFUSED.values() if arm is not None),
        clone=220,
        clone3=435,
        setsockopt=208,
        send=((206, 3), (211, 2), (269, 3)),
        open=((56, 2),),
        ioctl=29,
        prlimit64=261,
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
        _REFUSE,
        _RELOAD,
        (_IF_AT_LEAST, 0, 1, _X32),
        _REFUSE,
        # Whoever asks for what is new knows what to do without.
        (_IF_AT_LEAST, 0, 1, _NEWEST + 1),
        _NOT_THERE,
    ]
    whole = [*head, *checks, (_RETURN, 0, 0, _ALLOW)]
    return b"".join(_INSTRUCTION.pack(*one) for one in whole)


def _checks(machine: Machine) -> Iterator[list[Instruction]]:
    """Yield pieces that return, or leave the call's number loaded for the next one."""
    for number in machine.refused:
        yield [(_IF_EQUAL, 0, 1, number), _REFUSE]
    # Its flags lie in memory: libc then uses clone(2), whose do not.
    yield [(_IF_EQUAL, 0, 1, machine.clone3), _NOT_THERE]
    yield from _flags(machine.clone, 0, _NEW_NAMESPACES)
    yield from _flags(machine.clone, 0, _THREAD, refused=False)
    for number, which in machine.send:
        yield from _flags(number, which, _FASTOPEN)
    for number, which in machine.open:
        yield from _flags(number, which, _WRITING)
    yield from _flags(machine.prlimit64, 0, _ANY)  # of another process
    for request in _TYPING:
        yield _values(machine.ioctl, (1, request))
    for level, name in _HEADER_OF_ONES_OWN:
        yield _values(machine.setsockopt, (1, level), (2, name))


def _flags(
    number: int, which: int, bits: int, *, refused: bool = True
) -> Iterator[list[Instruction]]:
    """Yield what refuses a call if any of some bits is set in an argument, or none."""
    bad = (_IF_ANY_BIT, 0, 1, bits) if refused else (_IF_ANY_BIT, 1, 0, bits)
    yield [(_IF_EQUAL, 0, 3, number), _load(which), bad, _REFUSE, _RELOAD]


def _values(number: int, *wanted: tuple[int, int]) -> list[Instruction]:
    """Return what refuses a call if arguments have some values."""
    left = 2 * len(wanted) + 1
    found = [(_IF_EQUAL, 0, left, number)]
    for which, value in wanted:
        left -= 2
        found += [_load(which), (_IF_EQUAL, 0, left, value)]
    return [*found, _REFUSE, _RELOAD]


def _load(which: int) -> Instruction:
    """Return what loads the lower half of an argument: all of an int."""
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * which)


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
