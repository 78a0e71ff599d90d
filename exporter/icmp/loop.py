"""One thread and one epoll for every descriptor of the prober (epoll(7))."""

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

import structlog

T = TypeVar("T")

_log = structlog.get_logger(__name__)
_FOREVER_S: Final = -1.0

Handler = Callable[[int], None]
"""Called with the events of its descriptor; must not block."""

Step = Callable[[], float | None]
"""Does what is due and returns the seconds until more is, None once finished."""


class LoopStopped(RuntimeError):
    """The loop is not running."""


class Loop:
    """Waits for descriptors and drives one stepper at a time.

    Every method but `start`, `stop`, `call` and `drive` is for the loop's own thread.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake_fd, select.EPOLLIN)
        self._handlers: dict[int, Handler] = {self._wake_fd: self._on_wake}
        self._calls: deque[Callable[[], None]] = deque()
        self._step: Step | None = None
        self._finished: Future[None] | None = None
        self._stopping = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="prober", daemon=True)

    def start(self) -> None:
        """Start the thread; at most once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; what is being driven ends unfinished.

        May be called twice.
        """
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
        if self._thread.is_alive():
            self._wake()
            self._thread.join()
        self._epoll.close()
        os.close(self._wake_fd)

    def call(self, function: Callable[[], T]) -> T:
        """Run a function in the loop's thread and return what it returns.

        Raises:
            LoopStopped: it is not running.
        """
        if threading.current_thread() is self._thread:
            return function()
        future: Future[T] = Future()
        self._post(lambda: _resolve(future, function))
        return future.result()

    def drive(self, step: Step) -> None:
        """Call a step again and again until it is finished; one at a time.

        Raises:
            LoopStopped: it is not running, or was stopped meanwhile.
        """
        finished: Future[None] = Future()

        def begin() -> None:
            self._step, self._finished = step, finished

        self._post(begin)
        finished.result()

    def abandon(self) -> None:
        """End what is being driven, unfinished: its caller gets `LoopStopped`."""
        self._finish(LoopStopped())

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Call a handler whenever a descriptor has one of the events."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def forget(self, fd: int) -> None:
        """Stop watching; to be called before the descriptor is closed."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def _post(self, call: Callable[[], None]) -> None:
        with self._lock:
            if self._stopping or not self._thread.is_alive():
                raise LoopStopped
            self._calls.append(call)
        self._wake()

    def _wake(self) -> None:
        os.eventfd_write(self._wake_fd, 1)

    def _on_wake(self, _events: int) -> None:
        os.eventfd_read(self._wake_fd)
        self._run_calls()

    def _run_calls(self) -> None:
        while self._calls:
            self._calls.popleft()()

    def _run(self) -> None:
        while not self._stopping:
            wait_s = self._advance()
            for fd, events in self._epoll.poll(wait_s):
                self._dispatch(fd, events)
        self._run_calls()
        self.abandon()

    def _dispatch(self, fd: int, events: int) -> None:
        handler = self._handlers.get(fd)
        if handler is None:  # forgotten by another handler just before
            return
        try:
            handler(events)
        except Exception as error:  # noqa: BLE001 - the thread must outlive a defect
            self.forget(fd)  # else the event comes again at once, for ever
            _log.exception("prober.failed", fd=fd)
            self._finish(error)

    def _advance(self) -> float:
        if self._step is None:
            return _FOREVER_S
        try:
            wait_s = self._step()
        except Exception as error:  # noqa: BLE001 - raised again by the caller of drive
            self._finish(error)
            return 0.0
        if wait_s is None:
            self._finish(None)
            return 0.0
        return wait_s

    def _finish(self, error: Exception | None) -> None:
        finished, self._step, self._finished = self._finished, None, None
        if finished is None:
            return
        if error is None:
            finished.set_result(None)
        else:
            finished.set_exception(error)


def _resolve(future: Future[T], function: Callable[[], T]) -> None:
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - raised again by the caller of call
        future.set_exception(error)
    else:
        future.set_result(result)
