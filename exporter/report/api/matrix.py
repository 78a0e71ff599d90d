"""Who reaches whom: network by network, and container by container in one cell.

The words are those of the matrix that `check` draws (`report/marks.py`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, TypeVar

from exporter.errors import UnknownName
from exporter.model.census import Sort
from exporter.model.outcome import Expected, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Network, NetworkId, Sandbox
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
ONLY: Final = Parameter(
    name="only",
    text="Rows and columns in which something is wrong or in doubt.",
    values=("wrong",),
)
SEARCH: Final = Parameter(
    name="search", text="Rows in whose name this stands; all, where it does in none."
)
_ORDER: Final = tuple(Mark)
_BROKEN: Final = 2
"""So many of them are broken promises,"""
_WRONG: Final = 3
"""and so many are wrong or in doubt."""
_SCOPES: Final = {scope: number for number, scope in enumerate(Scope)}
ROWS: Final = number("limit", "Rows in the answer, at most.", SIDE_MOST, SIDE)
FIRST_ROW: Final = number("offset", "Rows left out before them.", _FAR, 0)
COLUMNS: Final = number(
    "column_limit", "Columns in the answer, at most.", SIDE_MOST, SIDE
)
FIRST_COLUMN: Final = number("column_offset", "Columns left out before them.", _FAR, 0)
T = TypeVar("T")
W = TypeVar("W", Verdict, Expected)
Place = tuple[Scope, NetworkId | None, NetworkId]
Heaps = dict[tuple[int, int], list[PairState]]
"""Pairs by row and column."""


def matrix(snapshot: Snapshot, asked: Asked) -> Json:
    """Return how many pairs of which verdict lead from each network to each other.

    What stands beside a sample is counted too. Of that, sources without a route are
    known by number only; their cells have no source network. Rows and columns are
    pages, as cells grow with the square of the networks; the numbers of all pairs are
    not.
    """
    parameters = asked.parameters
    field = _field(snapshot, _values(SCOPES, parameters))
    rows, columns = _sides(snapshot, field, parameters)
    down, across, page = _page(rows, columns, parameters)
    return {
        "schema": SCHEMA,
        "taken": timestamp(snapshot.taken),
        "sampled": snapshot.sampled_since is not None,
        **page,
        "marks": _numbers_of(field.marks),
        "host_broken": field.broken[None],
        "networks": [
            {**_network(snapshot, one), "broken": field.broken[one.id]}
            for one in _listed(snapshot)
        ],
        "rows": [one.name for one in down],
        "columns": [one.name for one in across],
        "cells": [*_shown(snapshot, field, down, across, _values(MARKS, parameters))],
    }


@dataclass(frozen=True, slots=True)
class _Field:
    """All pairs of some scopes, by where they stand."""

    worst: Mapping[Place, int]
    """By its place in `_ORDER`."""
    marks: Mapping[Mark, int]
    broken: Mapping[NetworkId | None, int]
    """Pairs whose promise is broken, by each network at their ends; None is the
    host."""


def _field(snapshot: Snapshot, scopes: frozenset[str]) -> _Field:
    """Go through all that is counted, once; numbers are kept of what is broken only."""
    worst_of: dict[Place, int] = {}
    counts = [0] * len(_ORDER)
    broken: Counter[NetworkId | None] = Counter()
    # Numbers: marks are slow to hash, and there are tens of thousands of sorts.
    rank_by = {(v, e): _ORDER.index(mark_for(v, e)) for v in Verdict for e in Expected}
    for sort, count in snapshot.census.sorts.items():
        scope, source, network, _, expected, verdict = sort
        if scope not in scopes:
            continue
        place, rank = (scope, source, network), rank_by[verdict, expected]
        if rank < worst_of.get(place, len(_ORDER)):
            worst_of[place] = rank
        counts[rank] += count
        if rank < _BROKEN:
            # A source without a route, of which the number is known, is no host.
            ends = {source, network} if source or scope is Scope.HOST else {network}
            for end in ends:
                broken[end] += count
    return _Field(worst_of, dict(zip(_ORDER, counts, strict=True)), broken)


def _sides(
    snapshot: Snapshot, field: _Field, parameters: Parameters
) -> tuple[Sequence[Network], Sequence[Network]]:
    """Return the networks that are rows and those that are columns, in order.

    By name; where there are more than one page has, those with the worst first.
    """
    rows = columns = listed = _listed(snapshot)
    sought = parameters.get(SEARCH.name, "").casefold()
    rows = [one for one in listed if sought in one.name.casefold()] or listed
    ranks = _ranks(field)
    if parameters.get(ONLY.name) is not None:
        rows, columns = (
            [one for one in side if (place, one.id) in ranks]
            for place, side in enumerate((rows, columns))
        )

    def rank(one: Network) -> int:
        return min(ranks.get((side, one.id), _WRONG) for side in (0, 1))

    height, width = value_of(ROWS, parameters), value_of(COLUMNS, parameters)
    return (
        sorted(rows, key=rank) if len(listed) > height else rows,
        sorted(columns, key=rank) if len(listed) > width else columns,
    )


def _ranks(field: _Field) -> Mapping[tuple[int, NetworkId], int]:
    """Return the worst of each row (0) and each column (1) where something is wrong."""
    found: dict[tuple[int, NetworkId], int] = {}
    for (scope, source, network), rank in field.worst.items():
        if rank < _WRONG:
            column = None if scope is Scope.GATEWAY else network
            for side, end in enumerate((source, column)):
                if end is not None:
                    found[side, end] = min(rank, found.get((side, end), rank))
    return found


def _shown(
    snapshot: Snapshot,
    field: _Field,
    rows: Sequence[Network],
    columns: Sequence[Network],
    marks: frozenset[str],
) -> Iterator[Json]:
    """Yield the cells of a page: scope by scope, then by row and by column.

    The host has no row of its own and is on each page, as have gateways no column.
    """
    names = _names(snapshot)
    hidden = {one.id for one in _listed(snapshot)}
    row_of = {one.id: place for place, one in enumerate(rows)}
    column_of = {one.id: place for place, one in enumerate(columns)}

    def order(place: Place) -> tuple[int, int, int, str]:
        scope, source, network = place
        row = -1 if source is None else row_of.get(source, -1)
        return _SCOPES[scope], row, column_of.get(network, -1), network

    heaps: defaultdict[Place, list[tuple[Sort, int]]] = defaultdict(list)
    for sort, count in snapshot.census.sorts.items():
        scope, source, network = sort[:3]
        if (source in row_of or source not in hidden) and (
            network in column_of or scope is Scope.GATEWAY or network not in hidden
        ):
            heaps[scope, source, network].append((sort, count))
    for place in sorted(heaps, key=order):
        rank = field.worst.get(place)
        if rank is not None and (mark := _ORDER[rank]).value in marks:
            yield _cell(names, place, heaps[place], mark)


def _values(parameter: Parameter, parameters: Parameters) -> frozenset[str]:
    """Return the values that are asked for, all of them where none is."""
    given = parameters.get(parameter.name)
    return frozenset(parameter.values if given is None else given.split(","))


def _names(snapshot: Snapshot) -> Mapping[NetworkId | None, str]:
    known = snapshot.topology.networks if snapshot.topology else ()
    return {network.id: network.name for network in known}


def _listed(snapshot: Snapshot) -> Sequence[Network]:
    """Return the networks that something can be on, by name."""
    known = snapshot.topology.networks if snapshot.topology else ()
    listed = (one for one in known if one.driver not in ("host", "null"))
    return sorted(listed, key=lambda one: natural(one.name))


def _network(snapshot: Snapshot, network: Network) -> Json:
    topology = snapshot.topology
    members = topology.sandboxes_on(network.id) if topology else ()
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
    sorts: Sequence[tuple[Sort, int]],
    mark: Mark,
) -> Json:
    scope, source, network = place
    verdicts: Counter[Verdict] = Counter()
    expected: Counter[Expected] = Counter()
    marks: Counter[Mark] = Counter()
    for sort, count in sorts:
        verdicts[sort.verdict] += count
        expected[sort.expected] += count
        marks[mark_for(sort.verdict, sort.expected)] += count
    return {
        "scope": str(scope),
        "source_network": names.get(source, source and source[:12]),
        "destination_network": names.get(network, network[:12]),
        "ip_versions": sorted({sort.ip_version for sort, _ in sorts}),
        "mark": mark.value,
        "pairs": verdicts.total(),
        "counts": _numbers(Verdict, verdicts),
        "expected": _numbers(Expected, expected),
        "marks": _numbers_of(marks),
    }


def _page(
    rows: Sequence[T], columns: Sequence[T], parameters: Parameters
) -> tuple[Sequence[T], Sequence[T], Json]:
    """Return the rows and columns that are asked for, and where they stand."""
    first, left = value_of(FIRST_ROW, parameters), value_of(FIRST_COLUMN, parameters)
    height, width = value_of(ROWS, parameters), value_of(COLUMNS, parameters)
    where = {
        "total": len(rows),
        "offset": first,
        "limit": height,
        "column_total": len(columns),
        "column_offset": left,
        "column_limit": width,
    }
    return rows[first : first + height], columns[left : left + width], where


def _numbers_of(marks: Mapping[Mark, int]) -> Json:
    return {one.value: marks[one] for one in Mark if marks.get(one)}


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
    shown_rows, shown_columns, page = _page(rows, columns, parameters)
    return {
        "schema": SCHEMA,
        "taken": timestamp(snapshot.taken),
        "sampled": snapshot.sampled_since is not None,
        "source_network": source.name,
        "destination_network": network.name,
        **page,
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
