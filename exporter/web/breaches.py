"""Broken promises as a person at night wants them: few, each with cause and remedy.

A flushed ruleset breaks thousands of pairs for one reason. So those of one kind and one
cause are one breach: how many, between which networks, since when, why, what to do.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from exporter.model.cause import CAUSE_TEXTS, Cause, CauseId
from exporter.model.expectation import RULES
from exporter.model.outcome import Scope, Verdict
from exporter.model.pair import Decision, Pair, PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import NetworkId
from exporter.model.words import counted
from exporter.printable import printable
from exporter.web.words import Moment, moment_at, short_duration

PairId = Callable[[Pair], str]
"""Returns what a pair is called in addresses."""
PAIRS_SHOWN: Final = 6
"""Pairs of a breach that are shown at once."""
PAIRS_MAX: Final = 60
"""Those that can be opened below it; the rest is counted."""
WAYS_MAX: Final = 12
"""Ways from network to network that are named; the rest is counted."""
_RULES_MAX: Final = 3
_SAME: Final = timedelta(seconds=60)
"""Pairs of a breach that began this close together need no age of their own."""
_FAULTS: Final = {
    (Verdict.UNEXPECTED_REACHABLE, False): "reaches",
    (Verdict.UNEXPECTED_UNREACHABLE, False): "does not reach",
    (Verdict.UNEXPECTED_REACHABLE, True): "resolves",
    (Verdict.UNEXPECTED_UNREACHABLE, True): "does not resolve",
}
_TITLES: Final = {
    (Verdict.UNEXPECTED_REACHABLE, False): (
        "Isolation broken: {} {} what {} must not",
        "reach",
    ),
    (Verdict.UNEXPECTED_UNREACHABLE, False): (
        "Connection broken: {} {} not reach what {} must",
        "do",
    ),
    (Verdict.UNEXPECTED_REACHABLE, True): (
        "Names leak: {} {} a name that {} must not",
        "resolve",
    ),
    (Verdict.UNEXPECTED_UNREACHABLE, True): (
        "Names broken: {} {} not resolve a name that {} must",
        "do",
    ),
}
_ENDINGS: Final = {"reach": "es", "resolve": "s"}
_Kind = tuple[Verdict, bool, CauseId | None]
"""The verdict, whether names are concerned, and the likeliest cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a sentence."""

    text: str
    is_code: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken promise."""

    ident: str
    source: str
    fault: str
    destination: str
    source_network: str
    network: str
    address: str
    seen: str
    since: Moment | None
    """None where it is that of the whole breach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From one network to another."""

    source: str
    destination: str
    count: str
    query: str
    """Of the address that shows the pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """All broken promises of one kind and one cause."""

    key: str
    """The same as long as it lasts."""
    symbol: str
    title: str
    count: int
    since: Moment
    promises: tuple[str, ...]
    cause: str
    certain: bool
    evidence: tuple[str, ...]
    remedy: tuple[Part, ...]
    ways: tuple[Way, ...]
    ways_left_out: int
    shown: tuple[Violation, ...]
    more: tuple[Violation, ...]
    left_out: int
    query: str
    """Of the address that lists all its pairs."""


def breaches_of(
    snapshot: Snapshot, now: datetime, pair_id: PairId
) -> tuple[Breach, ...]:
    """Return what is broken: isolation first, then by how many pairs."""
    heaps: dict[_Kind, list[PairState]] = {}
    for state in snapshot.violations:
        cause = state.causes[0].id if state.causes else None
        kind = state.verdict, state.pair.scope is Scope.NAME, cause
        heaps.setdefault(kind, []).append(state)
    worst = sorted(
        heaps,
        key=lambda kind: (
            kind[0] is not Verdict.UNEXPECTED_REACHABLE,
            -len(heaps[kind]),
        ),
    )
    return tuple(
        _breach(snapshot, kind, heaps[kind], now=now, pair_id=pair_id) for kind in worst
    )


def _breach(
    snapshot: Snapshot,
    kind: _Kind,
    states: Sequence[PairState],
    *,
    now: datetime,
    pair_id: PairId,
) -> Breach:
    verdict, is_name, cause_id = kind
    began = states[0].since
    ways = _ways(snapshot, states)
    rows = [
        _violation(snapshot, state, now=now, began=began, pair_id=pair_id)
        for state in states[:PAIRS_MAX]
    ]
    named = next(iter(states[0].causes), None)
    scope = {"scope": Scope.NAME} if is_name else {}
    return Breach(
        key=f"{verdict}-{'name' if is_name else 'packet'}-{cause_id or 'none'}",
        symbol="!" if verdict is Verdict.UNEXPECTED_REACHABLE else "✗",
        title=_title(verdict, is_name, len(states)),
        count=len(states),
        since=moment_at(began, now),
        promises=_promises(states),
        cause=printable(named.sentence) if named else "",
        certain=named is not None and named.certain,
        evidence=_evidence(states),
        remedy=_remedy(named),
        ways=tuple(_way(ways, key, verdict) for key in _first(ways)),
        ways_left_out=max(0, len(ways) - WAYS_MAX),
        shown=tuple(rows[:PAIRS_SHOWN]),
        more=tuple(rows[PAIRS_SHOWN:]),
        left_out=len(states) - len(rows),
        query="?" + urlencode({"view": "pairs", "verdict": verdict, **scope}),
    )


def _title(verdict: Verdict, is_name: bool, count: int) -> str:
    """Return a sentence: `Isolation broken: 1 pair reaches what it must not`."""
    sentence, verb = _TITLES[verdict, is_name]
    is_one = count == 1
    if is_one:
        verb = "does" if verb == "do" else f"{verb}{_ENDINGS[verb]}"
    return sentence.format(counted(count, "pair"), verb, "it" if is_one else "they")


def _promises(states: Iterable[PairState]) -> tuple[str, ...]:
    counts = Counter(_promise(state.decision) for state in states)
    return tuple(printable(text) for text, _ in counts.most_common(_RULES_MAX))


def _promise(decision: Decision) -> str:
    rule = RULES.get(decision.rule)
    if rule is not None:
        return rule.sentence
    reason = decision.policy_reason
    return f"{reason} ({decision.rule})" if reason else decision.rule


def _evidence(states: Iterable[PairState]) -> tuple[str, ...]:
    """Return what was found at the first of them."""
    for state in states:
        if state.causes:
            return tuple(printable(line) for line in state.causes[0].evidence)
    return ()


def _remedy(named: Cause | None) -> tuple[Part, ...]:
    if named is None:
        return ()
    parts = CAUSE_TEXTS[named.id].remedy.split("`")
    return tuple(
        Part(text=text, is_code=bool(number % 2))
        for number, text in enumerate(parts)
        if text
    )


_WayKey = tuple[str, str]
_Place = tuple[Scope, NetworkId | None, NetworkId]


@dataclass(frozen=True, slots=True)
class _WayCount:
    count: int
    scopes: frozenset[Scope]


def _ways(
    snapshot: Snapshot, states: Iterable[PairState]
) -> Mapping[_WayKey, _WayCount]:
    """Return how many pairs lead from which network to which."""
    counts: Counter[_Place] = Counter()
    example: dict[_Place, PairState] = {}
    for state in states:
        key = state.pair.scope, state.decision.source_network, state.pair.network
        counts[key] += 1
        example.setdefault(key, state)
    found: dict[_WayKey, _WayCount] = {}
    for key, count in counts.items():
        state = example[key]
        source = snapshot.source_network_name(state) or snapshot.source_name(state)
        ends = source, snapshot.network_name(state)
        before = found.get(ends, _WayCount(0, frozenset()))
        found[ends] = _WayCount(before.count + count, before.scopes | {key[0]})
    return found


def _first(ways: Mapping[_WayKey, _WayCount]) -> Sequence[_WayKey]:
    return sorted(ways, key=lambda ends: (-ways[ends].count, ends))[:WAYS_MAX]


def _way(ways: Mapping[_WayKey, _WayCount], ends: _WayKey, verdict: Verdict) -> Way:
    (source, destination), found = ends, ways[ends]
    if found.scopes == {Scope.CONTAINER}:
        query = {"from": source, "to": destination}
    else:
        query = {"view": "pairs", "network": destination, "verdict": str(verdict)}
    return Way(
        source=printable(source),
        destination=printable(destination),
        count=f"{found.count:,}",
        query="?" + urlencode(query, errors="replace"),
    )


def _violation(
    snapshot: Snapshot,
    state: PairState,
    *,
    now: datetime,
    began: datetime,
    pair_id: PairId,
) -> Violation:
    is_name = state.pair.scope is Scope.NAME
    is_apart = state.since - began > _SAME
    return Violation(
        ident=pair_id(state.pair),
        source=printable(snapshot.source_name(state)),
        fault=_FAULTS[state.verdict, is_name],
        destination=printable(snapshot.destination_name(state)),
        source_network=printable(snapshot.source_network_name(state) or ""),
        network=printable(snapshot.network_name(state)),
        address=str(state.pair.address),
        seen=seen(state),
        since=moment_at(state.since, now) if is_apart else None,
    )


def seen(state: PairState) -> str:
    """Return what was seen of a pair."""
    observation = state.observation
    if observation.resolved:
        return printable(", ".join(observation.resolved))
    if observation.rtt_s is not None:
        return f"answered in {short_duration(observation.rtt_s)}"
    return str(observation.result).replace("_", " ")
