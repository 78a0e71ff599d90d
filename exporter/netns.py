"""The one place that enters network namespaces (setns(2), network_namespaces(7)).

A namespace is opened, sockets are made in it by a thread that ends at once, and it is
closed again: an open descriptor of it would keep a dead container's veth alive. The
sockets stay inside. No process is started, and the calling thread never moves.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Generic, NewType, Self, TypeVar

from exporter.capabilities import Need, Privileges, read_privileges
from exporter.errors import NetnsError, NetnsGone, NetnsPermissionDenied
from exporter.process import (
    has_ended,
    is_hidden,
    is_process_of,
    open_pidfd,
    raise_if_exhausted,
)

T = TypeVar("T")
NetnsId = NewType("NetnsId", int)
"""Equal if and only if it is the same namespace, but see `identity_is_weak`."""

CLONE_NEWNET: Final = 0x40000000  # include/uapi/linux/sched.h
_NS_GET_NSTYPE: Final = 0xB703  # ioctl_nsfs(2), Linux 4.11
_SO_NETNS_COOKIE: Final = 71  # include/uapi/asm-generic/socket.h, Linux 5.14
_SIOCGSKNS: Final = 0x894C  # include/uapi/linux/sockios.h
_SIBLINGS_TRIED: Final = 64

PTRACE_PROFILE: Final = "an AppArmor or SELinux profile that lets it ptrace"
"""What is asked for where CAP_SYS_PTRACE is held and yet does not suffice."""
OWNING_USER_NAMESPACE: Final = "CAP_SYS_ADMIN in the user namespace that owns it"
"""What is asked for where CAP_SYS_ADMIN is held and yet does not suffice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceRef:
    """What to enter: by path if that works, else by process."""

    path: str | None = None
    """A mounted network namespace, such as a SandboxKey."""
    pid: int = 0
    """A process in it; 0 when none is known."""
    container_id: str = ""
    """The full id: the pid is believed only if its cgroup names it. Empty: believed."""


class Namespace:
    """An open network namespace: a context manager, to be left soon."""

    def __init__(self, fd: int, path: str, pidfd: int | None = None) -> None:
        self.path = path
        """How it was opened."""
        self.pidfd = pidfd
        """Readable once the process of the ref has ended; None if it is not visible."""
        self._fd: int | None = fd

    def run(self, make: Callable[[], T]) -> T:
        """Return what `make` returns inside; what it raises is raised here.

        A thread made for this call enters, calls and ends: a pooled one would stay in.

        Raises:
            NetnsPermissionDenied: setns was refused.
            NetnsError: it was closed before, or no thread could be started.
        """
        if self._fd is None:
            raise NetnsError(f"the network namespace {self.path} is closed")
        visit = _Visit(self._fd, self.path, make)
        try:
            visit.start()
        except RuntimeError as error:
            raise NetnsError(
                f"no thread could be started to enter {self.path} ({error}); "
                "raise the limit of processes (pids cgroup, RLIMIT_NPROC)"
            ) from error
        visit.join()
        if visit.error is not None:
            raise visit.error
        return visit.results[0]

    def identity(self) -> NetnsId:
        """Return which namespace it is; raises as `run`."""

        def ask() -> NetnsId:
            try:
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            except OSError as error:
                raise_if_exhausted(error)
                raise
            with sock:
                return cookie_of(sock)

        return self.run(ask)

    def take_pidfd(self) -> int | None:
        """Return the pidfd, which is the caller's from now on; None if none is left."""
        pidfd, self.pidfd = self.pidfd, None
        return pidfd

    def close(self) -> None:
        """Close what is still open; may be called again."""
        fd, self._fd = self._fd, None
        for descriptor in (fd, self.take_pidfd()):
            if descriptor is not None:
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_namespace(
    ref: NamespaceRef,
    *,
    path_map: tuple[tuple[str, str], ...] = (),
    proc: str = "/proc",
) -> Namespace:
    """Open the network namespace of a container or of a process.

    Args:
        path_map: prefixes of the engine's paths and what stands for them here.
        proc: where the engine's processes are visible.

    Raises:
        NetnsGone: its container has ended.
        NetnsPermissionDenied: naming what is missing.
        NetnsError: this process has no file descriptor left.
    """
    # Before the namespace, so that no end of the process is missed.
    pidfd = open_pidfd(ref.pid, ref.container_id, proc)
    fd: int | None = None
    try:
        path = None if ref.path is None else map_path(ref.path, path_map)
        fd, path = _open_either(ref, path, proc)
        _verify_alive(pidfd, path)
    except BaseException:
        for descriptor in (fd, pidfd):
            if descriptor is not None:
                os.close(descriptor)
        raise
    return Namespace(fd, path, pidfd)


def map_path(path: str, path_map: tuple[tuple[str, str], ...]) -> str:
    """Return an engine's path as seen here; the longest prefix of it decides.

    Args:
        path_map: prefixes of the engine's paths, which end where a name ends, and what
            stands for them here.
    """
    fitting = [
        (prefix.rstrip("/"), here.rstrip("/"))
        for prefix, here in path_map
        if Path(path).is_relative_to(prefix)
    ]
    prefix, here = max(fitting, key=lambda entry: len(entry[0]), default=("", ""))
    return here + path[len(prefix) :]


