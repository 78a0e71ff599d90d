"""A check as JUnit XML, for pipelines that show test results.

One suite for each scope, pair of networks and family, one case for each pair: a
broken promise is a failure, an unverified pair an error, a pair that was not probed
or not judged is skipped. There is no standard; the shape is the one that Jenkins and
GitLab read.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import assert_never
from xml.sax.saxutils import escape, quoteattr

from exporter.model.outcome import Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import IpVersion
from exporter.report.document import timestamp
from exporter.report.ordered import in_order
from exporter.report.page import ASCII, clean
from exporter.report.words import (
    cause_words,
    control_words,
    ends,
    promise,
    seen,
    verdict_words,
)


class Outcome(Enum):
    """What JUnit knows of a case; the value is its element."""

    PASSED = ""
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


Suite = tuple[Scope, str, str, IpVersion]
"""Scope, name of the source's network (empty without), of the destination's, family."""


def junit(snapshot: Snapshot) -> Iterator[str]:
    """Yield the XML document in pieces.

    No character of a name can break it: what does not print is written as an
    escape, which also leaves out everything XML 1.0 forbids.
    """
    suites: dict[Suite, list[PairState]] = {}
    for state in in_order(snapshot):
        suites.setdefault(_suite(snapshot, state), []).append(state)
    cycle = snapshot.cycle
    taken = f"{0.0 if cycle is None else cycle.duration_s:.3f}"
    at = timestamp(snapshot.taken if cycle is None else cycle.started)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites {_attributes(name='dockernet-exporter check')} "
    yield f"{_counts(snapshot.pairs)} {_attributes(time=taken)}>\n"
    for suite, members in suites.items():
        name = _attributes(name=_suite_name(suite))
        yield f"  <testsuite {name} {_counts(members)} {_attributes(timestamp=at)}>\n"
        for state in members:
            yield _case(snapshot, suite, state)
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


def outcome_of(verdict: Verdict) -> Outcome:
    """Return what a verdict is to JUnit."""
    match verdict:
        case Verdict.AS_EXPECTED:
            return Outcome.PASSED
        case Verdict.UNEXPECTED_REACHABLE | Verdict.UNEXPECTED_UNREACHABLE:
            return Outcome.FAILURE
        case Verdict.UNVERIFIED:
            return Outcome.ERROR
        case Verdict.NOT_JUDGED | Verdict.SKIPPED:
            return Outcome.SKIPPED
        case _:
            assert_never(verdict)


def _suite(snapshot: Snapshot, state: PairState) -> Suite:
    source = snapshot.source_network_name(state) or ""
    network = snapshot.network_name(state)
    return state.pair.scope, source, network, state.pair.ip_version


def _suite_name(suite: Suite) -> str:
    scope, source, network, version = suite
    if scope is Scope.CONTAINER:
        way = f"container {clean(source) or 'no route'} -> {clean(network)}"
    elif scope is Scope.HOST:
        way = f"host -> {clean(network)}"
    else:
        way = f"{scope} {clean(network)}"
    return f"{way} IPv{version}"


def _case(snapshot: Snapshot, suite: Suite, state: PairState) -> str:
    pair = state.pair
    name = f"{ends(snapshot, state, ASCII)} {pair.address}"
    rtt_s = state.observation.rtt_s or 0.0
    head = _attributes(classname=_suite_name(suite), name=name, time=f"{rtt_s:.6f}")
    outcome = outcome_of(state.verdict)
    if outcome is Outcome.PASSED:
        return f"    <testcase {head}/>\n"
    message = f"{name}: {verdict_words(state.verdict, pair.scope)}"
    kind = _attributes(message=message, type=str(state.verdict))
    text = escape("\n".join(_evidence(state)))
    tag = outcome.value
    return (
        f"    <testcase {head}>\n      <{tag} {kind}>{text}</{tag}>\n    </testcase>\n"
    )


def _evidence(state: PairState) -> Iterator[str]:
    yield f"promised: {promise(state.decision, state.pair.scope)}"
    yield f"seen: {seen(state.observation, ASCII)}"
    yield f"controls: {control_words(state.controls)}"
    if state.reason:
        yield f"because: {clean(state.reason)}"
    for cause in state.causes:
        yield f"cause: {cause_words(cause)}"
        for line in cause.evidence:
            yield f"  {clean(line)}"


def _counts(states: Sequence[PairState]) -> str:
    found = Counter(outcome_of(state.verdict) for state in states)
    return _attributes(
        tests=str(len(states)),
        failures=str(found[Outcome.FAILURE]),
        errors=str(found[Outcome.ERROR]),
        skipped=str(found[Outcome.SKIPPED]),
    )


def _attributes(**values: str) -> str:
    return " ".join(f"{name}={quoteattr(value)}" for name, value in values.items())
