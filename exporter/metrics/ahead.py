"""Rendering ahead of the scrapes, in a thread of its own.

A scrape that came first would have to wait for it, and beside a cycle at work that is
long. Whatever is published meanwhile, only the newest snapshot is rendered.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import structlog

from exporter.metrics.exposition import Exposition


class Ahead:
    """Keeps an exposition prepared."""

    def __init__(self, exposition: Exposition) -> None:
        """Bind to an exposition; nothing is rendered yet."""
        self._exposition = exposition
        self._pool = ThreadPoolExecutor(1, "render")
        self._lock = Lock()
        self._is_due = self._is_busy = False
        self._is_failing = False
        self._log = structlog.get_logger("metrics")

    @property
    def is_at_work(self) -> bool:
        """Whether the newest snapshot is being rendered, or soon will be."""
        return self._is_due or self._is_busy

    def published(self) -> None:
        """Take note of a new snapshot; returns at once, from any thread."""
        with self._lock:
            if self._is_due:
                return
            self._is_due = True
        try:
            self._pool.submit(self._prepare)
        except RuntimeError:  # stopped, or there is no thread to be had: try again
            with self._lock:
                self._is_due = False

    def stop(self) -> None:
        """Finish what is in hand."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _prepare(self) -> None:
        with self._lock:
            # What is published from here on asks for another.
            self._is_due, self._is_busy = False, True
        try:
            self._exposition.prepare()
        except Exception:  # noqa: BLE001 - a scrape tries again, and answers 500
            if not self._is_failing:
                self._log.exception("render.failed")
            self._is_failing = True
        else:
            self._is_failing = False
        finally:
            self._is_busy = False
