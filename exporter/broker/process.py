"""The process with the privileges: how it is made, told its terms, and ended.

It is forked, so that it has its modules in common with the other one: one of its own
would take 20 MB more. It is to be made while there is one thread, and nothing of a
stranger's was read.
"""

import ctypes
import gc
import os
import queue
import signal
import socket
import stat
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from exporter.broker import requests, wire
from exporter.broker.server import Broker
from exporter.errors import BrokerGone
from exporter.powers import Terms

_CHANNELS: Final = 8
"""Requests at a time: as many threads ask, at most."""
_PATIENCE_S: Final = 5.0
"""How long the process may take to end."""
_SET_NAME: Final = 15  # PR_SET_NAME, prctl(2)


class Process:
    """The process with the privileges, seen from the other one."""

    def __init__(
        self, pid: int, life: socket.socket, channels: Iterable[socket.socket]
    ) -> None:
        self.pid = pid
        self.life = life
        """Readable once the process has ended."""
        self.free: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        """Channels that nobody asks over now."""
        for channel in channels:
            self.free.put(channel)

    def settle(self, terms: Terms, files: Iterable[str] = ()) -> None:
        """Say what its powers are bound to; before that nothing is answered.

        Args:
            terms: see there.
            files: the only ones that it opens for others.
        """
        with suppress(OSError):  # whoever asks is told
            wire.send_request(self.life, requests.terms_json(terms, files))

    def stop(self) -> None:
        """Let it end, and wait for that; it may have ended before."""
        self.life.close()
        with suppress(queue.Empty):
            while True:
                self.free.get_nowait().close()
        with suppress(ChildProcessError):
            pidfd = os.pidfd_open(self.pid)
            ended = wire.is_readable(pidfd, _PATIENCE_S)
            os.close(pidfd)
            os.waitpid(self.pid, 0 if ended else os.WNOHANG)


def fork() -> Process:
    """Make the process, with the privileges that this one has now.

    Raises:
        OSError: it cannot be made.
    """
    life, lent = socket.socketpair()
    pairs = [socket.socketpair() for _ in range(_CHANNELS)]
    gc.freeze()  # what is there now is not written to by a collection, in either
    pid = os.fork()
    if pid == 0:
        _be(lent, [there for _, there in pairs])
    for there in (lent, *(there for _, there in pairs)):
        there.close()
    return Process(pid, life, [here for here, _ in pairs])


def _be(life: socket.socket, channels: Sequence[socket.socket]) -> NoReturn:
    """Serve every channel until the process that asks has ended."""
    try:
        # It is ended by the end of the other process, which then is not cut short.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _close_others([life.fileno(), *(channel.fileno() for channel in channels)])
        ctypes.CDLL(None).prctl(_SET_NAME, b"exporter-broker", 0, 0, 0)
        with suppress(BrokerGone, OSError):
            settings, _ = wire.receive_request(life)
            terms, files = requests.terms(settings)
            broker = Broker(terms, files)
            for channel in channels:
                serve = threading.Thread(target=broker.serve, args=(channel,))
                serve.daemon = True
                serve.start()
            while life.recv(1):
                pass
            for path in terms.sockets:
                _remove(path)
    finally:
        os._exit(0)  # whatever happened, and whatever threads wait for


def _remove(path: str) -> None:
    """Remove a Unix socket on which nobody listens any more."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        if stat.S_ISSOCK(Path(path).lstat().st_mode):
            client.settimeout(1)
            try:
                client.connect(path)
            except ConnectionRefusedError:
                Path(path).unlink()


def _close_others(ours: Sequence[int]) -> None:
    """Close every descriptor but some and the standard ones."""
    last = 2
    for number in (*sorted(ours), os.sysconf("SC_OPEN_MAX")):
        os.closerange(last + 1, number)
        last = number
