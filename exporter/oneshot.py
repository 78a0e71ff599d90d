"""The commands that look once: `check`, `explain`, `topology`."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches

from exporter.board import Board, only
from exporter.budget import WINDOW_S, read_tables
from exporter.config import Config
from exporter.errors import EngineNotLocal, UnknownName
from exporter.model.outcome import Verdict
from exporter.model.pair import PairState
from exporter.model.plan import (
    Planned,
    Selection,
    entries_of,
    focus,
    needed_for,
    plan,
    select,
)
from exporter.model.snapshot import CycleInfo, Snapshot
from exporter.model.topology import NetworkId, Topology
from exporter.report.request import CheckRequest
from exporter.session import Session, looks_at, open_session, runner_for

Progress = Callable[[str], None]


def topology(config: Config) -> Snapshot:
    """Return what exists; nothing is probed.

    Raises:
        EngineError: the engine gave no usable answer.
    """
    with open_session(config) as session:
        found = session.survey.full()
        return _snapshot(session, Board(1.0, 0.0), found)


def check(config: Config, request: CheckRequest, progress: Progress) -> Snapshot:
    """Return one cycle's findings.

    Silence of containers within their grace period is waited for.

    Raises:
        EngineError: the engine gave no usable answer, or is not local.
        UnknownName: a network of the request does not exist.
        BusyError: the probe budget cannot be shared.
    """
    with open_session(config) as session:
        found = session.survey.full()
        if not found.engine.local:
            raise EngineNotLocal(found.engine.address, found.engine.local_reason)
        return _Check(session, request, progress).run(found)


class _Check:
    """One check at work."""

    def __init__(
        self, session: Session, request: CheckRequest, progress: Progress
    ) -> None:
        self._session = session
        self._request = request
        self._progress = progress
        self._clock = session.clock
        self._runner = runner_for(session, session.config, request.timeout_s)
        probe = session.config.probe
        self._board = Board(probe.interval, probe.packets_per_second)

    def run(self, found: Topology) -> Snapshot:
        """Probe until everything asked for is settled, and return the findings."""
        started, began_s = self._clock.now_utc(), self._clock.monotonic_s()
        planned = plan(
            found,
            frozenset(self._session.config.probe.scopes),
            looks_at(self._session.config),
        )
        asked = self._asked(found, planned)
        wanted = {item.pair for item in asked} | needed_for(asked, planned)
        todo = tuple(item for item in planned if item.pair in wanted)
        everything = self._request.everything or self._request.only is not None
        self._sweep(found, planned, todo, everything=everything)
        self._await_grown(found, planned, todo)
        self._board.finish_cycle(
            CycleInfo(
                number=1,
                trigger="check",
                started=started,
                duration_s=self._clock.monotonic_s() - began_s,
            )
        )
        snapshot = _snapshot(self._session, self._board, found)
        return only(snapshot, (item.pair for item in asked))

    def _asked(
        self, found: Topology, planned: tuple[Planned, ...]
    ) -> tuple[Planned, ...]:
        asked = planned
        if self._request.networks:
            asked = focus(planned, _networks(found, self._request.networks))
        if self._request.only is not None:
            source, destination = self._request.only
            asked = tuple(
                item
                for item in asked
                if (item.pair.source, item.pair.destination) == (source, destination)
            )
        return asked

    def _sweep(
        self,
        found: Topology,
        planned: tuple[Planned, ...],
        todo: tuple[Planned, ...],
        *,
        everything: bool,
    ) -> None:
        """Probe once, or with `everything` again until nothing is left."""
        left = todo
        while left:
            selection = self._probe(found, planned, left, everything=everything)
            if not everything or not selection.throttled:
                return
            done = {item.pair for item in selection.probed}
            left = tuple(
                item
                for item in left
                if item.pair not in done and not item.decision.leaves_host
            )
            wait_s = WINDOW_S + 1.0
            self._progress(
                f"{len(left)} of {len(todo)} pairs left, about "
                f"{self._rounds(found, left) * wait_s:.0f} s: the host's neighbour "
                "table bears no more at once"
            )
            time.sleep(wait_s)
            left = self._with_controls(left, planned)

    def _with_controls(
        self, left: tuple[Planned, ...], planned: tuple[Planned, ...]
    ) -> tuple[Planned, ...]:
        """Return pairs with the host and gateway pairs that control them."""
        wanted = {item.pair for item in left} | needed_for(left, planned)
        return tuple(item for item in planned if item.pair in wanted)

    def _rounds(self, found: Topology, left: Iterable[Planned]) -> int:
        entries = {entry for item in left for entry in entries_of(found, item)}
        limit = min(table.hard_limit for table in read_tables().values())
        return max(1, -(-len(entries) // max(1, limit // 4)))

    def _await_grown(
        self, found: Topology, planned: tuple[Planned, ...], todo: tuple[Planned, ...]
    ) -> None:
        """Probe once more what was silent while an end was too young."""
        waiting = {s.pair for s in self._board.states.values() if _is_young(s)}
        if not waiting:
            return
        grace_s = self._session.config.probe.grace_period
        self._progress(
            f"waiting {grace_s:.0f} s: a container that has just started is silent yet"
        )
        time.sleep(grace_s)
        items = tuple(item for item in todo if item.pair in waiting)
        again = self._with_controls(items, planned)
        self._probe(found, planned, again, everything=True)

    def _probe(
        self,
        found: Topology,
        planned: tuple[Planned, ...],
        todo: tuple[Planned, ...],
        *,
        everything: bool,
    ) -> Selection:
        with self._session.budget.hold(self._say_waiting) as budget:
            selection = select(
                found, todo, epoch=0, budget=budget, everything=everything
            )
            outcome = self._runner.run(found, selection, self._board.states)
        self._board.absorb(found, planned, selection, outcome, self._clock.now_utc())
        return selection

    def _say_waiting(self, holder: str) -> None:
        self._progress(f"waiting for {holder}, which is probing on this host")


def _is_young(state: PairState) -> bool:
    return state.verdict is Verdict.UNVERIFIED and "grace period" in state.reason


def _networks(found: Topology, names: Iterable[str]) -> frozenset[NetworkId]:
    known = {network.name: network.id for network in found.networks}
    known.update((network.id, network.id) for network in found.networks)
    for name in names:
        if name not in known:
            near = tuple(get_close_matches(name, [str(key) for key in known], 3))
            raise UnknownName("network", name, near)
    return frozenset(known[name] for name in names)


def _snapshot(session: Session, board: Board, found: Topology) -> Snapshot:
    tables = {
        version: (table.entries, table.hard_limit)
        for version, table in read_tables().items()
    }
    snapshot = board.snapshot(
        session.clock.now_utc(),
        engine_up=True,
        stream_connected=False,
        notices=session.survey.notices,
        tables=tables,
    )
    return replace(snapshot, topology=found)
