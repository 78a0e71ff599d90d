"""What a state is worth once time has passed without a probe."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from exporter.model.bounds import Turns
from exporter.model.neighbours import PerFamily
from exporter.model.outcome import NOT_PROBED, Expected, Scope, Verdict
from exporter.model.pair import NO_CONTROLS, Pair, PairState, Planned, since
from exporter.model.topology import IP_VERSIONS, IpVersion

LONGEST_S = 86_400.0
"""A day: what is older is not shown as fine, however long pairs wait."""
Ages = Mapping[IpVersion, float]
"""In seconds, of each family."""


class MaxAge(NamedTuple):
    """The age in seconds beyond which a state says nothing any more."""

    across_s: Ages
    inside_s: Ages
    """Of container pairs inside a network, which may have to wait."""

    @classmethod
    def of_all(cls, age_s: float) -> Self:
        """Return one for every pair."""
        each = dict.fromkeys(IP_VERSIONS, age_s)
        return cls(each, each)

    def of(self, one: Planned | PairState) -> float:
        """Return that of one pair."""
        inside = one.decision.on_link and one.pair.scope is Scope.CONTAINER
        return (self.inside_s if inside else self.across_s)[one.pair.ip_version]


def max_age(turns: Turns, period_s: float, least: int) -> MaxAge:
    """Return twice the time in which every pair has its turn, and never over a day.

    Args:
        turns: after how many cycles each pair has had its turn.
        period_s: seconds from one cycle to the next.
        least: cycles for which a state stands in any case.
    """

    def ages(each: PerFamily, least: int) -> Ages:
        longest = max(LONGEST_S, least * period_s)
        return {v: min(longest, max(least, 2 * n) * period_s) for v, n in each.items()}

    return MaxAge(ages(turns.across, least), ages(turns.inside, least))


def carried(
    planned: Iterable[Planned],
    fresh: Mapping[Pair, PairState],
    previous: Mapping[Pair, PairState],
    now: datetime,
    max_age: MaxAge,
) -> dict[Pair, PairState]:
    """Return the state of each pair at the end of a cycle.

    Where it was not probed the newest state stands until it is too old; then it is
    unverified. What was never probed under the present promise is skipped, or not
    judged where nothing is promised.

    Args:
        planned: the pairs, with what is promised now.
        fresh: the states of those that this cycle probed.
        previous: the newest state of each pair before.
        now: the end of the cycle.
        max_age: beyond it a state says nothing any more.
    """
    states: dict[Pair, PairState] = {}
    for item in planned:
        pair = item.pair
        state = fresh.get(pair)
        if state is None:
            state = _carry(item, previous.get(pair), now, max_age.of(item))
        states[pair] = state
    return states


def is_too_old(probed: datetime, now: datetime, max_age_s: float) -> bool:
    """Return whether what was seen then says nothing any more.

    Nor does what was seen in the future, but for as long: the clock was set back, and
    its age is not known.
    """
    return abs(now - probed) > timedelta(seconds=max_age_s)


def _carry(
    item: Planned, before: PairState | None, now: datetime, max_age_s: float
) -> PairState:
    if before is None or before.probed is None or before.decision != item.decision:
        unknown = item.decision.expected is Expected.UNKNOWN
        verdict = Verdict.NOT_JUDGED if unknown else Verdict.SKIPPED
        return PairState(
            pair=item.pair,
            decision=item.decision,
            observation=NOT_PROBED,
            controls=NO_CONTROLS,
            verdict=verdict,
            since=since(before, verdict, now),
        )
    too_old = is_too_old(before.probed, now, max_age_s)
    return stale(before, now, "too old") if too_old else before


def stale(state: PairState, now: datetime, reason: str) -> PairState:
    """Return a state that no longer says anything: unverified, nothing observed.

    What was never judged stays that way; a silence has to be seen anew. What was
    broken is remembered, to be looked at first.
    """
    unjudged = state.verdict in (Verdict.NOT_JUDGED, Verdict.SKIPPED)
    verdict = state.verdict if unjudged else Verdict.UNVERIFIED
    return replace(
        state,
        observation=NOT_PROBED,
        controls=NO_CONTROLS,
        verdict=verdict,
        reason=state.reason if unjudged else reason,
        causes=(),
        silent_since_s=None,
        was_broken=state.is_broken,
        since=since(state, verdict, now),
    )
