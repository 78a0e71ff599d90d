"""The process with the privileges: `python -m exporter.broker FD...`; see `process`."""

import gc
import os
import signal
import socket
import stat
import sys
import threading
from contextlib import suppress
from pathlib import Path

from exporter.broker import requests
from exporter.broker.server import Broker
from exporter.broker.wire import Malformed, receive_request
from exporter.errors import BrokerGone


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
        terms, files = requests.terms(receive_request(life)[0])
    except (BrokerGone, Malformed, OSError):
        return
    broker = Broker(terms, files)
    gc.freeze()  # what stands now stays: no collection need go through it again
    for channel in channels:
        threading.Thread(target=broker.serve, args=(channel,), daemon=True).start()
    with suppress(OSError):
        while life.recv(1):
            pass
    for path in terms.sockets:
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
