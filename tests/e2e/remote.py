"""An engine's socket behind a port on loopback: what a remote engine looks like."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class _Door(socketserver.ThreadingTCPServer):
    daemon_threads = True
    engine: str


class _Visit(socketserver.BaseRequestHandler):
    """One connection, passed on both ways until an end hangs up."""

    def handle(self) -> None:
        """Pass it on."""
        assert isinstance(self.server, _Door)
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(self.server.engine)
            back = threading.Thread(target=_pass, args=(engine, self.request))
            back.start()
            _pass(self.request, engine)
            back.join()


def _pass(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@contextmanager
def over_tcp(engine: Path) -> Iterator[str]:
    """Open a port that leads to an engine's socket; yield its address, HOST:PORT."""
    with _Door(("127.0.0.1", 0), _Visit) as door:
        door.engine = str(engine)
        thread = threading.Thread(
            target=door.serve_forever, kwargs={"poll_interval": 0.02}
        )
        thread.start()
        try:
            yield f"127.0.0.1:{door.server_address[1]}"
        finally:
            door.shutdown()
            thread.join()
