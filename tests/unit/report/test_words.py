"""Every outcome has its words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from exporter.model.expectation import RULES
from exporter.model.outcome import Expected, Observation, Result, Scope, Verdict
from exporter.model.pair import Controls, Decision
from exporter.report.marks import Mark, mark_of, worst
from exporter.report.page import ASCII, UNICODE
from exporter.report.words import (
    RESULTS,
    SCOPES,
    VERDICTS,
    control_words,
    duration,
    moment,
    packets,
    promise,
    seen,
)
from tests.fakes.report_samples import (
    dead,
    leaking,
    skipped,
    snapshot,
)
from tests.fakes.topologies import demo


def test_nothing_is_forgotten() -> None:
    """Every result, verdict, scope and mark has words, a glyph and a colour."""
    assert set(Result) == set(RESULTS)
    assert set(Verdict) == set(VERDICTS)
    assert set(Scope) == set(SCOPES)
    for glyphs in (UNICODE, ASCII):
        assert len(Mark) == len({mark.glyph(glyphs) for mark in Mark})
    assert len(Mark) == len({mark.meaning for mark in Mark})
    assert all(mark.role for mark in Mark)


def test_ascii_glyphs() -> None:
    """What replaces the glyphs is ASCII, all of it."""
    assert all(getattr(ASCII, name).isascii() for name in ASCII.__slots__)


def test_marks() -> None:
    """A pair's mark follows from its verdict and its promise."""
    found = snapshot(demo(), skipped("bridge2"), dead("bridge1"), leaking)
    marks = {
        (str(state.pair.source), str(state.pair.destination)): mark_of(state)
        for state in found.pairs
        if state.pair.scope is Scope.CONTAINER
    }

    assert Mark.BROKEN == marks["bridge1", "bridge2"]
    assert Mark.UNVERIFIED == marks["bridge1", "mybridge1"]
    assert Mark.NOT_PROBED == marks["bridge2", "mybridge1"]
    assert Mark.LEAKING == marks["mybridge1", "bridge2"]
    assert Mark.REACHABLE == marks["mybridge1", "mybridge2"]


def test_worst() -> None:
    """A leak is worse than a break, doubt is worse than a kept promise."""
    assert Mark.LEAKING == worst(reversed(Mark))
    assert Mark.UNVERIFIED == worst([Mark.REACHABLE, Mark.UNVERIFIED, Mark.ISOLATED])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 µs"),
        (999.4e-6, "999 µs"),
        (999.6e-6, "1.0 ms"),
        (9.94e-3, "9.9 ms"),
        (9.96e-3, "10 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (61.0, "61.0 s"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    """A time never shows more digits than help, also where the unit changes."""
    assert text == duration(seconds, UNICODE)


def test_moment_is_utc() -> None:
    """Times are UTC, wherever they come from."""
    east = datetime(2026, 1, 1, 3, 0, tzinfo=timezone(timedelta(hours=2)))

    assert "2026-01-01 01:00:00Z" == moment(east)
    assert moment(east) == moment(east.astimezone(UTC))


def test_hostile_answer() -> None:
    """What a DNS answer carried is printable too."""
    answer = Observation(result=Result.WRONG_ANSWER, resolved=("\x1b[2J",))

    assert r"resolved to \x1b[2J, not the container's address" == seen(answer, UNICODE)


def test_packets() -> None:
    """Duplicates and late replies are said where there are any."""
    odd = Observation(result=Result.OK, sent=4, received=3, duplicates=1, late=2)

    assert "4 sent, 3 received, 1 twice, 2 late" == packets(odd)
    assert not packets(Observation(result=Result.SKIPPED))


def test_controls() -> None:
    """Not looked at is not the same as not alive."""
    assert "source alive, destination not known to be alive" == control_words(
        Controls(source=True, destination=False)
    )
    assert "source not looked at, destination not looked at" == control_words(
        Controls(source=None, destination=None)
    )


def test_promise_of_a_name() -> None:
    """For a name the promise is about resolving."""
    pairs = snapshot(demo()).pairs
    decision: Decision = next(
        state.decision for state in pairs if state.pair.scope is Scope.NAME
    )

    assert promise(decision, Scope.NAME).startswith("does not resolve: Names do not")


BY_POLICY = Decision(
    expected=Expected.ISOLATED,
    rule="policy-2",
    source_network=None,
    on_link=True,
    promised=Expected.REACHABLE,
    promised_by="same-bridge",
    policy=2,
    policy_reason="guests\nalone",
)
DOCKER = (
    "Docker promises {}: Containers on the same bridge network reach each other. "
    "(same-bridge)"
)


@pytest.mark.parametrize(
    ("decision", "scope", "words"),
    [
        pytest.param(
            BY_POLICY,
            Scope.CONTAINER,
            "isolated, by the policy: guests\\nalone (policy-2); "
            + DOCKER.format("reachable"),
            id="with a reason",
        ),
        pytest.param(
            replace(BY_POLICY, policy_reason=""),
            Scope.NAME,
            "does not resolve, by the policy (policy-2); " + DOCKER.format("resolves"),
            id="without, of a name",
        ),
        pytest.param(
            replace(
                BY_POLICY,
                expected=Expected.UNKNOWN,
                promised=Expected.UNKNOWN,
                promised_by="underlay",
            ),
            Scope.CONTAINER,
            "nothing, by the policy: guests\\nalone (policy-2); Docker promises "
            f"nothing: {RULES['underlay'].sentence} (underlay)",
            id="ignored",
        ),
        pytest.param(
            replace(
                BY_POLICY,
                expected=Expected.UNKNOWN,
                rule="opted-out",
                promised=None,
                policy=None,
                opted_out=True,
            ),
            Scope.CONTAINER,
            "nothing: an end has the label dockernet.ignore (opted-out)",
            id="left alone",
        ),
    ],
)
def test_promise_of_a_policy(decision: Decision, scope: Scope, words: str) -> None:
    """What is expected and why, and what Docker itself promises."""
    assert words == promise(decision, scope)
