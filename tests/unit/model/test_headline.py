"""Rules of the sentence: it never says more than is known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model.headline import Tone, headline_of
from exporter.model.outcome import Expected, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from tests.fakes.pages import NOW, good, snapshot, state, topology

AS_EXPECTED = state(Verdict.AS_EXPECTED)
UNVERIFIED = state(Verdict.UNVERIFIED)
BROKEN = state(Verdict.UNEXPECTED_REACHABLE)
LOST = state(Verdict.UNEXPECTED_UNREACHABLE)
UNNAMED = state(Verdict.UNEXPECTED_UNREACHABLE, scope=Scope.NAME)
SKIPPED = state(Verdict.SKIPPED)
NO_PROMISE = "There is no promise to verify here."
NOT_JUDGED = state(Verdict.NOT_JUDGED)
REACHED = replace(
    AS_EXPECTED, decision=replace(AS_EXPECTED.decision, expected=Expected.REACHABLE)
)


def said(found: Snapshot) -> tuple[Tone, str]:
    """Return tone and sentence."""
    headline = headline_of(found, NOW)
    return headline.tone, headline.text


@pytest.mark.parametrize(
    ("states", "tone", "text"),
    [
        pytest.param(
            [AS_EXPECTED] * 24,
            Tone.GOOD,
            "Isolation intact: 24 promises hold.",
            id="all as promised",
        ),
        pytest.param(
            [AS_EXPECTED, NOT_JUDGED],
            Tone.GOOD,
            "Isolation intact: 1 promise holds.",
            id="nothing promised is no doubt",
        ),
        pytest.param(
            [REACHED] * 1200,
            Tone.GOOD,
            "All fine: 1,200 promises hold.",
            id="no isolation was promised",
        ),
        pytest.param(
            [AS_EXPECTED] * 16 + [BROKEN] * 8,
            Tone.BAD,
            "Isolation is broken for 8 pairs.",
            id="isolation gone",
        ),
        pytest.param(
            [LOST], Tone.BAD, "Connections are broken for 1 pair.", id="one lost"
        ),
        pytest.param(
            [LOST] * 3 + [BROKEN] * 2 + [UNNAMED] * 1200,
            Tone.BAD,
            "Isolation is broken for 2 pairs, connections for 3, names for 1,200.",
            id="all kinds, the worst first",
        ),
        pytest.param([UNNAMED], Tone.BAD, "Names are broken for 1 pair.", id="a name"),
        pytest.param(
            [UNVERIFIED, LOST, SKIPPED],
            Tone.BAD,
            "Connections are broken for 1 pair.",
            id="doubt does not hide a broken promise",
        ),
        pytest.param(
            [AS_EXPECTED] * 21 + [UNVERIFIED] * 3,
            Tone.DOUBT,
            "3 of 24 promises could not be verified; nothing else is broken.",
            id="some unverified",
        ),
        pytest.param(
            [UNVERIFIED],
            Tone.DOUBT,
            "1 of 1 promise could not be verified; none was.",
            id="all unverified",
        ),
        pytest.param(
            [AS_EXPECTED, SKIPPED, SKIPPED],
            Tone.IDLE,
            "No broken promise among 1; 2 not probed yet.",
            id="some not looked at",
        ),
        pytest.param([], Tone.IDLE, NO_PROMISE, id="no pair"),
        pytest.param(
            [NOT_JUDGED],
            Tone.IDLE,
            NO_PROMISE,
            id="no promise",
        ),
    ],
)
def test_verdicts(states: list[PairState], tone: Tone, text: str) -> None:
    """Broken before unverified before not probed before fine."""
    assert (tone, text) == said(snapshot(states))


def test_no_engine_yet() -> None:
    """Before the engine ever answered nothing is verified."""
    assert (
        Tone.DOUBT,
        "Nothing verified: no Docker engine has answered yet.",
    ) == said(Snapshot(taken=NOW))


def test_engine_down() -> None:
    """Without the engine old verdicts count for nothing, whatever the pairs say."""
    assert (Tone.DOUBT, "Nothing verified: the engine does not answer.") == said(
        replace(good(), engine_up=False)
    )


def test_first_cycle() -> None:
    """Before the first cycle nothing is verified."""
    assert (
        Tone.DOUBT,
        "Nothing verified yet: the first cycle is not done.",
    ) == said(replace(good(), cycle=None))


def test_paused() -> None:
    """Nobody takes for verified what nobody looks at any more."""
    paused = replace(good(), paused="probing is paused")

    assert (
        Tone.DOUBT,
        "Probing is paused; the last cycle ended 5 seconds ago.",
    ) == said(paused)
    assert (
        Tone.DOUBT,
        "Nothing verified yet: probing is paused.",
    ) == said(replace(paused, cycle=None))


def test_remote_engine() -> None:
    """Where nothing can be entered, nothing is fine."""
    found = topology()
    engine = replace(found.engine, local=False, local_reason="it is behind SSH")

    assert (Tone.DOUBT, "Nothing verified, only listed: it is behind SSH.") == said(
        snapshot(found=replace(found, engine=engine))
    )


@pytest.mark.parametrize(
    ("age_s", "tone"), [(75, Tone.GOOD), (77, Tone.DOUBT), (100_000, Tone.DOUBT)]
)
def test_cycles_that_stopped(age_s: float, tone: Tone) -> None:
    """If no cycle ends any more, the newest one stops counting after five."""
    found = good()
    assert found.cycle is not None
    ended = found.cycle.started + timedelta(seconds=found.cycle.duration_s)

    assert tone is headline_of(found, ended + timedelta(seconds=age_s)).tone


def test_a_slow_cycle_has_its_time() -> None:
    """A cycle that took ten minutes is not called old after two."""
    found = good()
    assert found.cycle is not None
    slow = replace(found, cycle=replace(found.cycle, duration_s=600))

    assert Tone.GOOD is headline_of(slow, NOW + timedelta(seconds=600 + 120)).tone


def test_tones_differ_without_colour() -> None:
    """Each tone has a symbol of its own."""
    symbols = {
        headline_of(snapshot([one]), NOW).symbol
        for one in (AS_EXPECTED, BROKEN, UNVERIFIED, SKIPPED)
    }

    assert len(Tone) == len(symbols)
