"""What a snapshot says of its pairs: totals, violations, names."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given

from exporter.model.outcome import VIOLATIONS, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import ContainerId, NetworkId, SandboxId
from tests.fakes import snapshots as fakes
from tests.strategies_model import snapshots


@given(snapshots())
def test_totals_and_summary_add_up(snapshot: Snapshot) -> None:
    """Every pair is counted once, by all five words and by its verdict."""
    pairs = len(snapshot.pairs)

    assert pairs == sum(snapshot.totals.values())
    assert pairs == sum(snapshot.summary.values())
    assert set(Verdict) == set(snapshot.summary)
    for (
        scope,
        ip_version,
        expected,
        observed,
        verdict,
    ), count in snapshot.totals.items():
        assert count == sum(
            (
                state.pair.scope,
                state.pair.ip_version,
                state.decision.expected,
                state.observation.observed,
                state.verdict,
            )
            == (scope, ip_version, expected, observed, verdict)
            for state in snapshot.pairs
        )
    for verdict, count in snapshot.summary.items():
        assert count == sum(state.verdict is verdict for state in snapshot.pairs)


@given(snapshots())
def test_violations_are_the_broken_promises_oldest_first(snapshot: Snapshot) -> None:
    """Each once, in order of when they began."""
    found = snapshot.violations

    assert list(found) == sorted(
        (state for state in snapshot.pairs if state.verdict in VIOLATIONS),
        key=lambda state: state.since,
    )


def of(snapshot: Snapshot, scope: Scope) -> PairState:
    """Return the first state of a scope."""
    return next(state for state in snapshot.pairs if state.pair.scope is scope)


def test_pairs_are_called_by_the_names_of_their_ends() -> None:
    """The host and a gateway by what they are."""
    snapshot = fakes.small()

    names = {
        scope: (
            snapshot.source_name(of(snapshot, scope)),
            snapshot.destination_name(of(snapshot, scope)),
            snapshot.network_name(of(snapshot, scope)),
            snapshot.source_network_name(of(snapshot, scope)),
        )
        for scope in (Scope.CONTAINER, Scope.HOST, Scope.GATEWAY)
    }

    assert {
        Scope.CONTAINER: ("bridge1", "bridge2", "bridge", "bridge"),
        Scope.HOST: ("host", "bridge1", "bridge", None),
        Scope.GATEWAY: ("bridge1", "gateway", "bridge", "bridge"),
    } == names


def test_what_is_no_longer_there_is_called_by_its_short_id() -> None:
    """Also where there is no topology at all."""
    snapshot = fakes.small()
    known = of(snapshot, Scope.CONTAINER)
    state = replace(
        known,
        pair=known.pair._replace(
            source=SandboxId("a" * 64),
            destination=ContainerId("b" * 64),
            network=NetworkId("c" * 64),
        ),
        decision=replace(known.decision, source_network=NetworkId("d" * 64)),
    )

    for one in (snapshot, Snapshot(taken=fakes.NOW)):
        assert "a" * 12 == one.source_name(state)
        assert "b" * 12 == one.destination_name(state)
        assert "c" * 12 == one.network_name(state)
        assert "d" * 12 == one.source_network_name(state)


def test_an_older_violation_comes_first() -> None:
    """Whatever the order of the pairs."""
    snapshot = fakes.violations()
    newest = snapshot.violations[0]
    older = replace(newest, since=newest.since - timedelta(hours=1))
    pairs = tuple(
        older if state is newest else state for state in reversed(snapshot.pairs)
    )

    assert older is replace(snapshot, pairs=pairs).violations[0]
