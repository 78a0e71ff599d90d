"""Names that do not resolve."""

import pytest

from exporter.model.cause import CauseId
from exporter.model.diagnosis import causes_of
from exporter.model.inspection import Inspection
from exporter.model.outcome import Result
from tests.fakes.filters import RESOLVER_RULES, FakeFilter
from tests.fakes.inspections import (
    healthy,
    state_of,
    with_filter,
    with_interface,
    with_macs,
)
from tests.fakes.topologies import demo

DEMO = with_macs(demo())
FINE = healthy(DEMO)
ASKS = "name mybridge1 mybridge2"


def ids(
    inspection: Inspection, result: Result = Result.NO_RESOLVER
) -> list[tuple[str, bool]]:
    """Return the causes of a name that does not resolve."""
    state = state_of(DEMO, ASKS, result=result)
    return [(str(c.id), c.certain) for c in causes_of(state, DEMO, inspection)]


def without(*gone: tuple[str, str]) -> Inspection:
    """Return the healthy host with some chains of the asker's gone."""
    left = {key: rules for key, rules in RESOLVER_RULES.items() if key not in gone}
    return with_filter(FINE, "mybridge1", FakeFilter(left))


@pytest.mark.parametrize("result", [Result.NO_RESOLVER, Result.TIMEOUT])
def test_nothing_is_found_where_nothing_is_wrong(result: Result) -> None:
    """Silence with all rules in place has no cause that is known."""
    assert [] == ids(FINE, result)


@pytest.mark.parametrize(
    "gone", [("nat", "DOCKER_OUTPUT"), ("nat", "OUTPUT")], ids=["chain", "jump"]
)
def test_the_rules_are_gone(gone: tuple[str, str]) -> None:
    """Without them nothing leads to the engine's socket."""
    assert [("resolver-rules-missing", True)] == ids(without(gone))


def test_the_rule_for_udp_is_gone() -> None:
    """The one for TCP alone does not help a question by UDP."""
    key = ("nat", "DOCKER_OUTPUT")
    rules = {**RESOLVER_RULES, key: RESOLVER_RULES[key][:1]}
    tcp_only = with_filter(FINE, "mybridge1", FakeFilter(rules))

    assert [("resolver-rules-missing", True)] == ids(tcp_only)


def test_the_rules_are_not_known() -> None:
    """What could not be read, in part or whole, is not missing."""
    partly = FakeFilter({}, unread=("legacy tables: not permitted",))

    assert [] == ids(with_filter(FINE, "mybridge1", None))
    assert [] == ids(with_filter(FINE, "mybridge1", partly))


def test_the_loopback_is_down() -> None:
    """The embedded DNS is reached over lo."""
    assert [("link-down", True)] == ids(
        with_interface(FINE, "mybridge1", "lo", up=False, running=False)
    )


@pytest.mark.parametrize(
    "result", [Result.NXDOMAIN, Result.SERVFAIL, Result.WRONG_ANSWER]
)
def test_the_engine_does_not_know_the_name(result: Result) -> None:
    """An answer came: the way to the DNS works."""
    assert [("name-unknown", False)] == ids(FINE, result)


def test_the_answer_is_told() -> None:
    """What was asked, and what was said."""
    state = state_of(DEMO, ASKS, result=Result.NXDOMAIN)

    (found,) = causes_of(state, DEMO, FINE)

    assert CauseId.NAME_UNKNOWN == found.id
    assert ("mybridge1: asked for mybridge2, the answer: nxdomain",) == found.evidence
