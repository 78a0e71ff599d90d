"""The commands that look once: `check`, `explain`, `topology`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

from exporter.board import Board
from exporter.clock import SystemClock
from exporter.config import Config
from exporter.errors import EngineNotLocal, UnknownName
from exporter.exhaustive import exhaust
from exporter.looking import Looker, Progress
from exporter.model.pair import PairState, Planned
from exporter.model.plan import Plan, about, focus
from exporter.model.sample import ENUMERATED
from exporter.model.snapshot import CycleInfo, Snapshot
from exporter.model.topology import NetworkId, Topology
from exporter.presence import Presence
from exporter.report.request import CheckRequest
from exporter.session import Session, looks_at, open_session, policy_of, settings_for

_MOST_KINDS = 200
"""Of sandboxes; beyond, hardly two pairs of a host are promised alike."""


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
        BudgetError, BusyError: the probe budget cannot be shared.
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
        self._clock = session.clock
        self._looker = Looker(session, progress, presence, request.timeout_s)

    def run(self, found: Topology) -> Snapshot:
        """Probe until everything asked for is settled, and return the findings."""
        started, began_s = self._clock.now_utc(), self._clock.monotonic_s()
        plan = Plan(
            found,
            frozenset(self._session.config.probe.scopes),
            looks_at(self._session.config),
            policy_of(self._session.config),
            started.date(),
        )
        pairs: Sequence[PairState]
        if self._is_vast(plan):
            settings = settings_for(self._session.config, self._request.timeout_s)
            pairs = exhaust(self._looker, plan, settings)
        else:
            pairs = self._look(plan)
        self._looker.board.finish_cycle(
            CycleInfo(
                number=1,
                trigger="check",
                started=started,
                duration_s=self._clock.monotonic_s() - began_s,
            )
        )
        snapshot = _snapshot(self._session, self._looker.board, found)
        return replace(snapshot, pairs=pairs)

    def _look(self, plan: Plan) -> tuple[PairState, ...]:
        """Probe pair by pair, and return the states of those asked for."""
        found, planned = plan.topology, plan.everything
        wanted = {item.pair for item in self._asked(found, planned)}
        everything = self._request.everything or self._request.only is not None
        todo = about(planned, wanted)
        self._looker.sweep(found, planned, todo, everything=everything)
        self._looker.await_certainty(found, planned)
        return tuple(state for state in self._looker.states() if state.pair in wanted)

    def _is_vast(self, plan: Plan) -> bool:
        """Return whether all pairs are asked for, and are too many to hold each."""
        is_all = self._request.everything and not self._request.networks
        return (
            is_all
            and self._request.only is None
            and len(plan.kinds) <= _MOST_KINDS
            and plan.size > ENUMERATED
        )

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
