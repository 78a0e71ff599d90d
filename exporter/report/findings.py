"""What is wrong or unverified, each pair by name, in words.

Pairs that share everything but their ends stand under one heading, so that a flushed
ruleset reads as one finding and not as hundreds.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from exporter.model.cause import CauseId
from exporter.model.outcome import VIOLATIONS, Result, Scope, Verdict
from exporter.model.pair import Controls, PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import HOST, IpVersion, SandboxId
from exporter.report.cells import width_of
from exporter.report.gather import gathered
from exporter.report.marks import Mark, mark_of
from exporter.report.page import (
    BLANK,
    Glyphs,
    Line,
    Page,
    Role,
    Span,
    clean,
    fields,
    pad,
    wrapped,
)
from exporter.report.words import (
    RESULTS,
    SCOPES,
    cause_words,
    control_words,
    counted,
    duration,
    ends,
    promise,
    seen,
    verdict_words,
)

ONE_LINE_EACH = 12
"""Up to so many pairs of a finding get a line of their own."""
COMMON_FROM = 4
"""From so many pairs on, that they all have one container in common says something."""


class _Kind(NamedTuple):
    """What the pairs of one finding have in common."""

    verdict: Verdict
    scope: Scope
    ip_version: IpVersion
    source_network: str | None
    network: str | None
    rule: tuple[str, str | None]
    result: Result
    controls: Controls
    reason: str
    causes: tuple[CauseId, ...]


def findings(snapshot: Snapshot, page: Page) -> Iterator[Line]:
    """Yield everything unverified, then every violation; nothing if all is well.

    What is worst comes last: on a terminal that is what stays on the screen.
    """
    for wanted, what in (
        (frozenset({Verdict.UNVERIFIED}), "unverified pair"),
        (VIOLATIONS, "violation"),
    ):
        states = [state for state in snapshot.pairs if state.verdict in wanted]
        if not states:
            continue
        yield (Span(counted(len(states), what), Role.HEADING),)
        for kind, members in _by_kind(snapshot, states).items():
            yield BLANK
            yield from _finding(snapshot, kind, members, page)
        yield BLANK
        yield from _common_end(snapshot, states)


def _common_end(snapshot: Snapshot, states: list[PairState]) -> Iterator[Line]:
    """Yield a hint where several pairs have one container in common."""
    if len(states) < COMMON_FROM:
        return
    pairs = [{state.pair.source, str(state.pair.destination)} for state in states]
    common = set.intersection(*pairs) - {HOST, str(None)}
    if len(common) == 1:
        sandbox = snapshot.topology and snapshot.topology.sandbox_by_id.get(
            SandboxId(common.pop())
        )
        if sandbox:
            name = clean(sandbox.name)
            text = f"Each of these {len(states)} pairs has {name} at one end."
            yield (Span(text, Role.HEADING),)
            yield BLANK


def _by_kind(
    snapshot: Snapshot, states: Iterable[PairState]
) -> dict[_Kind, list[PairState]]:
    kinds: dict[_Kind, list[PairState]] = {}
    for state in states:
        kinds.setdefault(_kind(snapshot, state), []).append(state)
    return kinds


def _kind(snapshot: Snapshot, state: PairState) -> _Kind:
    broken = state.verdict in VIOLATIONS
    return _Kind(
        verdict=state.verdict,
        scope=state.pair.scope,
        ip_version=state.pair.ip_version,
        source_network=snapshot.source_network_name(state) if broken else None,
        network=snapshot.network_name(state) if broken else None,
        rule=(state.decision.rule, state.decision.promised_by),
        result=state.observation.result,
        controls=state.controls,
        reason=state.reason,
        causes=tuple(cause.id for cause in state.causes),
    )


def _finding(
    snapshot: Snapshot, kind: _Kind, members: list[PairState], page: Page
) -> Iterator[Line]:
    mark = mark_of(members[0])
    yield from _heading(mark, kind, len(members), page)
    rows = [
        ("promised", promise(members[0].decision, kind.scope)),
        ("seen", f"{RESULTS[kind.result]}; {control_words(kind.controls)}"),
    ]
    if kind.reason:
        rows.append(("because", clean(kind.reason)))
    rows.extend(_why(members))
    yield from fields(rows, page.width)
    if len(members) <= ONE_LINE_EACH:
        yield from _one_line_each(snapshot, members, page)
    else:
        yield from _gathered(snapshot, members, page)


def _why(members: list[PairState]) -> Iterator[tuple[str, str]]:
    """Yield the causes of a finding, with the evidence that all its pairs have."""
    for number, cause in enumerate(members[0].causes):
        yield "cause", cause_words(cause)
        shared = [set(state.causes[number].evidence) for state in members]
        common = set.intersection(*shared)
        for line in cause.evidence:
            if line in common:
                yield "", clean(line)
        if not common:
            yield "", f"{clean(cause.evidence[0])} (and so on; explain shows each)"


def _heading(mark: Mark, kind: _Kind, count: int, page: Page) -> Iterator[Line]:
    where = (
        Span(mark.glyph(page.glyphs) + " ", mark.role),
        Span(f"{_where(kind, page.glyphs)}: ", Role.HEADING),
    )
    words = f"{counted(count, 'pair')} {verdict_words(kind.verdict, kind.scope)}"
    if sum(width_of(span.text) for span in where) + width_of(words) <= page.width:
        yield (*where, Span(words, mark.role))
    else:
        yield where
        yield from wrapped(words, page.width, indent="  ", role=mark.role)


def _where(kind: _Kind, glyphs: Glyphs) -> str:
    family = f"IPv{kind.ip_version}"
    if kind.network is None:
        return f"{SCOPES[kind.scope]}, {family}"
    network = clean(kind.network)
    source = clean(kind.source_network or "a container without a route")
    match kind.scope:
        case Scope.CONTAINER:
            return f"{source} {glyphs.to} {network}, {family}"
        case Scope.HOST:
            return f"host {glyphs.to} {network}, {family}"
        case Scope.GATEWAY:
            return f"{network} {glyphs.to} its gateway, {family}"
        case Scope.NAME:
            return f"names on {network}, {family}"


def _one_line_each(
    snapshot: Snapshot, members: list[PairState], page: Page
) -> Iterator[Line]:
    rows = [
        (
            ends(snapshot, state, page.glyphs),
            str(state.pair.address),
            _detail(state, page.glyphs),
        )
        for state in members
    ]
    first = max(width_of(row[0]) for row in rows)
    second = max(width_of(row[1]) for row in rows)
    for who, address, detail in rows:
        text = f"    {pad(who, first)}  {pad(address, second)}  {detail}"
        yield (Span(text.rstrip()),)


def _detail(state: PairState, glyphs: Glyphs) -> str:
    observation = state.observation
    if observation.result is Result.WRONG_ANSWER:
        return seen(observation, glyphs)
    if observation.rtt_s is not None:
        return duration(observation.rtt_s, glyphs)
    return ""


def _gathered(
    snapshot: Snapshot, members: list[PairState], page: Page
) -> Iterator[Line]:
    """Yield pairs as sources and destinations, each with its address."""
    ends_of = (
        (
            clean(snapshot.source_name(state)),
            f"{clean(snapshot.destination_name(state))} {state.pair.address}",
        )
        for state in members
    )
    yield from gathered(ends_of, page)
