"""The stream of events, read line by line and ended from outside."""

import queue
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from exporter.engine.client import DockerEngine
from exporter.errors import EngineError, EngineProtocolError, EngineUnavailable
from tests.fakes.engine_socket import Conversation, EngineSocket


class Tap:
    """What the server says, decided while it says it."""

    def __init__(self) -> None:
        self.said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def __call__(self, to: Conversation) -> None:
        """Send what is said until None."""
        to.begin_chunks()
        while (text := self.said.get()) is not None:
            to.chunk(text)
        to.close_connection = True


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EngineSocket]:
    """Serve events."""
    with EngineSocket(tmp_path) as found:
        yield found


@pytest.fixture
def tap(server: EngineSocket) -> Iterator[Tap]:
    """Say them."""
    found = Tap()
    server.script[f"{server.prefix}/events"] = found
    yield found
    found.said.put(None)


@pytest.fixture
def engine(server: EngineSocket) -> DockerEngine:
    """Listen to them; a silent engine is given up after a moment."""
    return DockerEngine(environment=server.environment, timeout_s=0.1)


class Reader(threading.Thread):
    """Reads a stream to its end."""

    def __init__(self, engine: DockerEngine) -> None:
        super().__init__(daemon=True)
        self.stream = engine.events(1_500_000_000)
        self.heard: queue.SimpleQueue[Mapping[str, object]] = queue.SimpleQueue()
        self.error: EngineError | None = None
        self.start()

    def run(self) -> None:
        """Read."""
        try:
            for event in self.stream:
                self.heard.put(event)
        except EngineError as error:
            self.error = error


def test_events_arrive_one_by_one(
    server: EngineSocket, engine: DockerEngine, tap: Tap
) -> None:
    """At once, also when one is cut in two, and though silence is long."""
    reader = Reader(engine)

    tap.said.put(b'{"Type":"a"}\n')
    assert {"Type": "a"} == reader.heard.get(timeout=5)
    reader.join(0.3)  # longer than a request may take
    assert reader.is_alive()
    tap.said.put(b'{"Type":')
    tap.said.put(b'"b"}\n{"Type":"c"}\n')
    assert {"Type": "b"} == reader.heard.get(timeout=5)
    assert {"Type": "c"} == reader.heard.get(timeout=5)

    assert ["GET /version", "GET /v1.41/events?since=1.500000000"] == server.requests
    reader.stream.close()
    reader.join(5)


def test_closing_wakes_the_reader(engine: DockerEngine, tap: Tap) -> None:
    """From another thread, without an error, as often as one likes."""
    reader = Reader(engine)
    tap.said.put(b'{"Type":"a"}\n')
    reader.heard.get(timeout=5)

    reader.stream.close()
    reader.join(5)

    assert (False, None) == (reader.is_alive(), reader.error)
    reader.stream.close()


def test_an_engine_that_goes_away(engine: DockerEngine, tap: Tap) -> None:
    """It is known at once, and as an error."""
    reader = Reader(engine)
    tap.said.put(None)

    reader.join(5)

    assert not reader.is_alive()
    assert isinstance(reader.error, EngineUnavailable)


@pytest.mark.parametrize("line", [b"{\n", b"[]\n", b"\xff\xfe\n"], ids=repr)
def test_what_is_no_event(engine: DockerEngine, tap: Tap, line: bytes) -> None:
    """Where the stream lost its thread it is given up."""
    reader = Reader(engine)
    tap.said.put(line)

    reader.join(5)

    assert isinstance(reader.error, EngineProtocolError)
    assert "/events" == reader.error.path


def test_a_proxy_that_took_the_chunks_away(
    server: EngineSocket, engine: DockerEngine
) -> None:
    """Each event still comes at once, and the end ends it."""
    go_on = threading.Event()

    def plain(to: Conversation) -> None:
        to.send_response(200)
        to.send_header("Connection", "close")
        to.end_headers()
        to.wfile.write(b'{"Type":"a"}\n')
        go_on.wait(5)
        to.close_connection = True

    server.script[f"{server.prefix}/events"] = plain
    reader = Reader(engine)

    assert {"Type": "a"} == reader.heard.get(timeout=5)
    reader.join(0.3)
    assert reader.is_alive()
    go_on.set()
    reader.join(5)
    assert (False, None) == (reader.is_alive(), reader.error)


def test_an_engine_that_refuses(engine: DockerEngine) -> None:
    """A proxy without events."""
    with pytest.raises(EngineProtocolError, match="HTTP 404"):
        engine.events(0)


def test_closing_what_nobody_reads(engine: DockerEngine, tap: Tap) -> None:
    """Nothing is left open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    streams = [engine.events(0) for _ in range(5)]
    for stream in streams:
        stream.close()
        tap.said.put(None)

    while len(list(Path("/proc/self/fd").iterdir())) > before:
        threading.Event().wait(0.01)  # the server closes its ends in threads
