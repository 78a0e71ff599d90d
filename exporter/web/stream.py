"""Changes as they happen: server-sent events (WHATWG HTML, section 9.2).

A client that reads too slowly is let go, so that it costs nothing; it comes back by
itself and names the last event it has; what it missed follows, as far as it is kept.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from exporter.model.history import Event
from exporter.model.snapshot import Snapshot
from exporter.web.api import problem

CLIENTS_MAX: Final = 16
"""Open streams; further ones are answered 503."""
WAITING_MAX: Final = 256
"""Messages that may wait for one client before it is let go."""
BEAT_S: Final = 15.0
"""Seconds without a message after which a line shows that the stream is alive."""
RETRY_MS: Final = 2000
"""Milliseconds after which a client comes back."""
EventDocument = Callable[[Snapshot, Event], Mapping[str, object]]


class Stream:
    """Tells clients of changes; used on the event loop."""

    def __init__(self, snapshot: Callable[[], Snapshot], shown: EventDocument) -> None:
        """Bind to where snapshots come from.

        Args:
            snapshot: returns the newest snapshot.
            shown: makes the document of an event.
        """
        self._snapshot = snapshot
        self._shown = shown
        self._process = secrets.token_hex(4)
        self._told = 0
        self._clients: set[asyncio.Queue[str | None]] = set()

    def published(self) -> None:
        """Tell what a new snapshot brought."""
        snapshot = self._snapshot()
        fresh = self._since(snapshot, self._told)
        if snapshot.history.events:
            self._told = snapshot.history.events[-1].number
        if not self._clients:
            return
        messages = [*fresh, _message("snapshot", None, _state(snapshot))]
        for client in [*self._clients]:
            for message in messages:
                if client.qsize() >= WAITING_MAX:
                    self._let_go(client)
                    break
                client.put_nowait(message)

    def stop(self) -> None:
        """End every stream."""
        for client in [*self._clients]:
            self._let_go(client)

    async def answer(self, request: Request) -> Response:
        """Answer with a stream, from what the client has on."""
        if len(self._clients) >= CLIENTS_MAX:
            return problem(503, f"{CLIENTS_MAX} streams are open already")
        client: asyncio.Queue[str | None] = asyncio.Queue()
        snapshot = self._snapshot()
        client.put_nowait(f"retry: {RETRY_MS}\n\n")
        for message in self._missed(snapshot, request.headers.get("last-event-id")):
            client.put_nowait(message)
        client.put_nowait(_message("snapshot", None, _state(snapshot)))
        self._clients.add(client)
        return StreamingResponse(self._lines(client), media_type="text/event-stream")

    async def _lines(self, client: asyncio.Queue[str | None]) -> AsyncIterator[str]:
        try:
            while True:
                try:
                    message = await asyncio.wait_for(client.get(), BEAT_S)
                except TimeoutError:
                    message = ": alive\n\n"
                if message is None:
                    return
                yield message
        finally:
            self._clients.discard(client)

    def _let_go(self, client: asyncio.Queue[str | None]) -> None:
        self._clients.discard(client)
        while not client.empty():
            client.get_nowait()
        client.put_nowait(None)

    def _missed(self, snapshot: Snapshot, newest: str | None) -> list[str]:
        """Return what came after the event that a client has."""
        process, _, number = (newest or "").partition("-")
        known = process == self._process and number.isascii() and number.isdecimal()
        return self._since(snapshot, int(number[:18])) if known else []

    def _since(self, snapshot: Snapshot, number: int) -> list[str]:
        return [
            _message(
                "verdict", f"{self._process}-{one.number}", self._shown(snapshot, one)
            )
            for one in snapshot.history.events
            if one.number > number
        ]


def _state(snapshot: Snapshot) -> Mapping[str, object]:
    """Return what a page shows first."""
    return {
        "taken": snapshot.taken.timestamp(),
        "engine_up": snapshot.engine_up,
        "summary": {str(verdict): n for verdict, n in snapshot.summary.items()},
    }


def _message(kind: str, identity: str | None, data: Mapping[str, object]) -> str:
    """Return a message; JSON has no line break outside of its escapes."""
    head = f"event: {kind}\n" + (f"id: {identity}\n" if identity else "")
    return f"{head}data: {json.dumps(data)}\n\n"
