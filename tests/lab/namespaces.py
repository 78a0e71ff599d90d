"""Network namespaces that exist exactly as long as this process holds them.

A namespace is held by an open descriptor and by nothing else: no name under /run/netns,
no mount. When the holder closes it or dies, however it dies, the kernel takes the
namespace with all its links away (namespaces(7), "The /proc/pid/ns/ directory").
"""

import ctypes
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.lab.errors import LabError, LabUnavailable
from tests.lab.processes import all_pids

_CLONE_NEWNET = 0x40000000
_COMMAND_TIMEOUT_S = 20.0


class Namespace:
    """A new, empty network namespace, its loopback up; a context manager.

    Raises:
        LabUnavailable: this process may not make network namespaces.
    """

    __slots__ = ("_fd",)

    def __init__(self) -> None:
        self._fd = _new_namespace()
        self.ip("link set lo up")

    @property
    def path(self) -> str:
        """A path that opens this namespace from any process of this machine."""
        return f"/proc/{os.getpid()}/fd/{self._fd}"

    @property
    def inode(self) -> int:
        """The inode that `ls -L /proc/PID/ns/net` shows for processes in it."""
        return os.fstat(self._fd).st_ino

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        timeout_s: float = _COMMAND_TIMEOUT_S,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in this namespace; see `run_in`."""
        return run_in(self.path, argv, check=check, timeout_s=timeout_s, stdin=stdin)

    def start(
        self,
        argv: Sequence[str],
        *,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a command in this namespace that dies with the calling thread."""
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *_entered(self.path, argv)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )

    def ip(self, *commands: str) -> None:
        """Configure the namespace by commands in the words of iproute2.

        Raises:
            LabError: one of them failed.
        """
        self.run(["ip", "-batch", "-"], stdin="".join(f"{c}\n" for c in commands))

    def set_sysctls(self, values: Mapping[str, str | int]) -> None:
        """Write network sysctls of this namespace, by their names with slashes."""
        script = "".join(
            f"echo {value} >/proc/sys/{name}\n" for name, value in values.items()
        )
        self.run(["sh", "-e"], stdin=script)

    def occupants(self) -> tuple[int, ...]:
        """Return the pids of the processes that live in this namespace."""
        return tuple(pid for pid in all_pids() if _inode_of(pid) == self.inode)

    def close(self) -> None:
        """Let go of the namespace; the kernel removes it with its last user."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def run_in(
    path: str,
    argv: Sequence[str],
    *,
    check: bool = True,
    timeout_s: float = _COMMAND_TIMEOUT_S,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command of this machine in the network namespace at `path`.

    Args:
        path: a namespace file.
        argv: the command.
        check: whether a non-zero status is an error.
        timeout_s: bound, seconds, > 0.
        stdin: text for the command, nothing if None.

    Raises:
        LabError: it failed, and `check` was asked for.
        subprocess.TimeoutExpired: it took longer.
    """
    done = subprocess.run(
        _entered(path, argv),
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if check:
        expect_success(argv, done)
    return done


def expect_success(argv: Sequence[str], done: subprocess.CompletedProcess[str]) -> None:
    """Raise LabError, with what it said, if a command has failed."""
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(argv)} failed ({done.returncode}): {said}")


def pair_up(left: Namespace, left_name: str, right: Namespace, right_name: str) -> None:
    """Join two namespaces by a veth pair, both ends down and without addresses."""
    left.ip(f"link add {left_name} type veth peer name {right_name} netns {right.path}")


def namespaces_missing() -> str | None:
    """Return why this process cannot make network namespaces, None if it can."""
    try:
        fd = _new_namespace()
    except LabUnavailable as refusal:
        return str(refusal)
    os.close(fd)
    return None


def _entered(path: str, argv: Sequence[str]) -> list[str]:
    # Not `ip netns exec`: that mounts a new /sys, in which cgroups are not seen.
    return ["nsenter", f"--net={path}", "--", *argv]


def _inode_of(pid: int) -> int | None:
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except OSError:
        return None


def _unshare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _new_namespace() -> int:
    """Make a namespace in a thread that ends, so that the caller never moves."""
    outcome: list[int | OSError] = []

    def unshare_and_open() -> None:
        try:
            _unshare()
            outcome.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        except OSError as error:
            outcome.append(error)

    thread = threading.Thread(target=unshare_and_open, name="lab-unshare")
    thread.start()
    thread.join()
    made = outcome[0]
    if isinstance(made, OSError):
        raise LabUnavailable(
            f"network namespaces cannot be made here ({made.strerror});"
            " run as root with CAP_SYS_ADMIN"
        ) from made
    return made
