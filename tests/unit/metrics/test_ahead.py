"""Rules of rendering ahead: each published snapshot, the newest only."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import structlog

from exporter.metrics.ahead import Ahead
from exporter.metrics.exposition import Exposition
from exporter.model.snapshot import Snapshot
from exporter.store import SnapshotStore
from tests.fakes import snapshots
from tests.fakes.snapshots import StillClock


class Published:
    """A store with its exposition; taking a snapshot can be held up."""

    def __init__(self) -> None:
        self.store = SnapshotStore(snapshots.never_up())
        self.taken: list[Snapshot] = []
        self.is_taken = threading.Semaphore(0)
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.exposition = Exposition(self._take, StillClock())
        self.renders = Ahead(self.exposition)

    def _take(self) -> Snapshot:
        found = self.store.current()
        self.taken.append(found)
        self.is_taken.release()
        if not self.may_go_on.wait(5):
            raise TimeoutError
        return found


@contextmanager
def ahead() -> Iterator[Published]:
    """Render what is published until the end of the block, then wait for the rest."""
    world = Published()
    world.store.tell(world.renders.published)
    try:
        yield world
    finally:
        world.may_go_on.set()
        world.renders.stop()


def test_what_is_published_is_ready_without_a_scrape() -> None:
    """In another thread than the publisher's."""
    with ahead() as world:
        world.store.publish(snapshots.small())
        assert world.is_taken.acquire(timeout=5)

    ready = world.exposition.ready()
    assert ready is not None
    assert b"dockernet_docker_up 1.0" in ready.body


def test_it_says_while_something_newer_is_on_its_way() -> None:
    """Only so long is what is behind worth serving."""
    with ahead() as world:
        world.may_go_on.clear()
        world.store.publish(snapshots.small())
        assert world.is_taken.acquire(timeout=5)
        during = world.renders.is_at_work
        world.may_go_on.set()

    assert during
    assert not world.renders.is_at_work


def test_without_a_thread_nothing_newer_is_on_its_way() -> None:
    """Whoever asks then renders it himself."""
    with ahead() as world:
        world.renders.stop()
        world.store.publish(snapshots.small())

        assert not world.renders.is_at_work


def test_of_many_that_come_meanwhile_the_newest_is_rendered() -> None:
    """Whatever happens often is rendered as often as there is time."""
    burst = [replace(snapshots.small(), interval_s=float(n)) for n in range(20)]
    with ahead() as world:
        world.may_go_on.clear()
        world.store.publish(burst[0])
        assert world.is_taken.acquire(timeout=5)
        for one in burst[1:]:
            world.store.publish(one)
        world.may_go_on.set()
        assert world.is_taken.acquire(timeout=5)
        assert not world.is_taken.acquire(timeout=0.1)

    assert [burst[0], burst[-1]] == world.taken
    ready = world.exposition.ready()
    assert ready is not None
    assert b"dockernet_cycle_interval_seconds 19.0" in ready.body


def test_failing_is_logged_once_and_no_old_text_stays() -> None:
    """Each snapshot is tried; the log says the first."""
    broken = replace(snapshots.small(), pairs=None)  # type: ignore[arg-type]
    with structlog.testing.capture_logs() as logs, ahead() as world:
        for one in (snapshots.small(), broken, replace(broken)):
            world.store.publish(one)
            assert world.is_taken.acquire(timeout=5)

    assert ["render.failed"] == [entry["event"] for entry in logs]
    assert world.exposition.ready() is None


def test_after_the_stop_nothing_is_rendered() -> None:
    """And publishing still works."""
    with ahead() as world:
        pass
    world.store.publish(snapshots.small())

    assert [] == world.taken
    assert world.store.current().engine_up


def test_a_thread_that_could_not_start_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At a limit of threads for a moment; else nothing would be rendered any more."""
    with ahead() as world:
        with monkeypatch.context() as without:
            without.setattr(threading.Thread, "start", refuse)
            world.store.publish(snapshots.never_up())
        world.store.publish(snapshots.small())
        assert world.is_taken.acquire(timeout=5)


def refuse(_: threading.Thread) -> None:
    """Start no thread."""
    raise RuntimeError("can't start new thread")
