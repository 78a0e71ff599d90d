"""A running server with sources that a test decides, and a client for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import httpx2 as httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from exporter.access import Access
from exporter.clock import SystemClock
from exporter.model.snapshot import Snapshot
from exporter.report import api
from exporter.report.api.ids import pair_id
from exporter.web import Sources, WebServer, build_app
from exporter.web.api import Answer
from exporter.web.protocol import Limits
from tests.fakes.pages import NOW

T = TypeVar("T")
PATIENCE_S = 4.0
"""Less than the server keeps an idle connection."""


class Now(SystemClock):
    """A clock whose wall shows the moment the sample snapshots were taken, or later."""

    def __init__(self, later: Callable[[], timedelta]) -> None:
        """Show so much later."""
        self._later = later

    def now_utc(self) -> datetime:
        """Return it."""
        return NOW + self._later()

    def monotonic_s(self) -> float:
        """Return the seconds since that moment."""
        return self._later().total_seconds()


@dataclass(slots=True)
class Given:
    """What the sources answer, and what they were asked."""

    snapshot: Snapshot = field(default_factory=lambda: Snapshot(taken=NOW))
    unhealthy: str | None = None
    not_ready: str | None = None
    problems: Sequence[str] | None = None
    """What a reload reports; None is not enabled."""
    rendered: tuple[bytes, str, str | None] = (b"up 1\n", "text/plain", None)
    ready: tuple[bytes, str, str | None] | None = None
    late: int = 0
    """So many looks find nothing ready."""
    held: tuple[bytes, str, str | None] | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    reloads: int = 0
    telemetry_path: str = "/metrics"
    api: Answer = api.answer
    later: timedelta = timedelta()
    """How long ago the sample snapshots were taken."""
    stream: Callable[[Request], Awaitable[Response]] | None = None
    renderer: Callable[[], None] = lambda: None
    """What rendering does beside returning `rendered`."""

    def render(self, accept: str, encoding: str) -> tuple[bytes, str, str | None]:
        """Return the metrics."""
        self.asked.append((accept, encoding))
        self.renderer()
        return self.rendered

    def look(self, accept: str, encoding: str) -> tuple[bytes, str, str | None] | None:
        """Return what is rendered already."""
        self.late -= 1
        if self.ready is None or self.late >= 0:
            return None
        self.asked.append((accept, encoding))
        return self.ready

    async def reload(self) -> Sequence[str]:
        """Reload."""
        self.reloads += 1
        return self.problems or ()

    def app(self) -> ASGIApp:
        """Return the application."""
        sources = Sources(
            render=self.render,
            ready=self.look,
            held=lambda _accept, _encoding: self.held,
            snapshot=lambda: self.snapshot,
            clock=Now(lambda: self.later),
            unhealthy=lambda: self.unhealthy,
            not_ready=lambda: self.not_ready,
            api=self.api,
            pair_id=pair_id,
            stream=self.stream,
            reload=None if self.problems is None else self.reload,
        )
        return build_app(sources, version="1.2.3", telemetry_path=self.telemetry_path)


@contextlib.asynccontextmanager
async def running(
    app: ASGIApp,
    limits: Limits | None = None,
    access: Callable[[], Access] = Access,
) -> AsyncIterator[WebServer]:
    """Serve an application on a free port of the loopback address."""
    server = WebServer(app, [("127.0.0.1", 0)], limits, access)
    task = asyncio.create_task(server.serve())
    try:
        yield server
    finally:
        server.stop()
        await task


def served(
    app: ASGIApp, use: Callable[[httpx.AsyncClient], Coroutine[None, None, T]]
) -> T:
    """Return what a function gets from an application that is served for real."""

    async def main() -> T:
        async with (
            running(app) as server,
            httpx.AsyncClient(base_url=server.urls[0], trust_env=False) as client,
        ):
            return await use(client)

    return asyncio.run(main())


def fetched(
    app: ASGIApp, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> httpx.Response:
    """Return the response to one request."""
    return all_fetched(app, [(method, path)], headers)[0]


def all_fetched(
    app: ASGIApp,
    requests: Sequence[tuple[str, str]],
    headers: dict[str, str] | None = None,
) -> list[httpx.Response]:
    """Return the responses to requests, each a method and a path."""

    async def use(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await client.request(method, path, headers=headers)
            for method, path in requests
        ]

    return served(app, use)


async def spoken(server: WebServer, said: bytes) -> bytes:
    """Return everything a server sends on a connection until it closes it, soon."""
    host, port = server.addresses[0]
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(said)
        await writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def during(
    scenario: Callable[[WebServer], Awaitable[bytes]],
    app: ASGIApp | None = None,
    limits: Limits | None = None,
) -> bytes:
    """Return what a scenario with a running server comes to."""

    async def main() -> bytes:
        async with running(app or Given().app(), limits) as server:
            return await scenario(server)

    return asyncio.run(main())
