"""How soon a dead container's sockets are closed, and how long its veth stays.

python -m tests.bench.teardown: kills containers with and without the daemon beside
the engine, in turn.
"""

import os
import signal
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from exporter.netns import NamespaceRef, open_namespace
from exporter.rtnetlink import RouteSocket
from tests.lab.engine import Engine
from tests.lab.service import Service, serving
from tests.lab.suites import HOST
from tests.lab.topology import ContainerSpec, NetworkSpec, Running

_ROUNDS = 20
_LIMIT_S = 5.0


def main() -> None:
    """Print medians in milliseconds."""
    with Engine.start(HOST) as engine:
        running = Running(engine)
        running.add_network(NetworkSpec(name="mybridge"))
        running.add(ContainerSpec(name="stays", networks=("mybridge",)))
        alone: list[float] = []
        beside: list[float] = []
        closed: list[float] = []
        for turn in range(4):
            service = serving(engine, interval="5s") if turn % 2 else nullcontext(None)
            with service as daemon:
                if daemon:
                    daemon.wait_for_cycle(trigger="start")
                idle = _pidfds(daemon)
                for _ in range(_ROUNDS // 2):
                    took_s, closed_s = _kill(engine, running, daemon, idle)
                    (beside if daemon else alone).append(took_s)
                    if closed_s is not None:
                        closed.append(closed_s)
        running.remove()
    print(f"sockets closed after {_ms(closed)} ms (median of {len(closed)})")
    print(f"veth gone after {_ms(alone)} ms without us ({len(alone)})")
    print(f"veth gone after {_ms(beside)} ms with us ({len(beside)})")


def _kill(
    engine: Engine, running: Running, daemon: Service | None, before: int
) -> tuple[float, float | None]:
    _until(lambda: _pidfds(daemon) == before)
    running.add(ContainerSpec(name="dies", networks=("mybridge",)))
    if daemon:
        _until(lambda: _pidfds(daemon) > before)
        daemon.wait_for_cycle(trigger="change")
    with open_namespace(NamespaceRef(path=engine.netns)) as namespace:
        routes = namespace.run(RouteSocket)
    veths = len(routes.interfaces())
    pid = engine.pid_of("dies")
    began_s = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    closed_s = None
    if daemon:
        _until(lambda: _pidfds(daemon) == before)
        closed_s = time.monotonic() - began_s
    _until(lambda: len(routes.interfaces()) < veths)
    took_s = time.monotonic() - began_s
    routes.close()
    running.drop("dies")
    return took_s, closed_s


def _pidfds(daemon: Service | None) -> int:
    """Return how many pidfds the daemon holds: one a sandbox, closed last."""
    if daemon is None:
        return 0
    count = 0
    for entry in Path(f"/proc/{daemon.pid}/fd").iterdir():
        with suppress(OSError):
            count += "pidfd" in str(entry.readlink())
    return count


def _until(holds: Callable[[], bool]) -> None:
    limit_s = time.monotonic() + _LIMIT_S
    while not holds():
        if time.monotonic() > limit_s:
            raise TimeoutError


def _ms(values_s: list[float]) -> str:
    return f"{statistics.median(values_s) * 1e3:.1f}"


if __name__ == "__main__":
    main()
