"""What a state is worth once time has passed without a probe."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from exporter.model.outcome import NOT_PROBED, Expected, Scope, Verdict
from exporter.model.pair import NO_CONTROLS, Pair, PairState, Planned, since


class MaxAge(NamedTuple):
    """The age in seconds beyond which a state says nothing any more."""

    s: float
    inside_s: float
    """Of container pairs inside a network, which may have to queue."""

    def of(self, one: Planned | PairState) -> float:
        """Return that of one pair."""
        inside = one.decision.on_link and one.pair.scope is Scope.CONTAINER
        return self.inside_s if inside else self.s


def carried(
    planned: Iterable[Planned],
    previous: Mapping[Pair, PairState],
    now: datetime,
    max_age: MaxAge,
) -> tuple[PairState, ...]:
    """Return the states of pairs that this cycle did not probe.

    The newest state stands until it is too old; then it is unverified. What was
    never probed under the present promise is skipped, or not judged where nothing
    is promised.

    Args:
        planned: the pairs, with what is promised now.
        previous: the newest state of each pair.
        now: the end of the cycle.
        max_age: beyond it a state says nothing any more.
    """
    return tuple(
        _carry(item, previous.get(item.pair), now, max_age.of(item)) for item in planned
    )


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
