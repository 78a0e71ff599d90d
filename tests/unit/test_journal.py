"""What a cycle leaves in the log."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from structlog.testing import capture_logs

from exporter.board import Change
from exporter.journal import (
    LOGGED_CHANGES,
    report_changes,
    report_cycle,
    report_notices,
)
from exporter.model.outcome import Result, Verdict
from exporter.model.policy import Policy
from exporter.model.snapshot import CycleInfo, Snapshot
from tests.fakes.board import Watch
from tests.fakes.policies import TODAY, entry
from tests.fakes.topologies import demo

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def test_a_violation_is_a_warning_with_who_where_and_why() -> None:
    """One line says all."""
    watch = Watch(demo())
    watch.cycle()
    watch.answer = lambda *_: Result.OK
    changes = watch.cycle()

    with capture_logs() as lines:
        report_changes(structlog.get_logger(), watch.look(), changes[:1])

    assert lines == [
        {
            "event": "verdict.changed",
            "log_level": "warning",
            "verdict": "unexpected_reachable",
            "before": "as_expected",
            "scope": "container",
            "source": "bridge1",
            "destination": "mybridge1",
            "address": "172.18.0.2",
            "network": "mybridge",
            "expected": "isolated",
            "rule": "different-bridges",
            "result": "ok",
            "reason": None,
        }
    ]


def logged(before: Snapshot, now: Snapshot) -> list[tuple[str, str, object]]:
    """Return level, event and subject of what a change of notices leaves."""
    with capture_logs() as lines:
        report_notices(structlog.get_logger(), before, now)
    return [
        (line["log_level"], line["event"], line.get("notice", line.get("entry")))
        for line in lines
    ]


def test_an_entry_that_expires_is_logged_once() -> None:
    """A line of its own, and none as a notice; not again when its number changes."""
    dated = entry(until=TODAY, reason="for now")
    start = datetime(2026, 6, 30, 23, 59, tzinfo=UTC)
    before = Snapshot(taken=start, policy=Policy((dated,)), notices=("a",))
    after = start + timedelta(minutes=1)
    policy = before.policy
    late = replace(before, taken=after, notices=("b", *policy.notices(after.date())))
    moved = Policy((entry(), dated))
    again = replace(late, policy=moved, notices=moved.notices(after.date()))

    assert [
        ("warning", "notice.raised", "b"),
        ("info", "notice.cleared", "a"),
        ("warning", "policy.expired", 1),
    ] == logged(before, late)
    assert [] == logged(late, late)
    assert [("info", "notice.cleared", "b")] == logged(late, again)


def test_an_expired_entry_says_when_and_why() -> None:
    """Number, last day and reason."""
    now = Snapshot(
        taken=datetime(2026, 7, 1, tzinfo=UTC),
        policy=Policy((entry(until=TODAY, reason="for now"),)),
    )
    with capture_logs() as lines:
        report_notices(structlog.get_logger(), Snapshot(taken=NOW), now)

    assert [
        {
            "event": "policy.expired",
            "log_level": "warning",
            "entry": 1,
            "until": "2026-06-30",
            "reason": "for now",
        }
    ] == lines


def test_broken_promises_come_first() -> None:
    """After an outage everything changes: a violation must not be crowded out."""
    watch = Watch(demo(), lambda *_: Result.OK)
    bad = watch.cycle()[0]
    state = replace(bad.after, verdict=Verdict.AS_EXPECTED)
    good = Change(before=replace(state, verdict=Verdict.UNVERIFIED), after=state)

    with capture_logs() as lines:
        changes = [good] * LOGGED_CHANGES + [bad]
        report_changes(structlog.get_logger(), watch.look(), changes)

    assert lines[0]["verdict"] == "unexpected_reachable"
    assert len(lines) == LOGGED_CHANGES + 1
    assert lines[-1] == {
        "event": "verdicts.changed",
        "log_level": "warning",
        "not_shown": 1,
    }


def test_a_cycle_without_changes_is_one_line() -> None:
    """With every verdict's count."""
    watch = Watch(demo())
    watch.cycle()
    info = CycleInfo(number=7, trigger="interval", started=NOW, duration_s=1.23456)

    with capture_logs() as lines:
        report_cycle(structlog.get_logger(), info, watch.look(), ())

    assert [line["event"] for line in lines] == ["cycle.finished"]
    assert (lines[0]["as_expected"], lines[0]["unverified"]) == (20, 0)
    assert lines[0]["duration_s"] == 1.235


def test_a_quiet_watch_is_not_for_everybody() -> None:
    """It is due every few seconds; where it found something it has its line."""
    watch = Watch(demo())
    (change, *_) = Watch(demo(), lambda *_: Result.OK).cycle()
    watch.cycle()
    info = CycleInfo(number=7, trigger="watch", started=NOW, duration_s=0.1)

    with capture_logs() as lines:
        report_cycle(structlog.get_logger(), info, watch.look(), ())
        report_cycle(structlog.get_logger(), info, watch.look(), (change,))

    finished = [line for line in lines if line["event"] == "cycle.finished"]
    assert [line["log_level"] for line in finished] == ["debug", "info"]
