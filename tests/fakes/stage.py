"""The page and its API served from a thread, with a snapshot that a test may change."""

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from exporter.access import Access
from exporter.model.snapshot import Snapshot
from exporter.report.api import event_entry
from exporter.web import Door, Names
from exporter.web.stream import Stream
from tests.fakes.web import Given, Now, running


class Stage:
    """A running server."""

    def __init__(self, given: Given, stream: Stream, access: Access) -> None:
        """Bind to what is served; `url` is known once it runs."""
        self._given = given
        self._stream = stream
        self._access = access
        self.url = ""
        self.loop = asyncio.new_event_loop()
        self.is_over = asyncio.Event()
        self.thread = threading.Thread(target=self._run)
        self._is_up = threading.Event()

    def start(self) -> None:
        """Serve, from a thread."""
        self.thread.start()
        self._is_up.wait(timeout=10)

    def _run(self) -> None:
        self.loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        door = Door(self._given.app(), lambda: self._access, Names((), ()))
        async with running(door, None, lambda: self._access) as server:
            self.url = server.urls[0]
            self._is_up.set()
            await self.is_over.wait()
            self._stream.stop()
        door.stop()

    @property
    def snapshot(self) -> Snapshot:
        """Return what is served."""
        return self._given.snapshot

    def show(self, snapshot: Snapshot) -> None:
        """Publish another snapshot, a moment newer than the one before."""
        newer = self._given.snapshot.taken + timedelta(seconds=1)
        self._do(lambda: self._publish(replace(snapshot, taken=newer)))

    def stop(self) -> None:
        """Serve no more; a second time changes nothing."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.is_over.set)
            self.thread.join(timeout=10)
            self.loop.close()

    def _publish(self, snapshot: Snapshot) -> None:
        self._given.snapshot = snapshot
        self._stream.published()

    def _do(self, what: Callable[[], None]) -> None:
        async def do() -> None:
            what()

        asyncio.run_coroutine_threadsafe(do(), self.loop).result(timeout=10)


@contextmanager
def staged(
    snapshot: Snapshot, access: Access | None = None
) -> Generator[Stage, None, None]:
    """Serve a snapshot on loopback while the block runs, to everybody if no rules."""
    given = Given(snapshot=snapshot)
    stream = Stream(lambda: given.snapshot, event_entry, Now(lambda: given.later))
    given.stream = stream.answer
    stage = Stage(given, stream, access or Access())
    stage.start()
    try:
        yield stage
    finally:
        stage.stop()
