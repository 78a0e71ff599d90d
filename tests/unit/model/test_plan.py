"""Which pairs exist, and which of them one cycle probes."""

from itertools import permutations
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from exporter.model.neighbours import NeighbourBudget, entries_of
from exporter.model.outcome import Scope
from exporter.model.pairs import all_pairs
from exporter.model.plan import MESH_LIMIT, PEERS, epoch_peers, epochs_to_cover, plan
from exporter.model.selection import select
from exporter.model.topology import SandboxId, Topology
from tests.fakes.topologies import container, demo, endpoint, network, topology

members = st.integers(2, 60).map(lambda n: [SandboxId(f"c{i}") for i in range(n)])


def crowd(count: int) -> Topology:
    """Return many containers on one bridge."""
    net = network("n", "10.1.0.0/16")
    return topology(
        (net,),
        tuple(
            container(f"c{i}", endpoint(f"c{i}", net, f"10.1.1.{i + 2}"))
            for i in range(count)
        ),
    )


def test_every_pair_once_and_none_with_itself() -> None:
    """Ordered pairs, no repetition."""
    pairs = list(all_pairs(demo(), set(Scope)))

    assert len(pairs) == len(set(pairs)) == 12 + 4 + 4 + 4
    assert all(str(pair.source) != str(pair.destination) for pair in pairs)


@given(members)
def test_every_pair_has_its_turn_in_bounded_time(ids: list[SandboxId]) -> None:
    """Over `epochs_to_cover` epochs every ordered pair is probed."""
    epochs = epochs_to_cover(len(ids))

    covered = {pair for epoch in range(epochs) for pair in epoch_peers(ids, epoch)}

    assert covered == set(permutations(ids, 2))
    assert epochs <= ceil(len(ids) / PEERS) + 1


@given(members, st.integers(0, 1000))
def test_turns_come_round_again(ids: list[SandboxId], epoch: int) -> None:
    """After `epochs_to_cover` epochs everybody meets the same peers once more."""
    again = epoch + epochs_to_cover(len(ids))

    assert epoch_peers(ids, epoch) == epoch_peers(ids, again) != frozenset()


@given(members, st.integers(0, 1000))
def test_a_turn_is_symmetric_and_small(ids: list[SandboxId], epoch: int) -> None:
    """Both directions together, at most `PEERS` peers beyond the mesh limit."""
    pairs = epoch_peers(ids, epoch)

    assert all((b, a) in pairs for a, b in pairs)
    if len(ids) > MESH_LIMIT:
        assert max(sum(a == one for a, _ in pairs) for one in ids) <= PEERS


@given(members, st.integers(0, 1000), st.randoms())
def test_the_plan_does_not_depend_on_order(
    ids: list[SandboxId], epoch: int, random: object
) -> None:
    """The same members give the same pairs, in whatever order they come."""
    shuffled = ids[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' Random

    assert epoch_peers(ids, epoch) == epoch_peers(shuffled, epoch)


def test_a_large_network_is_not_meshed_at_once() -> None:
    """33 containers meshed on one bridge would overflow the neighbour table."""
    found = crowd(33)
    planned = plan(found, {Scope.CONTAINER}, lambda _: True)
    budget = NeighbourBudget(10_000)

    chosen = select(found, planned, epoch=0, budget=budget)

    assert len(chosen.probed) == 33 * PEERS
    assert len(chosen.probed) + len(chosen.skipped) == 33 * 32


@given(st.integers(0, 300), st.integers(2, 40))
def test_the_neighbour_budget_is_never_exceeded(allowed: int, count: int) -> None:
    """Whatever is asked for, no more entries are added than allowed."""
    found = crowd(count)
    planned = plan(found, set(Scope), lambda _: True)
    budget = NeighbourBudget(allowed)

    chosen = select(found, planned, epoch=0, budget=budget, everything=True)

    made = {entry for item in chosen.probed for entry in entries_of(found, item)}
    assert len(made) <= allowed
    assert made == budget.added


def test_known_entries_cost_nothing() -> None:
    """What was probed within the last 45 s can be probed again."""
    found = demo()
    planned = plan(found, set(Scope), lambda _: True)
    first = NeighbourBudget(1000)
    select(found, planned, epoch=0, budget=first)

    second = NeighbourBudget(0, first.used)
    again = select(found, planned, epoch=0, budget=second)

    assert len(again.probed) == len(planned)
    assert (set(), first.used) == (second.added, second.used)


def test_pairs_that_would_leave_the_host_are_never_probed() -> None:
    """A macvlan gateway is somebody else's machine."""
    outer, net = (
        network("m", "10.1.0.0/24", driver="macvlan"),
        network("n", "10.2.0.0/24"),
    )
    found = topology(
        (outer, net),
        (
            container("a", endpoint("a", outer, "10.1.0.2")),
            container("b", endpoint("b", net, "10.2.0.2")),
        ),
    )
    planned = plan(found, set(Scope), lambda _: True)

    chosen = select(
        found, planned, epoch=0, budget=NeighbourBudget(1000), everything=True
    )

    assert not any(item.decision.leaves_host for item in chosen.probed)
    assert {item.pair.scope for item in chosen.skipped} == {
        Scope.CONTAINER,
        Scope.HOST,
        Scope.GATEWAY,
    }
