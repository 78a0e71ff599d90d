"""Does the traffic of others suffer while everything is probed?

python -m tests.bench.bystander: one container pings another a hundred times a second,
first alone, then while all pairs of 200 containers on four bridges are probed without
a pause, over and over.
"""

import re
import statistics
import subprocess
import threading
from dataclasses import dataclass

from exporter.icmp.prober import Prober
from tests.bench.mesh import Mesh
from tests.bench.ours import Ours
from tests.bench.pages import surroundings

_PINGS = 1000
_APART_S = 0.01
_TIME = re.compile(r"time=([\d.]+) ms")


@dataclass(frozen=True, slots=True)
class Seen:
    """What ping(8) told."""

    times_ms: tuple[float, ...]

    @property
    def lost(self) -> int:
        """How many got no answer."""
        return _PINGS - len(self.times_ms)

    @property
    def p99_ms(self) -> float:
        """What one in a hundred exceeds."""
        return sorted(self.times_ms)[int(len(self.times_ms) * 0.99)]

    def __str__(self) -> str:
        median_us = statistics.median(self.times_ms) * 1e3
        return (
            f"{self.lost} of {_PINGS} lost, median {median_us:.0f} us,"
            f" 99 % {self.p99_ms * 1e3:.0f} us, worst {max(self.times_ms) * 1e3:.0f} us"
        )


def main() -> None:
    """Print both, and their ratio."""
    prober = Prober(on_gone=lambda _: None)
    prober.start()
    try:
        with Mesh(containers=200, bridges=4) as mesh:
            source, destination = mesh.pairs(reachable=True)[0]
            watched = source.path, str(destination.address)
            idle = _ping(*watched)
            print(f"idle: {idle}")
            over, sweeps = threading.Event(), list[float]()
            sweeping = threading.Thread(
                target=_sweep, args=(prober, mesh, over, sweeps)
            )
            sweeping.start()
            beside = _ping(*watched)
            over.set()
            sweeping.join()
    finally:
        prober.stop()
    print(f"beside {len(sweeps)} sweeps: {beside}")
    print(f"99 %: {beside.p99_ms / idle.p99_ms:.2f} times idle; {surroundings()}")


def _ping(path: str, address: str) -> Seen:
    done = subprocess.run(
        [
            *("nsenter", f"--net={path}"),
            *("ping", "-n", "-c", str(_PINGS), "-i", str(_APART_S), address),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=_PINGS * _APART_S * 10,
    )
    return Seen(tuple(map(float, _TIME.findall(done.stdout))))


def _sweep(
    prober: Prober, mesh: Mesh, over: threading.Event, sweeps: list[float]
) -> None:
    ours = Ours(prober, mesh, mesh.pairs(reachable=False), rounds=1, timeout_s=0.5)
    while not over.is_set():
        sweeps.append(ours.turn().cpu_s)


if __name__ == "__main__":
    main()
