"""How much of the neighbour table each sort of pair may have."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.bounds import Bounds, Held, Turns
from exporter.model.outcome import Scope
from exporter.model.plan import plan
from exporter.model.rations import Need, Ration, cycles_inside, need_of, ration_of
from exporter.model.rings import rings_of
from exporter.model.topology import IP_VERSIONS
from tests.fakes.crowds import crowd

ROOM, SHARE = 512, 192
"""Of an untouched kernel."""
NEED = Need(controls=100, small=40, turning=0, meshed=40)


def test_what_two_networks_need() -> None:
    """Small ones are met whole; of larger ones eight each have their turn."""
    found = crowd(20, 2)
    controls = plan(found, {Scope.HOST, Scope.GATEWAY}, lambda _: True)
    rings = rings_of(found, 4, lambda _: True)

    assert Need(60, 0, 20 * 8, 2 * 90) == need_of(found, controls, rings, 4)
    assert Need(0, 0, 0, 0) == need_of(found, controls, {}, 6)
    found = crowd(10, 2)
    rings = rings_of(found, 4, lambda _: True)
    assert Need(0, 40, 0, 40) == need_of(found, (), rings, 4)


@pytest.mark.parametrize(
    ("need", "interval_s", "expected"),
    [
        pytest.param(NEED, 15, Ration(), id="room for all"),
        pytest.param(Need(384, 0, 0, 0), 15, Ration(), id="just room"),
        pytest.param(Need(385, 0, 0, 0), 15, Ration(5, 18.25), id="no room for all"),
        pytest.param(Need(100, 300, 0, 300), 15, Ration(1, 43.5), id="small ones"),
        pytest.param(Need(100, 0, 100, 900), 15, Ration(1, 43.5), id="large ones"),
        pytest.param(Need(384, 40, 0, 40), 15, Ration(1, 8.0), id="hardly any"),
        pytest.param(Need(20, 0, 200, 900), 15, Ration(1, 48.0), id="turns too big"),
        pytest.param(Need(400, 40, 0, 40), 15, Ration(7, 18.25), id="both in turns"),
        pytest.param(Need(96, 40, 0, 40), 60, Ration(), id="rare cycles"),
        pytest.param(Need(96, 100, 0, 100), 60, Ration(1, 96), id="paid anew"),
        pytest.param(Need(97, 100, 0, 100), 60, Ration(3, 73), id="rare, in turns"),
    ],
)
def test_rations(need: Need, interval_s: float, expected: Ration) -> None:
    """What is used in every cycle is paid once, where cycles are not rare."""
    assert ration_of(need, ROOM, SHARE, interval_s) == expected


def test_a_table_full_of_others_entries_is_closed() -> None:
    """Nothing is promised then, and no time told that nobody could keep."""
    closed = ration_of(NEED, 20, SHARE, 15)

    assert ration_of(Need(2, 0, 0, 0), 0, SHARE, 15).is_closed
    assert closed == Ration(inside=0.0, is_closed=True)
    assert cycles_inside(NEED, closed, 7) == 7
    assert ration_of(Need(3, 2, 0, 2), 20, SHARE, 15) == Ration()
    assert ration_of(Need(0, 0, 0, 0), 0, 0, 15) == Ration()


@given(
    st.builds(Need, *[st.integers(0, 5000)] * 4),
    st.integers(0, 5000),
    st.integers(0, 2000),
    st.floats(1, 600),
)
def test_a_ration_is_never_more_than_there_is(
    need: Need, room: int, share: int, interval_s: float
) -> None:
    """Nor so little that nobody's turn would come."""
    found = ration_of(need, room, share, interval_s)

    assert found.shares >= 1
    assert found.inside == inf or found.inside <= min(share, room)
    if not found.is_closed:
        assert found.inside > 0
    assert cycles_inside(need, found, 1) >= 1


@pytest.mark.parametrize(
    ("need", "ration", "expected"),
    [
        (NEED, Ration(), 4),
        (NEED, Ration(1, 10.0), 15),
        (NEED, Ration(1, 1000.0), 4),
        (NEED._replace(meshed=0), Ration(1, 10.0), 4),
    ],
)
def test_when_all_had_their_turn(need: Need, ration: Ration, expected: int) -> None:
    """The controls come before them after a start."""
    assert cycles_inside(need, ration, 4) == expected


def test_what_is_told_rises_at_once_and_falls_later() -> None:
    """After as many cycles as are told from then on, or as were told, if few."""
    held = Held()

    assert [held.at(cycle, 3) for cycle in range(2)] == [3, 3]
    assert held.at(2, 10) == 10
    assert [held.at(cycle, 4) for cycle in range(3, 13)] == [10] * 9 + [4]
    assert held.at(13, 90) == held.at(20, 40) == held.at(52, 2) == 90
    assert held.at(53, 2) == 40


def test_what_nobody_knows_does_not_change_what_was_told() -> None:
    """A table that others fill for a moment makes nothing old."""
    bounds, few = Bounds(), Turns.of_all(1)
    many = Turns(across={4: 1, 6: 1}, inside={4: 50, 6: 2})
    assert bounds.at(0, few, unknown=(4, 6)) == few
    assert bounds.at(1, many) == many

    full = IP_VERSIONS[:1]
    told = [bounds.at(cycle, few, unknown=full).inside for cycle in (2, 200)]
    assert told == [{4: 50, 6: 2}, {4: 50, 6: 1}]
