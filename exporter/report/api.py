"""What `/api/v1/` answers: the words of `check --json`, of the newest snapshot.

Pure: a path and its parameters in, a document out. Nothing here asks the engine or
sends a packet.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Final, TypeVar

from exporter.errors import QueryError
from exporter.model.history import Event, Outage
from exporter.model.outcome import Scope, Verdict
from exporter.model.pair import Pair, PairState
from exporter.model.snapshot import Snapshot
from exporter.report.document import SCHEMA, header, timestamp
from exporter.report.pairs import Json, pair_document, sorting_key
from exporter.report.topology_document import topology_document

T = TypeVar("T")
MOST: Final = 1000
"""Items in one answer, at most."""
PAGE: Final = 100
"""Items in one answer, unless asked for otherwise."""
Parameters = Mapping[str, str]
Words = Mapping[str, frozenset[str] | None]
"""The parameters that a path knows, with the values that each may have; None: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A path below `/api/v1/`."""

    answer: Callable[[Snapshot, Parameters, datetime], Json | None]
    """Of a snapshot, the parameters, and now; None where there is no such thing."""
    words: Words
    """Its parameters."""


def answer(
    snapshot: Snapshot, path: str, parameters: Parameters, now: datetime
) -> Json | None:
    """Return the document at a path below `/api/v1/`, None where there is none.

    Args:
        snapshot: the newest.
        path: without the prefix, such as `pairs` or `pairs/0123456789abcdef`.
        parameters: of the query, each once.
        now: for how long outages last.

    Raises:
        QueryError: a parameter is wrong; the message is for whoever asked.
    """
    name, _, rest = path.partition("/")
    if name == "pairs" and rest:
        _check(parameters, {})
        return _pair(snapshot, rest)
    resource = RESOURCES.get(path)
    if resource is None:
        return None
    _check(parameters, resource.words)
    return resource.answer(snapshot, parameters, now)


def pair_id(pair: Pair) -> str:
    """Return what a pair is called in paths: as long as it exists, and not longer."""
    parts = (
        pair.scope,
        pair.source,
        pair.destination or "",
        pair.network,
        pair.address,
        pair.name or "",
    )
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=8).hexdigest()


def _check(parameters: Parameters, words: Words) -> None:
    for name, value in parameters.items():
        if name not in words:
            known = ", ".join(sorted(words)) or "none"
            raise QueryError(f"no parameter {name!r} here; there are: {known}")
        allowed = words[name]
        if allowed is not None and value not in allowed:
            known = ", ".join(sorted(allowed))
            raise QueryError(f"{name} is one of {known}, not {value!r}")


def _number(parameters: Parameters, name: str, default: int, most: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise QueryError(f"{name} is a whole number from 0 to {most}, not {text!r}")
    if int(text) > most:
        raise QueryError(f"{name} is at most {most}")
    return int(text)


def _page(
    parameters: Parameters, items: Sequence[T], key: str, show: Callable[[T], Json]
) -> Json:
    """Return the items asked for, and how many there are."""
    offset = _number(parameters, "offset", 0, 10**9 - 1)
    limit = _number(parameters, "limit", PAGE, MOST)
    return {
        "schema": SCHEMA,
        "total": len(items),
        "offset": offset,
        "limit": limit,
        key: [show(item) for item in items[offset : offset + limit]],
    }


_PAGED: Final[Words] = {"limit": None, "offset": None}


def _summary(snapshot: Snapshot, _: Parameters, _now: datetime) -> Json:
    topology = snapshot.topology
    return {
        **header(snapshot),
        "taken": timestamp(snapshot.taken),
        "engine_up": snapshot.engine_up,
        "paused": snapshot.paused,
        "interval_seconds": snapshot.interval_s,
        "coverage_bound_seconds": snapshot.cover_s,
        "networks": len(topology.networks) if topology else 0,
        "containers": len(topology.containers) if topology else 0,
        "pairs": sum(snapshot.summary.values()),
        "outages": sum(one.ended is None for one in snapshot.history.outages),
        "detection": [
            {"source": str(one.source), "active": one.active}
            for one in snapshot.detection.sources
        ],
    }


def _topology(snapshot: Snapshot, _: Parameters, _now: datetime) -> Json:
    return topology_document(snapshot)


def _listed(key: str) -> Callable[[Snapshot, Parameters, datetime], Json]:
    """Return the answer with one list of the topology."""

    def listed(snapshot: Snapshot, parameters: Parameters, _now: datetime) -> Json:
        found = topology_document(snapshot)[key]
        assert isinstance(found, list)  # noqa: S101 - its schema says so
        return _page(parameters, found, key, _as_it_is)

    return listed


def _subnets(snapshot: Snapshot, parameters: Parameters, _now: datetime) -> Json:
    topology = topology_document(snapshot)["networks"]
    assert isinstance(topology, list)  # noqa: S101 - its schema says so
    found = [
        {"network": network["name"], **subnet}
        for network in topology
        for subnet in network["subnets"]
    ]
    return _page(parameters, found, "subnets", _as_it_is)


def _as_it_is(item: Json) -> Json:
    return item


_PAIR_WORDS: Final[Words] = {
    **_PAGED,
    "scope": frozenset(map(str, Scope)),
    "verdict": frozenset(map(str, Verdict)),
    "ip_version": frozenset({"4", "6"}),
    "network": None,
    "container": None,
    "source": None,
    "destination": None,
}


def _pairs(snapshot: Snapshot, parameters: Parameters, _now: datetime) -> Json:
    found = sorted(
        _matching(snapshot, parameters),
        key=lambda one: (_SCOPES[one.pair.scope], *sorting_key(snapshot, one)),
    )
    return _page(parameters, found, "pairs", partial(pair_entry, snapshot))


_SCOPES: Final = {scope: number for number, scope in enumerate(Scope)}


def _matching(snapshot: Snapshot, parameters: Parameters) -> Iterator[PairState]:
    """Yield the states that a query is about."""
    wanted = [
        (_VALUES[name], value)
        for name, value in parameters.items()
        if name not in _PAGED
    ]
    for state in snapshot.pairs:
        if all(value in values(snapshot, state) for values, value in wanted):
            yield state


_VALUES: Final[Mapping[str, Callable[[Snapshot, PairState], Sequence[str | None]]]] = {
    "scope": lambda _, state: [str(state.pair.scope)],
    "verdict": lambda _, state: [str(state.verdict)],
    "ip_version": lambda _, state: [str(state.pair.ip_version)],
    "network": lambda look, state: [
        look.network_name(state),
        look.source_network_name(state),
    ],
    "container": lambda look, state: [
        look.source_name(state),
        look.destination_name(state),
    ],
    "source": lambda look, state: [look.source_name(state)],
    "destination": lambda look, state: [look.destination_name(state)],
}
"""What of a pair each parameter is compared with."""


def pair_entry(snapshot: Snapshot, state: PairState) -> Json:
    """Return a pair as `check --json` does, with its id and its times."""
    return {
        "id": pair_id(state.pair),
        "since": timestamp(state.since),
        "probed": None if state.probed is None else timestamp(state.probed),
        **pair_document(snapshot, state),
    }


def _pair(snapshot: Snapshot, wanted: str) -> Json | None:
    """Return one pair with its history; None where there is none of that id."""
    history = snapshot.history
    for state in snapshot.pairs:
        if pair_id(state.pair) == wanted:
            events = history.by_pair.get(state.pair, ())
            return {
                "schema": SCHEMA,
                **pair_entry(snapshot, state),
                "history": [event_entry(snapshot, one) for one in reversed(events)],
            }
    return None


def _events(snapshot: Snapshot, parameters: Parameters, _now: datetime) -> Json:
    found = snapshot.history.events[::-1]
    return _page(parameters, found, "events", partial(event_entry, snapshot))


def event_entry(snapshot: Snapshot, event: Event) -> Json:
    """Return a change: the pair as it was from then on."""
    return {
        "number": event.number,
        "at": timestamp(event.at),
        "before": None if event.before is None else str(event.before),
        "pair": pair_id(event.state.pair),
        **pair_document(snapshot, event.state),
    }


def _outages(snapshot: Snapshot, parameters: Parameters, now: datetime) -> Json:
    found = snapshot.history.outages
    return _page(parameters, found, "outages", partial(_outage, now))


def _outage(now: datetime, outage: Outage) -> Json:
    source, destination, network = outage.names or (None, None, None)
    return {
        "kind": str(outage.kind),
        "began": timestamp(outage.began),
        "ended": None if outage.ended is None else timestamp(outage.ended),
        "duration_seconds": round(outage.duration(now).total_seconds(), 3),
        "pair": None if outage.pair is None else pair_id(outage.pair),
        "source": source,
        "destination": destination,
        "network": network,
        "cause": None if outage.cause is None else str(outage.cause),
    }


RESOURCES: Final[Mapping[str, Resource]] = {
    "summary": Resource(answer=_summary, words={}),
    "topology": Resource(answer=_topology, words={}),
    "networks": Resource(answer=_listed("networks"), words=_PAGED),
    "containers": Resource(answer=_listed("containers"), words=_PAGED),
    "subnets": Resource(answer=_subnets, words=_PAGED),
    "pairs": Resource(answer=_pairs, words=_PAIR_WORDS),
    "events": Resource(answer=_events, words=_PAGED),
    "outages": Resource(answer=_outages, words=_PAGED),
}
