"""Who reaches whom: network by network, and container by container in one cell.

The words are those of the matrix that `check` draws (`report/marks.py`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, TypeVar

from exporter.errors import UnknownName
from exporter.model.census import Sort
from exporter.model.outcome import Expected, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Network, NetworkId, Sandbox, Topology
from exporter.report.api.asked import Asked
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
SCOPES: Final = Parameter(name="scope", text="Kinds of pairs.", values=tuple(Scope))
MARKS: Final = Parameter(
    name="mark",
    text="Cells whose worst pair is marked so.",
    values=tuple(one.value for one in Mark),
)
_SCOPES: Final = {scope: number for number, scope in enumerate(Scope)}
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


def matrix(snapshot: Snapshot, asked: Asked) -> Json:
    """Return how many pairs of which verdict lead from each network to each other.

    Complete: what stands beside a sample is counted too. Of that, sources without a
    route are known by number only; their cells have no source network.
    """
    heaps: defaultdict[Place, dict[Sort, int]] = defaultdict(dict)
    parameters = asked.parameters
    scopes = _values(SCOPES, parameters)
    for sort, count in snapshot.census.sorts.items():
        if sort.scope in scopes:
            heaps[sort.scope, sort.source_network, sort.network][sort] = count
    names, marks = _names(snapshot), _values(MARKS, parameters)
    ranks = _ranks(names)

    def order(place: Place) -> tuple[int, int, int, str]:
        scope, source, network = place
        return _SCOPES[scope], ranks.get(source, -1), ranks.get(network, -1), network

    return {
        "schema": SCHEMA,
        "taken": timestamp(snapshot.taken),
        "sampled": snapshot.sampled_since is not None,
        "networks": _networks(snapshot),
        "cells": [
            _cell(names, place, heaps[place], mark)
            for place in sorted(heaps, key=order)
            if (mark := _worst(heaps[place])).value in marks
        ],
    }


def _values(parameter: Parameter, parameters: Parameters) -> frozenset[str]:
    """Return the values that are asked for, all of them where none is."""
    given = parameters.get(parameter.name)
    return frozenset(parameter.values if given is None else given.split(","))


def _worst(sorts: Iterable[Sort]) -> Mark:
    return worst(mark_for(sort.verdict, sort.expected) for sort in sorts)


def _ranks(names: Mapping[NetworkId | None, str]) -> Mapping[NetworkId | None, int]:
    """Return where networks stand in the order of rows and columns."""
    ordered = sorted(names, key=lambda one: natural(names[one]))
    return {network: rank for rank, network in enumerate(ordered)}


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
    names: Mapping[NetworkId | None, str],
    place: Place,
    sorts: Mapping[Sort, int],
    mark: Mark,
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
        "ip_versions": sorted({sort.ip_version for sort in sorts}),
        "mark": mark.value,
        "pairs": verdicts.total(),
        "counts": _numbers(Verdict, verdicts),
        "expected": _numbers(Expected, expected),
        "marks": {one.value: marks[one] for one in Mark if marks[one]},
    }


def _numbers(words: Iterable[W], counts: Mapping[W, int]) -> Json:
    return {str(word): counts[word] for word in words if counts[word]}


def container_matrix(snapshot: Snapshot, asked: Asked) -> Json:
    """Return the pairs from the containers of one network to those of another.

    Raises:
        UnknownName: there is no such network.
    """
    parameters = asked.parameters
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
