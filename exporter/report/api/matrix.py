"""Who reaches whom: network by network, and container by container in one cell.

The words are those of the matrix that `check` draws (`report/marks.py`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Final, TypeVar

from exporter.errors import UnknownName
from exporter.model.census import Sort
from exporter.model.outcome import Expected, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Network, NetworkId, Sandbox, Topology
from exporter.report.api.filters import placing
from exporter.report.api.ids import networks_of, pair_id
from exporter.report.api.query import Parameter, Parameters, number, value_of
from exporter.report.document import SCHEMA, timestamp
from exporter.report.marks import Mark, mark_for, mark_of, worst
from exporter.report.page import natural
from exporter.report.pairs import Json

SIDE: Final = 50
"""Rows, and columns, of a matrix of containers, unless asked for otherwise."""
SIDE_MOST: Final = 100
_FAR: Final = 10**9 - 1
ENDS: Final = (
    Parameter(
        name="source_network", text="Name or id of the row's network.", required=True
    ),
    Parameter(
        name="destination_network",
        text="Name or id of the column's network.",
        required=True,
    ),
)
ROWS: Final = number("limit", "Rows in the answer, at most.", SIDE_MOST, SIDE)
FIRST_ROW: Final = number("offset", "Rows left out before them.", _FAR, 0)
COLUMNS: Final = number(
    "column_limit", "Columns in the answer, at most.", SIDE_MOST, SIDE
)
FIRST_COLUMN: Final = number("column_offset", "Columns left out before them.", _FAR, 0)
W = TypeVar("W", Verdict, Expected)
Place = tuple[Scope, NetworkId | None, NetworkId]
Heaps = dict[tuple[int, int], list[PairState]]
"""Pairs by row and column."""


def matrix(snapshot: Snapshot, _: Parameters, _now: datetime) -> Json:
    """Return how many pairs of which verdict lead from each network to each other.

    Complete: what stands beside a sample is counted too. Of that, sources without a
    route are known by number only; their cells have no source network.
    """
    heaps: defaultdict[Place, dict[Sort, int]] = defaultdict(dict)
    for sort, count in snapshot.census.sorts.items():
        heaps[sort.scope, sort.source_network, sort.network][sort] = count
    names = _names(snapshot)

    def order(place: Place) -> tuple[object, ...]:
        scope, source, network = place
        return (
            list(Scope).index(scope),
            natural(names.get(source, "")),
            natural(names.get(network, network)),
            network,
        )

    return {
        "schema": SCHEMA,
        "taken": timestamp(snapshot.taken),
        "sampled": snapshot.sampled_since is not None,
        "networks": _networks(snapshot),
        "cells": [
            _cell(names, place, heaps[place]) for place in sorted(heaps, key=order)
        ],
    }


def _names(snapshot: Snapshot) -> Mapping[NetworkId | None, str]:
    known = snapshot.topology.networks if snapshot.topology else ()
    return {network.id: network.name for network in known}


def _networks(snapshot: Snapshot) -> list[Json]:
    topology = snapshot.topology
    if topology is None:
        return []
    return [
        _network(topology, one)
        for one in sorted(topology.networks, key=lambda one: natural(one.name))
        if one.driver not in ("host", "null")
    ]


def _network(topology: Topology, network: Network) -> Json:
    members = topology.sandboxes_on(network.id)
    return {
        "name": network.name,
        "id": network.id,
        "driver": network.driver,
        "internal": network.internal,
        "project": network.project,
        "containers": len(members),
        "ip_versions": [
            version for version in (4, 6) if network.enabled(4 if version == 4 else 6)
        ],
    }


def _cell(
    names: Mapping[NetworkId | None, str], place: Place, sorts: Mapping[Sort, int]
) -> Json:
    scope, source, network = place
    verdicts: Counter[Verdict] = Counter()
    expected: Counter[Expected] = Counter()
    marks: Counter[Mark] = Counter()
    for sort, count in sorts.items():
        verdicts[sort.verdict] += count
        expected[sort.expected] += count
        marks[mark_for(sort.verdict, sort.expected)] += count
    return {
        "scope": str(scope),
        "source_network": names.get(source, source and source[:12]),
        "destination_network": names.get(network, network[:12]),
        "source_network_id": source,
        "destination_network_id": network,
        "ip_versions": sorted({sort.ip_version for sort in sorts}),
        "mark": worst(marks).value,
        "pairs": verdicts.total(),
        "counts": _numbers(Verdict, verdicts),
        "expected": _numbers(Expected, expected),
        "marks": {one.value: marks[one] for one in Mark if marks[one]},
    }


def _numbers(words: Iterable[W], counts: Mapping[W, int]) -> Json:
    return {str(word): counts[word] for word in words if counts[word]}


def container_matrix(
    snapshot: Snapshot, parameters: Parameters, _now: datetime
) -> Json:
    """Return the pairs from the containers of one network to those of another.

    Raises:
        UnknownName: there is no such network.
    """
    source, network = (_one(snapshot, parameters, one.name) for one in ENDS)
    rows, columns = _members(snapshot, source.id), _members(snapshot, network.id)
    first, left = value_of(FIRST_ROW, parameters), value_of(FIRST_COLUMN, parameters)
    height, width = value_of(ROWS, parameters), value_of(COLUMNS, parameters)
    shown_rows, shown_columns = (
        rows[first : first + height],
        columns[left : left + width],
    )
    return {
        "schema": SCHEMA,
        "taken": timestamp(snapshot.taken),
        "sampled": snapshot.sampled_since is not None,
        "source_network": source.name,
        "destination_network": network.name,
        "total": len(rows),
        "offset": first,
        "limit": height,
        "column_total": len(columns),
        "column_offset": left,
        "column_limit": width,
        "rows": [{"name": one.name, "id": one.id} for one in shown_rows],
        "columns": [{"name": one.name, "id": one.id} for one in shown_columns],
        "cells": _cells(snapshot, source.id, network.id, shown_rows, shown_columns),
    }


def _one(snapshot: Snapshot, parameters: Parameters, name: str) -> Network:
    topology, given = snapshot.topology, parameters[name]
    found = networks_of(snapshot, given)
    if topology is None or not found:
        names = [one.name for one in topology.networks] if topology else []
        raise UnknownName("network", given, tuple(get_close_matches(given, names, 3)))
    return topology.network_by_id[next(iter(found))]


def _members(snapshot: Snapshot, network: NetworkId) -> Sequence[Sandbox]:
    found = snapshot.topology.sandboxes_on(network) if snapshot.topology else ()
    return sorted(found, key=lambda one: (natural(one.name), one.id))


def _cells(
    snapshot: Snapshot,
    source: NetworkId,
    network: NetworkId,
    rows: Sequence[Sandbox],
    columns: Sequence[Sandbox],
) -> list[Json]:
    """Return the cells in which there are pairs, row by row."""
    row_of = {one.id: place for place, one in enumerate(rows)}
    column_of = {str(one.id): place for place, one in enumerate(columns)}
    place_of = placing(snapshot)
    heaps: Heaps = defaultdict(list)
    for state in snapshot.pairs:
        pair = state.pair
        if (
            pair.network == network
            and pair.scope is Scope.CONTAINER
            and pair.source in row_of
            and pair.destination in column_of
            and place_of(state) == source
        ):
            heaps[row_of[pair.source], column_of[str(pair.destination)]].append(state)
    return [
        {
            "row": row,
            "column": column,
            "mark": worst(map(mark_of, heaps[row, column])).value,
            "pairs": [
                {
                    "id": pair_id(state.pair),
                    "ip_version": state.pair.ip_version,
                    "expected": str(state.decision.expected),
                    "verdict": str(state.verdict),
                }
                for state in heaps[row, column]
            ],
        }
        for row, column in sorted(heaps)
    ]
