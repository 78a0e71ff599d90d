"""A neighbour table with room for a few only: everybody has a turn all the same."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import permutations
from pathlib import Path

import pytest

from exporter.agenda import Agenda, Wish
from exporter.model.outcome import Observation, Result, Scope, Verdict
from exporter.model.pair import Controls, Pair, PairState, Planned
from exporter.model.plan import touching
from exporter.model.topology import IP_VERSIONS, SandboxId, Topology
from tests.fakes.clock import HandClock
from tests.fakes.crowds import crowd
from tests.fakes.starving import HARD, KERNEL, MANY, SOFT, Host
from tests.fakes.topologies import topology

# Hours of a large host in a few seconds, or many on a busy machine.
pytestmark = pytest.mark.timeout(120)


def across(item: Planned) -> bool:
    """Return whether isolation is promised."""
    return item.pair.scope is Scope.CONTAINER and not item.decision.on_link


def is_inside(item: Planned) -> bool:
    """Return whether both ends are containers on one network."""
    return item.pair.scope is Scope.CONTAINER and item.decision.on_link


def test_isolation_is_probed_from_everybody_in_the_time_that_is_told(
    tmp_path: Path,
) -> None:
    """Without turns the first few keep the table for themselves, for ever."""
    host = Host(crowd(30, 3), tmp_path, limits=(SOFT, HARD))
    agenda, first = host.run()
    told = agenda.turns.across[4]
    seen = {item.pair for item in (*first.probed, *host.probed(told))}

    known = {item.pair for item in agenda.known if across(item)}
    assert first.throttled > 0
    assert "gc_thresh3" in "".join(host.turnstile.notices)
    assert known <= seen
    for scope in (Scope.HOST, Scope.GATEWAY):
        assert len({pair for pair in seen if pair.scope is scope}) == 30


def gaps(host: Host, cycles: int) -> tuple[dict[Pair, int], int]:
    """Return how many cycles each pair had to wait at most, and what was told."""
    last, worst, told = dict[Pair, int](), dict[Pair, int](), 0
    for cycle in range(1, cycles + 1):
        agenda, selection = host.run()
        told = max(told, agenda.turns.longest)
        for pair in (item.pair for item in selection.probed):
            worst[pair] = max(worst.get(pair, 0), cycle - last.get(pair, 0))
            last[pair] = cycle
    return {p: max(n, cycles - last[p]) for p, n in worst.items()}, told


@pytest.mark.parametrize(
    ("found", "interval_s", "limits"),
    [
        pytest.param(crowd(50, 4), 15, KERNEL, id="fifty on four"),
        pytest.param(crowd(60, 1), 15, KERNEL, id="sixty on one"),
        pytest.param(crowd(24, 1), 15, KERNEL, id="two dozen on one"),
        pytest.param(crowd(80, 16), 15, KERNEL, id="five each on sixteen"),
        pytest.param(crowd(101, 12), 15, KERNEL, id="eight each on twelve"),
        pytest.param(crowd(60, 12), 15, (256, 512), id="five each on twelve"),
        pytest.param(crowd(60, 20), 15, (128, 256), id="three each on twenty"),
        pytest.param(crowd(40, 2, dual=True), 15, KERNEL, id="dual stack"),
        pytest.param(crowd(90, 18, dual=True), 15, KERNEL, id="dual stack, five each"),
        pytest.param(crowd(50, 4), 60, KERNEL, id="a minute apart"),
        pytest.param(crowd(60, 12), 60, (256, 512), id="many, a minute apart"),
        pytest.param(crowd(30, 3), 300, KERNEL, id="five minutes apart"),
        pytest.param(crowd(40, 4), 5, KERNEL, id="five seconds apart"),
    ],
)
def test_within_the_time_that_is_told_every_pair_is_probed(
    tmp_path: Path, found: Topology, interval_s: float, limits: tuple[int, int]
) -> None:
    """On a host as the kernel makes it, or with less room; and over and over."""
    host = Host(found, tmp_path, interval_s=interval_s, limits=limits)
    agenda, _ = host.run()
    worst, told = gaps(host, 2 * agenda.turns.longest + 10)

    wanted = {item.pair for item in agenda.known if not item.decision.is_left_alone}
    assert wanted == worst.keys()
    assert max(worst.values()) <= told
    assert all(host.entries(version) <= host.limits[0] for version in IP_VERSIONS)


@pytest.mark.parametrize(
    ("found", "interval_s", "limits", "are_some_aside"),
    [
        pytest.param(crowd(30, 3), 15, (SOFT, HARD), False, id="in every cycle all"),
        pytest.param(crowd(30, 3), 60, (SOFT, HARD), False, id="a minute apart"),
        pytest.param(crowd(26, 4, dual=True), 30, (SOFT, HARD), False, id="dual stack"),
        pytest.param(crowd(90, 3), 30, (256, 512), True, id="some in each cycle"),
    ],
)
def test_within_the_time_that_is_told_the_ends_of_every_pair_were_awake_together(
    tmp_path: Path,
    found: Topology,
    interval_s: float,
    limits: tuple[int, int],
    are_some_aside: bool,
) -> None:
    """Silence proves isolation only while both are known to be alive."""
    host = Host(found, tmp_path, interval_s=interval_s, limits=limits)
    host.settings = replace(
        host.settings,
        packets_per_second=20 if are_some_aside else 2000,
        scopes=frozenset(Scope),
    )
    agenda, _ = host.run()
    assert bool(agenda.aside) == are_some_aside
    for _ in range(max(agenda.turns.across.values())):
        began = host.clock.now_utc()
        selection = host.run()[1]
        assert selection.resting
        for item in selection.probed:
            if not selection.is_unproven(item.pair):
                host.states[item.pair] = _state(item, began, Verdict.AS_EXPECTED)

    wanted = {item.pair for item in agenda.plan.everything if not is_inside(item)}
    assert wanted <= host.states.keys()
    assert all(host.entries(version) <= host.limits[0] for version in IP_VERSIONS)


def test_on_a_crowded_bridge_coverage_grows_as_fast_as_is_told(tmp_path: Path) -> None:
    """Two hundred containers ask for 39,800 entries, and a minute has room for few."""
    host = Host(crowd(200, 1), tmp_path)
    seen = set[Pair]()
    for cycle in range(1, 61):
        agenda, selection = host.run()
        seen |= {item.pair for item in selection.probed}
        assert not agenda.aside
        assert len(agenda.known) == 200 * 199 + 400
        assert len(seen) >= cycle / agenda.turns.longest * len(agenda.known)


def test_a_sample_goes_through_the_pairs_inside_networks_as_well(
    tmp_path: Path,
) -> None:
    """Where there are too many pairs to know of them all; and loses count of none."""
    host = Host(crowd(400, 40), tmp_path, limits=(2048, 4096))
    agenda, _ = host.run()
    assert agenda.aside
    seen, told = set[Pair](), agenda.turns.inside[4]
    for _ in range(told):
        agenda, selection = host.run()
        assert len(agenda.known) + sum(agenda.aside.values()) == agenda.plan.size
        seen |= {item.pair for item in selection.probed}

    members = [one.id for one in host.found.sandboxes]
    inside = {
        (one, other)
        for number in range(40)
        for one, other in permutations(members[number::40], 2)
    }
    assert inside <= {(pair.source, pair.destination) for pair in seen}


def test_the_full_table_of_one_family_does_not_slow_the_other(tmp_path: Path) -> None:
    """Each has its own; where others fill it, that is said."""
    found = crowd(60, 6, dual=True)
    host = Host(found, tmp_path)
    host.others = {4: 0, 6: 510}
    agenda, _ = host.run()
    free = Host(found, tmp_path / "free")
    worst, _ = gaps(host, agenda.turns.longest)

    assert agenda.turns == replace(
        free.run()[0].turns, across=agenda.turns.across, inside=agenda.turns.inside
    )
    assert all(pair.ip_version == 4 for pair in worst)
    assert "IPv6 neighbour table is full" in "".join(host.turnstile.notices)


def test_what_others_have_does_not_make_old_what_was_seen_in_time(
    tmp_path: Path,
) -> None:
    """The time that is told rises at once, and falls once so much has passed."""
    host = Host(crowd(60, 1), tmp_path)
    told = []
    for cycle in range(200):
        host.others = {4: 300 if cycle in range(20, 24) else 0, 6: 0}
        told.append(host.run()[0].turns.inside[4])

    calm, crowded = told[19], max(told)
    assert calm < crowded
    assert told[20] > calm
    assert told[23 + calm // 2] == crowded
    assert told[-1] == calm


def meshed(agenda: Agenda) -> list[Planned]:
    """Return the pairs inside networks."""
    return [
        item
        for item in agenda.known
        if item.pair.scope is Scope.CONTAINER and item.decision.on_link
    ]


def test_where_all_is_broken_everybody_has_his_turn_all_the_same(
    tmp_path: Path,
) -> None:
    """What is watched is a part of what fits only, also without a table for IPv6."""
    host = Host(crowd(45, 1), tmp_path)
    host.versions = (4,)
    agenda, _ = host.run()
    host.states = {i.pair: _broken(i, host.clock) for i in meshed(agenda)}
    worst, told = gaps(host, agenda.turns.inside[4] + 5)

    assert host.states.keys() <= worst.keys()
    assert max(worst.values()) <= told


@pytest.mark.parametrize("a_cycle", [1, 3])
def test_who_comes_and_goes_takes_nobody_elses_turn(
    tmp_path: Path, a_cycle: int
) -> None:
    """Some are replaced in each cycle, and each is looked at when it comes."""
    host = Host(crowd(40, 1), tmp_path)
    stay, seen, told = crowd(30, 1), set[Pair](), 0
    wanted = {item.pair for item in meshed(Host(stay, tmp_path / "b").run()[0])}
    for cycle in range(110):
        names = {f"c{30 + (cycle * a_cycle + n) % 200:04}" for n in range(10)}
        before = {one.name for one in host.found.containers}
        host.found = _only(crowd(230, 1), names | {one.name for one in stay.containers})
        new = frozenset(map(SandboxId, names - before))
        choose = partial(touching, changed=new)
        quick = Wish(trigger="change", choose=choose, changed=new)
        agenda, selection = host.run(quick, takes_s=0)
        assert new <= {item.pair.source for item in selection.probed}
        agenda, selection = host.run()
        told = max(told, agenda.turns.inside[4])
        seen |= {item.pair for item in selection.probed}

    assert told < 75
    assert wanted <= seen


def test_what_is_broken_inside_a_network_is_probed_in_every_cycle(
    tmp_path: Path,
) -> None:
    """Whether it works again is not to be known in an hour only."""
    host = Host(crowd(60, 1), tmp_path)
    agenda = [host.run()[0] for _ in range(4)][-1]  # what all need, comes first
    broken = meshed(agenda)[200:2000:600]
    host.states = {item.pair: _broken(item, host.clock) for item in broken}
    assert len(broken) == 3

    for _ in range(10):
        probed = {item.pair for item in host.run()[1].probed}
        assert host.states.keys() <= probed


@pytest.mark.parametrize("name", ["c0007", "c0012", "c0033"])
def test_who_changed_is_looked_at_whoever_rests(tmp_path: Path, name: str) -> None:
    """What just started does not wait for its turn."""
    wish = Wish(
        trigger="change",
        choose=lambda planned: tuple(i for i in planned if name in _ends(i.pair)),
        changed=frozenset({SandboxId(name)}),
    )

    _, selection = Host(MANY, tmp_path, limits=(SOFT, HARD)).run(wish)

    assert len(selection.resting[4]) > 40
    assert name not in selection.resting[4]
    assert any(across(i) and i.pair.source == name for i in selection.probed)


def test_where_there_is_room_nobody_rests(tmp_path: Path) -> None:
    """And nothing is told to take longer."""
    host = Host(crowd(20, 4), tmp_path)
    agenda, selection = host.run()

    assert host.turnstile.notices == ()
    assert (agenda.turns.longest, selection.resting) == (1, {})


def test_what_is_looked_at_again_does_not_rest(tmp_path: Path) -> None:
    """It was probed a moment ago, and its entries are there."""
    host = Host(MANY, tmp_path, limits=(SOFT, HARD))
    _, selection = host.run(Wish(trigger="recheck", choose=lambda p: p))

    assert selection.resting == {}


def _only(found: Topology, names: set[str]) -> Topology:
    """Return a host with some of its containers."""
    return topology(
        found.networks, tuple(one for one in found.containers if one.name in names)
    )


def _broken(item: Planned, clock: HandClock) -> PairState:
    """Return that a pair is silent though it is to be reachable."""
    return _state(item, clock.now_utc(), Verdict.UNEXPECTED_UNREACHABLE)


def _state(item: Planned, now: datetime, verdict: Verdict) -> PairState:
    """Return that a pair is silent."""
    return PairState(
        pair=item.pair,
        decision=item.decision,
        observation=Observation(result=Result.TIMEOUT, sent=1),
        controls=Controls(source=True, destination=True),
        verdict=verdict,
        since=now,
        probed=now,
    )


def _ends(pair: Pair) -> tuple[str, str]:
    return str(pair.source), str(pair.destination)
