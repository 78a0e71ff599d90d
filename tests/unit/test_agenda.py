"""What a cycle of the daemon is about, by the size of the host."""

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.agenda import Agenda, Agendas, Settings, Wish
from exporter.model.outcome import Expected, Scope
from exporter.model.plan import Plan
from exporter.model.topology import SandboxId, Topology
from tests.fakes.clock import START
from tests.fakes.crowds import crowd
from tests.fakes.topologies import demo

SETTINGS = Settings(
    scopes=frozenset({Scope.CONTAINER, Scope.HOST, Scope.GATEWAY}),
    looks_at=lambda _: True,
    resync_interval_s=300.0,
)
INTERVAL = Wish(trigger="interval")


def agenda(
    agendas: Agendas,
    found: Topology,
    wish: Wish = INTERVAL,
    *,
    settings: Settings = SETTINGS,
    cycle: int = 0,
) -> Agenda:
    """Return what a cycle is about, where nothing is known yet."""
    return agendas.of(found, settings, {}, wish=wish, cycle=cycle, now=START)


def test_on_a_small_host_every_pair_is_known_and_wanted() -> None:
    """Whose turn it is inside large networks is chosen later."""
    found = agenda(Agendas(), demo())

    assert len(found.known) == 20
    assert found.known == found.wanted
    assert not found.aside
    assert not found.everything


def test_a_wish_chooses_among_what_is_known() -> None:
    """What was probed just now is probed again whoever's turn it is."""
    wish = Wish(trigger="recheck", choose=lambda planned: planned[:3])
    found = agenda(Agendas(), demo(), wish)

    assert (len(found.known), len(found.wanted)) == (20, 3)
    assert found.everything


def test_on_a_large_host_a_cycle_is_a_sample_and_the_rest_is_counted() -> None:
    """With a pair of every two networks, both ways."""
    host = crowd(300, 31)
    found = agenda(Agendas(), host)

    everything = Plan(host, SETTINGS.scopes, SETTINGS.looks_at, today=START.date())
    assert len(found.known) < 20_000
    assert len(found.known) + sum(found.aside.values()) == everything.size
    assert set(found.wanted) <= set(found.known)
    assert found.everything
    across = {
        (item.decision.source_network, item.pair.network)
        for item in found.wanted
        if item.decision.expected is Expected.ISOLATED
    }
    assert len(across) == 31 * 30


def test_every_pair_of_a_large_host_has_its_turn() -> None:
    """Within the number of cycles that is exported."""
    host, agendas = crowd(150, 3), Agendas()
    first = agenda(agendas, host)
    seen = set(first.wanted)
    for cycle in range(1, first.cycles):
        seen.update(agenda(agendas, host, cycle=cycle).wanted)

    assert len(seen) == 150 * 149 + 2 * 150


def test_a_newcomer_is_not_left_out_of_a_sample() -> None:
    """Its pairs are in the cycle that its start asks for."""
    wish = Wish(trigger="change", changed=(SandboxId("c0007"),))
    found = agenda(Agendas(), crowd(300, 31), wish)

    networks = {i.pair.network for i in found.known if i.pair.source == "c0007"}
    assert len(networks) == 31


def test_fewer_packets_make_a_sample_of_a_smaller_host() -> None:
    """What an interval has no room for is not promised."""
    host = crowd(100, 10)
    slow = replace(SETTINGS, packets_per_second=100.0)

    assert not agenda(Agendas(), host).aside
    assert agenda(Agendas(), host, settings=slow).aside


def test_the_plan_is_kept_while_nothing_changes() -> None:
    """Another topology, other settings and another day make another one."""
    host, agendas = demo(), Agendas()
    first = agenda(agendas, host).known

    assert agenda(agendas, host).known is first
    assert agenda(agendas, replace(host)).known is not first
    first = agenda(agendas, host).known
    assert agenda(agendas, host, settings=replace(SETTINGS)).known is not first
    first = agenda(agendas, host).known
    tomorrow = START + timedelta(days=1)
    later = agendas.of(host, SETTINGS, {}, wish=INTERVAL, cycle=0, now=tomorrow)
    assert later.known is not first


@pytest.mark.parametrize(
    ("trigger", "again", "quick"),
    [
        pytest.param("interval", False, False),
        pytest.param("start", False, False),
        pytest.param("recheck", True, False),
        pytest.param("change", False, True),
        pytest.param("firewall", False, True),
        pytest.param("watch", False, True),
    ],
)
def test_the_trigger_says_how(trigger: str, *, again: bool, quick: bool) -> None:
    """Who asks for a cycle decides how long it may take."""
    wish = Wish(trigger=trigger)

    assert (wish.is_again, wish.is_quick) == (again, quick)
