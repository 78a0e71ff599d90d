"""What it costs to keep the privileges in a process of their own.

python -m tests.bench.split --containers 50 --rounds 4

In turns, one process and two run beside the same containers; CPU time of both, a cycle.
`--python` names the interpreter of an environment that holds what the image does, as
for `tests.bench.daemon`.
"""

import argparse
import statistics
import sys

from tests.bench.pages import surroundings
from tests.lab.crowd import gather
from tests.lab.engine import Engine
from tests.lab.service import serving
from tests.lab.suites import SUITES

_INTERVAL = "5s"
_WARM_UP = 3
"""Cycles that are not counted: what is opened once."""


def main() -> None:
    """Print CPU time and memory of one process and of two."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--containers", type=int, default=50)
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--cycles", type=int, default=8)
    parser.add_argument("--python", default=sys.executable)
    given = parser.parse_args()
    with Engine.start(SUITES[0]) as engine:
        gather(engine, containers=given.containers, networks=given.networks)
        ratios = []
        for _ in range(given.rounds):
            one, two = (
                _cost_s(engine, given.cycles, given.python, split=split)
                for split in ("false", "true")
            )
            ratios.append(two / one)
            print(f"  two processes / one: {two / one:.3f}", flush=True)
        print(f"median {statistics.median(ratios):.3f} of {given.rounds}")
        print(f"engine {engine.version}; {surroundings()}")


def _cost_s(engine: Engine, cycles: int, python: str, *, split: str) -> float:
    """Return the CPU time of a cycle, and print it with the memory."""
    environment = {
        "DOCKERNET_PROCESS_SPLIT": split,
        "DOCKERNET_PROBE_TIMEOUT": "1s",
        "PYTHONOPTIMIZE": "2",  # as in the image
    }
    with serving(
        engine, interval=_INTERVAL, environment=environment, python=python
    ) as service:
        for _ in range(_WARM_UP):
            service.wait_for_cycle(trigger="interval")
        before_s = service.cpu_s
        for _ in range(cycles):
            service.wait_for_cycle(trigger="interval")
        spent_s = (service.cpu_s - before_s) / cycles
        resident = service.resident_bytes / 1e6
        which = "two processes" if service.children else "one process"
        print(f"{which}: {spent_s * 1e3:.1f} ms a cycle, {resident:.1f} MB", flush=True)
        return spent_s


if __name__ == "__main__":
    main()
