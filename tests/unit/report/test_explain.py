"""Everything known of one pair."""

import json
from dataclasses import replace
from typing import Any

import pytest

from exporter.model.outcome import Expected
from exporter.model.pair import Decision, Pair, PairState
from exporter.model.policy import Policy
from exporter.model.snapshot import Snapshot
from exporter.model.topology import SandboxId
from exporter.report.explain import explain_document, explain_text
from exporter.report.names import destination_of, matching, source_of
from exporter.report.page import Page
from exporter.report.paint import painted
from tests.fakes.policies import entry
from tests.fakes.report_samples import (
    STARTED,
    as_promised,
    dead,
    demo_on_host,
    hostile,
    leaking,
    skipped,
    snapshot,
    with_members,
)
from tests.fakes.topologies import container, demo

PAGE = Page(width=100)


def text(found: Snapshot, source: str, destination: str) -> str:
    """Return the explanation without colours."""
    ends = source_of(found, source), destination_of(found, destination)
    states = tuple(matching(found.pairs, *ends))
    return "\n".join(painted(explain_text(found, *ends, states, PAGE), colour=False))


def document(found: Snapshot, source: str, destination: str) -> dict[str, Any]:
    """Return the explanation as a program reads it."""
    ends = source_of(found, source), destination_of(found, destination)
    states = tuple(matching(found.pairs, *ends))
    value: dict[str, Any] = json.loads(
        json.dumps(explain_document(found, *ends, states))
    )
    return value


def test_violation() -> None:
    """Ends, addresses, networks, promise with its rule, what was seen, the controls."""
    said = text(snapshot(demo(), leaking), "bridge1", "mybridge1")

    assert (
        "source bridge1: running\n"
        "  bridge  172.17.0.2/16, gateway 172.17.0.1\n"
        "destination mybridge1: running\n"
        "  mybridge  172.18.0.2/16, gateway 172.18.0.1\n"
        "network bridge\n"
        "  bridge driver, default bridge (names do not resolve), interface br-bridge\n"
        "  172.17.0.0/16\n"
        "network mybridge\n"
        "  bridge driver, interface br-mybridge\n"
        "  172.18.0.0/16\n"
        "\n"
        "! bridge1 → mybridge1: reachable, although isolation is promised\n"
        "  pair      container to container, IPv4, 172.18.0.2 on mybridge, from "
        "bridge\n"
        "  promised  isolated: Containers on different bridge networks do not reach "
        "each other.\n"
        "            (different-bridges)\n"
        "  seen      answered in 74 µs (ok, 1 sent, 1 received)\n"
        "  controls  source alive, destination alive\n"
        "  since     2026-01-01 11:55:00Z\n"
        "  probed    2026-01-01 12:00:00Z\n"
    ) == said


def test_kept_promise() -> None:
    """A kept promise says which: isolated is not reachable."""
    healthy = snapshot(demo())

    assert "bridge1 → mybridge1: isolated, as promised" in (
        text(healthy, "bridge1", "mybridge1")
    )
    assert "bridge1 → bridge2: reachable, as promised" in (
        text(healthy, "bridge1", "bridge2")
    )


def test_name() -> None:
    """A name says what it resolved to, or why nothing is asked."""
    healthy = snapshot(demo())

    assert "resolved to 172.18.0.3 in 61 µs" in text(healthy, "mybridge1", "mybridge2")
    assert "no embedded DNS listens in the container (no_resolver" in (
        text(healthy, "bridge1", "bridge2")
    )


def test_unverified() -> None:
    """What is unverified says why."""
    said = text(snapshot(demo(), dead("bridge1")), "bridge1", "mybridge1")

    assert "because   silence, and the source is not known to be alive" in said


def test_never_probed() -> None:
    """A pair that was left out was never probed, and has no other times."""
    said = text(snapshot(demo(), skipped("bridge1")), "bridge1", "mybridge1")

    assert "probed    never" in said
    assert "since" not in said


def test_new_verdict() -> None:
    """A verdict that is as old as the probe needs no time of its own."""

    def change(pair: Pair, decision: Decision) -> PairState:
        return replace(as_promised(pair, decision), since=STARTED)

    said = text(snapshot(demo(), change), "bridge1", "mybridge1")

    assert "since" not in said
    assert "probed    2026-01-01 12:00:00Z" in said


def test_unknown_rule() -> None:
    """A rule that this version does not know is named without its sentence."""

    def change(pair: Pair, decision: Decision) -> PairState:
        return as_promised(pair, replace(decision, rule="of-tomorrow"))

    found = snapshot(demo(), change)

    assert "promised  isolated (of-tomorrow)" in text(found, "bridge1", "mybridge1")
    assert None is document(found, "bridge1", "mybridge1")["pairs"][0]["promise"]


def test_host_as_source() -> None:
    """The host is shown with its interfaces, also under a container's name."""
    said = text(snapshot(demo_on_host()), "imhost", "bridge1")

    assert "source imhost: running; on the host's network" in said
    assert "host → bridge1: reachable, as promised" in said


@pytest.mark.parametrize(
    ("source", "destination", "why"),
    [
        ("bridge1", "sidecar", "both have the same network stack"),
        ("bridge1", "imhost", "the host has no endpoint on a network"),
        ("imhost", "gateway", "the host's gateways are its own interfaces"),
        ("lonely", "bridge1", "lonely has no address on any network"),
        ("bridge1", "gone", "gone is not running"),
    ],
)
def test_no_pair(source: str, destination: str, why: str) -> None:
    """Where there is no pair, the reason is said."""
    topology = with_members(demo(), "bridge1", "sidecar")
    gone = replace(container("gone"), running=False, status="exited")
    lonely = container("lonely", mode="none")
    base = replace(topology, containers=(*topology.containers, gone, lonely))
    alone = replace(
        base.sandboxes[0], id=SandboxId("lonely"), name="lonely", endpoints=()
    )
    found = snapshot(replace(base, sandboxes=(*topology.sandboxes, alone)))

    assert text(found, source, destination).endswith(f"There is no pair: {why}.")


def test_document() -> None:
    """The document is that of a check with the pairs asked for, and more of each."""
    found = document(snapshot(demo(), leaking), "bridge1", "mybridge1")

    assert (1, "bridge1", "mybridge1") == (
        found["schema"],
        found["source"],
        found["destination"],
    )
    assert {"unexpected_reachable": 1} == {
        verdict: count for verdict, count in found["summary"].items() if count
    }
    (pair,) = found["pairs"]
    assert (
        "Containers on different bridge networks do not reach each other."
        == (pair["promise"])
    )
    assert {"sent": 1, "received": 1, "duplicates": 0, "late": 0} == pair["packets"]
    assert ("2026-01-01T11:55:00Z", "2026-01-01T12:00:00Z") == (
        pair["since"],
        pair["probed"],
    )


def test_hostile_name() -> None:
    """A hostile name is printable everywhere in the text."""
    said = text(snapshot(hostile()), "good", "evil")

    assert said.replace("\n", "").isprintable()


def test_policy() -> None:
    """The policy's word with its reason, and Docker's own sentence."""
    ignored = entry(Expected.UNKNOWN, reason="rented out")
    found = snapshot(demo(), policy=Policy((ignored,)))
    said = " ".join(text(found, "bridge1", "mybridge1").split())

    assert (
        "promised nothing, by the policy: rented out (policy-1); Docker promises "
        "isolated: Containers on different bridge networks do not reach each other. "
        "(different-bridges)"
    ) in said
    assert (
        "Containers on different bridge networks do not reach each other."
        == document(found, "bridge1", "mybridge1")["pairs"][0]["promise"]
    )
