"""Which sandboxes are known to have ended, although the engine may not say so yet.

The kernel tells of a container's end at once, the engine some time later: it tidies up
first. An answer of the engine that is given meanwhile still calls it running.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from exporter.clock import Clock
from exporter.model.topology import Sandbox, SandboxId, Topology

LAG_S = 30.0
"""How long the engine may go on calling a container running that has ended. Later its
word counts again: a dead container that it holds to be running is a fault."""


class Presence:
    """Takes note of ends, and says whether an end of a pair still is what it was."""

    def __init__(self, clock: Clock) -> None:
        """Start with nobody gone."""
        self._clock = clock
        self._gone: dict[SandboxId, float] = {}
        self._starts: dict[SandboxId, tuple[object, ...]] = {}

    def went(self, sandbox: SandboxId, known: Topology | None = None) -> None:
        """Take note that a sandbox has ended.

        Args:
            sandbox: which.
            known: the topology until now. A start that differs from what it says is
                another life, whatever order the two are heard of in.
        """
        self._gone[sandbox] = self._clock.monotonic_s()
        self._starts.pop(sandbox, None)
        ended = known.sandbox_by_id.get(sandbox) if known is not None else None
        if ended is not None:
            self._starts[sandbox] = _start(ended)

    def noted(self) -> AbstractSet[SandboxId]:
        """Return the ends known now, for `settle` after the engine was asked."""
        return frozenset(self._gone)

    def settle(
        self, noted: AbstractSet[SandboxId], before: Topology | None, after: Topology
    ) -> None:
        """Forget the ends that the engine knows of as well.

        Args:
            noted: the ends known before it was asked.
            before: the topology until now.
            after: what it answered.
        """
        known = before.sandbox_by_id if before is not None else {}
        for sandbox in noted:
            old, new = known.get(sandbox), after.sandbox_by_id.get(sandbox)
            if new is None or old is None or _start(old) != _start(new):
                self._gone.pop(sandbox, None)
                self._starts.pop(sandbox, None)

    def ended(self, then: Topology, now: Topology) -> set[SandboxId]:
        """Return the sandboxes of a topology that have ended and did not come back."""
        known = now.sandbox_by_id
        return {
            sandbox.id
            for sandbox in then.sandboxes
            if sandbox.id not in known
            or (
                sandbox.id in self._gone
                and _start(sandbox) == _start(known[sandbox.id])
            )
        }

    def still_in(
        self, then: Topology, now: Callable[[], Topology | None]
    ) -> Callable[[SandboxId], bool]:
        """Return whether a sandbox of a topology is what it was.

        False where it has ended, started anew, or joined or left a network.

        Args:
            then: what the pairs were planned on.
            now: returns what is known now.
        """

        def is_there(sandbox: SandboxId) -> bool:
            current = now()
            if self._is_gone(sandbox, current):
                return False
            if current is None or current is then:
                return current is not None
            old = then.sandbox_by_id.get(sandbox)
            new = current.sandbox_by_id.get(sandbox)
            return old is not None and new is not None and _same(old, new)

        return is_there

    def _is_gone(self, sandbox: SandboxId, current: Topology | None) -> bool:
        went_s = self._gone.get(sandbox)
        if went_s is None or self._clock.monotonic_s() - went_s >= LAG_S:
            return False
        ended = self._starts.get(sandbox)
        new = current.sandbox_by_id.get(sandbox) if current is not None else None
        return ended is None or new is None or _start(new) == ended


def _start(sandbox: Sandbox) -> tuple[object, ...]:
    return sandbox.pid, sandbox.started


def _same(old: Sandbox, new: Sandbox) -> bool:
    return _start(old) == _start(new) and old.endpoints == new.endpoints
