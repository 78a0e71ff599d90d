"""Every pair in order, as states or as JSON, without holding a million of them."""

import json
from collections.abc import Iterator, Sequence
from functools import partial

from exporter.model.many import ManyStates, Row
from exporter.model.outcome import Result, Scope
from exporter.model.pair import PairState
from exporter.model.sheet import CODES, NO_PAIR, Sheet
from exporter.model.snapshot import Snapshot
from exporter.report.pairs import (
    by_scope,
    finding_text,
    middle_text,
    pair_text,
    sorting_key,
)

_ANSWERED = CODES[Result.OK]
_TIME = '"rtt_seconds": '


def in_order(snapshot: Snapshot) -> Iterator[PairState]:
    """Yield the pairs by scope, source, destination, network, family and address."""
    many = snapshot.pairs
    key = partial(sorting_key, snapshot)
    beside = many.beside if isinstance(many, ManyStates) else many
    for scope, states in by_scope(beside).items():
        if isinstance(many, ManyStates) and scope is Scope.CONTAINER:
            for row in _rows(many):
                yield from sorted(many.states(row), key=key)
        yield from sorted(states, key=key)


def texts(snapshot: Snapshot) -> Iterator[str]:
    """Yield the pairs as JSON, in the same order."""
    many = snapshot.pairs
    if not isinstance(many, ManyStates):
        for state in in_order(snapshot):
            yield pair_text(snapshot, state)
        return
    layouts = {id(sheet): _Layout(snapshot, many, sheet) for sheet in many.sheets}
    key = partial(sorting_key, snapshot)
    for scope, states in by_scope(many.beside).items():
        if scope is Scope.CONTAINER:
            for row in _rows(many):
                yield from layouts[id(row.sheet)].texts(row)
        for state in sorted(states, key=key):
            yield pair_text(snapshot, state)


def _rows(many: ManyStates) -> Sequence[Row]:
    return sorted(many.rows, key=lambda row: row.sheet.sources[row.number].name)


class _Layout:
    """The JSON of one sheet; what is alike in a column, or all over, is made once."""

    def __init__(self, snapshot: Snapshot, many: ManyStates, sheet: Sheet) -> None:
        self._snapshot = snapshot
        self._many = many
        self._sheet = sheet
        self._part_of = [
            number
            for number, part in enumerate(sheet.parts)
            for _ in range(part.start, part.stop)
        ]
        self._alive = [
            many.proof.destinations.get(column.place) for column in sheet.columns
        ]
        samples = [
            many.state(Row(sheet, 0, {}), place) for place in range(len(sheet.columns))
        ]
        self._middles = [middle_text(snapshot, state) for state in samples]
        self._order = sorted(
            range(len(samples)),
            key=lambda place: sorting_key(snapshot, samples[place])[1:],
        )
        self._endings: dict[object, tuple[str, str]] = {}

    def texts(self, row: Row) -> Iterator[str]:
        """Yield the pairs of one source."""
        source = self._sheet.sources[row.number]
        results = self._sheet.results[row.number]
        times_s = self._sheet.rtts_s[row.number]
        start = json.dumps({"scope": "container", "source": source.name})[:-1] + ", "
        ways = [
            self._many.proof.sources.get(
                (source.id, part.decision.source_network, part.ip_version)
            )
            for part in self._sheet.parts
        ]
        for place in self._order:
            if place in row.apart:
                yield pair_text(self._snapshot, row.apart[place])
                continue
            code = results[place]
            if code == NO_PAIR:
                continue
            part, is_timed = self._part_of[place], place in times_s
            key = part, code, ways[part], self._alive[place], is_timed
            ending = self._endings.get(key)
            if ending is None:
                ending = self._endings[key] = self._ending(row, place)
            before, after = ending
            time_text = json.dumps(round(times_s[place], 9)) if is_timed else ""
            yield f"{start}{self._middles[place]}, {before}{time_text}{after}"

    def _ending(self, row: Row, place: int) -> tuple[str, str]:
        """Return the end of a pair's text, in two: without its round-trip time."""
        state = self._many.state(row, place)
        text = finding_text(state)
        if state.observation.rtt_s is None:
            return text, ""
        before, _, rest = text.partition(_TIME)
        return before + _TIME, rest[rest.index(",") :]
