"""What a state is worth once time has passed without a probe."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from exporter.model.outcome import NOT_PROBED, Expected, Verdict
from exporter.model.pair import Controls, Pair, PairState
from exporter.model.plan import Planned


def carried(
    planned: Iterable[Planned],
    previous: Mapping[Pair, PairState],
    now: datetime,
    max_age_s: float,
) -> tuple[PairState, ...]:
    """Return the states of pairs that this cycle did not probe.

    The newest state stands until it is too old; then it is unverified. What was
    never probed is skipped, or not judged where nothing is promised.
    """
    limit = now - timedelta(seconds=max_age_s)
    return tuple(_carry(item, previous.get(item.pair), now, limit) for item in planned)


def _carry(
    item: Planned, before: PairState | None, now: datetime, limit: datetime
) -> PairState:
    if before is None or before.probed is None or before.decision != item.decision:
        unknown = item.decision.expected is Expected.UNKNOWN
        verdict = Verdict.NOT_JUDGED if unknown else Verdict.SKIPPED
        same = before is not None and before.verdict is verdict
        return PairState(
            pair=item.pair,
            decision=item.decision,
            observation=NOT_PROBED,
            controls=Controls(source=None, destination=None),
            verdict=verdict,
            since=before.since if same and before is not None else now,
        )
    if before.probed >= limit or before.verdict is Verdict.NOT_JUDGED:
        return before
    return stale(before, now, "too old")


def stale(state: PairState, now: datetime, reason: str) -> PairState:
    """Return a state that no longer says anything: unverified, nothing observed."""
    says_nothing = state.verdict in (Verdict.NOT_JUDGED, Verdict.SKIPPED)
    verdict = state.verdict if says_nothing else Verdict.UNVERIFIED
    return PairState(
        pair=state.pair,
        decision=state.decision,
        observation=NOT_PROBED,
        controls=Controls(source=None, destination=None),
        verdict=verdict,
        reason=state.reason if says_nothing else reason,
        since=state.since if state.verdict is verdict else now,
        probed=state.probed,
    )
