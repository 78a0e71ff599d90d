"""A host with everything that leads to the pager, for the tests of alerts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.lab import alerting
from tests.lab.alerting import Watch
from tests.lab.fixtures import require
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite
from tests.lab.topology import DEMO, Running

INTERVAL_S = 15.0
"""Between cycles, unless it is told otherwise."""
SOON_S = 110.0
"""A minute that it must hold, and what comes before and after."""


@dataclass(frozen=True)
class Scene:
    """A host with what watches it, and what the operator's pager gets."""

    running: Running
    watch: Watch

    def wait_for_cycles(self) -> None:
        """Wait until two more have been scraped than were due by now."""
        (now,) = self.watch.query("vector(time())")
        due = float(now["value"][1]) + 2 * INTERVAL_S
        query = f"dockernet_last_cycle_timestamp_seconds > {due}"
        self.watch.until(lambda: self.watch.query(query))


@contextmanager
def watched(suite: Suite, pool: EnginePool) -> Iterator[Scene]:
    """Return the demo on an engine of its own, watched as we ship it."""
    require(alerting.missing())
    running = Running(pool.fresh(suite, ("--live-restore",), {}))
    alerting.build(running.engine)
    running.start(DEMO)
    with alerting.alerting(running.engine) as watch:
        yield Scene(running, watch)
    pool.close()
