"""The matrix as data: who stands where, and the worst that each cell holds."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from exporter.model.outcome import Scope
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import IP_VERSIONS, IpVersion, SandboxId
from exporter.report.marks import Mark, mark_of, worst
from exporter.report.page import clean, natural

Key = str
"""Of a row and of the column of the same thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is known of the pairs from one row to one column."""

    mark: Mark
    """The worst of them."""
    count: int
    """How many are marked so."""
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows (and columns) that belong together."""

    name: str
    """Empty in a grid by network: they are one group."""
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A square: what is a row is a column."""

    by_network: bool
    """Rows are networks, not containers."""
    groups: tuple[Group, ...]
    labels: Mapping[Key, str]
    cells: Mapping[tuple[Key, Key], Cell]

    @property
    def keys(self) -> tuple[Key, ...]:
        """Return rows and columns in order."""
        return tuple(key for group in self.groups for key in group.keys)


def families(snapshot: Snapshot) -> tuple[IpVersion, ...]:
    """Return the families in which there are pairs."""
    present = {state.pair.ip_version for state in snapshot.pairs}
    return tuple(version for version in IP_VERSIONS if version in present)


def container_count(snapshot: Snapshot, ip_version: IpVersion) -> int:
    """Return how many rows a grid by container would have."""
    return len(_ends(_states(snapshot, ip_version)))


def container_grid(snapshot: Snapshot, ip_version: IpVersion) -> Grid:
    """Return the pairs of one family by container, grouped by their networks."""
    states = _states(snapshot, ip_version)
    names = {key: _networks_of(snapshot, key) for key in _ends(states)}
    labels = {key: _label(snapshot, key) for key in names}
    groups: dict[tuple[str, ...], list[Key]] = {}
    for key in sorted(names, key=lambda key: (names[key], natural(labels[key]), key)):
        groups.setdefault(names[key], []).append(key)
    return Grid(
        by_network=False,
        groups=tuple(
            Group(name=" + ".join(name), keys=tuple(keys))
            for name, keys in groups.items()
        ),
        labels=labels,
        cells=_cells(
            states, lambda state: (state.pair.source, str(state.pair.destination))
        ),
    )


def network_grid(snapshot: Snapshot, ip_version: IpVersion) -> Grid:
    """Return the pairs of one family by network.

    A source without a route stands under the first network it is on.
    """
    states = _states(snapshot, ip_version)

    def place(state: PairState) -> tuple[Key, Key]:
        source = snapshot.source_network_name(state)
        home = source or next(iter(_networks_of(snapshot, state.pair.source)), "?")
        return clean(home), clean(snapshot.network_name(state))

    cells = _cells(states, place)
    keys = tuple(sorted({key for ends in cells for key in ends}, key=natural))
    return Grid(
        by_network=True,
        groups=(Group(name="", keys=keys),),
        labels={key: key for key in keys},
        cells=cells,
    )


def _states(snapshot: Snapshot, ip_version: IpVersion) -> list[PairState]:
    return [
        state
        for state in snapshot.pairs
        if state.pair.scope is Scope.CONTAINER and state.pair.ip_version == ip_version
    ]


def _ends(states: Iterable[PairState]) -> set[Key]:
    ends: set[Key] = set()
    for state in states:
        ends.add(state.pair.source)
        ends.add(str(state.pair.destination))
    return ends


def _networks_of(snapshot: Snapshot, key: Key) -> tuple[str, ...]:
    topology = snapshot.topology
    sandbox = topology and topology.sandbox_by_id.get(SandboxId(key))
    if not topology or not sandbox:
        return ()
    found = [
        topology.network_by_id.get(endpoint.network_id)
        for endpoint in sandbox.endpoints
    ]
    return tuple(sorted(clean(network.name) for network in found if network))


def _label(snapshot: Snapshot, key: Key) -> str:
    sandbox = snapshot.topology and snapshot.topology.sandbox_by_id.get(SandboxId(key))
    return clean(sandbox.name if sandbox else key[:12])


def _cells(
    states: Iterable[PairState], place: Callable[[PairState], tuple[Key, Key]]
) -> dict[tuple[Key, Key], Cell]:
    marks: dict[tuple[Key, Key], Counter[Mark]] = {}
    for state in states:
        marks.setdefault(place(state), Counter())[mark_of(state)] += 1
    return {
        ends: Cell(mark=(mark := worst(found)), count=found[mark], total=found.total())
        for ends, found in marks.items()
    }
