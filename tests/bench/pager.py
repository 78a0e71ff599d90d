"""How soon a leak is at the pager, and how soon the pager knows that it is over.

python -m tests.bench.pager [--rounds 10]: the shipped compose file, rules and
Alertmanager configuration on a real engine with the demo; nothing is set otherwise.
Times are taken before the rules are flushed, and after they are back.
"""

import argparse
import random
import statistics
import time

from tests.bench.pages import surroundings
from tests.engine.test_detection import flushed
from tests.lab import alerting
from tests.lab.engine import Engine
from tests.lab.suites import FORKY
from tests.lab.topology import DEMO, Running

LEAK = "DockernetUnexpectedCrossNetworkConnectivity"
_PAUSES_S = (20.0, 35.0)
"""Between rounds: longer than Alertmanager groups, at no fixed distance from cycles."""


def main() -> None:
    """Print medians and worst of all rounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    told, over = list[float](), list[float]()
    with Engine.start(FORKY) as engine:
        alerting.build(engine)
        Running(engine).start(DEMO)
        with alerting.alerting(engine) as watch:
            for _ in range(given.rounds):
                time.sleep(random.uniform(*_PAUSES_S))  # noqa: S311 - no secret
                began_s = time.monotonic()
                with flushed(engine):
                    found = watch.wait_for(LEAK, "firing", since_s=began_s, within_s=60)
                    told.append(min(one.at_s for one in found) - began_s)
                mended_s = time.monotonic()
                ended = watch.wait_for(LEAK, "resolved", since_s=mended_s, within_s=90)
                over.append(max(one.at_s for one in ended) - mended_s)
                print(f"told after {told[-1]:.1f} s, over {over[-1]:.1f} s", flush=True)
        print(f"engine {engine.version}; {surroundings()}")
    for what, taken in (("told", told), ("over", over)):
        worst_s = max(taken)
        print(f"{what}: median {statistics.median(taken):.1f} s, worst {worst_s:.1f} s")


if __name__ == "__main__":
    main()
