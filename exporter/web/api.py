"""The JSON API: documents of the newest snapshot below `/api/v1/`."""

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from exporter.clock import Clock
from exporter.errors import QueryError, UnknownName
from exporter.model.snapshot import Snapshot

PREFIX = "/api/v1"
Answer = Callable[
    [Snapshot, str, Mapping[str, str], datetime], Mapping[str, object] | None
]
"""Of a snapshot, a path below the prefix, parameters and now: the document, None where
there is none. Raises `QueryError` where a parameter is wrong, `UnknownName` where what
it names does not exist."""


class Api:
    """Answers with what a snapshot says, made in a thread."""

    def __init__(
        self,
        answer: Answer,
        snapshot: Callable[[], Snapshot],
        clock: Clock,
        makings: asyncio.Semaphore,
    ) -> None:
        """Bind to what makes documents.

        Args:
            answer: makes one.
            snapshot: returns the newest snapshot.
            clock: for how long what lasts has lasted.
            makings: taken while one is made.
        """
        self._answer = answer
        self._snapshot = snapshot
        self._clock = clock
        self._makings = makings
        self._process = secrets.token_hex(4)

    async def answer(self, request: Request) -> Response:
        """Answer one request; 304 where the client has this snapshot's answer."""
        path = request.path_params["path"]
        repeated = [
            name
            for name, count in Counter(
                name for name, _ in request.query_params.multi_items()
            ).items()
            if count > 1
        ]
        if repeated:
            return problem(400, f"{repeated[0]} is given more than once")
        snapshot = self._snapshot()
        # Weak: how long what lasts has lasted is of the moment.
        tag = f'W/"{self._process}-{snapshot.taken.timestamp():.6f}"'
        headers = {"etag": tag}
        if tag in _tags(request):
            return Response(status_code=304, headers=headers)
        parameters = dict(request.query_params)
        try:
            async with self._makings:
                body = await asyncio.to_thread(self._made, snapshot, path, parameters)
        except QueryError as error:
            return problem(400, str(error))
        except UnknownName as error:
            return problem(404, str(error))
        if body is None:
            return problem(404, f"there is nothing at {PREFIX}/{path}")
        return Response(body, media_type="application/json", headers=headers)

    def _made(
        self, snapshot: Snapshot, path: str, parameters: Mapping[str, str]
    ) -> bytes | None:
        document = self._answer(snapshot, path, parameters, self._clock.now_utc())
        return None if document is None else json.dumps(document).encode()


def problem(status: int, detail: str) -> Response:
    """Return what is wrong, as RFC 9457 writes it."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    body = json.dumps(document).encode()
    return Response(body, status, media_type="application/problem+json")


def _tags(request: Request) -> list[str]:
    """Return the entity tags that the client has."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return [one.strip() for one in given.split(",")]
