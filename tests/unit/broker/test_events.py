"""Events go over a socket of their own, and nothing is left when either end closes."""

import threading
from pathlib import Path

import pytest

from exporter.broker.events import forward
from exporter.broker.remote import RemoteEvents, _socket
from exporter.errors import EngineUnavailable
from tests.fakes.engine import FakeStream

EVENT = {"Type": "network", "Action": "create", "timeNano": 1}
LIMIT_S = 5.0


class Flow:
    """A stream of a fake engine that is forwarded."""

    def __init__(self) -> None:
        """Forward it."""
        self.stream = FakeStream()
        self.over = threading.Event()
        self.events = RemoteEvents(_socket(forward(self.stream, self.over.set)))


def descriptors() -> set[str]:
    """Return what this process has open."""
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_events_come_in_their_order() -> None:
    """Until the engine ends the stream."""
    before = descriptors()
    flow = Flow()
    flow.stream.emit(EVENT, {**EVENT, "timeNano": 2})
    flow.stream.end()

    assert [one["timeNano"] for one in flow.events] == [1, 2]
    assert flow.over.wait(LIMIT_S)
    assert flow.stream.closed
    assert descriptors() == before


def test_an_error_of_the_engine_is_raised_here() -> None:
    """As whoever reads the engine's own stream would see it."""
    flow = Flow()
    flow.stream.end(EngineUnavailable("unix:///x", "gone"))

    with pytest.raises(EngineUnavailable, match="gone"):
        list(flow.events)
    assert flow.over.wait(LIMIT_S)


def test_closing_here_ends_it_over_there() -> None:
    """From another thread than the one that waits in it."""
    before = descriptors()
    flow = Flow()
    found: list[object] = []
    began = threading.Event()

    def read() -> None:
        for event in flow.events:
            found.append(event)
            began.set()

    reader = threading.Thread(target=read)
    reader.start()
    flow.stream.emit(EVENT)
    assert began.wait(LIMIT_S)
    flow.events.close()
    reader.join(LIMIT_S)

    assert not reader.is_alive()
    assert found == [EVENT]
    assert flow.over.wait(LIMIT_S)
    assert flow.stream.closed
    assert descriptors() == before


def test_closing_what_was_never_read_ends_it_too() -> None:
    """And twice is no harm."""
    before = descriptors()
    flow = Flow()
    flow.events.close()
    flow.events.close()

    assert flow.over.wait(LIMIT_S)
    assert descriptors() == before
