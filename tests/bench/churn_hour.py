"""An hour of starts, stops and re-attachments beside the daemon: what does it keep?

python -m tests.bench.churn_hour --containers 200 --minutes 60

Five changes a minute, at random times. Shown each minute: descriptors, of which
namespaces held open, memory, cycles and what they called broken. Nothing is: every
violation would be a false one.
"""

import argparse
import contextlib
import random
import time
from pathlib import Path

from tests.bench.pages import surroundings
from tests.lab.crowd import Crowd, gather
from tests.lab.engine import Engine
from tests.lab.service import Service, serving
from tests.lab.suites import SUITES

_A_MINUTE = 5
_INTERVAL_S = 15.0
_DEFAULTS = {"DOCKERNET_PROBE_TIMEOUT": "1s"}


def main() -> None:
    """Print a line a minute, and what came of it at the end."""
    given = _arguments()
    suite = next(suite for suite in SUITES if suite.name == given.engine)
    with Engine.start(suite) as engine:
        crowd = gather(engine, containers=given.containers, networks=given.networks)
        with serving(engine, interval="15s", environment=_DEFAULTS) as service:
            service.wait_for_cycle(trigger="start")
            _hour(crowd, service, given.minutes)
            _end(service)
            print(f"engine {engine.version}; {surroundings()}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--containers", type=int, default=200)
    parser.add_argument("--networks", type=int, default=8)
    parser.add_argument("--minutes", type=int, default=60)
    names = [suite.name for suite in SUITES]
    parser.add_argument("--engine", choices=names, default=names[0])
    return parser.parse_args()


def _hour(crowd: Crowd, service: Service, minutes: int) -> None:
    changes = Changes(crowd)
    began_s = time.monotonic()
    for minute in range(minutes):
        at_s = sorted(random.uniform(0, 60) for _ in range(_A_MINUTE))  # noqa: S311 - no secret
        for second in at_s:
            time.sleep(max(0.0, began_s + minute * 60 + second - time.monotonic()))
            changes.make_one()
        _line(service, minute, changes)


class Changes:
    """One random change after the other; about as many containers stay."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._here = list(crowd.names)
        self._made = 0
        self._wanted = len(self._here)
        self.counts = {"start": 0, "stop": 0, "attach": 0, "detach": 0}
        self._attached: dict[str, str] = {}

    def make_one(self) -> None:
        """Start, stop, attach or detach a container."""
        kinds = ["attach" if random.random() < 0.5 else "detach"]  # noqa: S311 - no secret
        kinds.append("start" if len(self._here) < self._wanted else "stop")
        kind = random.choice(kinds)  # noqa: S311 - no secret
        if kind == "detach" and not self._attached:
            kind = "attach"
        self.counts[kind] += 1
        getattr(self, f"_{kind}")()

    def _start(self) -> None:
        self._made += 1
        name = f"guest{self._made}"
        self._crowd.add(name, random.choice(self._crowd.networks))  # noqa: S311 - no secret
        self._here.append(name)

    def _stop(self) -> None:
        name = self._here.pop(random.randrange(len(self._here)))  # noqa: S311 - no secret
        self._attached.pop(name, None)
        self._crowd.remove(name)

    def _attach(self) -> None:
        """Connect a container to one more network."""
        name = random.choice([n for n in self._here if n not in self._attached])  # noqa: S311 - no secret
        docker = self._crowd.engine.docker
        own = docker.containers.get(name).attrs["NetworkSettings"]["Networks"]
        other = random.choice([n for n in self._crowd.networks if n not in own])  # noqa: S311 - no secret
        docker.networks.get(other).connect(name)
        self._attached[name] = other

    def _detach(self) -> None:
        name = random.choice(sorted(self._attached))  # noqa: S311 - no secret
        network = self._attached.pop(name)
        self._crowd.engine.docker.networks.get(network).disconnect(name)


def _line(service: Service, minute: int, changes: Changes) -> None:
    total = service.value("dockernet_cycles_total", outcome="completed") or 0
    print(
        f"{minute + 1:3} min: {service.descriptors} descriptors,"
        f" {_namespaces(service)} namespaces, {service.resident_bytes / 2**20:.1f} MiB,"
        f" {total:.0f} cycles, {service.value('dockernet_pair_violations') or 0:.0f}"
        f" violations; {changes.counts}",
        flush=True,
    )


def _namespaces(service: Service) -> int:
    """Return how many network namespaces both processes hold open by a file."""
    held = 0
    for pid in service.processes:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                held += str(link.readlink()).startswith("net:")
    return held


def _end(service: Service) -> None:
    planned = [one for one in service.log if "cycle.finished" in one]
    planned = [one for one in planned if "trigger=interval" in one]
    skipped = [one for one in service.log if "cycle.skipped" in one]
    called = [one for one in service.log if "verdict=unexpected" in one]
    print(
        f"cycles by the interval: {len(planned)}, skipped with a line: {len(skipped)}"
    )
    for outcome in ("completed", "failed", "skipped"):
        value = service.value("dockernet_cycles_total", outcome=outcome)
        print(f"  {outcome}: {value or 0:.0f}")
    print(f"overruns: {service.value('dockernet_cycle_overruns_total') or 0:.0f}")
    print(f"violations in the log: {len(called)}", *called[:5], sep="\n")


if __name__ == "__main__":
    main()
