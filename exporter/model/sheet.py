"""Container pairs of a large host in sheets: what became of each is one byte.

As objects a million pairs take a gigabyte and half a minute. A sheet has a row for each
sandbox of one kind and a column for each address that they may reach; all columns of a
part are promised alike, so its pairs are judged together (`exporter.model.kinds`).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from exporter.model.kinds import Block
from exporter.model.outcome import Result, Scope
from exporter.model.pair import Decision, Pair, Planned
from exporter.model.topology import (
    ContainerId,
    IPAddress,
    IpVersion,
    NetworkId,
    Sandbox,
    SandboxId,
)

RESULTS: Final = tuple(Result)
CODES: Final = {result: code for code, result in enumerate(RESULTS)}
NO_PAIR: Final = 255
"""In place of a result: both ends are one sandbox, or one of them has ended."""
UNASKED: Final = CODES[Result.SKIPPED]
"""Nothing was sent."""

Way = tuple[SandboxId, NetworkId | None, IpVersion]
"""A source and the network of the interface that its route uses."""
Place = tuple[SandboxId, IPAddress]
"""A sandbox and one of its addresses."""


class Column(NamedTuple):
    """Where the pairs of one column lead."""

    destination: Sandbox
    network: NetworkId
    address: IPAddress
    ip_version: IpVersion
    decision: Decision

    @property
    def place(self) -> Place:
        """Return the address and whose it is."""
        return self.destination.id, self.address


class Part(NamedTuple):
    """Columns beside each other that are promised alike."""

    start: int
    stop: int
    decision: Decision
    ip_version: IpVersion


@dataclass(frozen=True, slots=True)
class Cell:
    """A pair's place."""

    sheet: "Sheet"
    row: int
    column: int

    @property
    def planned(self) -> Planned:
        """Return the pair with its promise."""
        return Planned(
            pair=self.sheet.pair(self.row, self.column),
            decision=self.sheet.columns[self.column].decision,
        )


class Sheet:
    """The pairs from all sandboxes of one kind."""

    def __init__(self, among: Iterable[Block]) -> None:
        """Lay out blocks that have the same sources; nothing is measured yet."""
        columns: list[Column] = []
        parts: list[Part] = []
        sources: tuple[Sandbox, ...] = ()
        for block in among:
            sources, start = block.sources, len(columns)
            _, network, version, decision = block.key
            columns.extend(
                Column(
                    one,
                    network,
                    one.endpoints[block.endpoint].addresses[block.address].address,
                    version,
                    decision,
                )
                for one in block.destinations
            )
            parts.append(Part(start, len(columns), decision, version))
        self.sources = sources
        self.columns = tuple(columns)
        self.parts = tuple(parts)
        self.results = [bytearray([UNASKED]) * len(columns) for _ in sources]
        """By row, a code for each column."""
        self.rtts_s: list[dict[int, float]] = [{} for _ in sources]
        """By row, the round-trip times of the columns that answered, seconds."""
        own: dict[SandboxId, list[int]] = {}
        for place, column in enumerate(columns):
            own.setdefault(column.destination.id, []).append(place)
        self._own = own
        for row, source in enumerate(sources):
            self._cross_out(row, source.id)

    @property
    def size(self) -> int:
        """Return the number of pairs."""
        return sum(len(row) - row.count(NO_PAIR) for row in self.results)

    def pair(self, row: int, column: int) -> Pair:
        """Return one of the pairs."""
        to = self.columns[column]
        return Pair(
            Scope.CONTAINER,
            self.sources[row].id,
            ContainerId(to.destination.id),
            to.network,
            to.address,
            to.ip_version,
        )

    def forget(self, ended: Collection[SandboxId]) -> None:
        """Leave out the pairs of sandboxes that have ended: nothing is to be judged."""
        for row, source in enumerate(self.sources):
            if source.id in ended:
                self.results[row] = bytearray([NO_PAIR]) * len(self.columns)
            for one in ended:
                self._cross_out(row, one)

    def _cross_out(self, row: int, destination: SandboxId) -> None:
        for place in self._own.get(destination, ()):
            self.results[row][place] = NO_PAIR


def sheets(found: Iterable[Block]) -> tuple[Sheet, ...]:
    """Return blocks in sheets, one for the sources of each kind."""
    by_sources: dict[SandboxId, list[Block]] = {}
    for block in found:
        by_sources.setdefault(block.sources[0].id, []).append(block)
    return tuple(map(Sheet, by_sources.values()))
