"""A proxy in front of an engine's socket that writes down every request."""

import contextlib
import re
import selectors
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_REQUEST = re.compile(rb"^([A-Z]+) (\S+) HTTP/1\.[01]\r$", re.MULTILINE)


class RecordingProxy:
    """Passes bytes both ways and keeps the request lines.

    Args:
        engine: the engine's socket.
        folder: where the proxy's own is made.

    Attributes:
        requests: `GET /v1.41/info` for example, in the order of arrival.
    """

    def __init__(self, engine: Path, folder: Path) -> None:
        self.path = folder / "proxy.sock"
        self.requests: list[str] = []
        self._engine = engine
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which a client finds it."""
        return {"DOCKER_HOST": f"unix://{self.path}"}

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()
        self.path.unlink()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._pass, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as engine:
            engine.connect(str(self._engine))
            others = {client: engine, engine: client}
            with selectors.DefaultSelector() as ready:
                for end in others:
                    ready.register(end, selectors.EVENT_READ)
                while True:
                    for key, _ in ready.select():
                        end = client if key.fileobj is client else engine
                        try:
                            data = end.recv(65536)
                            others[end].sendall(data)
                        except OSError:
                            return
                        if not data:
                            return
                        if end is client:
                            self._write_down(data)

    def _write_down(self, data: bytes) -> None:
        for method, path in _REQUEST.findall(data):
            self.requests.append(f"{method.decode()} {path.decode()}")
