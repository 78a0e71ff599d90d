"""What the daemon costs beside real containers on a real engine, kernel defaults.

python -m tests.bench.daemon --containers 1000 --networks 31 --interval 30s

The daemon runs with its defaults but the interval. From the end of its second cycle on
it is scraped by another process as Prometheus would, with gzip: every 5 s, as our own
configuration says, while its CPU time is noted; then twice a second, for the time that
answers take.

Some libraries load others that are there for developers only. `--python` names the
interpreter of an environment that holds what the image does, requirements/run.txt.
"""

import argparse
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import httpx2 as httpx

from exporter.clock import SystemClock
from tests.bench.pages import surroundings
from tests.lab.crowd import gather
from tests.lab.engine import Engine
from tests.lab.service import Service, serving
from tests.lab.suites import SUITES

_CONFIGURED_S = 5.0
_DENSE_S = 0.5
_HEADERS = {"accept": "application/openmetrics-text", "accept-encoding": "gzip"}
_FINISHED = re.compile(
    r"^ts=(?P<at>\S+) .*msg=cycle\.finished .*\bduration_s=(?P<took>[\d.]+)"
)
_DEFAULTS = {"DOCKERNET_PROBE_TIMEOUT": "1s", "PYTHONOPTIMIZE": "2"}
"""The program's own timeout, and Python as in the image."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What was seen of the daemon over a time."""

    share: float
    """Of one core."""
    resident_bytes: int
    """The most."""
    scrapes: tuple[tuple[float, float], ...]
    """When each began, in Unix seconds, and how long its answer took, in seconds."""
    cycles: tuple[tuple[float, float], ...]
    """When each began and ended, in Unix seconds."""

    @property
    def during_cycles_s(self) -> list[float]:
        """How long the answers took that were asked for while a cycle ran."""
        return [
            took_s
            for at_s, took_s in self.scrapes
            if any(
                began_s <= at_s + took_s and at_s <= end_s
                for began_s, end_s in self.cycles
            )
        ]


def main() -> None:
    """Print what the daemon cost and exported."""
    if sys.argv[1:2] == ["--client"]:
        _client(sys.argv[2], *map(float, sys.argv[3:5]))
        return
    given = _arguments()
    suite = next(suite for suite in SUITES if suite.name == given.engine)
    with Engine.start(suite) as engine:
        began_s = time.monotonic()
        gather(engine, containers=given.containers, networks=given.networks)
        took_s = time.monotonic() - began_s
        print(f"{given.containers} containers made in {took_s:.0f} s", flush=True)
        with serving(
            engine,
            interval=given.interval,
            environment=_DEFAULTS,
            python=given.python,
        ) as service:
            for _ in range(2):
                print(service.wait_for_cycle(), flush=True)
            for apart_s in (_CONFIGURED_S, _DENSE_S):
                print(f"scraped every {apart_s} s:")
                _print(_watch(service, given.minutes * 60, apart_s))
            _print_pairs(service)
            print(f"engine {engine.version}; {surroundings()}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--containers", type=int, default=50)
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--interval", default="15s")
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--python", default=sys.executable)
    names = [suite.name for suite in SUITES]
    parser.add_argument("--engine", choices=names, default=names[0])
    return parser.parse_args()


def _watch(service: Service, duration_s: float, apart_s: float) -> Cost:
    """Scrape for a while from another process: ours would take turns with it."""
    options = ["--client", service.url, str(duration_s), str(apart_s)]
    seen = len(service.log)
    cpu_s, began_s = service.cpu_s, time.monotonic()
    resident = 0
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.daemon", *options],
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        while client.poll() is None:
            resident = max(resident, service.resident_bytes)
            time.sleep(_DENSE_S)
        assert client.stdout is not None
        lines = [line.split() for line in client.stdout.read().splitlines()]
    share = (service.cpu_s - cpu_s) / (time.monotonic() - began_s)
    return Cost(
        share=share,
        resident_bytes=resident,
        scrapes=tuple((float(at_s), float(took_s)) for at_s, took_s in lines),
        cycles=tuple(filter(None, map(_span, service.log[seen:]))),
    )


def _client(url: str, duration_s: float, apart_s: float) -> None:
    """Print when each scrape began and how long it took."""
    until_s = time.monotonic() + duration_s
    with httpx.Client(timeout=30) as client:
        while (start_s := time.monotonic()) < until_s:
            at_s = SystemClock().now_utc().timestamp()
            client.get(f"{url}metrics", headers=_HEADERS).raise_for_status()
            print(at_s, time.monotonic() - start_s, flush=True)
            time.sleep(apart_s)


def _span(line: str) -> tuple[float, float] | None:
    """Return when a cycle of which the log tells began and ended; None if of none."""
    found = _FINISHED.search(line)
    if found is None:
        return None
    end_s = datetime.fromisoformat(found["at"]).timestamp()
    return end_s - float(found["took"]), end_s


def _print(cost: Cost) -> None:
    every_s = [took_s for _, took_s in cost.scrapes]
    during_s = cost.during_cycles_s
    print(f"  share of a core: {cost.share:.2%}")
    print(f"  resident at most: {cost.resident_bytes / 1e6:.1f} MB")
    print(f"  {len(cost.cycles)} cycles, {_most(e - b for b, e in cost.cycles)} s each")
    print(f"  {len(every_s)} scrapes, {_milliseconds(every_s)}")
    if during_s:
        print(f"  {len(during_s)} while a cycle ran, {_milliseconds(during_s)}")


def _print_pairs(service: Service) -> None:
    pairs = service.samples("dockernet_container_pairs")
    wrong = {
        dict(labels)["verdict"]: int(value)
        for labels, value in pairs.items()
        if value and dict(labels)["verdict"] not in ("as_expected", "skipped")
    }
    print(f"series: {service.value('dockernet_series'):.0f}")
    print(f"container pairs: {sum(pairs.values()):.0f}; not as expected: {wrong}")
    for name in ("coverage_ratio", "coverage_bound_seconds"):
        for labels, value in service.samples(f"dockernet_pair_{name}").items():
            print(f"{name} {dict(labels)}: {value:g}")


def _most(values: Iterable[float]) -> str:
    found = sorted(values)
    return f"{statistics.median(found):.2f} (at most {found[-1]:.2f})"


def _milliseconds(times_s: list[float]) -> str:
    ordered = sorted(times_s)
    p99 = ordered[int(len(ordered) * 0.99)]
    middle = statistics.median(ordered)
    return (
        f"median {middle * 1e3:.1f} ms, 99 % {p99 * 1e3:.1f},"
        f" worst {ordered[-1] * 1e3:.1f}"
    )


if __name__ == "__main__":
    main()
