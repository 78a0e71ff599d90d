"""Hands the engine's events on, over a socket of their own."""

import select
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress

from exporter.broker.wire import Reply, send_reply
from exporter.engine.api import EventStream
from exporter.engine.reduced import reduced
from exporter.errors import ExporterError


def forward(stream: EventStream, when_over: Callable[[], None]) -> int:
    """Return a descriptor from which the events of a stream can be read.

    The stream is closed once the other end is, or when it ends by itself.

    Args:
        stream: ours from now on.
        when_over: called once nothing of it is left here.

    Raises:
        OSError, RuntimeError: no descriptor or thread is left; nothing is left of it.
    """
    with ExitStack() as undo:
        undo.callback(when_over)
        undo.callback(stream.close)
        ours, theirs = socket.socketpair()
        undo.callback(theirs.close)
        undo.callback(ours.close)
        watch = threading.Thread(target=_watch, args=(stream, ours), daemon=True)
        pump = threading.Thread(
            target=_pump, args=(stream, ours, watch, when_over), daemon=True
        )
        watch.start()
        undo.callback(ours.shutdown, socket.SHUT_RDWR)
        pump.start()
        undo.pop_all()
    return theirs.detach()


def _pump(
    stream: EventStream,
    ours: socket.socket,
    watch: threading.Thread,
    when_over: Callable[[], None],
) -> None:
    try:
        with suppress(OSError):
            try:
                for event in stream:
                    send_reply(ours, Reply(reduced("event", event)))
            except ExporterError as error:
                send_reply(ours, Reply(error))
    finally:
        with suppress(OSError):
            ours.shutdown(socket.SHUT_RDWR)  # wakes the watcher
        watch.join()
        ours.close()  # by who used it last: its number may be another's at once
        when_over()


def _watch(stream: EventStream, ours: socket.socket) -> None:
    """Close the stream as soon as either end is shut; nothing is ever sent to us."""
    poll = select.poll()
    poll.register(ours, select.POLLRDHUP)
    poll.poll()
    stream.close()
