"""What each entry of a policy says and decides, as JSON: schema 1, pair by pair.

Keys are only ever added (docs/policy.md). A million pairs are never one string.
"""

import json
from collections.abc import Iterator

from exporter.model.outcome import Scope
from exporter.model.pair import Planned
from exporter.model.policy import Selector
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Topology
from exporter.report.document import SCHEMA
from exporter.report.pairs import Json
from exporter.report.policy import end_names, expect_word
from exporter.report.trial import KEYS, EntryTrial, Trial


def policy_document(snapshot: Snapshot, trial: Trial) -> Iterator[str]:
    """Yield the document in pieces that join to one JSON object."""
    topology = snapshot.topology
    head = {
        "schema": SCHEMA,
        "engine": None
        if topology is None
        else {
            "version": topology.engine.version,
            "api_version": topology.engine.api_version,
        },
        "notices": list(snapshot.notices),
        "pairs": trial.pairs,
        "left_alone": list(trial.left_alone),
    }
    yield json.dumps(head, indent=1).removesuffix("\n}") + ',\n "entries": ['
    separator = "\n  "
    for one in trial.entries:
        yield separator + json.dumps(_entry(one)).removesuffix("}") + ', "pairs": ['
        yield from _pairs(topology, one)
        yield "]}"
        separator = ",\n  "
    yield "\n ]\n}\n"


def _entry(one: EntryTrial) -> Json:
    entry = one.entry
    return {
        "entry": one.number,
        "from": _selector(entry.source),
        "to": _selector(entry.destination),
        "scope": [str(scope) for scope in Scope if scope in entry.scopes],
        "ip_version": entry.ip_version,
        "expect": expect_word(entry),
        "reason": entry.reason,
        "until": None if entry.until is None else str(entry.until),
        "expired": one.expired,
        "decides": len(one.pairs),
        "stricter": one.changes["stricter"],
        "looser": one.changes["looser"],
        "same": one.changes["same"],
        "why_none": one.why_none or None,
    }


def _selector(selector: Selector) -> Json:
    return {key: list(getattr(selector, key)) for key in KEYS if getattr(selector, key)}


def _pairs(topology: Topology | None, one: EntryTrial) -> Iterator[str]:
    if topology is None:
        return
    separator = "\n    "
    for item in one.pairs:
        yield separator + json.dumps(_pair(topology, one, item))
        separator = ",\n    "


def _pair(topology: Topology, one: EntryTrial, item: Planned) -> Json:
    pair, docker = item.pair, item.decision
    source, destination = end_names(topology, pair)
    way = docker.source_network and topology.network_by_id.get(docker.source_network)
    return {
        "scope": str(pair.scope),
        "source": source,
        "source_network": way.name if way else None,
        "destination": destination,
        "destination_network": topology.network_by_id[pair.network].name,
        "destination_address": str(pair.address),
        "ip_version": pair.ip_version,
        "promised": str(docker.expected),
        "promised_by": docker.rule,
        "change": one.change(item),
    }
