"""Hands the engine's events on, over a socket of their own."""

import select
import socket
import threading
from contextlib import suppress

from exporter.broker.wire import Reply, send_reply
from exporter.engine.api import EventStream
from exporter.engine.reduced import reduced
from exporter.errors import ExporterError


def forward(stream: EventStream) -> int:
    """Return a descriptor from which the events of a stream can be read.

    The stream is closed once the other end is, or when it ends by itself.
    """
    ours, theirs = socket.socketpair()
    threading.Thread(target=_pump, args=(stream, ours), daemon=True).start()
    threading.Thread(target=_watch, args=(stream, ours), daemon=True).start()
    return theirs.detach()


def _pump(stream: EventStream, ours: socket.socket) -> None:
    with suppress(OSError):
        try:
            for event in stream:
                send_reply(ours, Reply(reduced("event", event)))
        except ExporterError as error:
            send_reply(ours, Reply(error))
    stream.close()
    with suppress(OSError):
        ours.shutdown(socket.SHUT_RDWR)  # wakes the watcher, which closes it


def _watch(stream: EventStream, ours: socket.socket) -> None:
    """Wait until either end is shut; nothing is ever sent to us."""
    poll = select.poll()
    poll.register(ours, select.POLLRDHUP)
    poll.poll()
    stream.close()
    ours.close()
