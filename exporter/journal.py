"""What a cycle leaves in the log: a line for each verdict that changed, and one more.

A verdict that stays as it is gets no line, however bad it is; it is on the metrics.
"""

from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from exporter.board import Change
from exporter.model.outcome import VIOLATIONS
from exporter.model.pair import PairState
from exporter.model.snapshot import CycleInfo, Snapshot

LOGGED_CHANGES = 50
"""Verdict changes of one cycle that get a line each; the rest are counted."""


def report_notices(log: FilteringBoundLogger, before: Snapshot, now: Snapshot) -> None:
    """Log what does not work here, once, and what has come to work again.

    An entry of the policy that has expired has a line of its own kind.
    """
    was, gone = _standing(before), {entry for _, entry in before.expired}
    for notice in _standing(now):
        if notice not in was:
            log.warning("notice.raised", notice=notice)
    for notice in was:
        if notice not in _standing(now):
            log.info("notice.cleared", notice=notice)
    for number, entry in now.expired:
        if entry not in gone:
            log.warning(
                "policy.expired",
                entry=number,
                until=str(entry.until),
                reason=entry.reason or None,
            )


def _standing(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the notices that are not about the policy, and a pause."""
    about_policy = snapshot.policy.notices(snapshot.taken.date())
    notices = tuple(one for one in snapshot.notices if one not in about_policy)
    return notices if snapshot.paused is None else (*notices, snapshot.paused)


def report_cycle(
    log: FilteringBoundLogger,
    info: CycleInfo,
    snapshot: Snapshot,
    changes: Sequence[Change],
) -> None:
    """Log what a cycle changed, and that it ended; a quiet watch at debug."""
    report_changes(log, snapshot, changes)
    # One that is due every few seconds, and found nothing, is nothing to read.
    say = log.info if changes or info.trigger != "watch" else log.debug
    say(
        "cycle.finished",
        cycle=info.number,
        trigger=info.trigger,
        duration_s=round(info.duration_s, 3),
        **{str(verdict): count for verdict, count in snapshot.summary.items()},
    )


def report_changes(
    log: FilteringBoundLogger, snapshot: Snapshot, changes: Sequence[Change]
) -> None:
    """Log a line for each verdict that changed, up to `LOGGED_CHANGES`.

    Broken promises first: what is harmless must not crowd them out.
    """
    ordered = sorted(changes, key=lambda c: c.after.verdict not in VIOLATIONS)
    for change in ordered[:LOGGED_CHANGES]:
        _report_change(log, snapshot, change)
    if len(changes) > LOGGED_CHANGES:
        log.warning("verdicts.changed", not_shown=len(changes) - LOGGED_CHANGES)


def _report_change(
    log: FilteringBoundLogger, snapshot: Snapshot, change: Change
) -> None:
    state = change.after
    say = log.warning if state.verdict in VIOLATIONS else log.info
    say(
        "verdict.changed",
        verdict=str(state.verdict),
        before=str(change.before.verdict) if change.before else "none",
        scope=str(state.pair.scope),
        source=snapshot.source_name(state),
        destination=snapshot.destination_name(state),
        address=str(state.pair.address),
        network=snapshot.network_name(state),
        expected=str(state.decision.expected),
        rule=state.decision.rule,
        result=str(state.observation.result),
        reason=state.reason or None,
        **_why(state),
    )


def _why(state: PairState) -> dict[str, str]:
    """Return the likeliest cause and the first line of its evidence, if any."""
    if not state.causes:
        return {}
    first = state.causes[0]
    return {"cause": str(first.id), "evidence": first.evidence[0]}
