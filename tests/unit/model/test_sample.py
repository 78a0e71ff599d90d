"""What a cycle takes of a million pairs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from exporter.model import sample as samples
from exporter.model.aging import stale
from exporter.model.outcome import Expected, Observation, Result, Scope, Verdict
from exporter.model.pair import NO_CONTROLS, Pair, PairState
from exporter.model.plan import Plan
from exporter.model.sample import Sample, is_sampled, sample
from exporter.model.topology import ContainerId, SandboxId
from tests.fakes.crowds import crowd

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
FRESH_FROM = NOW - timedelta(minutes=2)
CROWD = Plan(crowd(1000, 31), frozenset(Scope), lambda _: True)
FIRST = sample(CROWD, 0, {}, fresh_from=FRESH_FROM)


def pick(
    states: Mapping[Pair, PairState] | None = None, *changed: str, cycle: int = 0
) -> Sample:
    """Return the sample of a cycle of the crowd."""
    return sample(
        CROWD,
        cycle,
        states or {},
        changed=tuple(map(SandboxId, changed)),
        fresh_from=FRESH_FROM,
    )


def across(number: int = 0) -> Pair:
    """Return a pair across networks that has no turn in the first cycle."""
    block = next(one for one in CROWD.blocks if not one.decision.on_link)
    due = {item.pair for item in FIRST.due}
    pairs = (pair for pair in map(block.pair, range(block.turns)) if pair not in due)
    pair = next(islice(pairs, number, None))
    assert pair is not None
    return pair


def state(pair: Pair, verdict: Verdict, age_s: float = 1.0) -> PairState:
    """Return what a pair may have come to so long ago."""
    (item,) = CROWD.items([pair])
    when = NOW - timedelta(seconds=age_s)
    return PairState(
        pair=pair,
        decision=item.decision,
        observation=Observation(result=Result.TIMEOUT, sent=1),
        controls=NO_CONTROLS,
        verdict=verdict,
        since=when,
        probed=when,
    )


def known_of(pair: Pair, verdict: Verdict, age_s: float = 1.0) -> tuple[bool, bool]:
    """Return whether a pair with a state is due, and whether it is known."""
    found = pick({pair: state(pair, verdict, age_s)})
    return (
        pair in {item.pair for item in found.due},
        pair in {item.pair for item in found.known},
    )


def test_a_cycle_of_a_thousand_containers() -> None:
    """A fiftieth of all pairs, everything of the host's, some of every block."""
    found = pick()

    scopes = Counter(item.pair.scope for item in found.due)
    assert scopes[Scope.HOST] == scopes[Scope.GATEWAY] == 1000
    assert scopes[Scope.NAME] <= samples.NAMES
    isolated = {
        (item.decision.source_network, item.pair.network)
        for item in found.due
        if item.decision.expected is Expected.ISOLATED
    }
    assert len(isolated) == 31 * 30
    assert sum(scopes.values()) < 20_000
    assert sum(scopes.values()) + sum(found.aside.values()) == CROWD.size > 10**6


def test_turns_go_on() -> None:
    """The next cycle takes other pairs across networks."""
    first, second = (
        {i.pair for i in pick(cycle=cycle).due if not i.decision.on_link}
        for cycle in (0, 1)
    )

    assert not first & second


def test_no_turn_is_passed_over_by_a_container_that_comes_and_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every pair of the others is due within the time that is told."""
    monkeypatch.setattr(samples, "ACROSS", 500)
    whole, scopes = crowd(120, 4), frozenset({Scope.CONTAINER})
    plans = [
        Plan(replace(whole, sandboxes=whole.sandboxes[gone:]), scopes, lambda _: True)
        for gone in (0, 1)
    ]
    due = set[Pair]()
    for cycle in range(sample(plans[0], 0, {}, fresh_from=FRESH_FROM).cycles):
        found = sample(plans[cycle % 2], cycle, {}, fresh_from=FRESH_FROM)
        due |= {item.pair for item in found.due}

    across = {i.pair for i in plans[1].everything if not i.decision.on_link}
    assert across <= due


@pytest.mark.parametrize(
    ("verdict", "age_s", "due", "known"),
    [
        (Verdict.AS_EXPECTED, 1, False, True),
        (Verdict.AS_EXPECTED, 1000, False, False),
        (Verdict.UNEXPECTED_REACHABLE, 1, True, True),
        (Verdict.UNEXPECTED_REACHABLE, 1000, True, True),
        (Verdict.UNVERIFIED, 1, True, True),
        (Verdict.NOT_JUDGED, 1, False, True),
    ],
)
def test_what_is_broken_stays_under_watch(
    verdict: Verdict, age_s: float, due: bool, known: bool
) -> None:
    """What is fine is kept for a while, then it is counted only."""
    assert (due, known) == known_of(across(), verdict, age_s)


def test_what_nobody_could_look_at_is_not_watched() -> None:
    """An outage puts everything in doubt: that is no reason to look at it all."""
    pair = across()
    blind = replace(
        state(pair, Verdict.UNVERIFIED), observation=Observation(result=Result.SKIPPED)
    )

    assert pair not in {item.pair for item in pick({pair: blind}).due}


def test_what_was_broken_before_nobody_could_look_is_watched() -> None:
    """A leak does not end with an outage: its turn may be an hour away."""
    pair = across()
    broken = state(pair, Verdict.UNEXPECTED_REACHABLE, 1000)
    blind = stale(stale(broken, NOW, "the engine is away"), NOW, "too old")
    found = pick({pair: blind})

    assert pair in {item.pair for item in found.due}
    assert pair in {item.pair for item in found.known}


def test_the_oldest_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all isolation is gone, the rest is found again in its turn."""
    monkeypatch.setattr(samples, "WATCHED", 2)
    states = {
        (pair := across(number)): state(pair, Verdict.UNEXPECTED_REACHABLE, number + 1)
        for number in range(4)
    }

    found = pick(states)

    assert {across(3), across(2)} == states.keys() & {i.pair for i in found.due}
    assert {across(3), across(2)} == states.keys() & {i.pair for i in found.known}


@pytest.mark.parametrize(
    "gone",
    [
        {"source": SandboxId("ended")},
        {"destination": ContainerId("ended")},
        {"network": "elsewhere"},
        {"scope": Scope.NAME, "name": "other"},
    ],
)
def test_what_no_longer_exists_is_forgotten(gone: dict[str, object]) -> None:
    """Its state was of a container, an address or a name that is no more."""
    before = state(across(), Verdict.UNEXPECTED_REACHABLE)
    pair = across()._replace(**gone)  # type: ignore[arg-type]  # drawn from the list

    found = pick({pair: replace(before, pair=pair)})

    assert pair not in {item.pair for item in found.known}


def test_who_changed_is_looked_at_with_every_network() -> None:
    """In both directions: what it should reach and what it should not."""
    before = {item.pair for item in pick().due}
    more = [item for item in pick(None, "c0500").due if item.pair not in before]

    assert {"c0500"} == set.intersection(
        *({str(one.pair.source), str(one.pair.destination)} for one in more)
    )
    assert len({one.pair.network for one in more}) == 31
    assert len(more) < 31 * 5


def test_few_pairs_are_no_sample() -> None:
    """And many are one if there is no room for them within the interval."""
    few = Plan(crowd(100, 5), frozenset(Scope), lambda _: True)

    assert not is_sampled(few, 30_000)
    assert is_sampled(few, 10_000)
    assert is_sampled(CROWD, 10**9)
