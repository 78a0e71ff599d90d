"""What a snapshot comes to, in one sentence: never better than what is known."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from exporter.model.outcome import VIOLATIONS, Expected, Scope, Verdict
from exporter.model.snapshot import Snapshot
from exporter.model.words import ago, counted

_STALE_INTERVALS = 5
"""Cycles that may be missing before the newest one says nothing any more."""


class Tone(StrEnum):
    """How it is meant; its values are words of the JSON API and of the style sheet."""

    GOOD = "good"
    BAD = "bad"
    DOUBT = "doubt"
    """Something is not verified: never shown as fine."""
    IDLE = "idle"
    """There is nothing to judge, or not everything was looked at yet."""


_WORST_FIRST = ("isolation", "connections", "names")

SYMBOLS = {Tone.GOOD: "✓", Tone.BAD: "✗", Tone.DOUBT: "?", Tone.IDLE: "…"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The sentence, and how it is meant."""

    tone: Tone
    text: str

    @property
    def symbol(self) -> str:
        """Return the tone for those who do not see colours."""
        return SYMBOLS[self.tone]


def headline_of(snapshot: Snapshot, now: datetime) -> Headline:
    """Return what a snapshot comes to at a moment."""
    counts = snapshot.summary
    broken = broken_text(snapshot)
    if broken:
        return _headline(Tone.BAD, broken)
    why = why_nothing(snapshot, now)
    if why:
        return _headline(Tone.DOUBT, why)
    kept, unverified = counts[Verdict.AS_EXPECTED], counts[Verdict.UNVERIFIED]
    if unverified:
        all_text = counted(kept + unverified, "promise")
        rest = "nothing else is broken" if kept else "none was"
        return _headline(
            Tone.DOUBT, f"{unverified:,} of {all_text} could not be verified; {rest}."
        )
    skipped = counts[Verdict.SKIPPED]
    if skipped:
        return _headline(
            Tone.IDLE,
            f"No broken promise among {kept:,}; {skipped:,} not probed yet.",
        )
    if not kept:
        return _headline(Tone.IDLE, "There is no promise to verify here.")
    holds = f"{counted(kept, 'promise')} {'holds' if kept == 1 else 'hold'}"
    isolated = any(
        verdict is Verdict.AS_EXPECTED and expected is Expected.ISOLATED
        for _, _, expected, _, verdict in snapshot.totals
    )
    return _headline(
        Tone.GOOD, f"Isolation intact: {holds}." if isolated else f"All fine: {holds}."
    )


def broken_text(snapshot: Snapshot, of: int | None = None) -> str | None:
    """Return what is broken, and for how many pairs; None if nothing is.

    The worst comes first: isolation, whoever else cannot reach whom.

    Args:
        snapshot: what was seen.
        of: pairs that it is out of, to be said too.
    """
    counts: Counter[str] = Counter()
    for (scope, _, _, _, verdict), count in snapshot.totals.items():
        if verdict in VIOLATIONS:
            is_leak = verdict is Verdict.UNEXPECTED_REACHABLE
            what = "isolation" if is_leak else "connections"
            counts["names" if scope is Scope.NAME else what] += count
    broken = [(what, counts[what]) for what in _WORST_FIRST if counts[what]]
    if not broken:
        return None
    (first, count), *rest = broken
    verb = "is" if first == "isolation" else "are"
    pairs = counted(count, "pair") if of is None else f"{count:,} of {of:,} pairs"
    also = "".join(f", {what} for {count:,}" for what, count in rest)
    return f"{first.capitalize()} {verb} broken for {pairs}{also}."


def why_nothing(snapshot: Snapshot, now: datetime) -> str | None:
    """Return why no verdict counts at all, None if they do; it changes with time."""
    if snapshot.topology is None:
        return "Nothing verified: no Docker engine has answered yet."
    if not snapshot.engine_up:
        return "Nothing verified: the engine does not answer."
    if not snapshot.topology.engine.local:
        reason = snapshot.topology.engine.local_reason or "the engine is not local"
        return f"Nothing verified, only listed: {reason}."
    return _why_too_old(snapshot, now)


def _why_too_old(snapshot: Snapshot, now: datetime) -> str | None:
    cycle = snapshot.cycle
    paused = snapshot.paused is not None
    if cycle is None:
        why = "probing is paused" if paused else "the first cycle is not done"
        return f"Nothing verified yet: {why}."
    age = now - cycle.started - timedelta(seconds=cycle.duration_s)
    if paused:
        return f"Probing is paused; the last cycle ended {ago(age)} ago."
    limit_s = _STALE_INTERVALS * snapshot.interval_s + cycle.duration_s
    if age.total_seconds() > limit_s:
        return f"Nothing verified any more: the last cycle ended {ago(age)} ago."
    return None


def _headline(tone: Tone, text: str) -> Headline:
    return Headline(tone=tone, text=text)
