"""What answers of the JSON API cost on a large host, in CPU time.

python -m tests.bench.api [CONTAINERS:NETWORKS]...

The host is a sample as the daemon has it after eight cycles. For each path: the first
answer of a snapshot, and the next, with its size plain and packed. Before that what the
event loop pays for it in each cycle: taking over, and the round-trip times in it.
"""

import gc
import gzip
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl

from exporter.cycle import CycleOutcome
from exporter.model.outcome import Scope
from exporter.model.rtts import Rtts
from exporter.model.sample import Sample
from exporter.model.snapshot import Snapshot
from exporter.report.api import answer
from exporter.report.api.ids import pair_id
from tests.fakes.sampled import Crowd

T = TypeVar("T")
_PATHS = (
    "summary",
    "matrix",
    "matrix/containers?source_network=n0&destination_network=n1",
    "topology",
    "networks",
    "containers?limit=1000",
    "subnets",
    "pairs",
    "pairs?limit=1000",
    "pairs?offset=50000",
    "pairs?search=c0",
    "pairs?source=c0001",
    "pairs?verdict=unverified",
    "events?limit=1000",
    "outages",
)


class Timed(Crowd):
    """Notes how long the board takes to take over."""

    def __init__(self, containers: int, networks: int) -> None:
        """Begin with nothing known."""
        super().__init__(containers, networks)
        self.took_s: list[float] = []

    def take(self, found: Sample, outcome: CycleOutcome) -> None:
        """Take over, on the clock."""
        self.took_s.append(_timed(lambda: super(Timed, self).take(found, outcome))[1])


def main() -> None:
    """Print a table for each size."""
    for size in sys.argv[1:] or ("1000:31",):
        containers, networks = map(int, size.split(":"))
        _measure(Timed(containers, networks))


def _measure(host: Timed) -> None:
    rtts, noted_s, viewed_s = Rtts(), list[float](), list[float]()
    for outcome in host.cycles():
        noted_s.append(_timed(partial(_note, rtts, host, outcome))[1])
        viewed_s.append(_timed(rtts.view)[1])
    gc.freeze()
    found = host.look()
    print(f"{len(found.pairs):,} pairs kept of {sum(found.summary.values()):,}")
    print(f"taking over {_ms(host.took_s)}; of that RTTs {_ms(noted_s)}")
    print(f"a view of the RTTs {_ms(viewed_s)}")
    last = next(s for s in reversed(found.pairs) if s.pair.scope is Scope.CONTAINER)
    for path in (*_PATHS, f"pairs/{pair_id(last.pair)}"):
        _print(host, path)


def _note(rtts: Rtts, host: Timed, outcome: CycleOutcome) -> None:
    states = {state.pair: state for state in outcome.states}
    rtts.note(states, host.board.states, host.clock.now_utc())


def _print(host: Timed, path: str) -> None:
    snapshot = host.look()
    body, first_s = _timed(lambda: _body(host, snapshot, path))
    _, next_s = _timed(lambda: _body(host, snapshot, path))
    packed, packed_s = _timed(lambda: gzip.compress(body, 1))
    print(
        f"{path:60} {first_s * 1e3:7.1f} ms, then {next_s * 1e3:6.1f} ms; "
        f"{len(body):9,} bytes; {len(packed):8,} packed, {packed_s * 1e3:4.1f} ms"
    )


def _body(host: Timed, snapshot: Snapshot, path: str) -> bytes:
    name, _, query = path.partition("?")
    document = answer(snapshot, name, dict(parse_qsl(query)), host.clock.now_utc())
    return json.dumps(document).encode()


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began_s = time.thread_time()
    return work(), time.thread_time() - began_s


def _ms(times_s: list[float]) -> str:
    return ", ".join(f"{one * 1e3:.1f}" for one in times_s) + " ms"


if __name__ == "__main__":
    main()
