"""What is answered at which path."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from exporter.clock import Clock
from exporter.model.pair import Pair
from exporter.model.snapshot import Snapshot
from exporter.web.api import NOTHING, PREFIX, Answer, Api, problem
from exporter.web.files import Files
from exporter.web.headers import SecureHeaders
from exporter.web.page import Page

Reload = Callable[[], Awaitable[Sequence[str]]]
Endpoint = Callable[[Request], Awaitable[Response]]
RENDERINGS_MAX = 2
"""Metrics or pages rendered at the same time, each in a thread; the rest wait."""
_PATIENCE, _PATIENCE_S = 4, 0.005
"""How often, and how far apart, a scrape looks whether the newest is rendered before it
takes what there is. Looking costs less than a thread that would wait for it."""
_FOLDER = Path(__file__).parent
_STATIC = "/static"
_OWN_SITES = frozenset({"none", "same-origin"})
"""What a browser says of where a request comes from (Sec-Fetch-Site)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where everything that is served comes from."""

    render: Callable[[str, str], tuple[bytes, str, str | None]]
    """Makes the metrics from the headers Accept and Accept-Encoding: body, content
    type, content encoding. Called in a thread, where `ready` has none."""
    snapshot: Callable[[], Snapshot]
    clock: Clock
    unhealthy: Callable[[], str | None]
    """Why this process is not well, None if it is."""
    not_ready: Callable[[], str | None]
    """Why there is nothing to show yet, None once there is."""
    ready: Callable[[str, str], tuple[bytes, str, str | None] | None] = (
        lambda _accept, _encoding: None
    )
    """The same of what is rendered already, None if nothing is, or it is of before and
    the newest soon will be. Called on the event loop: each change of threads costs a
    turn of whoever computes meanwhile."""
    held: Callable[[str, str], tuple[bytes, str, str | None] | None] = (
        lambda _accept, _encoding: None
    )
    """The same of what is rendered already, of before or not."""
    api: Answer = lambda _snapshot, _path, _parameters, _now: None
    """Makes the documents below `/api/v1/`. Called in a thread."""
    pair_id: Callable[[Pair], str] = lambda _pair: ""
    """Returns what a pair is called below `/api/v1/pairs/`."""
    stream: Endpoint | None = None
    """Tells of changes; None where nobody does."""
    reload: Reload | None = None
    """Reloads the configuration and returns its problems; None if not enabled."""


def build_app(sources: Sources, *, version: str, telemetry_path: str) -> ASGIApp:
    """Return the application.

    Args:
        sources: what is served.
        version: of this program, for the page.
        telemetry_path: where the metrics are, such as /metrics.
    """
    answers = _Answers(sources, version=version, telemetry_path=telemetry_path)
    api = Api(sources.api, sources.snapshot, sources.clock)
    routes = [
        Route("/", answers.page),
        Route(telemetry_path, answers.metrics),
        Route("/-/healthy", answers.healthy),
        Route("/-/ready", answers.ready),
        Route(f"{_STATIC}/{{name}}", Files(_FOLDER / "static").answer),
        Route(f"{PREFIX}/{{path:path}}", api.answer, methods=["GET"]),
    ]
    if sources.stream is not None:
        routes.insert(0, Route(f"{PREFIX}/stream", sources.stream, methods=["GET"]))
    if sources.reload is not None:
        answer = _reload_with(sources.reload)
        routes.append(Route("/-/reload", answer, methods=["POST"]))
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    app.router.redirect_slashes = False  # a redirect would echo the Host header
    return SecureHeaders(app, kept=(f"{_STATIC}/", f"{PREFIX}/"))


class _Answers:
    """The answer to each path."""

    def __init__(self, sources: Sources, *, version: str, telemetry_path: str) -> None:
        self._sources = sources
        self._renderings = asyncio.Semaphore(RENDERINGS_MAX)
        self.page = Page(
            sources.snapshot,
            sources.clock,
            self._renderings,
            version=version,
            telemetry_path=telemetry_path,
            pair_id=sources.pair_id,
        ).answer

    async def metrics(self, request: Request) -> Response:
        """Return the metrics in the format that is asked for."""
        asked = [
            ", ".join(request.headers.getlist(name))
            for name in ("accept", "accept-encoding")
        ]
        rendered = await self._rendered(*asked)
        if rendered is None:
            async with self._renderings:
                rendered = await asyncio.to_thread(self._sources.render, *asked)
        body, content_type, content_encoding = rendered
        headers = {"content-type": content_type, "vary": "Accept, Accept-Encoding"}
        if content_encoding is not None:
            headers["content-encoding"] = content_encoding
        return Response(body, headers=headers)

    async def _rendered(
        self, accept: str, encoding: str
    ) -> tuple[bytes, str, str | None] | None:
        """Return what is rendered, the newest if it comes soon; None if nothing is."""
        for _ in range(_PATIENCE):
            rendered = self._sources.ready(accept, encoding)
            if rendered is not None:
                return rendered
            await asyncio.sleep(_PATIENCE_S)
        return self._sources.held(accept, encoding)

    async def healthy(self, _request: Request) -> Response:
        """Return whether this process works, whatever the engine does."""
        return _state("healthy", self._sources.unhealthy())

    async def ready(self, _request: Request) -> Response:
        """Return whether there is anything to show."""
        return _state("ready", self._sources.not_ready())


async def _refused(request: Request, error: Exception) -> Response:
    """Say that there is nothing, or that a method is not allowed."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    if request.url.path.startswith(PREFIX):
        said = NOTHING if error.status_code == 404 else error.detail
        return problem(error.status_code, said, error.headers)
    return PlainTextResponse(error.detail, error.status_code, error.headers)


async def _failed(request: Request, _error: Exception) -> Response:
    """Say that it is our fault; the log has the rest."""
    if request.url.path.startswith(PREFIX):
        return problem(500, "this is a fault of the exporter; its log says more")
    return PlainTextResponse("Internal Server Error", 500)


def _reload_with(reload: Reload) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        """Reload the configuration; a browser may not be tricked into it."""
        if request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            return PlainTextResponse("not from another site\n", 403)
        problems = await reload()
        if problems:
            return PlainTextResponse("".join(f"{one}\n" for one in problems), 500)
        return PlainTextResponse("reloaded\n")

    return answer


def _state(name: str, why_not: str | None) -> Response:
    if why_not is None:
        return PlainTextResponse(f"{name}\n")
    return PlainTextResponse(f"not {name}: {why_not}\n", 503)
