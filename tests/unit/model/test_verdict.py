"""The table of verdicts, row by row, with its controls."""

from dataclasses import replace
from inspect import Parameter, signature

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.outcome import (
    KERNEL_REFUSALS,
    VIOLATIONS,
    Expected,
    Observation,
    Observed,
    Result,
    Scope,
    Verdict,
    observed_of,
)
from exporter.model.pair import Controls
from exporter.model.verdict import (
    SUSPECTED,
    YOUNG,
    Evidence,
    judge,
)
from tests.fakes.verdicts import (
    ALIVE,
    DESTINATION_OWN,
    ISOLATED,
    REACHABLE,
    UNKNOWN,
    item,
    own,
    rule,
    seen,
)

results = st.sampled_from(Result)
tristate = st.sampled_from((None, True, False))
any_controls = st.builds(Controls, source=tristate, destination=tristate)


OF_ISOLATION = [
    pytest.param(Result.OK, ALIVE, Verdict.UNEXPECTED_REACHABLE, id="a valid reply"),
    pytest.param(
        Result.OK,
        Controls(source=False, destination=False),
        Verdict.UNEXPECTED_REACHABLE,
        id="a valid reply whatever the controls say",
    ),
    pytest.param(
        Result.TIMEOUT, ALIVE, Verdict.AS_EXPECTED, id="silence, both ends alive"
    ),
    pytest.param(
        Result.PROHIBITED, ALIVE, Verdict.AS_EXPECTED, id="a REJECT, both ends alive"
    ),
    *(
        pytest.param(
            Result.TIMEOUT,
            Controls(source=source, destination=destination),
            Verdict.UNVERIFIED,
            id=f"silence, source {source}, destination {destination}",
        )
        for source in (True, False, None)
        for destination in (True, False, None)
        if not (source and destination)
    ),
    *(
        pytest.param(result, ALIVE, Verdict.UNVERIFIED, id=f"a dead end: {result}")
        for result in sorted({*KERNEL_REFUSALS, Result.TTL_EXCEEDED})
    ),
]


@pytest.mark.parametrize(("result", "controls", "verdict"), OF_ISOLATION)
def test_isolation_is_confirmed_by_living_ends_only(
    result: Result, controls: Controls, verdict: Verdict
) -> None:
    """Rows 4, 5 and 6: one reply is proof, silence alone is none."""
    ruling = rule(item(ISOLATED), result, controls=controls)

    assert verdict == ruling.verdict
    assert (verdict is Verdict.UNVERIFIED) == bool(ruling.reason)


@pytest.mark.parametrize(
    ("result", "controls", "verdict"),
    [
        pytest.param(
            Result.NO_ROUTE,
            Controls(source=None, destination=False),
            Verdict.AS_EXPECTED,
            id="none there either",
        ),
        pytest.param(
            Result.WRONG_ROUTE,
            Controls(source=None, destination=False),
            Verdict.AS_EXPECTED,
            id="another way is none",
        ),
        pytest.param(
            Result.REFUSED_BY_KERNEL,
            Controls(source=True, destination=False),
            Verdict.UNVERIFIED,
            id="refused for another reason",
        ),
        pytest.param(Result.TIMEOUT, ALIVE, Verdict.AS_EXPECTED, id="living ends"),
        pytest.param(
            Result.TIMEOUT,
            Controls(source=True, destination=None),
            Verdict.UNVERIFIED,
            id="a route all the same, and silence",
        ),
        pytest.param(Result.OK, ALIVE, Verdict.UNEXPECTED_REACHABLE, id="a reply"),
    ],
)
def test_no_route_is_isolation_where_none_is_promised(
    result: Result, controls: Controls, verdict: Verdict
) -> None:
    """Row 5: the API itself gives the source no route."""
    planned = item(ISOLATED, has_route=False)

    assert verdict == rule(planned, result, controls=controls).verdict


@pytest.mark.parametrize(
    ("result", "controls", "words"),
    [
        (Result.NO_ROUTE, ALIVE, "cannot send although a route is promised: no_route"),
        (Result.TTL_EXCEEDED, ALIVE, "went astray"),
        (Result.TIMEOUT, Controls(source=None, destination=True), "the source is not"),
        (Result.TIMEOUT, Controls(source=False, destination=None), "the source is not"),
        (Result.TIMEOUT, Controls(source=True, destination=False), "the destination"),
    ],
)
def test_doubt_names_its_cause(result: Result, controls: Controls, words: str) -> None:
    """Row 6: unverified says why, the nearest cause first."""
    assert words in rule(item(ISOLATED), result, controls=controls).reason


NOBODY = Evidence((), {}, {})
MUTE_SOURCE = Evidence((), own(source=Result.TIMEOUT), {})
DEAD_ENDS = Controls(source=False, destination=False)


