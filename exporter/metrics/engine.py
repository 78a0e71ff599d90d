"""The Docker engine and our traffic with it."""

from collections.abc import Iterator

from exporter.metrics.family import (
    HISTOGRAM_EXTRA,
    OTHER,
    Family,
    Kind,
    Label,
    Samples,
    closed,
)
from exporter.model.snapshot import Snapshot
from exporter.model.tally import API_BOUNDS_S

API_ENDPOINTS = (
    "version",
    "info",
    "networks",
    "network",
    "containers",
    "container",
    "events",
)
API_CODES = ("200", "400", "401", "403", "404", "409", "500", "503", "error")
"""`error` where no answer came."""
EVENTS: dict[str, tuple[str, ...]] = {
    "container": (
        "create",
        "start",
        "restart",
        "pause",
        "unpause",
        "rename",
        "update",
        "kill",
        "stop",
        "die",
        "oom",
        "destroy",
    ),
    "network": ("create", "connect", "disconnect", "destroy", "remove", "update"),
    "daemon": ("reload",),
}
"""Events that may change what is reachable, by type; always there, from 0 on."""
RESYNCS = ("start", "interval", "gap")

_EVENT_SERIES = sum(len(actions) for actions in EVENTS.values())
_ACTIONS = tuple(dict.fromkeys(action for found in EVENTS.values() for action in found))
_API_SERIES = len(API_BOUNDS_S) + HISTOGRAM_EXTRA

DOCKER_UP = Family(
    name="docker_up",
    kind=Kind.GAUGE,
    help="Whether the engine answers (1) or not (0); if not, nothing is verified.",
)
DOCKER_INFO = Family(
    name="docker_info",
    kind=Kind.INFO,
    help="The engine, as it last introduced itself.",
    labels=(
        Label(name="version", text="Version of the engine."),
        Label(name="api_version", text="Version of its API."),
        Label(
            name="firewall_backend",
            text="As the engine says, from 28 on; empty where it does not.",
        ),
    ),
)
API_REQUESTS = Family(
    name="docker_api_requests_total",
    kind=Kind.COUNTER,
    help="Requests to the engine's API, all of them GET.",
    labels=(
        Label(name="endpoint", text="What was asked.", values=(*API_ENDPOINTS, OTHER)),
        Label(
            name="code",
            text="HTTP status, or `error` where no answer came.",
            values=(*API_CODES, OTHER),
        ),
    ),
    bound=f"{(len(API_ENDPOINTS) + 1) * (len(API_CODES) + 1)}, commonly 10",
    most=lambda _: (len(API_ENDPOINTS) + 1) * (len(API_CODES) + 1),
)
API_DURATION = Family(
    name="docker_api_request_duration_seconds",
    kind=Kind.HISTOGRAM,
    help="Time that requests to the engine's API took.",
    bound=str(_API_SERIES),
    most=lambda _: _API_SERIES,
)
DOCKER_EVENTS = Family(
    name="docker_events_total",
    kind=Kind.COUNTER,
    help="Events received from the engine.",
    labels=(
        Label(name="type", text="Of the event.", values=(*EVENTS, OTHER)),
        Label(name="action", text="Of the event.", values=(*_ACTIONS, OTHER)),
    ),
    bound=f"{_EVENT_SERIES} always, {_EVENT_SERIES + len(EVENTS) + 1} with others",
    most=lambda _: _EVENT_SERIES + len(EVENTS) + 1,
)
STREAM_CONNECTED = Family(
    name="docker_event_stream_connected",
    kind=Kind.GAUGE,
    help="Whether the engine's event stream is open (1) or not (0).",
)
DOCKER_RESYNCS = Family(
    name="docker_resyncs_total",
    kind=Kind.COUNTER,
    help="Full listings of the engine's networks and containers.",
    labels=(Label(name="reason", text="What for.", values=(*RESYNCS, OTHER)),),
    bound="4, 3 of them always",
    most=lambda _: len(RESYNCS) + 1,
)
FAMILIES = (
    DOCKER_UP,
    DOCKER_INFO,
    API_REQUESTS,
    API_DURATION,
    DOCKER_EVENTS,
    STREAM_CONNECTED,
    DOCKER_RESYNCS,
)


def collect(snapshot: Snapshot) -> Iterator[Samples]:
    """Yield the samples of these families."""
    up, info = Samples(DOCKER_UP), Samples(DOCKER_INFO)
    up.put(snapshot.engine_up)
    if snapshot.topology is not None:
        engine = snapshot.topology.engine
        info.put(1, engine.version, engine.api_version, engine.firewall_backend)
    duration = Samples(API_DURATION)
    duration.merge(snapshot.tally.api_duration)
    stream = Samples(STREAM_CONNECTED)
    stream.put(snapshot.stream_connected)
    yield from (up, info, _requests(snapshot), duration, _events(snapshot), stream)
    yield closed(DOCKER_RESYNCS, snapshot.tally.resyncs, RESYNCS)


def _requests(snapshot: Snapshot) -> Samples:
    samples = Samples(API_REQUESTS)
    for (endpoint, code), count in snapshot.tally.api_requests.items():
        samples.add(
            count,
            endpoint if endpoint in API_ENDPOINTS else OTHER,
            code if code in API_CODES else OTHER,
        )
    return samples


def _events(snapshot: Snapshot) -> Samples:
    samples = Samples(DOCKER_EVENTS)
    for kind, actions in EVENTS.items():
        for action in actions:
            samples.put(0, kind, action)
    for (kind, action), count in snapshot.tally.events.items():
        known = action in EVENTS.get(kind, ())
        samples.add(
            count, kind if kind in EVENTS else OTHER, action if known else OTHER
        )
    return samples
