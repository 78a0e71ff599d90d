"""Asks the engine again before a promise is called broken.

A container that joins a network is reached at once, and the engine's event comes a
moment later: what looks like a leak may be a promise that has changed.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from concurrent.futures import CancelledError, Executor
from typing import Final, Protocol

from exporter.errors import EngineError
from exporter.model.topology import SandboxId, Topology

FEW: Final = 16
"""Up to so many containers are asked for one by one; beyond, everything is listed."""
PATIENCE_S: Final = 5.0
"""How long a cycle waits for the answer; an engine that hangs is another trouble."""


class Surveyor(Protocol):
    """What the daemon asks about the engine and the namespaces."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What does not work here and what still does, a line each."""
        ...

    def full(self) -> Topology:
        """List everything, and bring the prober's sources in step."""
        ...

    def refresh(self, containers: frozenset[str], networks: frozenset[str]) -> Topology:
        """Look again at some objects, and bring the prober's sources in step."""
        ...


class SecondLook:
    """The topology at the end of one cycle, asked for only where it matters.

    Used from the probing thread.

    Args:
        surveyor: asks the engine.
        pool: the one thread that may use it.
        known: returns what the engine said last.
    """

    def __init__(
        self,
        surveyor: Surveyor,
        pool: Executor,
        known: Callable[[], Topology | None],
    ) -> None:
        self._surveyor = surveyor
        self._pool = pool
        self._known = known
        self._fresh: Topology | None = None

    def at(self, ends: AbstractSet[SandboxId]) -> None:
        """Ask the engine what is now so of some containers; blocking.

        Without an answer what is known already has to do.
        """
        try:
            self._fresh = self._pool.submit(self._ask, ends).result(PATIENCE_S)
        except (EngineError, TimeoutError, CancelledError, RuntimeError):
            return  # RuntimeError: the pool is closed, as the service stops

    def newest(self) -> Topology | None:
        """Return the newest that is known."""
        return self._known() if self._fresh is None else self._fresh

    def _ask(self, ends: AbstractSet[SandboxId]) -> Topology:
        if len(ends) > FEW:
            return self._surveyor.full()
        return self._surveyor.refresh(frozenset(map(str, ends)), frozenset())
