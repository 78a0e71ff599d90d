"""Pairs: lists of them, and one with all that is known of it."""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from exporter.model.cause import CAUSE_TEXTS, Cause
from exporter.model.expectation import RULES
from exporter.model.outcome import Scope
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import HOST, ContainerId, SandboxId
from exporter.report.api.asked import Asked
from exporter.report.api.filters import matching
from exporter.report.api.history import event_entry
from exporter.report.api.ids import pair_id, pair_of
from exporter.report.api.query import LIMIT, OFFSET, paged, value_of
from exporter.report.document import SCHEMA, timestamp
from exporter.report.names import GATEWAY
from exporter.report.page import UNICODE
from exporter.report.pairs import Json, cause_entry, pair_document, sorting_key
from exporter.report.words import control_words, outcome_words, promise, seen

_SCOPES: Final = {scope: number for number, scope in enumerate(Scope)}
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""Names that a shell and `explain` take as they are."""
_ID_DIGITS: Final = 12


def pair_list(snapshot: Snapshot, asked: Asked) -> Json:
    """Return the pairs that a query is about, in the order of `check --json`."""
    parameters = asked.parameters
    offset, limit = value_of(OFFSET, parameters), value_of(LIMIT, parameters)
    heaps: dict[tuple[Scope, SandboxId], list[PairState]] = {}
    total = 0
    for state in matching(snapshot, parameters):
        heaps.setdefault((state.pair.scope, state.pair.source), []).append(state)
        total += 1
    shown = _slice(snapshot, heaps, offset, limit)
    return {
        **paged(snapshot, total, offset=offset, limit=limit),
        "pairs": [pair_entry(snapshot, state) for state in shown],
    }


def _slice(
    snapshot: Snapshot,
    heaps: dict[tuple[Scope, SandboxId], list[PairState]],
    offset: int,
    limit: int,
) -> Iterator[PairState]:
    """Yield a part of the pairs in order; only the heaps that it meets are sorted."""

    def order(key: tuple[Scope, SandboxId]) -> tuple[int, str, str]:
        scope, source = key
        return _SCOPES[scope], snapshot.source_name(heaps[key][0]), source

    for key in sorted(heaps, key=order):
        heap = heaps[key]
        if offset < len(heap) and limit:
            heap.sort(key=lambda state: sorting_key(snapshot, state))
            yield from heap[offset : offset + limit]
            limit -= min(limit, len(heap) - offset)
        offset = max(0, offset - len(heap))


def pair_entry(snapshot: Snapshot, state: PairState) -> Json:
    """Return a pair as `check --json` does, with its id and its times."""
    return {
        "id": pair_id(state.pair),
        "since": timestamp(state.since),
        "probed": None if state.probed is None else timestamp(state.probed),
        **pair_document(snapshot, state),
    }


def one_pair(snapshot: Snapshot, wanted: str) -> Json | None:
    """Return all that is known of a pair; None where there is none of that id."""
    state = pair_of(snapshot, wanted)
    if state is None:
        return None
    pair, seen_, promised = state.pair, state.observation, state.decision.promised_by
    events = snapshot.history.by_pair.get(pair, ())
    return {
        "schema": SCHEMA,
        "taken": timestamp(snapshot.taken),
        **pair_entry(snapshot, state),
        "reason": state.reason,
        "causes": [_cause(one) for one in state.causes],
        "rule": _rule(state.decision.rule),
        "promised_rule": None if promised is None else _rule(promised),
        "ids": {
            "source": pair.source,
            "source_network": state.decision.source_network,
            "destination": pair.destination,
            "destination_network": pair.network,
        },
        "packets": {
            "sent": seen_.sent,
            "received": seen_.received,
            "duplicates": seen_.duplicates,
            "late": seen_.late,
        },
        "words": {
            "verdict": outcome_words(state),
            "expected": promise(state.decision, pair.scope),
            "observed": seen(seen_, UNICODE),
            "controls": control_words(state.controls),
        },
        "explain": explain_command(snapshot, state),
        "rtts": _rtts(snapshot, state),
        "history": [event_entry(snapshot, one) for one in reversed(events)],
    }


def _rtts(
    snapshot: Snapshot, state: PairState
) -> list[tuple[float, float | None]] | None:
    found = snapshot.rtts.of(state.pair)
    if found is None:
        return None
    return [
        (round(at, 3), None if rtt_s is None else round(rtt_s, 9))
        for at, rtt_s in found
    ]


def _cause(cause: Cause) -> Json:
    return {**cause_entry(cause), "remedy": CAUSE_TEXTS[cause.id].remedy}


def _rule(rule_id: str) -> Json:
    rule = RULES.get(rule_id)
    return {"id": rule_id, "sentence": rule.sentence if rule else None}


def explain_command(snapshot: Snapshot, state: PairState) -> str | None:
    """Return the command that says all of a pair, to be pasted into a shell.

    A name that is no plain word is its container's id: nothing that a name may hold
    reaches a shell. None where a container is called `host` or `gateway` and something
    else is meant by it.
    """
    pair = state.pair
    source, destination = str(HOST), GATEWAY
    if pair.source != HOST:
        source = _word(snapshot.source_name(state), pair.source)
    if pair.destination is not None:
        destination = _word(snapshot.destination_name(state), pair.destination)
    meant = {source, destination} & {str(HOST), GATEWAY}
    containers = snapshot.topology.containers if snapshot.topology else ()
    if meant and any(meant & {one.name, one.raw_name} for one in containers):
        return None
    return shlex.join(["dockernet-exporter", "explain", source, destination])


def _word(name: str, identity: SandboxId | ContainerId) -> str:
    plain = _PLAIN.fullmatch(name) and name not in (HOST, GATEWAY)
    return name if plain else identity[:_ID_DIGITS]
