"""What may be concluded of whole sheets: from a few pairs that were judged one by one.

Silence confirms isolation only where both ends are known to work. That is a matter of
each end and not of each pair, so every end is looked at once, in a representative, and
the rest of its pairs follow.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from exporter.model.outcome import Expected, Scope
from exporter.model.pair import Controls, Decision, PairState, Planned
from exporter.model.sheet import NO_PAIR, RESULTS, UNASKED, Cell, Place, Sheet, Way
from exporter.model.topology import SandboxId
from exporter.model.verdict import settled

K = TypeVar("K", Way, Place)
_WORST_FIRST: Final = (False, None, True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Which ends are known to work; None, or absent, where that is not known."""

    sources: Mapping[Way, bool | None]
    destinations: Mapping[Place, bool | None]

    def confirmed_by(self, later: "Proof") -> "Proof":
        """Return what was so at both times: what is between them holds."""
        return Proof(
            sources=_both(self.sources, later.sources),
            destinations=_both(self.destinations, later.destinations),
        )


def proof_of(states: Iterable[PairState]) -> Proof:
    """Return what the controls of container pairs say of their ends."""
    sources: dict[Way, bool | None] = {}
    destinations: dict[Place, bool | None] = {}
    for state in states:
        pair, destination = state.pair, state.pair.destination_sandbox
        if pair.scope is not Scope.CONTAINER or destination is None:
            continue
        way = pair.source, state.decision.source_network, pair.ip_version
        _note(sources, way, state.controls.source)
        _note(destinations, (destination, pair.address), state.controls.destination)
    return Proof(sources=sources, destinations=destinations)


def representatives(among: Iterable[Sheet]) -> Iterator[Planned]:
    """Yield pairs in which every source has each of its ways, and every address is.

    Their controls say which ends work: each end is in one that is to be silent, or is
    promised nothing, and in one that is promised a reply, as far as it has both.
    """
    seen: dict[bool, tuple[set[Way], set[Place]]] = {
        True: (set(), set()),
        False: (set(), set()),
    }
    for sheet in among:
        for part in sheet.parts:
            decision = part.decision
            if decision.is_left_alone:
                continue
            ways, places = seen[decision.expected is Expected.REACHABLE]
            for row, place in _diagonal(len(sheet.sources), part.start, part.stop):
                way = sheet.sources[row].id, decision.source_network, part.ip_version
                to = sheet.columns[place].place
                if sheet.results[row][place] == NO_PAIR:
                    continue
                if way not in ways or to not in places:
                    ways.add(way)
                    places.add(to)
                    yield Cell(sheet, row, place).planned


def unsettled(
    sheet: Sheet, proof: Proof, doubtful: Collection[SandboxId]
) -> Iterator[Cell]:
    """Yield the pairs that have to be looked at one by one.

    Args:
        sheet: with the results.
        proof: which ends are known to work.
        doubtful: sandboxes that nothing may be concluded of, such as young ones.
    """
    judged: dict[tuple[int, int, bool | None, bool | None], bool] = {}
    alive = [proof.destinations.get(column.place) for column in sheet.columns]
    shaky = {
        place
        for place, column in enumerate(sheet.columns)
        if column.destination.id in doubtful
    }
    for row, source in enumerate(sheet.sources):
        results = sheet.results[row]
        for number, part in enumerate(sheet.parts):
            if part.decision.is_left_alone:
                continue
            way = proof.sources.get(
                (source.id, part.decision.source_network, part.ip_version)
            )
            ends = slice(part.start, part.stop)
            bad = set[tuple[int, bool | None]]()
            for kind in set(zip(results[ends], alive[ends], strict=True)):
                key = number, kind[0], way, kind[1]
                if key not in judged:
                    judged[key] = _is_settled(part.decision, kind[0], way, kind[1])
                if not judged[key]:
                    bad.add(kind)
            if not bad and source.id not in doubtful and not shaky:
                continue
            for place in range(part.start, part.stop):
                if results[place] != NO_PAIR and (
                    source.id in doubtful
                    or place in shaky
                    or (results[place], alive[place]) in bad
                ):
                    yield Cell(sheet, row, place)


def _is_settled(
    decision: Decision, code: int, source: bool | None, destination: bool | None
) -> bool:
    if code == NO_PAIR:
        return True
    if code == UNASKED:
        return False
    controls = Controls(source=source, destination=destination)
    return settled(decision, RESULTS[code], controls) is not None


def _diagonal(rows: int, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield cells in which every row and every column is, and few more than needed.

    Twice, a column apart: where a sandbox meets itself, the next one is another.
    """
    width = stop - start
    for shift in (0, 1):
        for turn in range(max(rows, width)):
            yield turn % rows, start + (turn + shift) % width


def _note(known: dict[K, bool | None], key: K, now: bool | None) -> None:
    """Keep the worse of what is known and what is new."""
    known[key] = min(known.get(key, now), now, key=_WORST_FIRST.index)


def _both(
    first: Mapping[K, bool | None], second: Mapping[K, bool | None]
) -> dict[K, bool | None]:
    found: dict[K, bool | None] = dict(first)
    for key in first.keys() | second.keys():
        _note(found, key, first.get(key))
        _note(found, key, second.get(key))
    return found
