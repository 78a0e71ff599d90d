"""The commands that look once: `check`, `explain`, `topology`."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches
from functools import cache

from exporter.board import Board, only
from exporter.budget import WINDOW_S
from exporter.clock import SystemClock
from exporter.config import Config
from exporter.cycle import doubtful_pairs
from exporter.errors import EngineNotLocal, UnknownName
from exporter.model.neighbours import entries_of
from exporter.model.outcome import Verdict
from exporter.model.pair import Pair, PairState, Planned
from exporter.model.plan import Selection, about, focus, needed_for, plan, select
from exporter.model.snapshot import CycleInfo, Snapshot
from exporter.model.topology import NetworkId, SandboxId, Topology
from exporter.model.verdict import YOUNG
from exporter.presence import Presence
from exporter.report.request import CheckRequest
from exporter.session import Session, looks_at, open_session, policy_of, runner_for

Progress = Callable[[str], None]
_LASTING_S = 30 * 86400.0
"""What one check has seen does not grow old before it ends."""
_RECHECK_S = 1.5
"""Until a silence is looked at again; more than `CycleSettings.apart_s`."""
_ROUNDS = 3
"""Looks at what was silent: while it was young, suspected, and to be sure."""
_FRUITLESS = 3
"""Sweeps in a row that add nothing before the rest is given up."""
_REPLACED = "an end was replaced while it was looked at"
_NO_ROOM = "the host's neighbour table had no room for it"


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
    presence = Presence(SystemClock())
    with open_session(config, on_gone=presence.went) as session:
        found = session.survey.full()
        if not found.engine.local:
            raise EngineNotLocal(found.engine.address, found.engine.local_reason)
        return _Check(session, request, progress, presence).run(found)


class _Check:
    """One check at work."""

    def __init__(
        self,
        session: Session,
        request: CheckRequest,
        progress: Progress,
        presence: Presence,
    ) -> None:
        self._session = session
        self._request = request
        self._progress = progress
        self._presence = presence
        self._ended: set[SandboxId] = set()
        self._unsettled: dict[Pair, str] = {}
        """Pairs that were to be looked at and could not, with why."""
        self._clock = session.clock
        self._runner = runner_for(session, session.config, request.timeout_s)
        probe = session.config.probe
        self._board = Board(probe.interval, probe.packets_per_second, _LASTING_S)

    def run(self, found: Topology) -> Snapshot:
        """Probe until everything asked for is settled, and return the findings."""
        started, began_s = self._clock.now_utc(), self._clock.monotonic_s()
        planned = plan(
            found,
            frozenset(self._session.config.probe.scopes),
            looks_at(self._session.config),
            policy_of(self._session.config),
            started.date(),
        )
        asked = self._asked(found, planned)
        todo = about(planned, {item.pair for item in asked})
        everything = self._request.everything or self._request.only is not None
        self._sweep(found, planned, todo, everything=everything)
        self._await_certainty(found, planned)
        self._board.finish_cycle(
            CycleInfo(
                number=1,
                trigger="check",
                started=started,
                duration_s=self._clock.monotonic_s() - began_s,
            )
        )
        snapshot = _snapshot(self._session, self._board, found)
        snapshot = only(snapshot, (item.pair for item in asked))
        settled = (self._settled(state) for state in snapshot.pairs)
        return replace(snapshot, pairs=tuple(filter(None, settled)))

    def _settled(self, state: PairState) -> PairState | None:
        """Return a state; what could not be looked at is unverified, never skipped.

        None for a pair with an end that has ended, as there is nothing to judge.
        """
        if state.verdict is not Verdict.SKIPPED:
            return state
        if self._ended & {state.pair.source, state.pair.destination_sandbox}:
            return None
        why = self._unsettled.get(state.pair)
        if why is None:
            return state
        return replace(state, verdict=Verdict.UNVERIFIED, reason=why)

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
        due, left, done, fruitless = todo, todo, set[Pair](), 0
        while fruitless < _FRUITLESS:
            selection = self._probe(found, planned, due, everything=everything)
            if not everything or not selection.throttled:
                return
            fresh = {item.pair for item in selection.probed} - done
            fruitless = 0 if fresh else fruitless + 1
            done |= fresh
            left = tuple(
                item
                for item in todo
                if item.pair not in done and not item.decision.is_left_alone
            )
            if not left:
                return
            self._wait_for_room(found, planned, left, len(todo))
            due = about(planned, {item.pair for item in left})
        self._unsettled.update((item.pair, _NO_ROOM) for item in left)

    def _wait_for_room(
        self,
        found: Topology,
        planned: tuple[Planned, ...],
        left: tuple[Planned, ...],
        total: int,
    ) -> None:
        """Wait until new entries may be made.

        Half way what controls the rest is probed again: its entries are kept so, and
        need not be paid for out of every window anew.
        """
        wait_s = WINDOW_S + 1.0
        self._progress(
            f"{len(left)} of {total} pairs left, about "
            f"{self._rounds(found, left) * wait_s:.0f} s: the host's neighbour "
            "table bears no more at once"
        )
        time.sleep(wait_s / 2)
        needed = needed_for(left, planned)
        controls = tuple(item for item in planned if item.pair in needed)
        self._probe(found, planned, controls, everything=True)
        time.sleep(wait_s / 2)

    def _rounds(self, found: Topology, left: Iterable[Planned]) -> int:
        entries = {entry for item in left for entry in entries_of(found, item)}
        tables = self._session.budget.host.tables
        limit = min(table.hard_limit for table in tables.values())
        return max(1, -(-len(entries) // max(1, limit // 4)))

    def _await_certainty(self, found: Topology, planned: tuple[Planned, ...]) -> None:
        """Probe again what was silent: once it is old enough, and in a second cycle."""
        grace_s = self._session.config.probe.grace_period
        for _ in range(_ROUNDS):
            states = tuple(self._board.states.values())
            young = {state.pair for state in states if state.reason == YOUNG}
            doubtful = doubtful_pairs(states)
            if young:
                self._progress(
                    f"waiting {grace_s:.0f} s: a container that has just started is "
                    "silent yet"
                )
            elif not doubtful:
                return
            time.sleep(grace_s if young else _RECHECK_S)
            again = about(planned, young | doubtful)
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
            look = cache(self._session.survey.full)  # once, when the probing is over
            outcome = self._runner.run(
                found,
                selection,
                self._board.states,
                self._presence.still_in(found, look),
            )
            self._ended |= self._presence.ended(found, look())
        judged = {state.pair for state in outcome.states}
        self._unsettled.update(
            (item.pair, _REPLACED)
            for item in selection.probed
            if item.pair not in judged
        )
        self._board.absorb(found, planned, selection, outcome, self._clock.now_utc())
        return selection

    def _say_waiting(self, holder: str) -> None:
        self._progress(f"waiting for {holder}, which is probing on this host")


def _networks(found: Topology, names: Iterable[str]) -> frozenset[NetworkId]:
    known = {network.name: network.id for network in found.networks}
    known.update((network.id, network.id) for network in found.networks)
    for name in names:
        if name not in known:
            near = tuple(get_close_matches(name, [str(key) for key in known], 3))
            raise UnknownName("network", name, near)
    return frozenset(known[name] for name in names)


def _snapshot(session: Session, board: Board, found: Topology) -> Snapshot:
    host = session.budget.look()
    snapshot = board.snapshot(
        session.clock.now_utc(),
        engine_up=True,
        stream_connected=False,
        notices=session.survey.notices,
        policy=policy_of(session.config),
        host=host,
    )
    return replace(snapshot, topology=found)
