"""The thread that waits for everything."""

import os
import select
import threading
from collections.abc import Iterator

import pytest

from exporter.icmp.loop import Loop, LoopStopped


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A running loop."""
    running = Loop()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe's two ends."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_calls_run_in_the_loops_thread(loop: Loop) -> None:
    """Whoever calls, one thread does the work, also for a call within a call."""
    names = loop.call(
        lambda: (
            threading.current_thread().name,
            loop.call(lambda: threading.current_thread().name),
        )
    )

    assert ("prober", "prober") == names


def test_a_call_raises_what_its_function_raises(loop: Loop) -> None:
    """The caller sees the error; the loop goes on."""
    with pytest.raises(ZeroDivisionError):
        loop.call(lambda: 1 / 0)

    assert 1 == loop.call(lambda: 1)


def test_a_handler_is_called_while_its_descriptor_is_ready(
    loop: Loop, pipe: tuple[int, int]
) -> None:
    """And no more once it is forgotten."""
    read_end, write_end = pipe
    heard: list[bytes] = []
    ready = threading.Event()

    def hear(_events: int) -> None:
        heard.append(os.read(read_end, 10))
        ready.set()

    loop.call(lambda: loop.watch(read_end, select.EPOLLIN, hear))
    os.write(write_end, b"one")
    assert ready.wait(5)
    loop.call(lambda: loop.forget(read_end))
    os.write(write_end, b"two")
    loop.call(lambda: None)

    assert [b"one"] == heard


def test_a_step_is_driven_until_it_is_finished(loop: Loop) -> None:
    """It is called again after the time that it asks for."""
    waits = [0.0, 0.001, None]
    called: list[float | None] = []

    def step() -> float | None:
        called.append(waits[len(called)])
        return called[-1]

    loop.drive(step)

    assert waits == called


def test_a_step_that_fails_ends(loop: Loop) -> None:
    """Its error is raised where it was driven from; the loop goes on."""

    def step() -> float | None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loop.drive(step)

    assert 1 == loop.call(lambda: 1)


def test_a_handler_that_fails_does_not_end_the_loop(
    loop: Loop, pipe: tuple[int, int]
) -> None:
    """What is being driven learns of it, and the descriptor is left alone."""
    read_end, write_end = pipe

    def fail(_events: int) -> None:
        raise ZeroDivisionError

    loop.call(lambda: loop.watch(read_end, select.EPOLLIN, fail))

    def step() -> float | None:
        os.write(write_end, b"x")
        return 1.0

    with pytest.raises(ZeroDivisionError):
        loop.drive(step)
    assert 1 == loop.call(lambda: 1)


def test_a_stopped_loop_says_so() -> None:
    """What is being driven ends, and nothing new begins."""
    loop = Loop()
    loop.start()
    driven = threading.Event()
    outcome: list[BaseException] = []

    def step() -> float | None:
        driven.set()
        return 10.0

    def drive() -> None:
        try:
            loop.drive(step)
        except LoopStopped as error:
            outcome.append(error)

    thread = threading.Thread(target=drive)
    thread.start()
    assert driven.wait(5)
    loop.stop()
    thread.join(5)

    assert 1 == len(outcome)
    with pytest.raises(LoopStopped):
        loop.call(lambda: 1)


def test_a_loop_that_never_started_can_be_stopped() -> None:
    """Nothing runs, and nothing is left open."""
    loop = Loop()
    with pytest.raises(LoopStopped):
        loop.call(lambda: 1)

    loop.stop()
