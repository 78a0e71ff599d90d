"""Looking at pairs one by one, until what is asked for is certain."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache

from exporter.board import Board
from exporter.budget import WINDOW_S
from exporter.cycle import doubtful_pairs
from exporter.model.neighbours import entries_of
from exporter.model.outcome import Verdict
from exporter.model.pair import Pair, PairState, Planned
from exporter.model.plan import about, needed_for
from exporter.model.selection import Selection, select
from exporter.model.topology import SandboxId, Topology
from exporter.model.verdict import YOUNG
from exporter.presence import Presence
from exporter.session import Session, runner_for

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


class Looker:
    """Probes pairs and keeps what it has seen of them."""

    def __init__(
        self,
        session: Session,
        progress: Progress,
        presence: Presence,
        timeout_s: float | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """Bind to the parts; nothing is probed yet.

        Args:
            session: the parts, alive.
            progress: told what is waited for.
            presence: who has ended.
            timeout_s: for a reply, in place of the settings'.
            sleep: takes seconds; in place of time.sleep.
        """
        self.sleep = sleep or time.sleep
        self.session = session
        self.progress = progress
        self.clock = session.clock
        probe = session.config.probe
        self.board = Board(probe.interval, probe.packets_per_second, _LASTING_S)
        self.ended: set[SandboxId] = set()
        """Sandboxes that have ended meanwhile; of their pairs nothing can be said."""
        self._presence = presence
        self._runner = runner_for(session, session.config, timeout_s)
        self._unsettled: dict[Pair, str] = {}
        """Pairs that were to be looked at and could not, with why."""

    def states(self) -> Iterator[PairState]:
        """Yield the newest states, without those that nothing can be said of."""
        settled = (self._settled(state) for state in self.board.states.values())
        return (state for state in settled if state is not None)

    def _settled(self, state: PairState) -> PairState | None:
        """Return a state; what could not be looked at is unverified, never skipped.

        None for a pair with an end that has ended, as there is nothing to judge.
        """
        if state.verdict is not Verdict.SKIPPED:
            return state
        if self.ended & {state.pair.source, state.pair.destination_sandbox}:
            return None
        why = self._unsettled.get(state.pair)
        if why is None:
            return state
        return replace(state, verdict=Verdict.UNVERIFIED, reason=why)

    def sweep(
        self,
        found: Topology,
        planned: tuple[Planned, ...],
        todo: tuple[Planned, ...],
        *,
        everything: bool,
    ) -> None:
        """Probe once, or with `everything` again until nothing is left.

        Args:
            found: what exists.
            planned: the pairs to know of.
            todo: those to probe, with what controls them.
            everything: whoever's turn it is.
        """
        due, left, done, fruitless = todo, todo, set[Pair](), 0
        while fruitless < _FRUITLESS:
            selection = self.probe(found, planned, due, everything=everything)
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
        self.progress(
            f"{len(left)} of {total} pairs left, about "
            f"{self._rounds(found, left) * wait_s:.0f} s: the host's neighbour "
            "table bears no more at once"
        )
        self.sleep(wait_s / 2)
        needed = needed_for(left, planned)
        controls = tuple(item for item in planned if item.pair in needed)
        self.probe(found, planned, controls, everything=True)
        self.sleep(wait_s / 2)

    def _rounds(self, found: Topology, left: Iterable[Planned]) -> int:
        entries = {entry for item in left for entry in entries_of(found, item)}
        tables = self.session.budget.host.tables
        limit = min(table.hard_limit for table in tables.values())
        return max(1, -(-len(entries) // max(1, limit // 4)))

    def await_certainty(self, found: Topology, planned: tuple[Planned, ...]) -> None:
        """Probe again what was silent: once it is old enough, and in a second cycle."""
        grace_s = self.session.config.probe.grace_period
        for _ in range(_ROUNDS):
            states = tuple(self.board.states.values())
            young = {state.pair for state in states if state.reason == YOUNG}
            doubtful = doubtful_pairs(states)
            if young:
                self.progress(
                    f"waiting {grace_s:.0f} s: a container that has just started is "
                    "silent yet"
                )
            elif not doubtful:
                return
            self.sleep(grace_s if young else _RECHECK_S)
            again = about(planned, young | doubtful)
            self.probe(found, planned, again, everything=True)

    def probe(
        self,
        found: Topology,
        planned: tuple[Planned, ...],
        todo: tuple[Planned, ...],
        *,
        everything: bool,
    ) -> Selection:
        """Probe once what the neighbour table has room for; the arguments as before.

        Returns the selection without those whose silence proves nothing yet, as there
        was no room for what controls them.
        """
        with self.session.budget.hold(self.say_waiting) as budget:
            selection = select(
                found, todo, epoch=0, budget=budget, everything=everything
            )
            look = cache(self.session.survey.full)  # once, when the probing is over
            outcome = self._runner.run(
                found,
                selection,
                self.board.states,
                self._presence.still_in(found, look),
            )
            self.ended |= self._presence.ended(found, look())
        judged = {state.pair for state in outcome.states}
        silent = {
            item.pair: _NO_ROOM if selection.is_unproven(item.pair) else _REPLACED
            for item in selection.probed
            if item.pair not in judged
        }
        self._unsettled.update(silent)
        self.board.absorb(found, planned, outcome, self.clock.now_utc())
        settled = (i for i in selection.probed if silent.get(i.pair) is not _NO_ROOM)
        return replace(selection, probed=tuple(settled))

    def say_waiting(self, holder: str) -> None:
        """Say who holds the budget."""
        self.progress(f"waiting for {holder}, which is probing on this host")
