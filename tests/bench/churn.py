"""Containers come and go while the daemon runs: what does it keep?

python -m tests.bench.churn [--containers 300]
"""

import argparse
import time

from tests.lab.engine import Engine
from tests.lab.service import serving
from tests.lab.suites import HOST
from tests.lab.topology import DEMO, ContainerSpec, Running

_TOGETHER = 10


def main() -> None:
    """Print descriptors and memory before and after, and what is left of the names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--containers", type=int, default=300)
    count = parser.parse_args().containers
    with Engine.start(HOST) as engine:
        running = Running(engine)
        running.start(DEMO)
        with serving(engine, interval="5s") as service:
            service.wait_for_cycle(as_expected=24)
            _churn(running, _TOGETHER)  # opens and imports what then stays
            service.wait_for_cycle(as_expected=24)
            before = service.descriptors, service.resident_bytes
            began_s = time.monotonic()
            for first in range(0, count, _TOGETHER):
                _churn(running, min(_TOGETHER, count - first))
            print(f"{count} containers in {time.monotonic() - began_s:.0f} s")
            for _ in range(3):
                service.wait_for_cycle(as_expected=24)
            time.sleep(6)
            after = service.descriptors, service.resident_bytes
            page = service.get()
            wrong = [line for line in service.log if "verdict=unexpected" in line]
            cycles = sum("cycle.finished" in line for line in service.log)
        running.remove()
    print(f"descriptors {before[0]} before, {after[0]} after")
    print(f"resident {before[1] / 2**20:.1f} MiB before, {after[1] / 2**20:.1f} after")
    print(f"series of a guest: {page.count(b'guest')}; cycles {cycles}")
    print(f"false verdicts: {len(wrong)}", *wrong[:5], sep="\n")


def _churn(running: Running, count: int) -> None:
    names = [f"guest{number}" for number in range(count)]
    for name in names:
        running.add(ContainerSpec(name=name, networks=("mybridge",)))
    for name in names:
        running.drop(name)


if __name__ == "__main__":
    main()