@pytest.mark.parametrize(
    ("result", "evidence", "verdict", "shown"),
    [
        pytest.param(
            Result.OK, NOBODY, Verdict.AS_EXPECTED, Result.OK, id="row 1: a reply"
        ),
        pytest.param(
            Result.TIMEOUT,
            Evidence((), own(), {}),
            Verdict.UNEXPECTED_UNREACHABLE,
            Result.TIMEOUT,
            id="row 2: silence, and our own probe works",
        ),
        pytest.param(
            Result.TIMEOUT,
            MUTE_SOURCE,
            Verdict.UNVERIFIED,
            Result.TIMEOUT,
            id="silence, and our own probe does not work",
        ),
        pytest.param(
            Result.TIMEOUT,
            NOBODY,
            Verdict.UNVERIFIED,
            Result.TIMEOUT,
            id="silence, and nothing is known of our own probe",
        ),
        *(
            pytest.param(
                result,
                MUTE_SOURCE,
                Verdict.UNEXPECTED_UNREACHABLE,
                result,
                id=f"row 2: the kernel itself says {result}",
            )
            for result in sorted(KERNEL_REFUSALS)
        ),
        pytest.param(
            Result.TIMEOUT,
            Evidence((), own(destination=Result.TIMEOUT), {}),
            Verdict.UNVERIFIED,
            Result.ICMP_IGNORED,
            id="row 3: it does not even answer itself",
        ),
        pytest.param(
            Result.TIMEOUT,
            Evidence((), own(destination=Result.TIMEOUT), {DESTINATION_OWN: True}),
            Verdict.UNVERIFIED,
            Result.ICMP_IGNORED,
            id="row 3: not even with its link up",
        ),
        pytest.param(
            Result.TIMEOUT,
            Evidence((), own(destination=Result.TIMEOUT), {DESTINATION_OWN: False}),
            Verdict.UNEXPECTED_UNREACHABLE,
            Result.TIMEOUT,
            id="its link is down: that is the fault",
        ),
        *(
            pytest.param(
                Result.TIMEOUT,
                Evidence((), own(destination=result), {}),
                Verdict.UNEXPECTED_UNREACHABLE,
                Result.TIMEOUT,
                id=f"its own address: {result}",
            )
            for result in Result
            if result in KERNEL_REFUSALS
            or observed_of(result) in (Observed.ERROR, Observed.NOT_PROBED)
        ),
    ],
)
def test_silence_is_held_against_a_promise_while_our_probe_works(
    result: Result, evidence: Evidence, verdict: Verdict, shown: Result
) -> None:
    """Rows 1, 2 and 3; what else is dead is the fault, not an excuse."""
    ruling = rule(item(REACHABLE), result, controls=DEAD_ENDS, evidence=evidence)

    assert (verdict, shown) == (ruling.verdict, ruling.observation.result)
    assert (verdict is Verdict.UNVERIFIED) == bool(ruling.reason)


def test_packets_are_kept_when_echo_is_ignored() -> None:
    """Only the name of the silence changes, not what was counted."""
    silence = Observation(result=Result.TIMEOUT, sent=4, late=1)
    evidence = Evidence((), own(destination=Result.TIMEOUT), {})

    ruling = judge(item(REACHABLE), silence, ALIVE, evidence)

    assert replace(silence, result=Result.ICMP_IGNORED) == ruling.observation


@pytest.mark.parametrize("result", [Result.TIMEOUT, Result.NO_ROUTE])
def test_a_young_end_is_given_time(result: Result) -> None:
    """Row 2 holds past the grace period only."""
    ruling = rule(item(REACHABLE), result, young=True)

    assert (Verdict.UNVERIFIED, YOUNG) == (ruling.verdict, ruling.reason)
    assert Verdict.AS_EXPECTED == rule(item(REACHABLE), Result.OK, young=True).verdict


def test_a_silence_in_one_cycle_is_not_a_fault_yet() -> None:
    """Row 2 needs two cycles, whatever said that the way is closed."""
    for result in (Result.TIMEOUT, Result.NO_ROUTE, Result.PROHIBITED):
        ruling = rule(item(REACHABLE), result, silent_before=False)

        assert (Verdict.UNVERIFIED, SUSPECTED) == (ruling.verdict, ruling.reason)
        assert result is ruling.observation.result


def test_youth_is_looked_at_before_repetition() -> None:
    """The silence of a newcomer does not count as the first of two."""
    ruling = rule(item(REACHABLE), Result.TIMEOUT, young=True, silent_before=False)

    assert YOUNG == ruling.reason


def test_isolation_needs_no_grace_and_no_repetition() -> None:
    """A leak is one at any age, and one valid reply proves it."""
    leak = rule(item(ISOLATED), Result.OK, young=True, silent_before=False)

    assert Verdict.UNEXPECTED_REACHABLE == leak.verdict


