"""Whether the service is well, asked beside HTTP.

Docker's health check knows neither the addresses that `run` was given nor a password or
a certificate. So `run` answers on an abstract Unix socket as well, whose name holds the
pid namespace: in one container that is one process. It says a line and ends.

https://man7.org/linux/man-pages/man7/unix.7.html
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

_PREFIX = "dockernet-exporter.health."
TIMEOUT_S = 3.0
_LINE_BYTES = 1024
_PEER = struct.Struct("=iII")
"""struct ucred: process, user, group."""
_SOCKETS = Path("/proc/net/unix")


class Health:
    """Answers whoever runs `healthcheck`."""

    def __init__(self, unhealthy: Callable[[], str | None]) -> None:
        """Listen; nothing is answered until the event loop runs.

        Root is answered, and who this process is now, whoever it becomes.

        Args:
            unhealthy: why this process is not well, None if it is.
        """
        self._unhealthy = unhealthy
        self._users = (0, os.geteuid())
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._loop = asyncio.get_running_loop()
        # Whoever has taken the name keeps us from being asked, not from working.
        with contextlib.suppress(OSError):
            self._listener.setblocking(False)
            self._listener.bind(f"\0{_prefix()}{os.getpid()}")
            self._listener.listen()
            self._loop.add_reader(self._listener, self._answer)

    def close(self) -> None:
        """Answer nobody any more."""
        self._loop.remove_reader(self._listener)
        self._listener.close()

    def _answer(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            with connection:
                connection.setblocking(False)
                if _user_of(connection) in self._users:
                    # A line fits into any socket's buffer: nobody has to wait.
                    connection.send(self._line().encode()[:_LINE_BYTES])

    def _line(self) -> str:
        why_not = self._unhealthy()
        return "healthy" if why_not is None else f"not healthy: {why_not}"


def ask() -> list[str]:
    """Return what every `run` in this pid namespace says; empty if there is none."""
    prefix = f"@{_prefix()}"
    try:
        lines = _SOCKETS.read_text().splitlines()
    except OSError:
        return []
    names = {line.rpartition(" ")[2] for line in lines}
    ours = [name for name in sorted(names) if name.startswith(prefix)]
    return [answer for name in ours if (answer := _asked(name)) is not None]


def _asked(name: str) -> str | None:
    """Return the answer; None of a process of somebody else, whatever it calls itself.

    Names are free to whoever comes first.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(TIMEOUT_S)
        try:
            client.connect(f"\0{name[1:]}")
            if _user_of(client) not in (0, os.geteuid()):
                return None
            return client.recv(_LINE_BYTES).decode(errors="replace")
        except OSError as error:
            return f"not healthy: no answer ({error})"


def _user_of(peer: socket.socket) -> int:
    """Return who is at the other end: a client now, who listens when it began to."""
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    user: int = _PEER.unpack(credentials)[1]
    return user


def _prefix() -> str:
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    return f"{_PREFIX}{namespace}."
