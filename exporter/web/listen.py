"""Sockets that listen, made before anything else starts.

That a port is in use is then one clear line, not a daemon that stops half started.
"""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterable
from pathlib import Path

from exporter.errors import ListenError

UNIX = "unix:"
"""What a host begins with that is the path of a Unix socket."""
BACKLOG = 1024
"""Connections that may wait to be accepted. Where more come at once the kernel drops
them, and a client tries again a second later."""
STUCK_MS = 30_000
"""Milliseconds until the kernel gives up a client that reads nothing or is gone
(TCP_USER_TIMEOUT in tcp(7); accepted sockets inherit it)."""
_ABSENT_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def listen(
    addresses: Iterable[tuple[str, int]], socket_mode: int = 0o660
) -> list[socket.socket]:
    """Return a listening socket for each address; a name may have several.

    Args:
        addresses: host (empty for every interface) and port (0 for any); or unix:PATH
            and anything.
        socket_mode: permissions of Unix sockets.

    Raises:
        ListenError: one of them cannot be listened on; none is then.
    """
    with contextlib.ExitStack() as opened:
        sockets: list[socket.socket] = []
        for host, port in addresses:
            if host.startswith(UNIX):
                found = [_listen_unix(Path(host.removeprefix(UNIX)), socket_mode)]
            else:
                found = _listen(host, port)
            sockets.extend(map(opened.enter_context, found))
        opened.pop_all()
        return sockets


def address_text(host: str, port: int) -> str:
    """Return an address as it is written.

    >>> address_text("::1", 80), address_text("", 80)
    ('[::1]:80', ':80')
    """
    if host.startswith(UNIX):
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listen_unix(path: Path, mode: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        listener.bind(str(path))
        # Nobody can connect before it listens, so nobody comes in between.
        path.chmod(mode)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ListenError(f"{UNIX}{path}", _reason(error)) from error
    return listener


def _clear(path: Path) -> None:
    """Remove a socket that a process which is gone has left behind.

    Raises:
        OSError: somebody listens on it, or it is no socket.
    """
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            try:
                client.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
                return
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _listen(host: str, port: int) -> list[socket.socket]:
    address = address_text(host, port)
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise ListenError(address, reason or "unknown host") from error
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    for family, _, _, _, where in dict.fromkeys(found):
        try:
            sockets.append(_open(family, where))
        except OSError as error:
            if error.errno not in _ABSENT_FAMILY:
                _close(sockets)
                raise ListenError(address, _reason(error)) from error
            absent = error
    if not sockets and absent is not None:
        raise ListenError(address, _reason(absent)) from absent
    return sockets


def _open(family: int, where: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
        # Accepted sockets inherit it. asyncio sets it on sockets made for TCP by name
        # only; without it each flight of TLS waits 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(where)
        # Now, not when serving: with SO_REUSEADDR two sockets may be bound to one
        # port as long as neither listens.
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _close(sockets: Iterable[socket.socket]) -> None:
    for listener in sockets:
        listener.close()


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
