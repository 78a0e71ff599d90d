"""What is known of a pair, in words.

Scope `name` is about resolving, every other scope about answering.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from exporter.model.cause import Cause, CauseId
from exporter.model.expectation import RULES
from exporter.model.outcome import (
    Expected,
    Observation,
    Protocol,
    Result,
    Scope,
    Verdict,
)
from exporter.model.pair import Controls, Decision, PairState
from exporter.model.policy import OPT_OUT_LABEL
from exporter.model.snapshot import Snapshot
from exporter.report.page import Glyphs, clean

RESULTS: Mapping[Result, str] = {
    Result.OK: "answered",
    Result.TIMEOUT: "no answer",
    Result.HOST_UNREACHABLE: "host unreachable: an ICMP error, or the neighbour does "
    "not resolve",
    Result.PROHIBITED: "prohibited: a firewall rejected it",
    Result.NO_ROUTE: "no route: the source's kernel has no way there",
    Result.WRONG_ROUTE: "wrong route: the kernel would send it through another "
    "interface than the network's own",
    Result.REFUSED_BY_KERNEL: "refused by the source's kernel",
    Result.TTL_EXCEEDED: "a router dropped it: it had left its network",
    Result.ICMP_IGNORED: "no answer, and the destination does not even answer itself",
    Result.NXDOMAIN: "the name does not exist",
    Result.SERVFAIL: "the resolver answered with an error",
    Result.WRONG_ANSWER: "resolved to an address that is not the container's",
    Result.NO_RESOLVER: "no embedded DNS listens in the container",
    Result.NEIGHBOUR_TABLE: "not measured: the host's neighbour table is full",
    Result.SEND_ERROR: "not measured: sending failed",
    Result.NETNS_ERROR: "not measured: the source's network namespace could not be "
    "entered",
    Result.PERMISSION_DENIED: "not measured: a capability is missing",
    Result.SKIPPED: "not probed",
}
VERDICTS: Mapping[Verdict, str] = {
    Verdict.AS_EXPECTED: "as promised",
    Verdict.UNEXPECTED_REACHABLE: "reachable, although isolation is promised",
    Verdict.UNEXPECTED_UNREACHABLE: "unreachable, although reachability is promised",
    Verdict.UNVERIFIED: "unverified",
    Verdict.NOT_JUDGED: "not judged: nothing is promised",
    Verdict.SKIPPED: "not probed",
}
_NAME_VERDICTS: Mapping[Verdict, str] = {
    **VERDICTS,
    Verdict.UNEXPECTED_REACHABLE: "resolves, although it should not",
    Verdict.UNEXPECTED_UNREACHABLE: "does not resolve, although it should",
}
SCOPES: Mapping[Scope, str] = {
    Scope.CONTAINER: "container to container",
    Scope.HOST: "host to container",
    Scope.GATEWAY: "container to its gateway",
    Scope.NAME: "name asked by a container",
}
_PROMISES = {
    Expected.REACHABLE: "reachable",
    Expected.ISOLATED: "isolated",
    Expected.UNKNOWN: "nothing",
}
_NAME_PROMISES = {
    **_PROMISES,
    Expected.REACHABLE: "resolves",
    Expected.ISOLATED: "does not resolve",
}


def protocol_of(scope: Scope) -> Protocol:
    """Return how pairs of a scope are probed."""
    return Protocol.DNS if scope is Scope.NAME else Protocol.ICMP


def duration(seconds: float, glyphs: Glyphs) -> str:
    """Return a round-trip time as a person reads it.

    >>> from exporter.report.page import UNICODE
    >>> [duration(s, UNICODE) for s in (61.4e-6, 0.00153, 0.25, 2)]
    ['61 µs', '1.5 ms', '250 ms', '2.0 s']
    """
    if seconds < 999.5e-6:
        return f"{seconds * 1e6:.0f} {glyphs.micro}s"
    if seconds < 0.9995:
        milliseconds = seconds * 1e3
        digits = 1 if milliseconds < 9.95 else 0
        return f"{milliseconds:.{digits}f} ms"
    return f"{seconds:.1f} s"


def moment(at: datetime) -> str:
    """Return a time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    >>> counted(1, "pair"), counted(1200, "pair")
    ('1 pair', '1,200 pairs')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def verdict_words(verdict: Verdict, scope: Scope) -> str:
    """Return a verdict in words."""
    return (_NAME_VERDICTS if scope is Scope.NAME else VERDICTS)[verdict]


def outcome_words(state: PairState) -> str:
    """Return a pair's verdict in words, and for a kept promise which one."""
    scope = state.pair.scope
    words = verdict_words(state.verdict, scope)
    if state.verdict is not Verdict.AS_EXPECTED:
        return words
    promises = _NAME_PROMISES if scope is Scope.NAME else _PROMISES
    return f"{promises[state.decision.expected]}, {words}"


def promise(decision: Decision, scope: Scope) -> str:
    """Return what is promised, why, and the rule's id.

    Where the policy decided, its reason, and what Docker promises by itself.
    """
    promises = _NAME_PROMISES if scope is Scope.NAME else _PROMISES
    words = promises[decision.expected]
    if decision.opted_out:
        return f"{words}: an end has the label {OPT_OUT_LABEL} ({decision.rule})"
    if decision.policy is None or decision.promised is None:
        return f"{words}{_sentence(decision.rule)}"
    reason = f": {clean(decision.policy_reason)}" if decision.policy_reason else ""
    docker = f"{promises[decision.promised]}{_sentence(decision.promised_by or '')}"
    return f"{words}, by the policy{reason} ({decision.rule}); Docker promises {docker}"


def _sentence(rule_id: str) -> str:
    rule = RULES.get(rule_id)
    return f"{f': {rule.sentence}' if rule else ''} ({clean(rule_id)})"


def seen(observation: Observation, glyphs: Glyphs) -> str:
    """Return what was observed of one pair."""
    words = RESULTS[observation.result]
    if observation.resolved:
        words = "resolved to " + ", ".join(map(clean, observation.resolved))
        if observation.result is Result.WRONG_ANSWER:
            words += ", not the container's address"
    if observation.rtt_s is not None:
        words += f" in {duration(observation.rtt_s, glyphs)}"
    return words


def packets(observation: Observation) -> str:
    """Return what became of the packets, empty if none was sent."""
    if not observation.sent:
        return ""
    parts = [f"{observation.sent} sent", f"{observation.received} received"]
    if observation.duplicates:
        parts.append(f"{observation.duplicates} twice")
    if observation.late:
        parts.append(f"{observation.late} late")
    return ", ".join(parts)


def control_words(controls: Controls) -> str:
    """Return whether both ends are known to work."""
    return (
        f"source {_alive(controls.source)}, destination {_alive(controls.destination)}"
    )


def cause_words(cause: Cause) -> str:
    """Return a cause in words, and how sure it is."""
    sure = "" if cause.certain or cause.id is CauseId.UNKNOWN else "likely: "
    return f"{sure}{cause.sentence} ({cause.id})"


def _alive(control: bool | None) -> str:
    if control is None:
        return "not looked at"
    return "alive" if control else "not known to be alive"


def ends(snapshot: Snapshot, state: PairState, glyphs: Glyphs) -> str:
    """Return who wants to reach whom."""
    source = clean(snapshot.source_name(state))
    destination = clean(snapshot.destination_name(state))
    if state.pair.scope is Scope.NAME and state.pair.name != destination:
        destination = f"{clean(str(state.pair.name))} ({destination})"
    return f"{source} {glyphs.to} {destination}"
