"""Snapshots of all kinds, for what every answer of the API has to hold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from exporter.model.cause import CauseId, cause
from exporter.model.detection import Detection, DetectionSource, SourceState
from exporter.model.outcome import VIOLATIONS, Result
from exporter.model.snapshot import Snapshot
from tests.fakes.board import INTERVAL_S, Watch
from tests.fakes.prober import but, docker_like
from tests.fakes.sampled import Crowd
from tests.fakes.snapshots import (
    engine_down,
    hostile,
    large,
    never_up,
    policed,
    small,
    violations,
)
from tests.fakes.topologies import demo


def eventful() -> Snapshot:
    """Return a host that leaked, was away, and leaks again."""
    watch = Watch(demo())
    fine = watch.answer
    leak = but(docker_like(demo()), Result.OK, [("bridge1", "172.18.0.2")])
    for answer in (fine, leak, fine, leak):
        watch.answer = answer
        watch.cycle()
        watch.clock.move(INTERVAL_S)
    watch.board.outage(watch.clock.now_utc(), "connection refused")
    return watch.look()


def explained() -> Snapshot:
    """Return broken promises whose cause is known."""
    whole = violations()
    why = cause(CauseId.ISOLATION_MISSING, "no chain DOCKER-ISOLATION", certain=True)
    pairs = tuple(
        replace(one, causes=(why,), reason="looked at twice")
        if one.verdict in VIOLATIONS
        else one
        for one in whole.pairs
    )
    sources = tuple(
        SourceState(source=one, active=True, lag_s=0.25) for one in DetectionSource
    )
    return replace(
        whole,
        pairs=pairs,
        paused="somebody wants it",
        notices=("something is missing",),
        detection=Detection(sources=sources),
        config_reload_ok=False,
    )


@cache
def sampled() -> Snapshot:
    """Return a large host, of which a sample is known."""
    host = Crowd(60, 3)
    for _ in host.cycles(2):
        pass
    return host.look()


KINDS: Mapping[str, Callable[[], Snapshot]] = {
    "never up": never_up,
    "small": small,
    "violations": violations,
    "explained": explained,
    "policed": policed,
    "engine down": engine_down,
    "hostile": hostile,
    "eventful": eventful,
    "both families": lambda: large(12, networks=3, ipv6=True),
    "sampled": sampled,
}


def paths(
    snapshot: Snapshot, ids: Iterator[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield paths below the prefix with parameters, that have an answer."""
    yield from ((one, {}) for one in PLAIN)
    yield from ((f"pairs/{one}", {}) for one in ids)
    networks = snapshot.topology.networks if snapshot.topology else ()
    names = [str(one.id) for one in networks]
    for name in names[:3]:
        ends = {"source_network": name, "destination_network": names[0]}
        yield "matrix/containers", ends
        yield "pairs", {**ends, "limit": "5"}


PLAIN = (
    "summary",
    "matrix",
    "topology",
    "networks",
    "containers",
    "subnets",
    "pairs",
    "events",
    "outages",
)
