"""What is wrong or unverified, by name and in words."""

from exporter.model.outcome import NOT_PROBED, Observation, Result, Scope, Verdict
from exporter.model.pair import Decision, Pair, PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Topology
from exporter.report.findings import findings
from exporter.report.page import Page
from exporter.report.paint import painted
from tests.fakes.report_samples import (
    BOTH,
    as_promised,
    crowd,
    dead,
    forty,
    in_family,
    leaking,
    only,
    snapshot,
    state,
)
from tests.fakes.topologies import container, demo, endpoint, network, topology

PAGE = Page(width=100)


def text(found: Snapshot, page: Page = PAGE) -> str:
    """Return the findings without colours."""
    return "\n".join(painted(findings(found, page), colour=False))


def test_nothing_to_say() -> None:
    """Where all is well nothing is said."""
    assert not text(snapshot(demo()))


def test_eight_pairs_by_name() -> None:
    """Every broken pair is named with its address, whatever the matrix shows."""
    said = text(snapshot(demo(), leaking))

    assert said.startswith("8 violations\n")
    pairs = [
        line.split() for line in said.splitlines() if " → " in line and line[0] == " "
    ]
    assert [
        ["bridge1", "→", "mybridge1", "172.18.0.2", "74", "µs"],
        ["bridge1", "→", "mybridge2", "172.18.0.3", "74", "µs"],
        ["bridge2", "→", "mybridge1", "172.18.0.2", "74", "µs"],
        ["bridge2", "→", "mybridge2", "172.18.0.3", "74", "µs"],
        ["mybridge1", "→", "bridge1", "172.17.0.2", "74", "µs"],
        ["mybridge1", "→", "bridge2", "172.17.0.3", "74", "µs"],
        ["mybridge2", "→", "bridge1", "172.17.0.2", "74", "µs"],
        ["mybridge2", "→", "bridge2", "172.17.0.3", "74", "µs"],
    ] == pairs


def test_everything_in_words() -> None:
    """A finding names networks, promise, rule, what was seen and the controls."""
    change = only("bridge1", "mybridge1", leaking)

    assert (
        "1 violation\n"
        "\n"
        "! bridge → mybridge, IPv4: 1 pair reachable, although isolation is promised\n"
        "  promised  isolated: Containers on different bridge networks do not reach "
        "each other.\n"
        "            (different-bridges)\n"
        "  seen      answered; source alive, destination alive\n"
        "    bridge1 → mybridge1  172.18.0.2  74 µs\n"
    ) == text(snapshot(demo(), change))


def test_dead_container() -> None:
    """A dead container breaks what is promised and leaves the rest unverified."""
    said = text(snapshot(demo(), dead("bridge1")))

    assert "4 unverified pairs\n" in said
    assert "because   silence, and the source is not known to be alive" in said
    assert "4 violations\n" in said
    assert "host → bridge, IPv4: 1 pair unreachable, although reachability" in said
    assert "bridge → its gateway, IPv4: 1 pair unreachable" in said
    assert (
        "seen      no answer; source not known to be alive, destination alive" in said
    )


def test_worst_last() -> None:
    """Violations stand after what is unverified: the end is what stays on a screen."""
    said = text(snapshot(demo(), dead("bridge1")))

    assert said.index("unverified pairs") < said.index("violations")


def test_common_end() -> None:
    """One container at the end of every broken pair is pointed out."""
    said = text(snapshot(demo(), dead("bridge1")))

    assert "Each of these 4 pairs has bridge1 at one end." in said


def test_no_common_end() -> None:
    """Pairs without a container in common point at none."""
    assert "at one end" not in text(snapshot(demo(), leaking))


def test_few_pairs_have_no_common_end() -> None:
    """That two pairs share an end says nothing."""

    def change(pair: Pair, decision: Decision) -> PairState | None:
        return leaking(pair, decision) if pair.source == "bridge1" else None

    said = text(snapshot(demo(), change))

    assert said.startswith("2 violations\n")
    assert "at one end" not in said


def test_common_end_of_gateways() -> None:
    """A container that reaches none of its gateways is pointed out, not the gateway."""
    networks = [network(f"n{n}", f"10.{n}.0.0/24") for n in range(4)]
    both = [endpoint("m", net, f"10.{n}.0.2") for n, net in enumerate(networks)]
    found = topology(tuple(networks), (container("m", *both),))

    def change(pair: Pair, decision: Decision) -> PairState | None:
        return dead("m")(pair, decision) if pair.scope is Scope.GATEWAY else None

    assert "Each of these 4 pairs has m at one end." in text(snapshot(found, change))


def test_many_pairs_each_named() -> None:
    """In a large finding sources and destinations are still all named."""
    said = " ".join(text(snapshot(forty(), leaking)).split())
    wiki = ", ".join(f"wiki-app-{n}" for n in range(1, 10))
    bridge = ", ".join(f"bridge-app-{n} 172.17.0.{n + 1}" for n in range(1, 5))

    assert f"{wiki} → {bridge}" in said


def test_large_finding_says_no_more_than_is_true() -> None:
    """Sources stand together only where their destinations are the very same."""
    kept = only("wiki-app-3", "bridge-app-2", as_promised)
    said = " ".join(text(snapshot(forty(), kept, leaking)).split())

    assert (
        "wiki-app-3 → bridge-app-1 172.17.0.2, bridge-app-3 172.17.0.4, "
        "bridge-app-4 172.17.0.5"
    ) in said


def test_families_apart() -> None:
    """A leak of one family is said of that family alone."""
    found = snapshot(crowd({"a": 1, "b": 1}, ipv6=True), in_family(6, leaking))
    said = text(found)

    assert "a → b, IPv6" in said
    assert "IPv4" not in said


def names(result: Result, verdict: Verdict, found: Topology | None = None) -> str:
    """Return the findings where every promised name gave a result."""

    def change(pair: Pair, decision: Decision) -> PairState | None:
        if pair.scope is not Scope.NAME or pair.source != "mybridge1":
            return None
        seen = Observation(
            result=result, sent=1, received=1, rtts_s=(0.001,), resolved=("10.0.0.9",)
        )
        return state(pair, decision, verdict, seen, controls=BOTH)

    return text(snapshot(found or demo(), change))


def test_wrong_answer() -> None:
    """A name that resolves to another address is shown with that address."""
    said = names(Result.WRONG_ANSWER, Verdict.UNEXPECTED_UNREACHABLE)

    assert (
        "names on mybridge, IPv4: 1 pair does not resolve, although it should" in said
    )
    assert "mybridge1 → mybridge2  172.18.0.3  resolved to 10.0.0.9, not the" in said


def test_not_measured() -> None:
    """What could not be measured says so, never that it is unreachable."""

    def change(pair: Pair, decision: Decision) -> PairState | None:
        if pair.scope is not Scope.GATEWAY:
            return None
        full = Observation(result=Result.NEIGHBOUR_TABLE)
        return state(
            pair,
            decision,
            Verdict.UNVERIFIED,
            full,
            controls=BOTH,
            reason="not measured: neighbour_table",
        )

    said = text(snapshot(demo(), change))

    assert "container to its gateway, IPv4: 4 pairs unverified" in said
    assert "seen      not measured: the host's neighbour table is full" in said


def test_too_old() -> None:
    """A verdict that is too old is unverified and says so."""

    def change(pair: Pair, decision: Decision) -> PairState | None:
        return state(pair, decision, Verdict.UNVERIFIED, NOT_PROBED, reason="too old")

    assert "because   too old" in text(snapshot(demo(), change))