def cookie_of(
    sock: socket.socket,
    *,
    read_cookie: Callable[[socket.socket], int] | None = None,
) -> NetnsId:
    """Return the identity of the network namespace that a socket is in.

    The kernel's cookie is never given twice. Before Linux 5.14 there is none: then the
    number stands for the namespace's inode and is weak (`identity_is_weak`); getting
    it needs CAP_NET_ADMIN, or that this is called inside `Namespace.run`.

    Args:
        read_cookie: asks the kernel; raises ENOPROTOOPT where there are no cookies.

    Raises:
        NetnsPermissionDenied: neither holds.
    """
    try:
        return NetnsId((read_cookie or _read_cookie)(sock))
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise
    return NetnsId(-_inode_of(sock))


def identity_is_weak(identity: NetnsId) -> bool:
    """Return whether an identity is only an inode, which the kernel uses again.

    It is right while a socket holds the namespace; afterwards another one may get it.
    """
    return identity < 0


class _Visit(threading.Thread, Generic[T]):
    """One stay in a namespace."""

    def __init__(self, fd: int, path: str, make: Callable[[], T]) -> None:
        super().__init__(name="netns", daemon=True)
        self._namespace_fd = fd
        self._path = path
        self._make = make
        self.results: list[T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._enter()
            self.results.append(self._make())
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            self.error = error

    def _enter(self) -> None:
        try:
            _setns(self._namespace_fd)
        except PermissionError as error:
            held = read_privileges().has(Need.SYS_ADMIN)
            need = OWNING_USER_NAMESPACE if held else Need.SYS_ADMIN
            raise NetnsPermissionDenied(self._path, need) from error
        except OSError as error:
            raise NetnsError(f"entering {self._path} failed: {error}") from error


def _setns(fd: int) -> None:
    """Move the calling thread (setns(2)); Python has it from 3.12 on."""
    native: Callable[[int, int], None] | None = getattr(os, "setns", None)
    if native is not None:
        native(fd, CLONE_NEWNET)
    elif _libc().setns(fd, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _verify_alive(pidfd: int | None, path: str) -> None:
    if pidfd is not None and has_ended(pidfd):
        raise NetnsGone(path)


def _open_either(ref: NamespaceRef, path: str | None, proc: str) -> tuple[int, str]:
    """Return a descriptor of the namespace and the path that gave it."""
    failure: OSError | None = None
    if path is not None:
        try:
            return _open_checked(path), path
        except OSError as error:
            failure = error
    by_process = f"{proc}/{ref.pid}/ns/net"
    if ref.pid <= 0 or not is_process_of(ref.pid, ref.container_id, proc):
        if is_hidden(ref.pid, proc):
            raise NetnsPermissionDenied(by_process, Need.SYS_PTRACE) from failure
        raise _not_found(path, by_process, failure, read_privileges(proc)) from failure
    try:
        fd = _open_checked(by_process)
    except PermissionError as error:
        held = read_privileges(proc).has(Need.SYS_PTRACE)
        need = PTRACE_PROFILE if held else Need.SYS_PTRACE
        raise NetnsPermissionDenied(by_process, need) from error
    except OSError as error:
        raise NetnsGone(by_process) from error
    if is_process_of(ref.pid, ref.container_id, proc):  # not recycled meanwhile
        return fd, by_process
    os.close(fd)
    raise NetnsGone(by_process)


def _open_checked(path: str) -> int:
    """Return a descriptor of a network namespace.

    The mount behind a SandboxKey may be missing where we are; what is left then is an
    empty regular file.

    Raises:
        OSError: it cannot be opened, or is something else (EINVAL).
        NetnsError: no descriptor is left.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise_if_exhausted(error)
        raise
    try:
        if fcntl.ioctl(fd, _NS_GET_NSTYPE) == CLONE_NEWNET:
            return fd
    except OSError:
        pass  # ENOTTY: not a namespace at all
    os.close(fd)
    raise OSError(errno.EINVAL, "not a network namespace", path)


def _not_found(
    path: str | None, by_process: str, failure: OSError | None, here: Privileges
) -> NetnsError:
    """Return why neither way led anywhere.

    In a pid namespace of our own an invisible process says nothing, but the folder
    does: the engine takes a dead sandbox's mount away, and its file at once or later
    (20.10). A folder that is not there, or without any mount, is not the engine's.
    """
    named = path or by_process
    if isinstance(failure, PermissionError):
        return NetnsPermissionDenied(named, Need.DAC_READ_SEARCH)
    if here.has(Need.HOST_PIDS) or (path is not None and _was_removed(path, failure)):
        return NetnsGone(named)
    return NetnsPermissionDenied(named, Need.HOST_PIDS)


def _was_removed(path: str, failure: OSError | None) -> bool:
    folder = Path(path).parent
    if isinstance(failure, FileNotFoundError):
        return folder.exists()
    try:
        siblings = [str(entry) for entry in folder.iterdir()]
    except OSError:
        return False
    return any(_is_namespace(sibling) for sibling in siblings[:_SIBLINGS_TRIED])


def _is_namespace(path: str) -> bool:
    try:
        os.close(_open_checked(path))
    except OSError:
        return False
    return True


def _read_cookie(sock: socket.socket) -> int:
    value = sock.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
    cookie: int = struct.unpack("=Q", value)[0]
    return cookie


def _inode_of(sock: socket.socket) -> int:
    """Return a positive number made of the device and inode of a socket's namespace."""
    try:
        fd = fcntl.ioctl(sock, _SIOCGSKNS)
    except PermissionError as error:
        if not isinstance(threading.current_thread(), _Visit):
            raise NetnsPermissionDenied("of a socket", Need.NET_ADMIN) from error
        status = Path("/proc/thread-self/ns/net").stat()
    else:
        try:
            status = os.fstat(fd)
        finally:
            os.close(fd)
    return (status.st_dev << 32 | status.st_ino) + 1
