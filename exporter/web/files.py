"""Scripts, styles and pictures of the page: read and compressed once, at the start."""

import gzip
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from exporter.accept import accepts_gzip

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_LEVEL: Final = 6


@dataclass(frozen=True)
class Body:
    """What is sent to whoever asks, as each client likes it."""

    plain: bytes
    content_type: str
    tag: str
    """Entity tag of what it says."""

    @cached_property
    def packed(self) -> bytes:
        """Return it compressed."""
        return gzip.compress(self.plain, _LEVEL, mtime=0)

    def answer(self, request: Request) -> Response:
        """Answer a request; 304 where the client has it."""
        headers = {
            "etag": self.tag,
            "vary": "Accept-Encoding",
            "content-type": self.content_type,
        }
        if has(request, self.tag):
            del headers["content-type"]
            return Response(status_code=304, headers=headers)
        accepted = ", ".join(request.headers.getlist("accept-encoding"))
        if not accepts_gzip(accepted):
            return Response(self.plain, headers=headers)
        return Response(self.packed, headers={**headers, "content-encoding": "gzip"})


def has(request: Request, tag: str) -> bool:
    """Return whether a client says that it has what a tag stands for."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return tag in {one.strip() for one in given.split(",")}


class Files:
    """Answers with the files of a folder, and with nothing beside them."""

    def __init__(self, folder: Path) -> None:
        """Read them all."""
        self._bodies = {
            path.name: _body(path) for path in folder.iterdir() if path.suffix in _TYPES
        }

    async def answer(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            HTTPException: there is no such file.
        """
        body = self._bodies.get(request.path_params["name"])
        if body is None:
            raise HTTPException(404)
        return body.answer(request)


def _body(path: Path) -> Body:
    plain = path.read_bytes()
    tag = f'W/"{blake2b(plain, digest_size=12).hexdigest()}"'
    return Body(plain=plain, content_type=_TYPES[path.suffix], tag=tag)
