"""How soon a change shows: a flushed firewall, a container that starts or is connected.

python -m tests.bench.detection [--rounds 20] [--engine host]: the daemon with its
defaults but an interval of 30 s, beside a real engine with the demo. Times are taken
before the command that makes the change is run, until the violation is in /metrics and
in the log, or until the log has the first verdicts on the new endpoint.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable

from tests.lab.engine import Engine
from tests.lab.service import Service, serving
from tests.lab.suites import SUITES
from tests.lab.topology import DEMO, At, ContainerSpec, NetworkSpec, Running

_LIMIT_S = 35.0
_PAUSES_S = (5.0, 9.0)
"""Between rounds: at no fixed distance from the daemon's own cycles."""
_FLUSH = "iptables -P FORWARD ACCEPT; iptables -F; iptables -t raw -F"
_KIND = {"kind": "unexpected_reachable", "ip_version": "4"}


def main() -> None:
    """Print medians and worst of all rounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--interval", default="30s")
    names = [suite.name for suite in SUITES]
    parser.add_argument("--engine", choices=names, default=names[0])
    given = parser.parse_args()
    suite = next(suite for suite in SUITES if suite.name == given.engine)
    with Engine.start(suite) as engine:
        running = Running(engine)
        running.start(DEMO)
        running.add_network(NetworkSpec(name="other"))
        timeouts = {"DOCKERNET_PROBE_TIMEOUT": "1s"}
        with serving(engine, interval=given.interval, environment=timeouts) as service:
            service.wait_for_cycle(trigger="start")
            print(f"engine {engine.version}, interval {given.interval}")
            _print_sources(service)
            _flushes(engine, service, given.rounds)
            _starts(running, service, given.rounds)
            _connects(running, service, given.rounds)
            _print_sources(service)
        running.remove()


def _flushes(engine: Engine, service: Service, rounds: int) -> None:
    rules = engine.run_beside(["iptables-save"]).stdout
    shown, logged = [], []
    for _ in range(rounds):
        time.sleep(random.uniform(*_PAUSES_S))  # noqa: S311 - no secret
        before = len(service.log)
        began_s = time.monotonic()
        engine.run_beside(["sh", "-c", _FLUSH])
        _until(lambda: _violations(service) > 0)
        shown.append(time.monotonic() - began_s)
        _until(lambda n=before: _logged(service, n, "verdict=unexpected_reachable"))  # type: ignore[misc]
        logged.append(time.monotonic() - began_s)
        script = f"iptables-restore <<'END'\n{rules}END\n"
        engine.run_beside(["sh", "-c", script])
        _until(lambda: _violations(service) == 0)
    _print("flush to /metrics", shown)
    _print("flush to the log", logged)


def _starts(running: Running, service: Service, rounds: int) -> None:
    took = []
    for number in range(rounds):
        time.sleep(random.uniform(*_PAUSES_S))  # noqa: S311 - no secret
        name = f"guest{number}"
        began_s = time.monotonic()
        running.add(ContainerSpec(name=name, networks=("mybridge",)))
        _until(lambda n=name: _verdicts(service, n))  # type: ignore[misc]
        took.append(time.monotonic() - began_s)
        running.drop(name)
    _print("container start to its first verdict", took)


def _connects(running: Running, service: Service, rounds: int) -> None:
    took = []
    network = running.engine.docker.networks.get("other")
    for _ in range(rounds):
        time.sleep(random.uniform(*_PAUSES_S))  # noqa: S311 - no secret
        began_s = time.monotonic()
        running.connect("mybridge1", At("other"))
        _until(lambda: _verdicts(service, "mybridge1", "other"))
        took.append(time.monotonic() - began_s)
        network.disconnect("mybridge1")
        _until(lambda: not _verdicts(service, "mybridge1", "other"))
    _print("network connect to its first verdict", took)


def _violations(service: Service) -> float:
    return service.value("dockernet_pair_violations", **_KIND) or 0.0


def _logged(service: Service, since: int, word: str) -> bool:
    return any(word in line for line in service.log[since:])


def _verdicts(service: Service, container: str, network: str = "mybridge") -> bool:
    """Return whether the host's pair to an endpoint has a verdict in /metrics."""
    labels = {"container": container, "network": network}
    return service.value("dockernet_endpoint_host_reachable", **labels) is not None


def _until(holds: Callable[[], bool]) -> None:
    limit_s = time.monotonic() + _LIMIT_S
    while not holds():
        if time.monotonic() > limit_s:
            raise TimeoutError
        time.sleep(0.01)


def _print(what: str, values_s: list[float]) -> None:
    if values_s:
        median_s, worst_s = statistics.median(values_s), max(values_s)
        print(
            f"{what}: median {median_s:.2f} s, worst {worst_s:.2f} s of {len(values_s)}"
        )


def _print_sources(service: Service) -> None:
    for labels, bound_s in service.samples("dockernet_detection_bound_seconds").items():
        print(f"  bound of {dict(labels)['source']}: {bound_s:.2f} s")


if __name__ == "__main__":
    main()
