"""Changes as they happen: server-sent events (WHATWG HTML, section 9.2).

Nothing is kept for a client but how far it has come: each takes what there is when it
has read what it was sent before. One that reads slowly misses some, and is told how
many; it costs nothing, and nobody waits for it.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from exporter.clock import Clock
from exporter.model.headline import headline_of
from exporter.model.history import Event
from exporter.model.snapshot import Snapshot
from exporter.web.api import problem

CLIENTS_MAX: Final = 16
"""Open streams; further ones are answered 503."""
EVENTS_MAX: Final = 200
"""Changes that a client is told of at a time, the newest; of others the number."""
BEAT_S: Final = 15.0
"""Seconds without a message after which a line shows that the stream is alive."""
RETRY_MS: Final = 2000
"""Milliseconds after which a client comes back."""
EventDocument = Callable[[Snapshot, Event], Mapping[str, object]]
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""The second keeps nginx from holding messages back."""
_TYPE: Final = "text/event-stream"


@dataclass(eq=False, slots=True)
class _Client:
    """Who listens."""

    number: int
    """Of the newest event that it was told of."""
    missed: bool = False
    """It comes from another process, or an older one: nobody knows what it missed."""
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Stream:
    """Tells clients of changes; used on the event loop."""

    def __init__(
        self, snapshot: Callable[[], Snapshot], shown: EventDocument, clock: Clock
    ) -> None:
        """Bind to where snapshots come from.

        Args:
            snapshot: returns the newest snapshot.
            shown: makes the document of an event; called in a thread.
            clock: for the sentence that says what a snapshot comes to.
        """
        self._snapshot = snapshot
        self._shown = shown
        self._clock = clock
        self._process = secrets.token_hex(4)
        self._clients: set[_Client] = set()
        self._is_over = False
        self._making = asyncio.Lock()
        self._made: tuple[Snapshot, dict[int, str]] | None = None

    def published(self) -> None:
        """Take note of a new snapshot; returns at once."""
        for client in self._clients:
            client.news.set()

    def stop(self) -> None:
        """End every stream."""
        self._is_over = True
        self.published()

    async def answer(self, request: Request) -> Response:
        """Answer with a stream, from what the client has on."""
        if request.query_params:
            return problem(400, "no parameter here; there are: none")
        if request.method == "HEAD":
            return Response(media_type=_TYPE, headers=_HEADERS)
        if len(self._clients) >= CLIENTS_MAX:
            detail = f"{CLIENTS_MAX} streams are open already"
            return problem(503, detail, {"retry-after": "10"})
        client = self._client(request.headers.get("last-event-id"))
        return _Open(self._clients, client, self._told(client))

    def _client(self, has: str | None) -> _Client:
        """Return who has the event of an id, None if it has none."""
        events = self._snapshot().history.events
        newest = events[-1].number if events else 0
        if not has:
            return _Client(newest)
        process, _, digits = has.partition("-")
        is_number = digits.isascii() and digits.isdecimal() and len(digits) <= 18
        number = int(digits) if is_number else newest + 1
        if process != self._process or number > newest:
            return _Client(newest, missed=True)
        return _Client(number)

    async def _told(self, client: _Client) -> AsyncIterator[str]:
        yield f"retry: {RETRY_MS}\n\n"
        while not self._is_over:
            client.news.clear()
            yield await self._news(client)
            while not client.news.is_set():
                try:
                    await asyncio.wait_for(client.news.wait(), BEAT_S)
                except TimeoutError:
                    yield ": alive\n\n"

    async def _news(self, client: _Client) -> str:
        """Return what is new to a client, and what the whole comes to now."""
        async with self._making:  # what is made for one is there for the others
            snapshot = self._snapshot()
            known = self._made
            texts = known[1] if known and known[0] is snapshot else {}
            if client.number not in texts:
                since = client.number
                texts[since] = await asyncio.to_thread(self._text, snapshot, since)
                self._made = snapshot, texts
        text = texts[client.number]
        if client.missed:
            text = _message("missed", {"events": None}) + text
            client.missed = False
        events = snapshot.history.events
        client.number = events[-1].number if events else client.number
        return text

    def _text(self, snapshot: Snapshot, number: int) -> str:
        """Return what came after an event, and what the whole comes to."""
        events = snapshot.history.events
        fresh = [one for one in events[-EVENTS_MAX:] if one.number > number]
        newest = events[-1].number if events else number
        left_out = newest - number - len(fresh)
        messages = [_message("missed", {"events": left_out})] if left_out > 0 else []
        for one in fresh:
            shown = self._shown(snapshot, one)
            messages.append(_message("verdict", shown, self._id(one.number)))
        state = _state(snapshot, self._clock.now_utc())
        messages.append(_message("snapshot", state, self._id(newest)))
        return "".join(messages)

    def _id(self, number: int) -> str:
        return f"{self._process}-{number}"


class _Open(StreamingResponse):
    """A stream that counts as open while it is answered, and not longer."""

    def __init__(
        self, clients: set[_Client], client: _Client, told: AsyncIterator[str]
    ) -> None:
        super().__init__(told, media_type=_TYPE, headers=_HEADERS)
        self._clients = clients
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._clients.add(self._client)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._clients.discard(self._client)


def _state(snapshot: Snapshot, now: datetime) -> Mapping[str, object]:
    """Return what a page shows first."""
    headline = headline_of(snapshot, now)
    return {
        "taken": snapshot.taken.timestamp(),
        "engine_up": snapshot.engine_up,
        "summary": {str(verdict): n for verdict, n in snapshot.summary.items()},
        "headline": {
            "tone": str(headline.tone),
            "symbol": headline.symbol,
            "sentence": headline.text,
        },
    }


def _message(kind: str, data: Mapping[str, object], identity: str | None = None) -> str:
    """Return a message; JSON has no line break outside of its escapes."""
    head = f"event: {kind}\n" + (f"id: {identity}\n" if identity else "")
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n"
