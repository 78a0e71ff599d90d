"""Round-trip times beside `ping`, between the same two containers in the same run.

python -m tests.bench.rtt [--suite host|trixie|forky]
"""

import argparse
import os
import re
import statistics

from exporter.config import load
from exporter.cycle import CycleRunner
from exporter.model.outcome import Scope
from exporter.model.plan import plan
from exporter.model.selection import select
from exporter.session import open_session
from exporter.sightings import CycleSettings
from tests.lab.engine import Engine
from tests.lab.suites import SUITES
from tests.lab.topology import DEMO, Running

_ROUNDS = 10
_PINGS = 60
_TIME = re.compile(r"time=([0-9.]+) ms")


def main() -> None:
    """Print the medians of both, in microseconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", default="host", choices=[s.name for s in SUITES])
    name = parser.parse_args().suite
    suite = next(suite for suite in SUITES if suite.name == name)
    with Engine.start(suite) as engine:
        demo = Running(engine)
        demo.start(DEMO)
        ours, theirs = _measure(engine, demo)
        demo.remove()
    print(f"engine {name}: {len(ours)} probes, {len(theirs)} pings")
    print(f"median ours {_us(ours):.1f} us, ping -i 0.01 {_us(theirs):.1f} us")
    print(f"difference {_us(ours) - _us(theirs):+.1f} us")


def _measure(engine: Engine, demo: Running) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    theirs: list[float] = []
    target = demo.address("mybridge2", "mybridge")
    config = load(None, {**os.environ, "DOCKER_HOST": engine.base_url}, {})
    with open_session(config) as session:
        topology = session.survey.full()
        planned = plan(topology, frozenset(Scope), lambda _: True)
        runner = CycleRunner(
            session.prober, session.clock, CycleSettings(timeout_s=0.2)
        )
        source = engine.container("mybridge1").id
        for _ in range(_ROUNDS):
            ping = ["ping", "-i", "0.01", "-c", str(_PINGS), target]
            said = engine.run_in_container("mybridge1", ping).stdout
            theirs += [float(found) / 1e3 for found in _TIME.findall(said)]
            for _ in range(6):
                with session.budget.hold(print) as budget:
                    chosen = select(topology, planned, epoch=0, budget=budget)
                    outcome = runner.run(topology, chosen, {})
                ours += [
                    rtt_s
                    for state in outcome.states
                    if state.pair.source == source
                    and str(state.pair.address) == target
                    and state.pair.scope is Scope.CONTAINER
                    for rtt_s in state.observation.rtts_s
                ]
    return ours, theirs


def _us(values_s: list[float]) -> float:
    return statistics.median(values_s) * 1e6


if __name__ == "__main__":
    main()
