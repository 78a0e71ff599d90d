"""An HTTP server on a Unix socket that answers as a test wants, also wrongly."""

import contextlib
import json
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Self

Respond = Callable[["Conversation"], None]


class Conversation(BaseHTTPRequestHandler):
    """One connection; a `Respond` writes to it what it likes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer by the server's script."""
        self._answer()

    def do_POST(self) -> None:
        """Answer too: whoever sends one finds out from the record."""
        self._answer()

    do_DELETE = do_PUT = do_HEAD = do_POST  # noqa: N815 - as http.server calls them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        """Say nothing."""

    def json(self, body: object, *, status: int = 200) -> None:
        """Answer with JSON."""
        self.body(json.dumps(body).encode(), status=status)

    def body(self, text: bytes, *, status: int = 200) -> None:
        """Answer with bytes."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def begin_chunks(self) -> None:
        """Begin an answer without end."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, text: bytes) -> None:
        """Send a part of it at once."""
        self.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
        self.wfile.flush()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        server = self.server
        assert isinstance(server, _Server)
        server.requests.append(f"{self.command} {self.path}")
        respond = server.script.get(path)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if respond is None:
                self.json({"message": f"no such thing: {path}"}, status=404)
            else:
                respond(self)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    script: dict[str, Respond]
    requests: list[str]

    def get_request(self) -> tuple[object, tuple[str, int]]:  # type: ignore[override]  # BaseHTTPRequestHandler wants an address
        request, _ = super().get_request()
        return request, ("client", 0)


class EngineSocket:
    """A server that can be reached by DOCKER_HOST.

    Args:
        folder: where the socket is made.
        version: of the API, as `/version` names it.

    Attributes:
        script: what is done for a path; 404 for others.
        requests: what was asked, `GET /v1.41/info` for example.
    """

    def __init__(self, folder: Path, version: str = "1.41") -> None:
        self.path = folder / "docker.sock"
        self.prefix = f"/v{version}"
        self._server = _Server(str(self.path), Conversation)
        self._server.script = {
            "/version": lambda to: to.json({"Version": "1", "ApiVersion": version})
        }
        self._server.requests = []
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )

    @property
    def script(self) -> dict[str, Respond]:
        """What is done for a path."""
        return self._server.script

    @property
    def requests(self) -> list[str]:
        """What was asked so far."""
        return self._server.requests

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which a client finds it."""
        return {"DOCKER_HOST": f"unix://{self.path}"}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.path.unlink()
