"""Following the events: what is told, in which order, and after every gap."""

import queue
from collections.abc import Callable, Iterator

import pytest

from exporter.clock import SystemClock
from exporter.engine.events import Change, EngineEvent
from exporter.engine.watch import Listeners, Pace, StreamState, Watcher
from exporter.errors import EngineUnavailable
from exporter.model.topology import ContainerId, NetworkId
from tests.fakes.engine import FakeEngine, FakeStream

QUICK = Pace(window_s=0.01, max_window_s=0.05, min_backoff_s=0.005, max_backoff_s=0.02)
DOWN = EngineUnavailable("unix:///fake", "connection refused")
WEB = ContainerId("w" * 64)
WAIT_S = 5.0


def event(action: str, *, kind: str = "container", at_ns: int = 7) -> dict[str, object]:
    """Return an event's JSON."""
    attributes = {"container": WEB} if kind == "network" else {}
    identity = "f" * 64 if kind == "network" else WEB
    return {
        "Type": kind,
        "Action": action,
        "Actor": {"ID": identity, "Attributes": attributes},
        "timeNano": at_ns,
    }


class Listening:
    """A watcher and what it told."""

    def __init__(self, fake: FakeEngine) -> None:
        self.fake = fake
        self.changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self.states: queue.SimpleQueue[StreamState] = queue.SimpleQueue()
        self.events: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
        self.on_change: Callable[[Change], None] = self.changes.put
        self.on_event: Callable[[EngineEvent], None] = self.events.put
        self.watcher = Watcher(
            fake,
            listeners=Listeners(
                changed=self.change,
                connected=self.states.put,
                happened=self.happen,
            ),
            clock=SystemClock(),
            pace=QUICK,
        )

    def change(self, change: Change) -> None:
        """Hear of a change."""
        self.on_change(change)

    def happen(self, event: EngineEvent) -> None:
        """Hear of an event."""
        self.on_event(event)

    def begin(self) -> FakeStream:
        """Start, and return the stream once the first resync was told."""
        self.watcher.start()
        stream = self.fake.streams.get(timeout=WAIT_S)
        assert StreamState(connected=True) == self.states.get(timeout=WAIT_S)
        assert Change(resync=True, reason="start") == self.changes.get(timeout=WAIT_S)
        return stream


@pytest.fixture
def listening() -> Iterator[Listening]:
    """A watcher of an empty engine."""
    found = Listening(FakeEngine({}))
    yield found
    found.watcher.stop()
    assert not found.watcher.alive


def test_it_begins_with_a_resync(listening: Listening) -> None:
    """Whatever was before is asked for; the engine repeats its last two seconds."""
    listening.begin()

    (since_ns,) = listening.fake.since_ns
    now_ns = int(SystemClock().now_utc().timestamp() * 1e9)
    assert 1.9e9 < now_ns - since_ns < 10e9


def test_events_become_one_change(listening: Listening) -> None:
    """Each event is heard at once, the change comes once."""
    stream = listening.begin()

    stream.emit(
        event("connect", kind="network"), event("start"), event("exec_start: true")
    )

    assert ["connect", "start", "other"] == [
        listening.events.get(timeout=WAIT_S).action for _ in range(3)
    ]
    assert Change(
        containers=frozenset({WEB}), networks=frozenset({NetworkId("f" * 64)})
    ) == listening.changes.get(timeout=WAIT_S)
    assert listening.changes.empty()


def test_changes_are_collected_while_the_last_is_worked_on(
    listening: Listening,
) -> None:
    """Work that takes long is not queued up."""
    stream = listening.begin()
    go_on: queue.SimpleQueue[None] = queue.SimpleQueue()

    def work(change: Change) -> None:
        listening.changes.put(change)
        go_on.get(timeout=WAIT_S)

    listening.on_change = work
    stream.emit(event("start"))
    listening.changes.get(timeout=WAIT_S)
    for _ in range(50):
        stream.emit(event("pause"), event("unpause"))
    for _ in range(101):
        listening.events.get(timeout=WAIT_S)
    go_on.put(None)

    assert Change(containers=frozenset({WEB})) == listening.changes.get(timeout=WAIT_S)
    go_on.put(None)
    assert listening.changes.empty()


@pytest.mark.parametrize("error", [None, DOWN], ids=["in order", "broken"])
def test_a_gap_is_told_and_closed(
    listening: Listening, error: EngineUnavailable | None
) -> None:
    """Down, up, everything anew; the engine goes on after the last event heard."""
    stream = listening.begin()
    stream.emit(event("start", at_ns=41))
    listening.changes.get(timeout=WAIT_S)

    stream.end(error)

    assert StreamState(connected=False, error=error) == listening.states.get(
        timeout=WAIT_S
    )
    assert StreamState(connected=True) == listening.states.get(timeout=WAIT_S)
    assert Change(resync=True, reason="gap") == listening.changes.get(timeout=WAIT_S)
    assert 42 == listening.fake.since_ns[-1]


def test_an_engine_that_is_not_there_yet(listening: Listening) -> None:
    """It is waited for, and its absence told once."""
    listening.fake.failures["events"] = DOWN
    listening.watcher.start()

    assert StreamState(connected=False, error=DOWN) == listening.states.get(
        timeout=WAIT_S
    )
    while len(listening.fake.asked) < 4:
        assert listening.states.empty()
    listening.fake.failures.clear()

    assert StreamState(connected=True) == listening.states.get(timeout=WAIT_S)
    assert Change(resync=True, reason="start") == listening.changes.get(timeout=WAIT_S)


def test_a_new_reason_is_told(listening: Listening) -> None:
    """First refused, then denied: both are worth a line."""
    listening.fake.failures["events"] = DOWN
    listening.watcher.start()
    listening.states.get(timeout=WAIT_S)

    other = EngineUnavailable("unix:///fake", "no such file or directory")
    listening.fake.failures["events"] = other

    assert other == listening.states.get(timeout=WAIT_S).error


def test_what_nobody_foresaw_ends_the_stream_and_not_the_thread(
    listening: Listening,
) -> None:
    """It is told, and everything asked for anew; else no event would come any more."""
    stream = listening.begin()

    def fail(_: EngineEvent) -> None:
        listening.on_event = listening.events.put
        raise OverflowError("date value out of range")

    listening.on_event = fail
    stream.emit(event("start"))

    state = listening.states.get(timeout=WAIT_S)
    assert not state.connected
    assert "date value out of range" in str(state.error)
    assert StreamState(connected=True) == listening.states.get(timeout=WAIT_S)
    assert listening.watcher.alive


def test_stopping_ends_a_waiting_read(listening: Listening) -> None:
    """At once, and without an error."""
    stream = listening.begin()
    clock = SystemClock()
    began_s = clock.monotonic_s()

    listening.watcher.stop()

    assert clock.monotonic_s() - began_s < 1.0
    assert stream.closed
    assert not listening.watcher.alive
    assert StreamState(connected=False) == listening.states.get(timeout=WAIT_S)


def test_stopping_before_starting() -> None:
    """An application that fails on its way up may stop what never ran."""
    Listening(FakeEngine({})).watcher.stop()