def test_ipv6_of_the_young_is_not_isolated_yet() -> None:
    """A leak is silent while a new bridge looks for duplicates of its addresses."""
    planned = item(ISOLATED)
    ipv6 = replace(planned, pair=planned.pair._replace(ip_version=6))

    ruling = rule(ipv6, Result.TIMEOUT, young=True)

    assert (Verdict.UNVERIFIED, YOUNG) == (ruling.verdict, ruling.reason)
    for fine in (
        rule(ipv6, Result.TIMEOUT),
        rule(ipv6, Result.PROHIBITED, young=True),
        rule(planned, Result.TIMEOUT, young=True),
    ):
        assert Verdict.AS_EXPECTED == fine.verdict


def test_what_excuses_a_silence_is_said_by_name() -> None:
    """Two flags side by side would be confused unnoticed."""
    parameters = signature(judge).parameters.values()

    assert ["young", "silent_before", "answered_before"] == [
        one.name for one in parameters if one.kind is Parameter.KEYWORD_ONLY
    ]


NAMED = [
    (REACHABLE, Result.OK, Verdict.AS_EXPECTED),
    (REACHABLE, Result.NXDOMAIN, Verdict.UNEXPECTED_UNREACHABLE),
    (REACHABLE, Result.SERVFAIL, Verdict.UNEXPECTED_UNREACHABLE),
    (REACHABLE, Result.WRONG_ANSWER, Verdict.UNEXPECTED_UNREACHABLE),
    (REACHABLE, Result.NO_RESOLVER, Verdict.UNEXPECTED_UNREACHABLE),
    (REACHABLE, Result.TIMEOUT, Verdict.UNVERIFIED),
    (ISOLATED, Result.OK, Verdict.UNEXPECTED_REACHABLE),
    (ISOLATED, Result.NO_RESOLVER, Verdict.AS_EXPECTED),
    (ISOLATED, Result.NXDOMAIN, Verdict.UNVERIFIED),
]


@pytest.mark.parametrize(("expected", "result", "verdict"), NAMED)
def test_names(expected: Expected, result: Result, verdict: Verdict) -> None:
    """An answer proves that the question arrived; only silence needs a control."""
    planned = item(expected, scope=Scope.NAME)

    ruling = rule(planned, result, controls=DEAD_ENDS, evidence=MUTE_SOURCE)

    assert verdict == ruling.verdict


def test_a_name_that_stays_silent_is_a_fault() -> None:
    """A resolver that does not answer is not a container that ignores echo."""
    evidence = Evidence((), own(destination=Result.TIMEOUT), {})

    ruling = rule(item(REACHABLE, scope=Scope.NAME), Result.TIMEOUT, evidence=evidence)

    assert Verdict.UNEXPECTED_UNREACHABLE == ruling.verdict


@given(results, any_controls, st.booleans(), st.booleans())
def test_nothing_is_judged_without_a_promise(
    result: Result, controls: Controls, has_route: bool, young: bool
) -> None:
    """Row 8: unknown, whatever was seen."""
    planned = item(UNKNOWN, has_route=has_route)

    ruling = rule(planned, result, controls=controls, young=young)

    assert (Verdict.NOT_JUDGED, seen(result)) == (ruling.verdict, ruling.observation)


@given(st.sampled_from((REACHABLE, ISOLATED)), results, st.booleans(), st.booleans())
def test_what_was_not_measured_proves_nothing(
    expected: Expected, result: Result, has_route: bool, young: bool
) -> None:
    """Row 7: an error is unverified and says which; by plan it is skipped."""
    verdict = {
        Observed.ERROR: Verdict.UNVERIFIED,
        Observed.NOT_PROBED: Verdict.SKIPPED,
    }.get(observed_of(result))

    ruling = rule(item(expected, has_route=has_route), result, young=young)

    if verdict is not None:
        assert verdict == ruling.verdict
        assert (str(result) in ruling.reason) == (verdict is Verdict.UNVERIFIED)


@given(results, any_controls, st.tuples(results, results, tristate), st.booleans())
def test_the_opposite_promise_is_never_broken_as_well(
    result: Result,
    controls: Controls,
    themselves: tuple[Result, Result, bool | None],
    has_route: bool,
) -> None:
    """Of a promise and its opposite at most one is broken; of what is certain, one."""
    *ends, link = themselves
    links = {} if link is None else {DESTINATION_OWN: link}
    evidence = Evidence((), own(*ends), links)

    verdicts = {
        expected: rule(
            item(expected, has_route=has_route),
            result,
            controls=controls,
            evidence=evidence,
        ).verdict
        for expected in (REACHABLE, ISOLATED)
    }

    broken = [v for v in verdicts.values() if v in VIOLATIONS]
    kept = [v for v in verdicts.values() if v is Verdict.AS_EXPECTED]
    assert len(broken) <= 1
    assert len(kept) <= 1
    silent = result in (Result.TIMEOUT, Result.HOST_UNREACHABLE, Result.PROHIBITED)
    works = controls == ALIVE and ends == [Result.OK, Result.OK]
    if result is Result.OK or (silent and works):
        assert (1, 1) == (len(broken), len(kept))
