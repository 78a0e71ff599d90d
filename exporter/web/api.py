"""The JSON API: documents of the newest snapshot below `/api/v1/`.

Conditional requests and negotiation are RFC 9110 (8.8, 12.5.3, 13.1.2), problems are
RFC 9457.
"""

import asyncio
import gzip
import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from http import HTTPStatus
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from exporter.accept import accepts_gzip
from exporter.clock import Clock
from exporter.errors import QueryError, UnknownName
from exporter.model.headline import why_nothing
from exporter.model.snapshot import Snapshot

PREFIX = "/api/v1"
MAKINGS_MAX: Final = 2
"""Answers made at the same time, each in a thread; the rest wait."""
KEPT_S: Final = 1.0
"""Seconds for which an answer is kept: pages ask all at once when something changes."""
KEPT_BYTES: Final = 16 << 20
"""Bytes of answers that are kept, at most."""
PACKED_FROM: Final = 1024
"""Bytes from which on an answer is compressed, if the client likes."""
_GZIP_LEVEL: Final = 1
NOTHING: Final = "there is nothing here"
Answer = Callable[
    [Snapshot, str, Mapping[str, str], datetime], Mapping[str, object] | None
]
"""Of a snapshot, a path below the prefix, parameters and now: the document, None where
there is none. Raises `QueryError` where a parameter is wrong, `UnknownName` where what
it names does not exist."""


class _Made(NamedTuple):
    """A document as it is sent."""

    plain: bytes
    packed: bytes | None
    """None where it is not worth it."""
    at_s: float


class Api:
    """Answers with what a snapshot says, made in a thread."""

    def __init__(
        self, answer: Answer, snapshot: Callable[[], Snapshot], clock: Clock
    ) -> None:
        """Bind to what makes documents.

        Args:
            answer: makes one.
            snapshot: returns the newest snapshot.
            clock: for how long what lasts has lasted.
        """
        self._answer = answer
        self._snapshot = snapshot
        self._clock = clock
        self._makings = asyncio.Semaphore(MAKINGS_MAX)
        self._process = secrets.token_hex(4)
        self._newest: Snapshot | None = None
        self._number = 0
        self._kept: dict[str, _Made] = {}

    async def answer(self, request: Request) -> Response:
        """Answer one request; 304 where the client has this snapshot's answer."""
        repeated = _repeated(request)
        if repeated is not None:
            return problem(400, f"{repeated} is given more than once")
        snapshot = self._snapshot()
        tag = self._tag(snapshot, request)
        headers = {"etag": tag, "vary": "Accept-Encoding"}
        if tag in _tags(request):
            return Response(status_code=304, headers=headers)
        try:
            made = await self._made(snapshot, tag, request)
        except QueryError as error:
            return problem(400, str(error))
        except UnknownName as error:
            return problem(404, str(error))
        if made is None:
            return problem(404, NOTHING)
        return _response(made, request, headers)

    def _tag(self, snapshot: Snapshot, request: Request) -> str:
        """Return the entity tag of what is at an address now.

        It is weak: how long what lasts has lasted is of the moment. Why nothing counts
        any more changes while the snapshot stays, so that is in it.
        """
        if snapshot is not self._newest:
            self._newest, self._number = snapshot, self._number + 1
            self._kept.clear()
        why = why_nothing(snapshot, self._clock.now_utc())
        parts = (self._process, self._number, why, request.url.path)
        digest = blake2b(f"{parts}".encode(), digest_size=12)
        digest.update(request.scope["query_string"])
        return f'W/"{digest.hexdigest()}"'

    async def _made(
        self, snapshot: Snapshot, tag: str, request: Request
    ) -> _Made | None:
        """Return what is at an address, None if nothing is.

        Raises:
            QueryError: a parameter is wrong.
            UnknownName: what it names does not exist.
        """
        async with self._makings:
            kept = self._kept.get(tag)
            if kept is not None and self._clock.monotonic_s() - kept.at_s < KEPT_S:
                return kept
            made = await asyncio.to_thread(
                self._make,
                snapshot,
                request.path_params["path"],
                dict(request.query_params),
            )
        if made is not None and snapshot is self._newest:
            self._keep(tag, made)
        return made

    def _keep(self, tag: str, made: _Made) -> None:
        self._kept.pop(tag, None)
        room = KEPT_BYTES - len(made.plain)
        while self._kept and sum(len(one.plain) for one in self._kept.values()) > room:
            self._kept.pop(next(iter(self._kept)))
        if room >= 0:
            self._kept[tag] = made

    def _make(
        self, snapshot: Snapshot, path: str, parameters: Mapping[str, str]
    ) -> _Made | None:
        document = self._answer(snapshot, path, parameters, self._clock.now_utc())
        if document is None:
            return None
        plain = json.dumps(document, separators=(",", ":")).encode()
        packed = None
        if len(plain) >= PACKED_FROM:
            packed = gzip.compress(plain, _GZIP_LEVEL, mtime=0)
        return _Made(plain, packed, self._clock.monotonic_s())


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return what is wrong, as RFC 9457 writes it."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return Response(
        json.dumps(document).encode(),
        status,
        headers={**(headers or {}), "cache-control": "no-store"},
        media_type="application/problem+json",
    )


def _response(made: _Made, request: Request, headers: Mapping[str, str]) -> Response:
    """Return a document as the client likes it."""
    if "*" in _tags(request):
        return Response(status_code=304, headers=headers)
    accepted = ", ".join(request.headers.getlist("accept-encoding"))
    if made.packed is None or not accepts_gzip(accepted):
        return Response(made.plain, media_type="application/json", headers=headers)
    packed = {**headers, "content-encoding": "gzip"}
    return Response(made.packed, media_type="application/json", headers=packed)


def _repeated(request: Request) -> str | None:
    """Return a parameter that is given twice, None if there is none."""
    names = Counter(name for name, _ in request.query_params.multi_items())
    return next((name[:64] for name, count in names.items() if count > 1), None)


def _tags(request: Request) -> frozenset[str]:
    """Return the entity tags that the client has; comparison is weak."""
    given = ",".join(request.headers.getlist("if-none-match"))
    found = (one.strip() for one in given.split(","))
    return frozenset(f"W/{one}" if one.startswith('"') else one for one in found)
