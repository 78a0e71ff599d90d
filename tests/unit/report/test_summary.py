"""How it went: the sentence and the exit status."""

from dataclasses import replace

import pytest

from exporter.model.outcome import NOT_PROBED, Expected, Verdict
from exporter.model.pair import Decision, Pair, PairState
from exporter.model.policy import Policy, PolicyEntry, Selector
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Topology
from exporter.report.summary import Status, status_of, summary_text
from tests.fakes.policies import entry, labelled
from tests.fakes.report_samples import (
    NEITHER,
    dead,
    leaking,
    only,
    skipped,
    snapshot,
    state,
)
from tests.fakes.topologies import demo


def all_are(verdict: Verdict) -> Snapshot:
    """Return the demo with one verdict for every pair."""

    def change(pair: Pair, decision: Decision) -> PairState:
        return state(pair, decision, verdict, NOT_PROBED, controls=NEITHER)

    return snapshot(demo(), change)


def by_policy(*entries: PolicyEntry, found: Topology | None = None) -> Snapshot:
    """Return the demo as a policy promises it."""
    return snapshot(found or demo(), leaking, policy=Policy(entries))


OPEN = entry(Expected.REACHABLE)
SAME = entry(Expected.ISOLATED, source=Selector(container=("bridge1",)))
IGNORED = entry(Expected.UNKNOWN, destination=Selector(network=("mybridge",)))


def left_alone() -> Topology:
    """Return the demo with one container that asks to be left alone."""
    one, *rest = demo().containers
    return replace(demo(), containers=(labelled(one, dockernet_ignore="true"), *rest))


def remote() -> Snapshot:
    """Return a snapshot of an engine that runs elsewhere."""
    found = snapshot(demo())
    engine = replace(demo().engine, local=False, local_reason="a TCP address")
    return replace(found, topology=replace(demo(), engine=engine), pairs=())


@pytest.mark.parametrize(
    ("found", "status", "text"),
    [
        pytest.param(
            snapshot(demo()),
            Status.FINE,
            "24 pairs are all as Docker promises.",
            id="healthy",
        ),
        pytest.param(
            snapshot(demo(), leaking),
            Status.VIOLATION,
            "Isolation is broken for 8 of 24 pairs.",
            id="leaking",
        ),
        pytest.param(
            by_policy(OPEN),
            Status.FINE,
            "24 pairs are all as promised, 12 of them by the policy.",
            id="by the policy",
        ),
        pytest.param(
            by_policy(SAME),
            Status.VIOLATION,
            "Isolation is broken for 9 of 24 pairs.",
            id="the policy's promise broken",
        ),
        pytest.param(
            by_policy(IGNORED, OPEN),
            Status.FINE,
            "18 pairs are all as promised, 6 of them by the policy. "
            "The policy ignores 6 pairs.",
            id="ignored",
        ),
        pytest.param(
            snapshot(left_alone()),
            Status.FINE,
            "14 pairs are all as Docker promises. "
            "10 pairs were left alone (dockernet.ignore).",
            id="left alone",
        ),
        pytest.param(
            snapshot(demo(), dead("bridge1")),
            Status.VIOLATION,
            "Connections are broken for 4 of 20 pairs. 4 pairs could not be verified.",
            id="violations beside unverified pairs",
        ),
        pytest.param(
            snapshot(demo(), only("bridge1", "mybridge1", dead("bridge1"))),
            Status.UNMEASURED,
            "Nothing found broken, but 1 pair could not be verified.",
            id="one unverified",
        ),
        pytest.param(
            snapshot(demo(), skipped("bridge1")),
            Status.FINE,
            "21 pairs are all as Docker promises. "
            "3 pairs were left out; --all covers them.",
            id="some left out",
        ),
        pytest.param(
            all_are(Verdict.SKIPPED),
            Status.UNMEASURED,
            "There is no pair whose promise could be looked at. "
            "24 pairs were left out; --all covers them.",
            id="all left out",
        ),
        pytest.param(
            all_are(Verdict.NOT_JUDGED),
            Status.FINE,
            "There is no pair whose promise could be looked at. "
            "Docker promises nothing for 24 pairs.",
            id="nothing promised",
        ),
        pytest.param(
            replace(snapshot(demo()), pairs=()),
            Status.FINE,
            "There is no pair whose promise could be looked at.",
            id="no containers",
        ),
        pytest.param(
            snapshot(demo(), engine_up=False),
            Status.UNMEASURED,
            "Nothing was measured: no engine answers.",
            id="no engine",
        ),
        pytest.param(
            remote(),
            Status.UNMEASURED,
            "There is no pair whose promise could be looked at.",
            id="engine elsewhere",
        ),
    ],
)
def test_how_it_went(found: Snapshot, status: Status, text: str) -> None:
    """The status says what the sentence says; a violation outweighs everything."""
    assert (status, text) == (status_of(found), summary_text(found))
