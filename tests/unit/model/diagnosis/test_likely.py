"""What all causes have in common: promises, policies and order."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from exporter.model.cause import CauseId
from exporter.model.diagnosis import causes_of
from exporter.model.firewall import Hook, Step
from exporter.model.outcome import Expected, Verdict
from exporter.model.pair import PairState
from exporter.model.topology import ContainerId, NetworkId
from tests.fakes.filters import FakeFilter, docker_rules, stopped
from tests.fakes.inspections import (
    HOST_NAME,
    NOW,
    state_of,
    with_filter,
)
from tests.fakes.leaking import (
    ACCEPT_BY_USER,
    ACROSS,
    DEMO,
    FINE,
    RAW,
    causes,
    filtered,
)


def by_policy(state: PairState, expected: Expected) -> PairState:
    """Return a state whose expectation is a policy entry's."""
    docker = state.decision
    decision = replace(
        docker,
        expected=expected,
        rule="policy-1",
        promised=docker.expected,
        promised_by=docker.rule,
    )
    return replace(state, decision=decision)


class TestPolicy:
    """The user wants what Docker does not promise."""

    SHARED = "container mybridge1 mybridge2"

    def test_they_share_a_network(self) -> None:
        """Since when each is on it is told: by an event, else since its start."""
        attached = {
            (ContainerId("mybridge2"), NetworkId("net-mybridge")): datetime(
                2026, 2, 3, 4, 5, 6, tzinfo=UTC
            )
        }

        wanted = by_policy(state_of(DEMO, self.SHARED), Expected.ISOLATED)
        state = replace(wanted, verdict=Verdict.UNEXPECTED_REACHABLE)

        (found,) = causes_of(state, DEMO, replace(FINE, attached=attached))

        assert (CauseId.SHARED_NETWORK, True) == (found.id, found.certain)
        assert (
            "mybridge1 is on mybridge, started 2026-01-01T00:00:00Z",
            "mybridge2 is on mybridge, connected 2026-02-03T04:05:06Z",
        ) == found.evidence

    @pytest.mark.parametrize(
        "what", ["host host mybridge1", "gateway mybridge1 gateway"]
    )
    def test_docker_promises_it(self, what: str) -> None:
        """Where no network is shared the rule of the promise is told."""
        (found,) = causes(FINE, what=what)

        assert (CauseId.DOCKER_ALLOWS, True) == (found.id, found.certain)
        assert found.evidence[0].startswith("Docker's promise: ")

    def test_docker_isolates_what_should_answer(self) -> None:
        """The rule that stops it is told beside the promise."""
        wanted = by_policy(state_of(DEMO, ACROSS), Expected.REACHABLE)
        drop = Step(
            table="filter",
            chain="DOCKER",
            rule="-A DOCKER ! -i br-mybridge -o br-mybridge -j DROP",
        )
        filtering = FakeFilter(docker_rules(DEMO), {Hook.FORWARD: stopped(drop)})
        kept = with_filter(FINE, HOST_NAME, filtering)

        (found,) = causes_of(wanted, DEMO, kept)
        (bare,) = causes_of(wanted, DEMO, FINE)

        assert (CauseId.DOCKER_ISOLATES, True) == (found.id, found.certain)
        assert f"host, table filter, chain DOCKER: {drop.rule}" == found.evidence[1]
        assert bare.evidence == found.evidence[:1]


class TestNoViolation:
    """States that are none."""

    @pytest.mark.parametrize(
        "verdict",
        [one for one in Verdict if not one.startswith("unexpected")],
    )
    def test_have_no_causes(self, verdict: Verdict) -> None:
        """Nothing is broken, so nothing is to be explained."""
        state = replace(state_of(DEMO, ACROSS), verdict=verdict)

        assert () == causes_of(state, DEMO, filtered(ACCEPT_BY_USER, RAW))

    def test_of_a_network_that_is_gone(self) -> None:
        """What the engine no longer shows is not explained by it."""
        state = state_of(DEMO, ACROSS, verdict=Verdict.UNEXPECTED_REACHABLE)

        assert () == causes_of(state, replace(DEMO, networks=()), FINE)

    def test_the_time_of_the_fakes(self) -> None:
        """The states here are of one moment."""
        assert NOW == state_of(DEMO, ACROSS).since
