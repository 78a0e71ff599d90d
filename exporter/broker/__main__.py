"""The process with the privileges: `python -m exporter.broker FD...`; see `process`."""

import ctypes
import os
import signal
import socket
import stat
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exporter.broker import requests
from exporter.broker.wire import Malformed, receive_request
from exporter.capabilities import holds_any
from exporter.errors import BrokerGone
from exporter.limits import allow_descriptors
from exporter.memory import settle, share_heap, without

if TYPE_CHECKING:
    from exporter.broker.server import Broker
    from exporter.powers import Terms

_ATTEMPTS: Final = 20
_PAUSE_S: Final = 0.025
"""A process that is killed closes its descriptors one by one: what tells of its end may
be before what listens."""
_SET_NAME: Final = 15  # PR_SET_NAME, prctl(2)
_SET_DUMPABLE: Final = 4  # PR_SET_DUMPABLE


def main(descriptors: list[int]) -> None:
    """Serve every channel until the process that asks has ended.

    Args:
        descriptors: one that tells of its life and of the terms, then the channels.
    """
    # It is asked to end by the end of the other process, which then is not cut short.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _prepare()
    life, *channels = (socket.socket(fileno=number) for number in descriptors)
    try:
        terms, files = requests.terms(receive_request(life)[0])
    except (BrokerGone, Malformed, OSError):
        return
    broker = _broker(terms, files)
    settle()
    for channel in channels:
        work = (broker, channel, life)
        threading.Thread(target=_serve, args=work, daemon=True).start()
    with suppress(OSError):
        while life.recv(1):
            pass
    for path in terms.sockets:
        _remove(path)
    os._exit(0)  # threads may be waiting for the engine


def _broker(terms: "Terms", files: frozenset[str]) -> "Broker":
    """Return what answers, loaded without what requests can do without: 3 MB."""
    # By these it guesses the encoding of text that tells none; without, it takes it for
    # UTF-8 (`Response.text`), which the engine's JSON is.
    absent = ["chardet", "charset_normalizer"]
    if terms.engine_socket is not None:
        absent.append("ssl")  # no TLS there
    with without(*absent):
        from exporter.broker.server import Broker

        return Broker(terms, files)


def _prepare() -> None:
    """Give this process a name, its descriptors, and peace from its own user.

    Where the other one keeps that user and has no capability less, it could read and
    write our memory; as a parent, even where Yama forbids it to others (ptrace(2)).
    """
    allow_descriptors()
    share_heap()
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_NAME, b"exporter-broker", 0, 0, 0)
    # With capabilities and without root we could not read all of /proc/self any more.
    if os.geteuid() == 0 or not holds_any():
        libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def _serve(broker: "Broker", channel: socket.socket, life: socket.socket) -> None:
    """Serve a channel; when that is over, for whatever reason, all is."""
    try:
        broker.serve(channel)
    finally:
        with suppress(OSError):
            life.shutdown(socket.SHUT_RDWR)


def _remove(path: str) -> None:
    """Remove a Unix socket on which nobody listens any more."""
    with suppress(OSError):
        if not stat.S_ISSOCK(Path(path).lstat().st_mode):
            return
        for _ in range(_ATTEMPTS):
            if not _is_heard(path):
                Path(path).unlink()
                return
            time.sleep(_PAUSE_S)


def _is_heard(path: str) -> bool:
    """Return whether somebody listens; raises OSError where that cannot be told."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(path)
        except ConnectionRefusedError:
            return False
    return True


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
