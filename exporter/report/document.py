"""The JSON of `check` and `explain`: schema 1, streamed pair by pair.

Keys are only ever added; their order, names and meaning stay (docs/check.md). A
million pairs are never one string.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from exporter.model.cause import Cause
from exporter.model.outcome import Scope, Verdict
from exporter.model.pair import Decision, PairState
from exporter.model.snapshot import Snapshot
from exporter.report.words import protocol_of

SCHEMA: Final = 1
_SCOPE_ORDER = {scope: number for number, scope in enumerate(Scope)}
_CHUNK = 512
"""Pairs in one piece of text, so that writing costs few calls."""

Json = Mapping[str, object]


def document(snapshot: Snapshot) -> Iterator[str]:
    """Yield the document of a check in pieces that join to one JSON object.

    Control characters and everything outside ASCII are escaped, so the text is
    safe for every terminal and encoding.
    """
    head = json.dumps(header(snapshot), indent=1)
    yield head.removesuffix("\n}") + ',\n "pairs": ['
    pieces: list[str] = []
    separator = "\n  "
    for state in in_order(snapshot):
        pieces.append(separator + json.dumps(pair_document(snapshot, state)))
        separator = ",\n  "
        if len(pieces) == _CHUNK:
            yield "".join(pieces)
            pieces.clear()
    yield "".join(pieces) + "\n ]\n}\n"


def header(snapshot: Snapshot) -> Json:
    """Return everything of the document but its pairs."""
    topology, cycle = snapshot.topology, snapshot.cycle
    return {
        "schema": SCHEMA,
        "engine": None
        if topology is None
        else {
            "version": topology.engine.version,
            "api_version": topology.engine.api_version,
        },
        "started": timestamp(snapshot.taken if cycle is None else cycle.started),
        "duration_seconds": 0.0 if cycle is None else round(cycle.duration_s, 3),
        "summary": {
            str(verdict): snapshot.summary.get(verdict, 0) for verdict in Verdict
        },
        "notices": list(snapshot.notices),
    }


def pair_document(snapshot: Snapshot, state: PairState) -> Json:
    """Return one pair as a JSON object.

    `name` and `resolved` stand in scope `name` only, `promised`, `promised_by` and
    `policy` only where an entry of the policy decided, `reason` only where there is
    something to say, `causes` only where a promise is broken.
    """
    pair, decision, seen = state.pair, state.decision, state.observation
    found: dict[str, object] = {
        "scope": str(pair.scope),
        "source": snapshot.source_name(state),
        "source_network": snapshot.source_network_name(state),
        "destination": snapshot.destination_name(state),
        "destination_network": snapshot.network_name(state),
        "destination_address": str(pair.address),
        "ip_version": pair.ip_version,
        "protocol": str(protocol_of(pair.scope)),
    }
    if pair.scope is Scope.NAME:
        found["name"] = pair.name
        found["resolved"] = list(seen.resolved)
    found |= {
        "expected": str(decision.expected),
        "expected_by": decision.rule,
        **_policy(decision),
        "observed": str(seen.observed),
        "result": str(seen.result),
        "rtt_seconds": None if seen.rtt_s is None else round(seen.rtt_s, 9),
        "controls": {
            "source": state.controls.source,
            "destination": state.controls.destination,
        },
        "verdict": str(state.verdict),
    }
    if state.reason:
        found["reason"] = state.reason
    if state.causes:
        found["causes"] = [_cause_document(cause) for cause in state.causes]
    return found


def _cause_document(cause: Cause) -> Json:
    return {
        "cause": str(cause.id),
        "certain": cause.certain,
        "sentence": cause.sentence,
        "evidence": list(cause.evidence),
    }


def _policy(decision: Decision) -> Json:
    if decision.policy is None:
        return {}
    return {
        "promised": str(decision.promised),
        "promised_by": decision.promised_by,
        "policy": {"entry": decision.policy, "reason": decision.policy_reason},
    }


def in_order(snapshot: Snapshot) -> Iterable[PairState]:
    """Return the pairs by scope, source, destination, network, family and address."""

    def key(state: PairState) -> tuple[object, ...]:
        pair = state.pair
        return (
            _SCOPE_ORDER[pair.scope],
            snapshot.source_name(state),
            snapshot.destination_name(state),
            snapshot.network_name(state),
            pair.ip_version,
            int(pair.address),
            pair.name or "",
        )

    return sorted(snapshot.pairs, key=key)


def timestamp(at: datetime) -> str:
    """Return a time in UTC as RFC 3339 writes it, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
