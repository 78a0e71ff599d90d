"""Many containers on one bridge, within the kernel's own neighbour limits.

python -m tests.bench.one_bridge --containers 200 --minutes 10
python -m tests.bench.one_bridge --containers 60 --minutes 20 --until 1

A full mesh would overflow the neighbour table of the whole machine. Shown every half
minute: how many of the promised pairs have a measurement in force, what the exported
bound says that should be by now, the table's entries and overflows, and how many pairs
are called unreachable though all can be reached.
"""

import argparse
import time

from tests.bench.pages import surroundings
from tests.lab.crowd import gather
from tests.lab.engine import Engine
from tests.lab.service import Service, serving
from tests.lab.suites import SUITES

_APART_S = 30.0
_DEFAULTS = {"DOCKERNET_PROBE_TIMEOUT": "1s"}


def main() -> None:
    """Print a line each half minute, and a verdict at the end."""
    given = _arguments()
    suite = next(suite for suite in SUITES if suite.name == given.engine)
    with Engine.start(suite) as engine:
        gather(engine, containers=given.containers, networks=1)
        with serving(engine, interval="15s", environment=_DEFAULTS) as service:
            began_s = time.monotonic()
            service.wait_for_cycle(trigger="start")
            fulls = _of_ipv4(service, "table_fulls_total")
            covered = 0.0
            while time.monotonic() - began_s < given.minutes * 60:
                covered = _line(service, time.monotonic() - began_s)
                if covered >= given.until:
                    break
                time.sleep(_APART_S)
            called = [line for line in service.log if "verdict=unexpected" in line]
            more = _of_ipv4(service, "table_fulls_total") - fulls
            print(f"table_fulls: {more:+.0f}; violations in the log: {len(called)}")
            print(*called[:5], f"engine {engine.version}; {surroundings()}", sep="\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--containers", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--until", type=float, default=2, help="coverage, then stop")
    names = [suite.name for suite in SUITES]
    parser.add_argument("--engine", choices=names, default=names[0])
    return parser.parse_args()


def _line(service: Service, age_s: float) -> float:
    """Print what the metrics say now; return the coverage of promised pairs."""
    covered = service.value("dockernet_pair_coverage_ratio", expected="reachable") or 0
    bound_s = service.value("dockernet_pair_coverage_bound_seconds") or 0
    broken = service.value("dockernet_pair_violations") or 0
    put_off = service.value("dockernet_probe_throttled_total") or 0
    print(
        f"{age_s:5.0f} s: coverage {covered:.3f}, by the bound of {bound_s:.0f} s"
        f" {min(1.0, age_s / bound_s) if bound_s else 1:.3f};"
        f" {_of_ipv4(service, 'entries'):.0f} neighbours, {put_off:.0f} put off,"
        f" {broken:.0f} violations",
        flush=True,
    )
    return covered


def _of_ipv4(service: Service, name: str) -> float:
    return service.value(f"dockernet_host_neighbour_{name}", ip_version="4") or 0


if __name__ == "__main__":
    main()
