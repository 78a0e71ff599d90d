"""What the process with the privileges lends, for as long as a test asks it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from exporter.broker.process import Process, start
from exporter.broker.remote import RemotePowers
from exporter.engine.api import RequestObserver
from exporter.powers import Terms


@contextmanager
def lent(
    terms: Terms | None = None,
    files: Iterable[str] = (),
    observe: RequestObserver | None = None,
) -> Iterator[tuple[RemotePowers, Process]]:
    """Its powers, and the process itself."""
    process = start(terms or Terms(), files)
    try:
        yield RemotePowers(process, observe), process
    finally:
        process.stop()
