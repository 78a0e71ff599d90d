"""A looker without an engine or a kernel, on a clock that sleeping moves."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from exporter.budget import SharedBudget
from exporter.config import Config
from exporter.looking import Looker
from exporter.model.hoststate import HostState
from exporter.model.inspection import NOT_INSPECTED
from exporter.model.topology import Topology
from exporter.presence import Presence
from tests.fakes.clock import HandClock
from tests.fakes.prober import FakeProber

if TYPE_CHECKING:
    from exporter.session import Session


def looker(
    found: Topology,
    prober: FakeProber,
    folder: Path,
    *,
    host: Callable[[], HostState] = HostState,
    config: Config | None = None,
) -> Looker:
    """Return a looker at a topology; its folder holds the budget's lock."""
    clock = HandClock()
    session = SimpleNamespace(
        config=config or Config(),
        clock=clock,
        prober=prober,
        survey=SimpleNamespace(full=lambda: found, notices=(), host_found=None),
        inspector=SimpleNamespace(inspect=lambda *_: NOT_INSPECTED),
        budget=SharedBudget(clock, folder, host),
    )
    said: list[str] = []
    return Looker(
        cast("Session", session),
        said.append,
        Presence(clock),
        sleep=clock.move,
    )
