"""Follows the engine's events from a thread of its own and tells what changed.

Whoever listens gets a resync first, when the stream stands, and again after every
gap: events are a hint where to look, never the only way to learn of something.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from exporter.clock import Clock
from exporter.engine.api import EngineClient, EventStream
from exporter.engine.events import Batch, Change, EngineEvent, parse_event
from exporter.errors import EngineError, EngineProtocolError

_LOOK_BACK_NS = 2_000_000_000
"""The engine answers the request a little before it begins to listen to its own
events (moby `api/server/router/system`: flush, then subscribe). What happens between
is repeated from its memory, from this far before we asked."""
_LASTING_S = 5.0
"""A stream that stood so long was no failed attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """Whether events arrive."""

    connected: bool
    error: EngineError | None = None
    """Why not, if the engine or the way to it failed; None where it closed the
    stream in order, and when it was stopped here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Who is told what. Called from threads of the watcher; they must not raise."""

    changed: Callable[[Change], None]
    """Something is to be asked for again. While it runs, changes are collected."""
    connected: Callable[[StreamState], None]
    """The stream stands, or broke; also when the reason why it does not is new."""
    happened: Callable[[EngineEvent], None]
    """Any event, at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times of the watcher, in seconds."""

    window_s: float = 0.05
    """Quiet after the last event before a change is told."""
    max_window_s: float = 0.25
    """A change is told so long after its first event in any case."""
    min_backoff_s: float = 0.1
    """Before the first attempt to connect again, doubled for each further one."""
    max_backoff_s: float = 2.0


class Watcher:
    """Two threads: one reads the stream, one tells of changes.

    Args:
        client: how to reach the engine.
        listeners: who is told.
        clock: for the windows, and for how far back the engine shall begin.
        pace: its times.
    """

    def __init__(
        self,
        client: EngineClient,
        *,
        listeners: Listeners,
        clock: Clock,
        pace: Pace | None = None,
    ) -> None:
        self._client = client
        self._listeners = listeners
        self._clock = clock
        self._pace = pace or Pace()
        self._batch = Batch(
            window_s=self._pace.window_s, max_window_s=self._pace.max_window_s
        )
        self._wake = threading.Condition()
        self._stopping = threading.Event()
        self._stream: EventStream | None = None
        self._state: StreamState | None = None
        self._since_ns = 0
        self._threads = (
            threading.Thread(target=self._read, name="engine-events", daemon=True),
            threading.Thread(target=self._tell, name="engine-changes", daemon=True),
        )

    @property
    def alive(self) -> bool:
        """Whether both threads run; False after an error that nobody foresaw."""
        return all(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Begin; an engine that is not there yet is waited for."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """End, though a thread may be waiting in a read.

        Args:
            timeout_s: how long to wait for each thread; one that hangs in an engine
                which accepts and does not answer ends by its own timeout.
        """
        self._stopping.set()
        with self._wake:
            stream = self._stream
            self._wake.notify_all()
        if stream is not None:
            stream.close()
        for thread in self._threads:
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(timeout_s)

    def _read(self) -> None:
        attempt = 0
        reason = "start"
        while not self._stopping.is_set():
            began_s = self._clock.monotonic_s()
            error: EngineError | None = None
            try:
                self._follow(reason)
            except EngineError as failure:
                error = failure
            except Exception as defect:  # noqa: BLE001 - the thread must outlive it
                error = EngineProtocolError("/events", repr(defect))
                self._end_stream()
            if self._stream is not None:
                # It had stood, so something may have been missed.
                reason = "gap"
                if self._clock.monotonic_s() - began_s >= _LASTING_S:
                    attempt = 0
                with self._wake:
                    self._stream = None
            self._report(StreamState(connected=False, error=error))
            self._stopping.wait(self._backoff_s(attempt))
            attempt += 1

    def _end_stream(self) -> None:
        with self._wake:
            stream = self._stream
        if stream is not None:
            stream.close()

    def _follow(self, reason: str) -> None:
        """Read one stream to its end.

        Raises:
            EngineError: it could not be opened, or broke.
        """
        stream = self._client.events(self._since_ns or self._look_back_ns())
        with self._wake:
            self._stream = stream
        if self._stopping.is_set():
            stream.close()
            return
        self._report(StreamState(connected=True))
        with self._wake:
            self._batch.resync(reason, self._clock.monotonic_s())
            self._wake.notify_all()
        for raw in stream:
            self._take(parse_event(raw))

    def _take(self, event: EngineEvent) -> None:
        if event.time_ns:
            self._since_ns = event.time_ns + 1
        self._listeners.happened(event)
        with self._wake:
            self._batch.add(event, self._clock.monotonic_s())
            self._wake.notify_all()

    def _tell(self) -> None:
        while (change := self._next_change()) is not None:
            self._listeners.changed(change)

    def _next_change(self) -> Change | None:
        """Wait for a change that is due; None when stopping."""
        with self._wake:
            while not self._stopping.is_set():
                due_s = self._batch.due_s()
                if due_s is None:
                    self._wake.wait()
                    continue
                left_s = due_s - self._clock.monotonic_s()
                if left_s <= 0:
                    return self._batch.take()
                self._wake.wait(left_s)
        return None

    def _report(self, state: StreamState) -> None:
        """Tell of the stream's state if it is news."""
        if self._stopping.is_set() and not state.connected:
            state = StreamState(connected=False)
        before, self._state = self._state, state
        same_error = before is not None and str(before.error) == str(state.error)
        if before is None or before.connected != state.connected or not same_error:
            self._listeners.connected(state)

    def _look_back_ns(self) -> int:
        now = self._clock.now_utc()
        return int(now.timestamp() * 1_000_000) * 1000 - _LOOK_BACK_NS

    def _backoff_s(self, attempt: int) -> float:
        pace = self._pace
        full_s = min(pace.max_backoff_s, pace.min_backoff_s * (1 << min(attempt, 16)))
        # Jitter only shortens, so that an engine that is back is seen in time.
        return full_s * random.uniform(0.5, 0.95)  # noqa: S311 - no secret
