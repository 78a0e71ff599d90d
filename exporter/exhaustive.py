"""Looking at every pair of a large host, without an object for each.

What silence confirms is a matter of each end (`exporter.model.proof`): both ends of all
pairs are looked at before and after; what worked at both times has worked in between.
Only what is out of line is looked at pair by pair.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from exporter.budget import WINDOW_S
from exporter.icmp.observing import Observations
from exporter.icmp.probes import Ping
from exporter.looking import Looker
from exporter.model.many import ManyStates
from exporter.model.neighbours import NeighbourBudget, NeighbourEntry, entries_of
from exporter.model.outcome import Result, Scope
from exporter.model.pair import Planned
from exporter.model.pairs import all_pairs
from exporter.model.plan import Plan, about
from exporter.model.proof import Proof, proof_of, representatives, unsettled
from exporter.model.sheet import CODES, NO_PAIR, Cell, Sheet, sheets
from exporter.model.topology import Topology
from exporter.sightings import CycleSettings, time_to_live

_BATCH = 50_000
"""Pings of one round, about, whose replies are waited for together; 5 MB."""
_FRUITLESS = 3
"""Windows in a row without room for a single source before the rest is given up."""


def exhaust(looker: Looker, plan: Plan, settings: CycleSettings) -> ManyStates:
    """Probe every pair there is and return what became of them all.

    What the neighbour table has no room for at once is left to be probed pair by pair.

    Args:
        looker: for pairs one by one.
        plan: the pairs; its sandboxes should be of few kinds.
        settings: how to probe.

    Raises:
        BudgetError, BusyError: the probe budget cannot be shared.
        NetnsError: the prober was stopped meanwhile.
    """
    found, laid = plan.topology, sheets(plan.blocks)
    beside = plan.scopes - {Scope.CONTAINER}
    known = (*plan.items(all_pairs(found, beside)), *representatives(laid))
    _wait_for_the_young(looker, found)
    looker.sweep(found, known, known, everything=True)
    before, proof = looker.session.prober.identities(), _proof(looker)
    _fill(looker, found, laid, settings)
    looker.sweep(found, known, known, everything=True)
    after = looker.session.prober.identities()
    proof = proof.confirmed_by(_proof(looker))
    replaced = {one for one, netns in before.items() if after.get(one) != netns}
    again = tuple(
        cell.planned for sheet in laid for cell in unsettled(sheet, proof, replaced)
    )
    planned = (*known, *_without(again, known))
    if again:
        todo = about(planned, {item.pair for item in again})
        looker.sweep(found, planned, todo, everything=True)
    looker.await_certainty(found, planned)
    for sheet in laid:
        sheet.forget(looker.ended)
    return ManyStates(
        kept={state.pair: state for state in looker.states()},
        sheets=laid,
        proof=proof,
        at=looker.clock.now_utc(),
        packets=settings.packets,
    )


def _wait_for_the_young(looker: Looker, found: Topology) -> None:
    """Wait until every container is older than the grace period."""
    grace_s, now = looker.session.config.probe.grace_period, looker.clock.now_utc()
    ages_s = [
        (now - sandbox.started).total_seconds()
        for sandbox in found.sandboxes
        if sandbox.started is not None
    ]
    wait_s = max((grace_s - age_s for age_s in ages_s if age_s >= 0), default=0)
    if wait_s > 0:
        looker.progress(f"waiting {wait_s:.0f} s: a container has just started")
        looker.sleep(wait_s)


def _proof(looker: Looker) -> Proof:
    return proof_of(looker.board.states.values())


def _without(items: Iterable[Planned], known: Iterable[Planned]) -> Iterator[Planned]:
    pairs = {item.pair for item in known}
    return (item for item in items if item.pair not in pairs)


_Row = tuple[Sheet, int, list[int]]
"""A row of a sheet and its columns that are probed."""


def _fill(
    looker: Looker, found: Topology, laid: Iterable[Sheet], settings: CycleSettings
) -> None:
    """Probe the pairs of sheets, as far as the neighbour table has room."""
    pending = deque((sheet, row) for sheet in laid for row in range(len(sheet.sources)))
    total, done, fruitless = sum(sheet.size for sheet in laid), 0, 0
    while pending and fruitless < _FRUITLESS:
        with looker.session.budget.hold(looker.say_waiting) as budget:
            rows = list(_affordable(found, pending, budget))
            for _ in rows:
                pending.popleft()
            _probe(looker, rows, settings)
        done += sum(len(places) for *_, places in rows)
        looker.progress(f"{done:,} of {total:,} pairs")
        fruitless = 0 if rows else fruitless + 1
        if not rows:
            looker.sleep(WINDOW_S + 1.0)


def _affordable(
    found: Topology, pending: Iterable[tuple[Sheet, int]], budget: NeighbourBudget
) -> Iterator[_Row]:
    """Yield rows for one round: those that the neighbour table has room for.

    Across networks a source needs no more than its gateways' entries, and waits for
    them. Pairs on one link need two each; where all of a row have no room, they are
    left out.
    """
    size = 0
    for sheet, row in pending:
        across, on_link = _entries(found, sheet, row)
        if size >= _BATCH or not budget.take(across):
            return
        has_room = budget.take(on_link)
        places = [
            place
            for part in sheet.parts
            if not part.decision.is_left_alone
            and (has_room or not part.decision.on_link)
            for place in range(part.start, part.stop)
            if sheet.results[row][place] != NO_PAIR
        ]
        yield sheet, row, places
        size += len(places)


def _entries(
    found: Topology, sheet: Sheet, row: int
) -> tuple[set[NeighbourEntry], set[NeighbourEntry]]:
    """Return the entries that the pairs of a row need, across networks and on links."""
    across, on_link = set[NeighbourEntry](), set[NeighbourEntry]()
    for part in sheet.parts:
        if part.decision.is_left_alone:
            continue
        if part.decision.on_link:
            for place in range(part.start, part.stop):
                on_link.update(entries_of(found, Cell(sheet, row, place).planned))
        else:
            across.update(entries_of(found, Cell(sheet, row, part.start).planned))
    return across, on_link


def _probe(looker: Looker, rows: list[_Row], settings: CycleSettings) -> None:
    pings = [
        ping
        for sheet, row, places in rows
        for ping in _pings(sheet, row, places, settings.packets)
    ]
    found = looker.session.prober.ping(
        pings,
        timeout_s=settings.timeout_s,
        packets_per_second=settings.packets_per_second,
    )
    results, first = found.results(), 0
    for sheet, row, places in rows:
        _put_down(sheet, row, places, islice(results, len(places)))
        _put_down_times(sheet, row, places, found, first)
        first += len(places)


def _pings(sheet: Sheet, row: int, places: list[int], count: int) -> Iterator[Ping]:
    source, columns = sheet.sources[row].id, sheet.columns
    for place in places:
        to = columns[place]
        yield Ping(source, to.address, time_to_live(to.decision), count=count)


def _put_down(
    sheet: Sheet, row: int, places: list[int], results: Iterable[Result]
) -> None:
    cells = sheet.results[row]
    for place, result in zip(places, results, strict=True):
        cells[place] = CODES[result]


def _put_down_times(
    sheet: Sheet, row: int, places: list[int], found: Observations, first: int
) -> None:
    cells, times, answered = sheet.results[row], sheet.rtts_s[row], CODES[Result.OK]
    for number, place in enumerate(places, first):
        if cells[place] == answered:
            rtt_s = found[number].rtt_s
            if rtt_s is not None:
                times[place] = rtt_s
