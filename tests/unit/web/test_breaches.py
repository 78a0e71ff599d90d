"""Rules of what is broken: one breach for one cause, in words, worst first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model.cause import CauseId, cause
from exporter.model.outcome import Scope, Verdict
from exporter.model.pair import PairState
from exporter.report.api.ids import pair_id
from exporter.web.breaches import WAYS_MAX, Breach, breaches_of
from tests.fakes import sights
from tests.fakes.pages import NOW, snapshot, state

LEAK = state(Verdict.UNEXPECTED_REACHABLE)
LOST = state(Verdict.UNEXPECTED_UNREACHABLE, rule="same-bridge")


def breaches(*states: PairState) -> tuple[Breach, ...]:
    """Return what some pairs come to."""
    return breaches_of(snapshot(states), NOW, pair_id)


def test_nothing_broken() -> None:
    """Doubt is no breach."""
    assert () == breaches(state(Verdict.AS_EXPECTED), state(Verdict.UNVERIFIED))


def test_isolation_comes_first() -> None:
    """Whatever else is broken, and in however many pairs."""
    found = breaches(LOST, LOST, LEAK)

    assert [1, 2] == [one.count for one in found]
    assert "Isolation broken" in found[0].title


@pytest.mark.parametrize(
    ("verdict", "scope", "count", "expected"),
    [
        pytest.param(
            Verdict.UNEXPECTED_REACHABLE,
            Scope.CONTAINER,
            2,
            "Isolation broken: 2 pairs reach what they must not",
            id="leak",
        ),
        pytest.param(
            Verdict.UNEXPECTED_UNREACHABLE,
            Scope.CONTAINER,
            1,
            "Connection broken: 1 pair does not reach what it must",
            id="lost",
        ),
        pytest.param(
            Verdict.UNEXPECTED_REACHABLE,
            Scope.NAME,
            1,
            "Names leak: 1 pair resolves a name that it must not",
            id="name leaks",
        ),
        pytest.param(
            Verdict.UNEXPECTED_UNREACHABLE,
            Scope.NAME,
            3,
            "Names broken: 3 pairs do not resolve a name that they must",
            id="name lost",
        ),
    ],
)
def test_titles(verdict: Verdict, scope: Scope, count: int, expected: str) -> None:
    """A title is a sentence."""
    (found,) = breaches(*[state(verdict, scope=scope)] * count)

    assert expected == found.title


def test_one_breach_for_each_cause() -> None:
    """With its evidence, what to do, and whether it is certain."""
    port = cause(CauseId.PORT_MISSING, "veth1 has no master", certain=True)
    down = cause(CauseId.LINK_DOWN, "eth0 is down", certain=False)
    found = breaches(
        replace(LOST, causes=(port, down)),
        replace(LOST, causes=(down,)),
        replace(LOST, causes=(port,)),
    )

    assert [2, 1] == [one.count for one in found]
    assert [port.sentence, down.sentence] == [one.cause for one in found]
    assert [("veth1 has no master",), ("eth0 is down",)] == [
        one.evidence for one in found
    ]
    assert [True, False] == [one.certain for one in found]
    assert [("ip link set VETH master BRIDGE", True)] == [
        (part.text, part.is_code) for part in found[0].remedy
    ]


def test_a_key_stays_as_long_as_the_breach() -> None:
    """However many pairs it has: the page recognises it."""
    (before,), (after,) = breaches(LEAK), breaches(LEAK, LEAK)

    assert before.key == after.key


def test_only_what_began_later_has_an_age_of_its_own() -> None:
    """The oldest tells since when; what came with it says nothing of it."""
    old = replace(LEAK, since=NOW - timedelta(hours=2))
    soon = replace(LEAK, since=NOW - timedelta(hours=2) + timedelta(seconds=30))
    late = replace(LEAK, since=NOW - timedelta(minutes=3))
    (found,) = breaches(late, soon, old)

    assert "2 hours" == found.since.age
    ages = [row.since.age if row.since else None for row in found.shown]
    assert [None, None, "3 minutes"] == ages


def test_ways_are_counted_and_bounded() -> None:
    """The widest first, with the address of their pairs; of the rest the number."""
    (found,) = breaches_of(sights.flushed(1000), NOW, pair_id)
    counts = [int(way.count) for way in found.ways]

    assert sorted(counts, reverse=True) == counts
    assert WAYS_MAX == len(found.ways)
    assert 31 * 30 - WAYS_MAX == found.ways_left_out
    assert "?from=auth_default&to=mail_default" == found.ways[0].query
