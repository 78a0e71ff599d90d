"""Pairs as JSON objects, and the order that they stand in."""

import json
from collections.abc import Iterable, Mapping, Sequence

from exporter.model.cause import Cause
from exporter.model.outcome import Scope
from exporter.model.pair import Decision, PairState
from exporter.model.snapshot import Snapshot
from exporter.report.words import protocol_of

Json = Mapping[str, object]


def pair_document(snapshot: Snapshot, state: PairState) -> Json:
    """Return one pair as a JSON object.

    `name` and `resolved` stand in scope `name` only, `promised`, `promised_by` and
    `policy` only where an entry of the policy decided, `reason` only where there is
    something to say, `causes` only where a promise is broken.
    """
    found = _way(snapshot, state)
    if state.pair.scope is Scope.NAME:
        found["name"] = state.pair.name
        found["resolved"] = list(state.observation.resolved)
    return {**found, **_promise(state.decision), **_finding(state)}


def pair_text(snapshot: Snapshot, state: PairState) -> str:
    """Return one pair as JSON text."""
    return json.dumps(pair_document(snapshot, state))


def middle_text(snapshot: Snapshot, state: PairState) -> str:
    """Return what `pair_text` has between the source and what was seen."""
    way = _way(snapshot, state)
    del way["scope"], way["source"]
    return json.dumps({**way, **_promise(state.decision)})[1:-1]


def finding_text(state: PairState) -> str:
    """Return what `pair_text` ends in: what was seen, and what follows."""
    return json.dumps(_finding(state))[1:]


def _way(snapshot: Snapshot, state: PairState) -> dict[str, object]:
    pair = state.pair
    return {
        "scope": str(pair.scope),
        "source": snapshot.source_name(state),
        "source_network": snapshot.source_network_name(state),
        "destination": snapshot.destination_name(state),
        "destination_network": snapshot.network_name(state),
        "destination_address": str(pair.address),
        "ip_version": pair.ip_version,
        "protocol": str(protocol_of(pair.scope)),
    }


def _promise(decision: Decision) -> Json:
    found: dict[str, object] = {
        "expected": str(decision.expected),
        "expected_by": decision.rule,
    }
    if decision.policy is not None:
        found["promised"] = str(decision.promised)
        found["promised_by"] = decision.promised_by
        found["policy"] = {"entry": decision.policy, "reason": decision.policy_reason}
    return found


def _finding(state: PairState) -> Json:
    seen = state.observation
    found: dict[str, object] = {
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
        found["causes"] = [cause_entry(cause) for cause in state.causes]
    return found


def cause_entry(cause: Cause) -> Json:
    """Return a cause as a JSON object."""
    return {
        "cause": str(cause.id),
        "certain": cause.certain,
        "sentence": cause.sentence,
        "evidence": list(cause.evidence),
    }


def sorting_key(snapshot: Snapshot, state: PairState) -> tuple[object, ...]:
    """Return what pairs of one scope are sorted by, the source first."""
    pair = state.pair
    return (
        snapshot.source_name(state),
        snapshot.destination_name(state),
        snapshot.network_name(state),
        pair.ip_version,
        int(pair.address),
        pair.name or "",
    )


def by_scope(states: Iterable[PairState]) -> Mapping[Scope, Sequence[PairState]]:
    """Return states by scope, every scope present, in the order of documents."""
    found: dict[Scope, list[PairState]] = {scope: [] for scope in Scope}
    for state in states:
        found[state.pair.scope].append(state)
    return found
