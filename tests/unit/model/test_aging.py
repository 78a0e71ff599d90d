"""What a state is worth once time has passed without a probe."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from exporter.model.aging import LONGEST_S, MaxAge, carried, max_age, stale
from exporter.model.bounds import Turns
from exporter.model.outcome import (
    NOT_PROBED,
    VIOLATIONS,
    Expected,
    Observation,
    Observed,
    Result,
    Scope,
    Verdict,
)
from exporter.model.pair import NO_CONTROLS, Controls, PairState, Planned, since
from exporter.model.plan import plan
from tests.fakes.topologies import demo

NOW = datetime(2026, 2, 1, tzinfo=UTC)
BEGAN = NOW - timedelta(hours=1)
ITEM = plan(demo(), {Scope.CONTAINER}, lambda _: True)[0]
UNKNOWN = replace(ITEM, decision=replace(ITEM.decision, expected=Expected.UNKNOWN))


def state(
    verdict: Verdict, *, item: Planned = ITEM, age_s: float | None = 10.0
) -> PairState:
    """Return a state that has lasted an hour, last probed so many seconds ago."""
    probed = None if age_s is None else NOW - timedelta(seconds=age_s)
    return PairState(
        pair=item.pair,
        decision=item.decision,
        observation=Observation(result=Result.OK, sent=1, received=1),
        controls=Controls(source=True, destination=True),
        verdict=verdict,
        reason="as it was",
        since=BEGAN,
        probed=probed,
    )


def carry(item: Planned, before: PairState | None) -> PairState:
    """Return what becomes of one pair that is not probed; the limit is 60 s."""
    previous = {} if before is None else {before.pair: before}
    return carried([item], {}, previous, NOW, MaxAge.of_all(60))[item.pair]


def test_the_limit_is_twice_the_time_in_which_all_have_their_turn() -> None:
    """Of each family, and never under some cycles nor over a day."""
    turns = Turns(across={4: 1, 6: 5}, inside={4: 10, 6: 10_000})
    limit = max_age(turns, 15, 3)

    assert limit == MaxAge({4: 45, 6: 150}, {4: 300, 6: LONGEST_S})
    assert max_age(turns, 100_000, 3) == MaxAge.of_all(300_000)


def test_pairs_inside_a_network_have_a_limit_of_their_own() -> None:
    """Names and the host's pairs do not wait for room."""
    limit = MaxAge({4: 1, 6: 2}, {4: 3, 6: 4})
    scopes = {Scope.CONTAINER, Scope.HOST, Scope.NAME}
    ages = {
        (item.pair.scope, item.decision.on_link): limit.of(item)
        for item in plan(demo(), scopes, lambda _: True)
    }

    assert ages.pop((Scope.CONTAINER, True)) == 3
    assert set(ages.values()) == {1}


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.SKIPPED}))
@pytest.mark.parametrize("age_s", [0, 60])
def test_the_newest_state_stands_until_it_is_too_old(
    verdict: Verdict, age_s: float
) -> None:
    """The age limit itself is not too old."""
    before = state(verdict, age_s=age_s)

    assert before == carry(ITEM, before)


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.SKIPPED}))
def test_a_state_that_is_too_old_says_nothing(verdict: Verdict) -> None:
    """Nothing is observed any more, and what was judged is unverified."""
    after = carry(ITEM, state(verdict, age_s=61))

    assert (Observed.NOT_PROBED, NO_CONTROLS) == (
        after.observation.observed,
        after.controls,
    )
    if verdict is Verdict.NOT_JUDGED:
        assert (verdict, "as it was", BEGAN) == (
            after.verdict,
            after.reason,
            after.since,
        )
    else:
        assert (Verdict.UNVERIFIED, "too old") == (after.verdict, after.reason)
        assert (BEGAN if verdict is Verdict.UNVERIFIED else NOW) == after.since
    assert NOW - timedelta(seconds=61) == after.probed


@pytest.mark.parametrize(
    ("item", "verdict"), [(ITEM, Verdict.SKIPPED), (UNKNOWN, Verdict.NOT_JUDGED)]
)
def test_what_was_never_probed_is_skipped(item: Planned, verdict: Verdict) -> None:
    """Or not judged, where nothing is promised; for as long as that lasts."""
    expected = PairState(
        pair=item.pair,
        decision=item.decision,
        observation=NOT_PROBED,
        controls=NO_CONTROLS,
        verdict=verdict,
        since=NOW,
    )

    first = carry(item, None)

    assert expected == first
    lasting = replace(first, since=BEGAN)
    assert lasting == carry(item, lasting)


def test_another_promise_makes_it_a_pair_that_was_never_probed() -> None:
    """What was seen was judged by what is no longer promised."""
    after = carry(UNKNOWN, state(Verdict.AS_EXPECTED))

    assert (Verdict.NOT_JUDGED, NOT_PROBED, NOW, None) == (
        after.verdict,
        after.observation,
        after.since,
        after.probed,
    )


@pytest.mark.parametrize("verdict", Verdict)
def test_an_outage_takes_back_every_judgement(verdict: Verdict) -> None:
    """And leaves alone what was none."""
    before = state(verdict)
    unjudged = verdict in (Verdict.NOT_JUDGED, Verdict.SKIPPED)

    after = stale(before, NOW, "the engine is down")

    assert (
        replace(before, observation=NOT_PROBED, controls=NO_CONTROLS)
        if unjudged
        else replace(
            before,
            observation=NOT_PROBED,
            controls=NO_CONTROLS,
            verdict=Verdict.UNVERIFIED,
            reason="the engine is down",
            since=BEGAN if verdict is Verdict.UNVERIFIED else NOW,
            was_broken=verdict in VIOLATIONS,
        )
    ) == after


def test_since_is_kept_while_the_verdict_is() -> None:
    """And begins anew with another one, or with the first."""
    before = state(Verdict.AS_EXPECTED)

    assert BEGAN == since(before, Verdict.AS_EXPECTED, NOW)
    assert NOW == since(before, Verdict.UNVERIFIED, NOW)
    assert NOW == since(None, Verdict.UNVERIFIED, NOW)


@pytest.mark.parametrize(
    ("age_s", "verdict"),
    [(-59.0, Verdict.AS_EXPECTED), (-61.0, Verdict.UNVERIFIED)],
)
def test_a_state_from_the_future_is_of_no_known_age(
    age_s: float, verdict: Verdict
) -> None:
    """The clock was set back: by an hour, it would not grow old for an hour."""
    assert verdict is carry(ITEM, state(Verdict.AS_EXPECTED, age_s=age_s)).verdict
