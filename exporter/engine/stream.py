"""The answer of `/events`: one JSON object a line, without end."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import requests

from exporter.engine.failures import translated
from exporter.engine.foreign import JsonObject
from exporter.errors import EngineProtocolError, EngineUnavailable


class HttpEventStream:
    """`EventStream` over a response that has begun.

    Args:
        response: of a request with `stream=True`.
        address: where the engine is, for messages.
        when_over: closes the connection; called once, by whoever read the stream.
    """

    def __init__(
        self,
        response: requests.Response,
        *,
        address: str,
        when_over: Callable[[], None],
    ) -> None:
        self._response = response
        self._address = address
        self._when_over = when_over
        self._closed = False
        self._reading = False
        self._socket = _socket_of(response)
        if self._socket is not None:
            # The engine has answered; from here on silence is no failure.
            self._socket.settimeout(None)

    def __iter__(self) -> Iterator[JsonObject]:
        """Yield events until the stream is closed here or ends over there."""
        # An event is a chunk; where a proxy took the chunks away, only reading byte
        # by byte gives each event at once.
        chunked = "chunked" in self._response.headers.get("Transfer-Encoding", "")
        self._reading = True
        try:
            with translated(
                address=self._address,
                path="/events",
                timeout_s=0,
                sdk_error=requests.RequestException,
            ):
                for line in self._response.iter_lines(None if chunked else 1):
                    if line:
                        yield _event(line)
        except EngineUnavailable:
            if not self._closed:
                raise
        finally:
            self._release()

    def close(self) -> None:
        """End the stream, from any thread, even while another waits in it."""
        self._closed = True
        if self._socket is not None:
            # Wakes a reader, which then releases the rest.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if not self._reading:
            self._release()

    def _release(self) -> None:
        self._response.close()
        self._when_over()


def _socket_of(response: requests.Response) -> socket.socket | None:
    """Return the socket under a response that has begun.

    http.client takes it off the connection where the server will close it.
    """
    for path in ("connection.sock", "_fp.fp.raw._sock"):
        found: object = response.raw
        for name in path.split("."):
            found = getattr(found, name, None)
        if isinstance(found, socket.socket):
            return found
    return None


def _event(line: bytes) -> JsonObject:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise EngineProtocolError("/events", "a line is not JSON") from error
    if not isinstance(found, dict):
        raise EngineProtocolError("/events", "a line is not an object")
    return found
