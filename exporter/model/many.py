"""The states of all pairs of a large host, of which most are made when asked for."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import NamedTuple, overload

from exporter.model.outcome import NOT_PROBED, Expected, Observation, Result, Verdict
from exporter.model.pair import NO_CONTROLS, Controls, Pair, PairState
from exporter.model.proof import Proof
from exporter.model.sheet import NO_PAIR, RESULTS, Part, Place, Sheet
from exporter.model.topology import NetworkId, SandboxId
from exporter.model.verdict import settled


class Row(NamedTuple):
    """All pairs from one sandbox."""

    sheet: Sheet
    number: int
    apart: Mapping[int, PairState]
    """Those that were judged one by one, by their columns."""


@dataclass(frozen=True)
class ManyStates(Sequence[PairState]):
    """Pair states that look like a collection and are sheets for the most part."""

    kept: Mapping[Pair, PairState]
    """Pairs that were judged one by one: of other scopes, and those out of line."""
    sheets: Sequence[Sheet]
    """What became of container pairs."""
    proof: Proof
    """By which the silence in the sheets confirms isolation."""
    at: datetime
    """When all that was known, in UTC."""
    packets: int
    """Sent to each pair of the sheets."""

    def __len__(self) -> int:
        """Return the number of pairs."""
        return self.counts.total()

    @overload
    def __getitem__(self, index: int) -> PairState: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[PairState, ...]: ...

    def __getitem__(self, index: int | slice) -> PairState | tuple[PairState, ...]:
        """Return some of them, at the cost of going through all before."""
        if isinstance(index, slice):
            return tuple(self)[index]
        return next(islice(self, range(len(self))[index], None))

    def __iter__(self) -> Iterator[PairState]:
        """Yield every state, those of the sheets made for the occasion."""
        yield from self.beside
        for row in self.rows:
            yield from self.states(row)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all sheets."""
        apart = self._apart()
        return tuple(
            Row(sheet, number, apart.get(source.id, {}))
            for sheet in self.sheets
            for number, source in enumerate(sheet.sources)
        )

    @cached_property
    def beside(self) -> tuple[PairState, ...]:
        """The states of pairs that are in no sheet."""
        inside = {state.pair for row in self.rows for state in row.apart.values()}
        return tuple(state for pair, state in self.kept.items() if pair not in inside)

    @cached_property
    def counts(self) -> Counter[Verdict]:
        """Number of pairs by verdict, counted without going through them all."""
        counts = Counter(state.verdict for state in self.beside)
        for row in self.rows:
            counts.update(state.verdict for state in row.apart.values())
            for part in row.sheet.parts:
                counts.update(self._counts_of(row, part))
        return counts

    def _counts_of(self, row: Row, part: Part) -> Mapping[Verdict, int]:
        """Return the number of pairs of a part that were not judged by themselves.

        Those with one result have one verdict, as they are settled all.
        """
        results = row.sheet.results[row.number]
        codes = Counter(results[part.start : part.stop])
        apart = [place for place in row.apart if part.start <= place < part.stop]
        codes.subtract(results[place] for place in apart)
        counts: Counter[Verdict] = Counter()
        for code, count in codes.items():
            if count and code != NO_PAIR:
                place = results.index(code, part.start)
                while place in row.apart:
                    place = results.index(code, place + 1)
                counts[self.verdict(row, place)] += count
        return counts

    def verdict(self, row: Row, place: int) -> Verdict:
        """Return the verdict on a pair that was not judged by itself."""
        column = row.sheet.columns[place]
        result, controls = _result(row, place), self._controls(row, place)
        # Who is not settled was looked at by itself; to be sure, never shown as fine.
        return settled(column.decision, result, controls) or Verdict.UNVERIFIED

    def states(self, row: Row) -> Iterator[PairState]:
        """Yield the states of one row, in the order of the columns."""
        results = row.sheet.results[row.number]
        for place, code in enumerate(results):
            if place in row.apart:
                yield row.apart[place]
            elif code != NO_PAIR:
                yield self.state(row, place)

    def state(self, row: Row, place: int) -> PairState:
        """Return the state of a pair that was not judged by itself."""
        sheet, number, _ = row
        result = _result(row, place)
        asked = result is not Result.SKIPPED
        return PairState(
            pair=sheet.pair(number, place),
            decision=sheet.columns[place].decision,
            observation=self._observation(row, place, result) if asked else NOT_PROBED,
            controls=self._controls(row, place) if asked else NO_CONTROLS,
            verdict=self.verdict(row, place),
            since=self.at,
            probed=self.at if asked else None,
        )

    def _controls(self, row: Row, place: int) -> Controls:
        """Return the controls of a pair; a promised reply speaks for both ends."""
        source, to = row.sheet.sources[row.number], row.sheet.columns[place]
        promised = to.decision.expected is Expected.REACHABLE
        if promised and _result(row, place) is Result.OK:
            return Controls(source=True, destination=True)
        way = source.id, to.decision.source_network, to.ip_version
        return Controls(
            source=self.proof.sources.get(way),
            destination=self.proof.destinations.get(to.place),
        )

    def _observation(self, row: Row, place: int, result: Result) -> Observation:
        rtt_s = row.sheet.rtts_s[row.number].get(place)
        return Observation(
            result=result,
            sent=self.packets,
            received=self.packets if result is Result.OK else 0,
            rtts_s=() if rtt_s is None else (rtt_s,),
        )

    def _apart(self) -> Mapping[SandboxId, Mapping[int, PairState]]:
        """Return the states that stand for themselves, by source and column."""
        sheet_of = {one.id: sheet for sheet in self.sheets for one in sheet.sources}
        places = {id(sheet): _places(sheet) for sheet in self.sheets}
        found: dict[SandboxId, dict[int, PairState]] = {}
        for pair, state in self.kept.items():
            sheet = sheet_of.get(pair.source)
            if sheet is None or pair.destination_sandbox is None or pair.name:
                continue
            key = (pair.destination_sandbox, pair.address), pair.network
            place = places[id(sheet)].get(key)
            if place is not None:
                found.setdefault(pair.source, {})[place] = state
        return found


def _result(row: Row, place: int) -> Result:
    """Return what became of a pair; nothing, where there is no pair."""
    code = row.sheet.results[row.number][place]
    return Result.SKIPPED if code == NO_PAIR else RESULTS[code]


def _places(sheet: Sheet) -> Mapping[tuple[Place, NetworkId], int]:
    return {
        (column.place, column.network): place
        for place, column in enumerate(sheet.columns)
    }


def counted(states: Sequence[PairState]) -> Counter[Verdict]:
    """Return the number of pairs by verdict."""
    if isinstance(states, ManyStates):
        return Counter(states.counts)
    return Counter(state.verdict for state in states)


def outstanding(states: Iterable[PairState]) -> Iterable[PairState]:
    """Return the states that may be anything but as expected or left out."""
    return states.kept.values() if isinstance(states, ManyStates) else states
