"""The one sentence that says how it went, and the exit status that goes with it."""

from collections.abc import Iterator
from enum import IntEnum

from exporter.model.headline import broken_text
from exporter.model.outcome import VIOLATIONS, Verdict
from exporter.model.policy import OPT_OUT_LABEL
from exporter.model.snapshot import Snapshot
from exporter.report.marks import Mark
from exporter.report.page import Line, Page, Role, Span, clean, flowed, wrapped
from exporter.report.words import counted


class Status(IntEnum):
    """Exit statuses of every command."""

    FINE = 0
    """Nothing is wrong."""
    VIOLATION = 1
    """A promise is broken, whatever else could not be measured."""
    USAGE = 2
    """Bad usage, an unknown name, or a configuration that cannot be used."""
    UNMEASURED = 3
    """It could not be measured: no engine, no permission, or a pair unverified."""


def status_of(snapshot: Snapshot) -> Status:
    """Return the exit status of a check.

    Pairs that the plan left out are no failure, but where no promise at all could
    be looked at, nothing was measured.
    """
    counts = snapshot.summary
    if any(counts[verdict] for verdict in VIOLATIONS):
        return Status.VIOLATION
    if counts[Verdict.UNVERIFIED] or not snapshot.engine_up:
        return Status.UNMEASURED
    if snapshot.topology is None or not snapshot.topology.engine.local:
        return Status.UNMEASURED
    if counts[Verdict.SKIPPED] and not counts[Verdict.AS_EXPECTED]:
        return Status.UNMEASURED
    return Status.FINE


def summary_text(snapshot: Snapshot) -> str:
    """Return how it went, in one or two sentences."""
    return " ".join([_judgement(snapshot), *_left_out(snapshot)])


def summary_lines(snapshot: Snapshot, page: Page) -> Iterator[Line]:
    """Yield the sentence with its symbol."""
    mark = {
        Status.FINE: Mark.REACHABLE,
        Status.VIOLATION: Mark.BROKEN,
    }.get(status_of(snapshot), Mark.UNVERIFIED)
    lines = wrapped(summary_text(snapshot), page.width - 2, role=mark.role)
    for number, line in enumerate(lines):
        lead = mark.glyph(page.glyphs) if number == 0 else " "
        yield (Span(f"{lead} ", mark.role), *line)


def notice_lines(snapshot: Snapshot, page: Page) -> Iterator[Line]:
    """Yield what does not work here and what still does."""
    for notice in snapshot.notices:
        yield from flowed(
            clean(notice).split(),
            page.width,
            indent="  ",
            first="note: ",
            between=" ",
            role=Role.DOUBT,
        )


def _judgement(snapshot: Snapshot) -> str:
    counts = snapshot.summary
    broken = sum(counts[verdict] for verdict in VIOLATIONS)
    verified = broken + counts[Verdict.AS_EXPECTED]
    unverified = counts[Verdict.UNVERIFIED]
    by_policy = _decided_by_policy(snapshot)
    doubt = (
        f" {counted(unverified, 'pair')} could not be verified." if unverified else ""
    )
    if broken:
        return f"{broken_text(snapshot, verified)}{doubt}"
    if not snapshot.engine_up:
        return "Nothing was measured: no engine answers."
    if unverified:
        return f"Nothing found broken, but{doubt.lower()}"
    if not verified:
        return "There is no pair whose promise could be looked at."
    verb = "is" if verified == 1 else "are all"
    pairs = f"{counted(verified, 'pair')} {verb} as"
    if by_policy:
        return f"{pairs} promised, {by_policy:,} of them by the policy."
    return f"{pairs} Docker promises."


def _decided_by_policy(snapshot: Snapshot) -> int:
    """Return how many of the pairs that came to a verdict the policy judges."""
    judged = VIOLATIONS | {Verdict.AS_EXPECTED}
    return sum(
        state.decision.policy is not None
        for state in snapshot.pairs
        if state.verdict in judged
    )


def _left_out(snapshot: Snapshot) -> Iterator[str]:
    counts = snapshot.summary
    unjudged = [s.decision for s in snapshot.pairs if s.verdict is Verdict.NOT_JUDGED]
    ignored = sum(decision.policy is not None for decision in unjudged)
    left_alone = sum(decision.opted_out for decision in unjudged)
    if rest := len(unjudged) - ignored - left_alone:
        yield f"Docker promises nothing for {counted(rest, 'pair')}."
    if ignored:
        yield f"The policy ignores {counted(ignored, 'pair')}."
    if left_alone:
        yield f"{counted(left_alone, 'pair')} were left alone ({OPT_OUT_LABEL})."
    if counts[Verdict.SKIPPED]:
        pairs = counted(counts[Verdict.SKIPPED], "pair")
        yield f"{pairs} were left out; --all covers them."
