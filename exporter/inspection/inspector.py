"""Visits the host and the sandboxes at the ends of broken promises."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from exporter.hostns import HostFound
from exporter.model.inspection import Inspection
from exporter.model.pair import PairState
from exporter.model.topology import ContainerId, NetworkId, Topology

Attached = Mapping[tuple[ContainerId, NetworkId], datetime]

_LIMIT: Final = 64
"""Sandboxes that are looked into at once; a few milliseconds each."""


def _nothing() -> Attached:
    return {}


class Inspector:
    """Reads what decides over packets, where promises are broken.

    Args:
        path_map: as for `open_namespace`.
        proc: where the engine's processes are visible.
        attached: tells since when containers are on networks.
        limit: sandboxes looked into at once; the rest is left out and counted.
    """

    def __init__(
        self,
        *,
        path_map: tuple[tuple[str, str], ...] = (),
        proc: str = "/proc",
        attached: Callable[[], Attached] = _nothing,
        limit: int = _LIMIT,
    ) -> None:
        self._path_map = path_map
        self._proc = proc
        self._attached = attached
        self._limit = limit

    def inspect(
        self,
        topology: Topology,
        states: Iterable[PairState],
        host: HostFound | None,
    ) -> Inspection:
        """Return what is found at the ends of those states that are violations.

        Blocking, a few milliseconds for each namespace. What cannot be read is a
        note, never an error.

        Args:
            topology: of which the states are.
            states: any; those that are no violations are passed over.
            host: the engine's namespace; None where it was not found.
        """
        del topology, states, host
        return Inspection(attached=self._attached())
