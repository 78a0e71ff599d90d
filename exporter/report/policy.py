"""What each entry of a policy says and decides, as text."""

from collections.abc import Iterator
from itertools import groupby

from exporter.model.outcome import Expected, Scope
from exporter.model.pair import Decision, Pair, Planned
from exporter.model.policy import EXPECTATIONS, OPT_OUT_LABEL, PolicyEntry
from exporter.model.snapshot import Snapshot
from exporter.model.topology import HOST, ContainerId, Topology
from exporter.report.gather import gathered
from exporter.report.page import (
    BLANK,
    Line,
    Page,
    Role,
    Span,
    clean,
    fields,
    flowed,
    wrapped,
)
from exporter.report.summary import notice_lines
from exporter.report.trial import EntryTrial, Trial, words_of
from exporter.report.words import SCOPES, counted

SHOWN_PAIRS = 200
"""Pairs of an entry that the text names, gathered; the JSON has them all."""
_WORDS = {expected: word for word, expected in EXPECTATIONS.items()}
_PROMISED = {
    Expected.REACHABLE: "reachable",
    Expected.ISOLATED: "isolated",
    Expected.UNKNOWN: "nothing",
}


def policy_text(snapshot: Snapshot, trial: Trial, page: Page) -> Iterator[Line]:
    """Yield every entry in order, what the label takes out, and how much that is."""
    for one in trial.entries:
        yield from _entry(snapshot, one, page)
        yield BLANK
    if trial.left_alone:
        yield from flowed(
            map(clean, trial.left_alone),
            page.width,
            indent="  ",
            first=f"left alone ({OPT_OUT_LABEL}): ",
        )
    yield from wrapped(_summary(trial), page.width, role=Role.HEADING)
    yield from notice_lines(snapshot, page)


def expect_word(entry: PolicyEntry) -> str:
    """Return what an entry expects, as it is written."""
    return _WORDS[entry.expected]


def end_names(topology: Topology, pair: Pair) -> tuple[str, str]:
    """Return the names of a pair's source and destination."""
    owner = topology.sandbox_by_id.get(pair.source)
    source = owner.name if owner else str(HOST)
    if pair.destination is None:
        return source, "gateway"
    found = topology.container_by_id.get(ContainerId(pair.destination))
    return source, found.name if found else pair.destination[:12]


def _summary(trial: Trial) -> str:
    if not trial.entries:
        return "The policy has no entry."
    decided = sum(len(one.pairs) for one in trial.entries)
    idle = sum(not one.pairs for one in trial.entries)
    text = f"The policy decides {decided:,} of {counted(trial.pairs, 'pair')}"
    if not idle:
        return f"{text}."
    verb = "decides" if idle == 1 else "decide"
    entries = counted(len(trial.entries), "entry", "entries")
    return f"{text}; {idle:,} of {entries} {verb} none."


def _entry(snapshot: Snapshot, one: EntryTrial, page: Page) -> Iterator[Line]:
    entry = one.entry
    state = ", expired" if one.expired else ""
    role = Role.DOUBT if one.expired or not one.pairs else Role.HEADING
    yield (
        Span(f"entry {one.number}: ", Role.HEADING),
        Span(f"{expect_word(entry)}{state}", role),
    )
    yield from fields(_rows(one), page.width)
    if snapshot.topology is not None:
        yield from _pairs(snapshot.topology, one, page)


def _rows(one: EntryTrial) -> Iterator[tuple[str, str]]:
    entry = one.entry
    yield "from", clean(words_of(entry.source)) or "everything"
    yield "to", clean(words_of(entry.destination)) or "everything"
    scopes = ", ".join(scope for scope in Scope if scope in entry.scopes)
    family = f", IPv{entry.ip_version}" if entry.ip_version else ""
    yield "scope", f"{scopes}{family}"
    if entry.reason:
        yield "because", clean(entry.reason)
    if entry.until is not None:
        yield "until", f"{entry.until}{', which has passed' if one.expired else ''}"
    if one.pairs:
        changes = ", ".join(
            f"{one.changes[word]:,} {word}"
            for word in ("stricter", "looser", "same")
            if one.changes[word]
        )
        yield "decides", f"{counted(len(one.pairs), 'pair')}; than Docker: {changes}"
    else:
        yield "decides", f"no pair: {clean(one.why_none)}"


def _pairs(topology: Topology, one: EntryTrial, page: Page) -> Iterator[Line]:
    shown = one.pairs[:SHOWN_PAIRS]
    for (scope, version, docker), members in groupby(sorted(shown, key=_kind), _kind):
        yield from wrapped(
            f"{SCOPES[Scope(scope)]}, IPv{version}; Docker promises {docker}:",
            page.width,
            indent="    ",
            role=Role.QUIET,
        )
        names = (end_names(topology, item.pair) for item in members)
        yield from gathered(((clean(a), clean(b)) for a, b in names), page, indent=6)
    if rest := len(one.pairs) - len(shown):
        yield (Span(f"    and {counted(rest, 'pair')} more; --json has all"),)


def _kind(item: Planned) -> tuple[str, int, str]:
    """Return what pairs that stand together have in common."""
    return str(item.pair.scope), item.pair.ip_version, docker_words(item.decision)


def docker_words(docker: Decision) -> str:
    """Return what Docker promises by itself, with the rule's id."""
    return f"{_PROMISED[docker.expected]} ({docker.rule})"
