"""The JSON of a check: a contract."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

from exporter.model.outcome import NOT_PROBED, Verdict
from exporter.model.pair import Decision, Pair, PairState
from exporter.model.policy import Policy, Selector
from exporter.model.snapshot import Snapshot
from exporter.report.document import document
from tests.fakes.policies import entry
from tests.fakes.report_samples import (
    BOTH,
    HOSTILE,
    crowd,
    dead,
    hostile,
    leaking,
    skipped,
    snapshot,
    state,
)
from tests.fakes.topologies import demo

KEYS = [
    "scope",
    "source",
    "source_network",
    "destination",
    "destination_network",
    "destination_address",
    "ip_version",
    "protocol",
    "expected",
    "expected_by",
    "observed",
    "result",
    "rtt_seconds",
    "controls",
    "verdict",
]


def parsed(found: Snapshot) -> dict[str, Any]:
    """Return the document as a program reads it."""
    value: dict[str, Any] = json.loads("".join(document(found)))
    return value


def pair(found: Snapshot, scope: str, source: str, destination: str) -> dict[str, Any]:
    """Return the only pair of a scope from one end to the other."""
    chosen: list[dict[str, Any]] = [
        one
        for one in parsed(found)["pairs"]
        if (one["scope"], one["source"], one["destination"])
        == (scope, source, destination)
    ]
    assert 1 == len(chosen)
    return chosen[0]


def test_head() -> None:
    """What is said of the whole check comes first, in this order."""
    found = parsed(snapshot(demo(), leaking))

    assert [
        "schema",
        "engine",
        "started",
        "duration_seconds",
        "summary",
        "notices",
        "pairs",
    ] == list(found)
    assert 1 == found["schema"]
    assert {"version": "28.5.2", "api_version": "1.51"} == found["engine"]
    assert ("2026-01-01T12:00:00Z", 1.1) == (
        found["started"],
        found["duration_seconds"],
    )
    assert [
        ("as_expected", 16),
        ("unexpected_reachable", 8),
        ("unexpected_unreachable", 0),
        ("unverified", 0),
        ("not_judged", 0),
        ("skipped", 0),
    ] == list(found["summary"].items())


def test_demo() -> None:
    """The demo: 4 reachable and 8 isolated pairs, 4 host, 4 gateway, 4 name pairs."""
    found = parsed(snapshot(demo()))

    assert {
        ("container", "reachable"): 4,
        ("container", "isolated"): 8,
        ("host", "reachable"): 4,
        ("gateway", "reachable"): 4,
        ("name", "reachable"): 2,
        ("name", "isolated"): 2,
    } == Counter((one["scope"], one["expected"]) for one in found["pairs"])


def test_container_pair() -> None:
    """A pair has exactly the keys of the contract, in order, with values as text."""
    found = pair(snapshot(demo()), "container", "bridge1", "mybridge1")

    assert KEYS == list(found)
    assert {
        "scope": "container",
        "source": "bridge1",
        "source_network": "bridge",
        "destination": "mybridge1",
        "destination_network": "mybridge",
        "destination_address": "172.18.0.2",
        "ip_version": 4,
        "protocol": "icmp",
        "expected": "isolated",
        "expected_by": "different-bridges",
        "observed": "unreachable",
        "result": "timeout",
        "rtt_seconds": None,
        "controls": {"source": True, "destination": True},
        "verdict": "as_expected",
    } == found


def test_host_pair() -> None:
    """In scope host the source is `host`, on no network."""
    found = pair(snapshot(demo()), "host", "host", "bridge2")

    assert None is found["source_network"]
    assert 61e-6 == found["rtt_seconds"]


def test_gateway_pair() -> None:
    """In scope gateway the destination is `gateway`."""
    found = pair(snapshot(demo()), "gateway", "mybridge1", "gateway")

    assert ("172.18.0.1", "mybridge") == (
        found["destination_address"],
        found["destination_network"],
    )


def test_name_pair() -> None:
    """In scope name there is also what was asked and what it resolved to."""
    found = pair(snapshot(demo()), "name", "mybridge1", "mybridge2")

    assert {"name", "resolved"} == set(found) - set(KEYS)
    assert ("mybridge2", ["172.18.0.3"], "dns", "reachable") == (
        found["name"],
        found["resolved"],
        found["protocol"],
        found["observed"],
    )


def test_reason() -> None:
    """What is unverified has a reason; what needs none has no such key."""
    found = snapshot(demo(), dead("bridge1"))

    assert (
        "silence, and the source is not known to be alive"
        == (pair(found, "container", "bridge1", "mybridge1")["reason"])
    )
    assert "reason" not in pair(found, "container", "bridge2", "mybridge1")


def test_skipped() -> None:
    """A pair that was left out is there, as not probed and skipped."""
    found = pair(
        snapshot(demo(), skipped("bridge1")), "container", "bridge1", "bridge2"
    )

    assert ("not_probed", "skipped", "skipped", None, None) == (
        found["observed"],
        found["result"],
        found["verdict"],
        found["rtt_seconds"],
        found["controls"]["source"],
    )


def test_stable_order() -> None:
    """The same pairs in another order make the same text."""
    found = snapshot(crowd({"a": 3, "b": 2}, ipv6=True))
    turned = replace(found, pairs=found.pairs[::-1])

    assert "".join(document(found)) == "".join(document(turned))


def test_hostile_name() -> None:
    """Names come back unchanged, and the text is ASCII without control characters."""
    text = "".join(document(snapshot(hostile())))

    assert text.replace("\n", "").isprintable()
    assert text.isascii()
    assert HOSTILE in {one["source"] for one in json.loads(text)["pairs"]}


def test_streamed() -> None:
    """Many pairs come in pieces, none of them the whole."""
    pieces = list(document(snapshot(crowd({"a": 25, "b": 25}))))

    assert len(pieces) > 4
    assert max(map(len, pieces)) < len("".join(pieces)) / 2
    json.loads("".join(pieces))


def test_no_pairs() -> None:
    """Nothing to say is still a document."""
    found = parsed(replace(snapshot(demo()), pairs=(), topology=None, cycle=None))

    assert ([], None, 0.0) == (
        found["pairs"],
        found["engine"],
        found["duration_seconds"],
    )


def test_notices() -> None:
    """What does not work here is said in the document too."""
    assert ["scope host is off"] == (
        parsed(snapshot(demo(), notices=("scope host is off",)))["notices"]
    )


def test_every_verdict_has_a_count() -> None:
    """The summary has every verdict there is, and adds up to the pairs."""

    def change(one: Pair, decision: Decision) -> PairState:
        turn = list(Verdict)[int(one.address) % len(Verdict)]
        return state(one, decision, turn, NOT_PROBED, controls=BOTH)

    found = parsed(snapshot(crowd({"a": 6}), change))

    assert [str(verdict) for verdict in Verdict] == list(found["summary"])
    assert len(found["pairs"]) == sum(found["summary"].values())


def test_policy() -> None:
    """What Docker promises by itself, and the entry, stand beside what counts."""
    found = snapshot(
        demo(),
        policy=Policy(
            (entry(source=Selector(container=("bridge1",)), reason="a known leak"),)
        ),
    )
    mine = pair(found, "container", "bridge1", "mybridge1")

    at = KEYS.index("observed")
    keys = [*KEYS[:at], "promised", "promised_by", "policy", *KEYS[at:]]
    assert keys == list(mine)
    assert (
        ("reachable", "policy-1", "isolated", "different-bridges"),
        {"entry": 1, "reason": "a known leak"},
    ) == (
        tuple(
            mine[key] for key in ("expected", "expected_by", "promised", "promised_by")
        ),
        mine["policy"],
    )
    assert KEYS == list(pair(found, "container", "bridge2", "mybridge1"))
