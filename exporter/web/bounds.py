"""Requests that are too large, and answers that are."""

from http import HTTPStatus

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.web.headers import SecureHeaders
from exporter.web.protocol import Limits

_VERSIONS = ("1.0", "1.1")
"""The preface of HTTP/2 reads like a request of it."""
_PIECE_BYTES = 64 << 10
"""A client that reads slowly costs the copy of one piece, not of the whole answer."""


def refusal(status: int, text: str, **headers: str) -> ASGIApp:
    """Return what answers that a request is refused, and why, in a line."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SecureHeaders(PlainTextResponse(f"{text}\n", status, named), kept=())


class Bounds:
    """Keeps the limits of single requests before anything else sees them."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        """Wrap an application."""
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_in_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if len(body) <= _PIECE_BYTES:
                await send(message)
                return
            for start in range(0, len(body), _PIECE_BYTES):
                piece = body[start : start + _PIECE_BYTES]
                last = start + _PIECE_BYTES >= len(body)
                more = not last or message.get("more_body", False)
                await send({**message, "body": piece, "more_body": more})

        status = self._wrong(scope)
        app = self._app
        if status is not None:
            # What follows may be anything: nothing more is read.
            app = refusal(status, status.phrase, connection="close")
        await app(scope, receive, send_in_pieces)

    def _wrong(self, scope: Scope) -> HTTPStatus | None:
        if scope["http_version"] not in _VERSIONS:
            return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        size += len(scope["raw_path"]) + len(scope["query_string"])
        if (
            len(headers) > self._limits.headers_max
            or size > self._limits.header_bytes_max
        ):
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        for name, value in headers:
            # h11 lets digits only through.
            if name == b"content-length" and int(value) > self._limits.body_bytes_max:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None
