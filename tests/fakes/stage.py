"""The page and its API served from a thread, with a snapshot that a test may change."""

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from exporter.model.snapshot import Snapshot
from exporter.report.api import event_entry
from exporter.web.stream import Stream
from tests.fakes.web import Given, running


class Stage:
    """A running server."""

    def __init__(self, given: Given, stream: Stream) -> None:
        """Bind to what is served; `url` is known once it runs."""
        self._given = given
        self._stream = stream
        self.url = ""
        self.loop = asyncio.new_event_loop()

    @property
    def snapshot(self) -> Snapshot:
        """Return what is served."""
        return self._given.snapshot

    def show(self, snapshot: Snapshot) -> None:
        """Publish another snapshot, a moment newer than the one before."""
        newer = self._given.snapshot.taken + timedelta(seconds=1)
        self._do(lambda: self._publish(replace(snapshot, taken=newer)))

    def _publish(self, snapshot: Snapshot) -> None:
        self._given.snapshot = snapshot
        self._stream.published()

    def _do(self, what: Callable[[], None]) -> None:
        async def do() -> None:
            what()

        asyncio.run_coroutine_threadsafe(do(), self.loop).result(timeout=10)


@contextmanager
def staged(snapshot: Snapshot) -> Generator[Stage, None, None]:
    """Serve a snapshot on loopback while the block runs."""
    given = Given(snapshot=snapshot)
    stream = Stream(lambda: given.snapshot, event_entry)
    given.stream = stream.answer
    stage = Stage(given, stream)
    is_up, is_over = threading.Event(), asyncio.Event()

    async def main() -> None:
        async with running(given.app()) as server:
            stage.url = server.urls[0]
            is_up.set()
            await is_over.wait()
            stream.stop()

    thread = threading.Thread(target=stage.loop.run_until_complete, args=(main(),))
    thread.start()
    is_up.wait(timeout=10)
    try:
        yield stage
    finally:
        stage.loop.call_soon_threadsafe(is_over.set)
        thread.join(timeout=10)
        stage.loop.close()
