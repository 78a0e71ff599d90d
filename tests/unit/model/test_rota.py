"""Whose turn it is inside networks, a little in each cycle."""

from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Scope
from exporter.model.pair import Pair
from exporter.model.plan import Plan
from exporter.model.rations import Ration, Rations
from exporter.model.rings import Rings, rings_of
from exporter.model.rota import Rota
from exporter.model.topology import IpVersion, Topology
from tests.fakes.crowds import crowd


def rounds(
    found: Topology,
    ration: Ration,
    number: int,
    *,
    room: int = 1000,
    scopes: tuple[Scope, ...] = (Scope.CONTAINER,),
) -> list[list[Pair]]:
    """Return what each of so many cycles looks at, none of whose entries stay."""
    plan = Plan(found, scopes, lambda _: True)
    rings: dict[IpVersion, Rings] = {4: rings_of(found, 4, lambda _: True), 6: {}}
    rations: Rations = {4: ration, 6: Ration()}
    rota = Rota()
    cycles = (
        rota.serve(plan, rings, rations, NeighbourBudget(room)) for _ in range(number)
    )
    return [[item.pair for item in served] for served in cycles]


def test_however_slowly_both_directions_come_together() -> None:
    """Two entries have to be saved for."""
    served = rounds(crowd(3, 1), Ration(1, 0.5), 12)

    assert [len(pairs) for pairs in served] == [0, 0, 0, 2] * 3
    assert len({pair for pairs in served for pair in pairs}) == 6
    for there, back in filter(None, served):
        assert (there.source, back.source) == (
            back.destination_sandbox,
            there.destination_sandbox,
        )


def test_nobody_passes_who_finds_no_room() -> None:
    """He comes first once there is some; what was saved meanwhile is little."""
    found = crowd(20, 1)
    assert rounds(found, Ration(1, 10.0), 3, room=1) == [[], [], []]
    served = rounds(found, Ration(1, 10.0), 38, room=8)

    assert [len(pairs) for pairs in served[:4]] == [8, 8, 8, 8]
    assert len({pair for pairs in served for pair in pairs}) == 38 * 8


def test_where_there_is_room_for_all_there_is_no_row() -> None:
    """Nor where nobody may be looked at, or pairs are not asked for."""
    found = crowd(4, 1)

    assert rounds(found, Ration(), 1) == [[]]
    assert rounds(found, Ration(inside=0.0, is_closed=True), 1) == [[]]
    assert rounds(found, Ration(1, 9.0), 1, scopes=(Scope.HOST,)) == [[]]
