"""What a state is worth once time has passed without a probe."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from exporter.model.outcome import NOT_PROBED, Expected, Verdict
from exporter.model.pair import NO_CONTROLS, Pair, PairState, Planned, since


def carried(
    planned: Iterable[Planned],
    previous: Mapping[Pair, PairState],
    now: datetime,
    max_age_s: float,
) -> tuple[PairState, ...]:
    """Return the states of pairs that this cycle did not probe.

    The newest state stands until it is too old; then it is unverified. What was
    never probed under the present promise is skipped, or not judged where nothing
    is promised.

    Args:
        planned: the pairs, with what is promised now.
        previous: the newest state of each pair.
        now: the end of the cycle.
        max_age_s: age in seconds beyond which a state says nothing any more.
    """
    limit = now - timedelta(seconds=max_age_s)
    return tuple(_carry(item, previous.get(item.pair), now, limit) for item in planned)


def _carry(
    item: Planned, before: PairState | None, now: datetime, limit: datetime
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
    return before if before.probed >= limit else stale(before, now, "too old")


def stale(state: PairState, now: datetime, reason: str) -> PairState:
    """Return a state that no longer says anything: unverified, nothing observed.

    What was never judged stays that way; a silence has to be seen anew.
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
        since=since(state, verdict, now),
    )
