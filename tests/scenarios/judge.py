"""What `check` must say of a scenario, worked out without the exporter's own code."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from tests.lab.exporter import Pair, Ran
from tests.scenarios.scenario import ABSENT, Release, Scenario, Seen, pair_key

SILENCE = frozenset({"timeout", "host_unreachable", "prohibited"})
"""Results that mean: sent, and no reply came."""
LEFT_OUT = frozenset({"as_expected", "not_judged"})
"""Verdicts of pairs of which a scenario says nothing."""
_REACHED = {
    ("reachable", "reachable"): "as_expected",
    ("isolated", "reachable"): "unexpected_reachable",
}
_BROKEN = frozenset({"unexpected_reachable", "unexpected_unreachable"})


def key_of(pair: Pair) -> str:
    """Return what a pair of the document is called in the scenarios."""
    return pair_key(
        pair["scope"],
        pair["source"],
        pair["destination"],
        pair["destination_network"],
        pair["ip_version"],
    )


def verdict_of(expected: str, observed: str, pair: Pair) -> str:
    """Return the verdict of docs/verdicts.md for what is promised and was seen.

    Args:
        expected: the promise, as the scenario has it.
        observed: what was seen, as the scenario has it.
        pair: the pair of the document, for its controls and its result.
    """
    if expected == "unknown":
        return "not_judged"
    if observed == "not_probed":
        return "skipped"
    if (expected, observed) == ("reachable", "unreachable"):
        deaf = pair["result"] == "icmp_ignored"
        return "unverified" if deaf else "unexpected_unreachable"
    if (expected, observed) == ("isolated", "unreachable"):
        return "as_expected" if _is_proof(pair) else "unverified"
    return _REACHED.get((expected, observed), "unverified")


def _is_proof(pair: Pair) -> bool:
    """Return whether silence between two ends shows that they are isolated."""
    if pair["source_network"] is None and pair["result"] in ("no_route", "wrong_route"):
        return True
    if pair["result"] == "no_resolver":
        return True
    controls = pair["controls"]
    alive = controls["source"] is True and controls["destination"] is True
    return alive and pair["result"] in SILENCE


def differences(scenario: Scenario, release: Release, ran: Ran) -> Iterator[str]:
    """Yield every pair that is not as the scenario and the table have it."""
    wanted = scenario.on(release)
    found = {key_of(pair): pair for pair in ran.pairs}
    if len(found) != len(ran.pairs):
        yield "two pairs go by one name"
    for key, seen in wanted.items():
        if seen.expected != ABSENT and key not in found:
            yield f"{key}: there is no such pair"
    for key, pair in found.items():
        yield from _difference(key, pair, wanted.get(key))
    yield from _doubts(scenario, release, found)
    yield from _status(ran, found)


def _difference(key: str, pair: Pair, seen: Seen | None) -> Iterator[str]:
    has = (pair["expected"], pair["observed"], pair["verdict"])
    if seen is None:
        if pair["verdict"] in _BROKEN:
            yield f"{key}: {has}, of which the scenario says nothing"
        seen = Seen(pair=key, expected=has[0], observed=has[1])
    if seen.expected == ABSENT:
        yield f"{key}: {has}, and there should be no such pair"
        return
    verdict = verdict_of(seen.expected, seen.observed, pair)
    if has != (seen.expected, seen.observed, verdict):
        told = {k: pair.get(k) for k in ("expected_by", "result", "controls", "reason")}
        yield f"{key}: {(seen.expected, seen.observed, verdict)}, not {has}: {told}"


def _doubts(
    scenario: Scenario, release: Release, found: Mapping[str, Pair]
) -> Iterator[str]:
    """Yield what is unverified and not on the list, and the other way round."""
    patterns = {p for doubt in scenario.doubts_on(release) for p in doubt.pairs}
    in_doubt = {k for k, pair in found.items() if pair["verdict"] == "unverified"}
    for key in sorted(in_doubt):
        fitting = {pattern for pattern in patterns if fnmatchcase(key, pattern)}
        if not fitting:
            yield f"{key}: unverified, not on the list: {found[key].get('reason')}"
    for pattern in sorted(patterns):
        matched = {key for key in found if fnmatchcase(key, pattern)}
        if not matched or matched - in_doubt:
            yield f"{pattern}: on the list, but verified: {matched - in_doubt}"


def _status(ran: Ran, found: Mapping[str, Pair]) -> Iterator[str]:
    verdicts = {pair["verdict"] for pair in found.values()}
    status = 1 if verdicts & _BROKEN else 3 if "unverified" in verdicts else 0
    if status != ran.status:
        yield f"exit status {ran.status}, not {status}"


def wrong_causes(scenario: Scenario, ran: Ran) -> Iterator[str]:
    """Yield the violations of which another cause is named first than the true one."""
    for pair in ran.pairs:
        if pair["verdict"] not in _BROKEN:
            continue
        named = [
            f"{cause['cause']}{' for certain' * cause['certain']}"
            for cause in pair.get("causes", ())
        ]
        if not named or named[0].partition(" ")[0] != scenario.cause:
            yield f"{key_of(pair)}: {named}, not {scenario.cause}"
