"""What `/metrics` costs on a large host, and whether it answers while a cycle runs.

python -m tests.bench.scrape [CONTAINERS:NETWORKS:FAMILIES]...

For each size: the time to render a snapshot and, over HTTP in the same process, how
long scrapes take while one thread keeps the interpreter busy as a cycle's arithmetic
does and the same snapshot is published and rendered again and again.
"""

import asyncio
import gc
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx2 as httpx

from exporter.app import SWITCH_INTERVAL_S
from exporter.clock import SystemClock
from exporter.metrics.ahead import Ahead
from exporter.metrics.exposition import Exposition
from exporter.model.snapshot import Snapshot
from exporter.store import SnapshotStore
from exporter.web import Sources, build_app
from tests.fakes import snapshots
from tests.fakes.web import running

_SIZES = ("50:5:1", "1000:31:1", "1000:31:2", "1000:200:1", "1000:200:2")
_SCRAPES = 200
_APART_S = 0.05
_HEADERS = {"accept": "application/openmetrics-text", "accept-encoding": "gzip"}


def main() -> None:
    """Print a line for each size."""
    if sys.argv[1:2] == ["--client"]:
        _client(sys.argv[2])
        return
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    print(f"switch interval {sys.getswitchinterval() * 1e3:g} ms")
    for size in sys.argv[1:] or _SIZES:
        containers, networks, families = map(int, size.split(":"))
        found = snapshots.large(containers, networks=networks, ipv6=families == 2)
        print(f"{size}: {len(found.pairs)} pairs; {_line(found)}", flush=True)


def _line(found: Snapshot) -> str:
    store = SnapshotStore(found)
    exposition = Exposition(store.current, SystemClock())
    start_s, wall_s = time.thread_time(), time.monotonic()
    exposition.prepare()
    render_s, wall_s = time.thread_time() - start_s, time.monotonic() - wall_s
    text = exposition.render("application/openmetrics-text")
    packed = exposition.render("application/openmetrics-text", "gzip")
    start_s = time.thread_time()
    for _ in range(_SCRAPES):
        exposition.ready("application/openmetrics-text", "gzip")
    join_s = (time.thread_time() - start_s) / _SCRAPES
    series = sum(not line.startswith(b"#") for line in text.body.splitlines())
    said = [f"{series} series, {len(text.body)} bytes, {len(packed.body)} packed"]
    said.append(
        f"render {render_s * 1e3:.0f} ms, scrape alone {join_s * 1e3:.2f} ms CPU"
    )
    said.append(f"idle {_milliseconds(asyncio.run(_scrapes(store, exposition)))}")
    with _busy():
        times_s = asyncio.run(_scrapes(store, exposition))
    said.append(f"beside a cycle {_milliseconds(times_s)}")
    with _busy(), _republishing(store, exposition) as rendered, _pauses() as pauses_s:
        times_s = asyncio.run(_scrapes(store, exposition))
    said.append(f"and rendering ({len(rendered)}x) {_milliseconds(times_s)}")
    said.append(f"longest garbage collection {max(pauses_s, default=0) * 1e3:.0f} ms")
    return "; ".join(said)


async def _scrapes(store: SnapshotStore, exposition: Exposition) -> list[float]:
    """Return how long each of many scrapes took, in seconds."""
    sources = Sources(
        render=exposition.render,
        ready=exposition.ready,
        held=exposition.held,
        snapshot=store.current,
        clock=SystemClock(),
        unhealthy=lambda: None,
        not_ready=lambda: None,
    )
    app = build_app(sources, version="0", telemetry_path="/metrics")
    async with running(app) as server:
        url = f"{server.urls[0]}metrics"
        return await asyncio.to_thread(_timed, url)


def _timed(url: str) -> list[float]:
    """Scrape from another process: this one's threads would take turns with ours."""
    command = [sys.executable, "-m", "tests.bench.scrape", "--client", url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.splitlines()]


def _client(url: str) -> None:
    """Print how long each of many scrapes took, in seconds."""
    with httpx.Client(timeout=30) as client:
        for _ in range(_SCRAPES):
            start_s = time.monotonic()
            client.get(url, headers=_HEADERS).raise_for_status()
            print(time.monotonic() - start_s)
            time.sleep(_APART_S)


@contextmanager
def _busy() -> Iterator[None]:
    """Compute in a thread until the end of the block."""
    is_over = threading.Event()

    def compute() -> None:
        while not is_over.is_set():
            sum(number * number for number in range(1000))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def _republishing(
    store: SnapshotStore, exposition: Exposition
) -> Iterator[list[Snapshot]]:
    """Publish and render without a pause until the end of the block."""
    is_over, published = threading.Event(), list[Snapshot]()
    ahead = Ahead(exposition)
    store.tell(ahead.published)

    def publish() -> None:
        while not is_over.wait(0.5):
            published.append(replace(store.current()))
            store.publish(published[-1])

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield published
    finally:
        is_over.set()
        thread.join()
        ahead.stop()


@contextmanager
def _pauses() -> Iterator[list[float]]:
    """Note how long each garbage collection takes: nothing else runs meanwhile."""
    pauses_s, started_s = list[float](), [0.0]

    def note(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            started_s[0] = time.monotonic()
        else:
            pauses_s.append(time.monotonic() - started_s[0])

    gc.callbacks.append(note)
    try:
        yield pauses_s
    finally:
        gc.callbacks.remove(note)


def _milliseconds(times_s: list[float]) -> str:
    cuts = statistics.quantiles(times_s, n=100)
    return f"p50 {cuts[49] * 1e3:.1f} p99 {cuts[98] * 1e3:.1f} ms"


if __name__ == "__main__":
    main()
