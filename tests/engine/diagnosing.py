"""One look at a real engine, and the causes of what is broken on it.

In this process, so that the facts can be shown beside the causes when a test fails.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from exporter.budget import SharedBudget
from exporter.clock import SystemClock
from exporter.config import Config
from exporter.inspection import Inspector
from exporter.model.cause import Cause
from exporter.model.diagnosis import causes_of
from exporter.model.inspection import Inspection
from exporter.model.outcome import VIOLATIONS
from exporter.model.pair import PairState
from exporter.model.plan import plan, select
from exporter.model.topology import HOST, ContainerId, Topology
from exporter.session import looks_at, open_session, runner_for
from tests.lab.engine import Engine


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen and found at one moment."""

    topology: Topology
    states: tuple[PairState, ...]
    inspection: Inspection

    @property
    def causes(self) -> dict[str, tuple[Cause, ...]]:
        """The causes of each violation, by the pair: `container one two`."""
        return {
            self.named(state): causes_of(state, self.topology, self.inspection)
            for state in self.states
            if state.verdict in VIOLATIONS
        }

    @property
    def first(self) -> dict[str, tuple[str, bool]]:
        """The first cause of each violation and whether it is certain."""
        return {
            pair: (str(found[0].id), found[0].certain) if found else ("unknown", False)
            for pair, found in self.causes.items()
        }

    def named(self, state: PairState) -> str:
        """Return what a pair is called here, `IPv6` behind it if it is."""
        pair = state.pair
        source = "host"
        if pair.source != HOST:
            source = self.topology.sandbox_by_id[pair.source].name
        destination = "gateway"
        if pair.destination is not None:
            owner = ContainerId(pair.destination)
            destination = self.topology.container_by_id[owner].name
        family = " IPv6" if pair.ip_version == 6 else ""
        return f"{pair.scope} {source} {destination}{family}"

    def told(self) -> str:
        """Return everything that was found, for the message of a failed test."""
        lines = [f"note: {note}" for note in self.inspection.notes]
        for pair, found in self.causes.items():
            lines.append(f"{pair}: {'' if found else 'nothing found'}")
            for one in found:
                mark = "!" if one.certain else "?"
                lines.append(f"  {mark} {one.id}: {'; '.join(one.evidence)}")
        return "\n".join(lines)


def look(engine: Engine) -> Look:
    """Probe every pair of an engine, and look into what is broken."""
    config = Config.model_validate(
        {
            "engine": {"host": engine.base_url},
            "probe": {"timeout": 0.2, "grace_period": 0.0},
        }
    )
    with open_session(config) as session, TemporaryDirectory() as folder:
        found = session.survey.full()
        planned = plan(found, frozenset(config.probe.scopes), looks_at(config))
        budget = SharedBudget(SystemClock(), Path(folder))
        with budget.hold(lambda _: None) as held:
            selection = select(found, planned, epoch=0, budget=held, everything=True)
        states = runner_for(session, config).run(found, selection, {}).states
        host = session.survey.host_found
        return Look(found, states, Inspector().inspect(found, states, host))
