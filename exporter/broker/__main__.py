"""The process with the privileges: `python -m exporter.broker FD...`; see `remote`."""

import os
import signal
import socket
import stat
import sys
import threading
from contextlib import suppress
from pathlib import Path

from exporter.broker.server import Broker
from exporter.broker.wire import Malformed, receive_request
from exporter.errors import BrokerGone
from exporter.powers import Terms


def main(descriptors: list[int]) -> None:
    """Serve every channel until the process that asks has ended.

    Args:
        descriptors: one that tells of its life and of the terms, then the channels.
    """
    # It is asked to end by the end of the other process, which then is not cut short.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    life, *channels = (socket.socket(fileno=number) for number in descriptors)
    try:
        settings, _ = receive_request(life)
    except (BrokerGone, Malformed, OSError):
        return
    terms = Terms(
        environment=settings["environment"],  # type: ignore[arg-type]
        path_map=tuple((a, b) for a, b in settings["path_map"]),  # type: ignore[attr-defined]
        host_namespace=settings["host_namespace"],  # type: ignore[arg-type]
    )
    broker = Broker(terms, frozenset(settings["files"]))  # type: ignore[call-overload]
    for channel in channels:
        threading.Thread(target=broker.serve, args=(channel,), daemon=True).start()
    while life.recv(1):
        pass
    for path in settings["sockets"]:  # type: ignore[attr-defined]
        _remove(path)
    os._exit(0)  # threads may be waiting for the engine


def _remove(path: str) -> None:
    """Remove a Unix socket on which nobody listens any more."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        if stat.S_ISSOCK(Path(path).lstat().st_mode):
            client.settimeout(1)
            try:
                client.connect(path)
            except ConnectionRefusedError:
                Path(path).unlink()


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
