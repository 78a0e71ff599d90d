"""The endless row of the pairs inside networks."""

from dataclasses import replace
from itertools import combinations, islice

from hypothesis import given
from hypothesis import strategies as st

from exporter.model.plan import place
from exporter.model.rings import Mark, Rings, Two, rings_of, row
from exporter.model.topology import IP_VERSIONS, NetworkId, SandboxId
from tests.fakes.crowds import crowd
from tests.fakes.topologies import container, endpoint, network, topology

names = st.integers(0, 30).map(lambda n: SandboxId(f"c{n}"))
members = st.dictionaries(
    st.sampled_from(["a", "b", "c"]).map(NetworkId), st.sets(names, max_size=12)
)


def rings(of: dict[NetworkId, set[SandboxId]]) -> Rings:
    """Return the rings of some members."""
    return {
        net: tuple(sorted((place(one), one) for one in ones))
        for net, ones in of.items()
    }


def which(two: Two) -> tuple[NetworkId, frozenset[SandboxId]]:
    """Return which two it is."""
    return two.mark.network, frozenset((two.one, two.other))


@given(members, st.integers(0, 200))
def test_each_two_are_met_once_wherever_it_begins(
    of: dict[NetworkId, set[SandboxId]], first: int
) -> None:
    """And it goes on where it was left."""
    found = rings(of)
    everything = list(row(found))
    after = everything[first % len(everything)].mark if everything else None
    again = list(row(found, after))

    met = [which(two) for two in again]
    assert len(met) == len(set(met))
    assert set(met) == {
        (net, frozenset(two))
        for net, ones in of.items()
        for two in combinations(ones, 2)
    }
    if after is not None:
        assert again[-1].mark == after
        assert sorted(two.mark for two in everything) == [i.mark for i in everything]


@given(members, members, st.integers(0, 200))
def test_a_place_is_good_whoever_comes_and_goes(
    before: dict[NetworkId, set[SandboxId]],
    after: dict[NetworkId, set[SandboxId]],
    first: int,
) -> None:
    """A network may be gone, or a ring have become too small for a distance."""
    mark = next(islice((two.mark for two in row(rings(before))), first, None), None)

    met = {which(two) for two in row(rings(after), mark)}

    assert len(met) == sum(len(ones) * (len(ones) - 1) // 2 for ones in after.values())


def test_marks_stand_in_the_order_of_the_row() -> None:
    """By network, distance, and place in the ring."""
    nets = [NetworkId("a"), NetworkId("b")]

    assert Mark(nets[0], 9, b"z") < Mark(nets[1], 1, b"a")
    assert Mark(nets[0], 1, b"z") < Mark(nets[0], 2, b"a")


def test_who_is_alone_or_left_alone_or_of_another_family_meets_nobody() -> None:
    """They cost nothing."""
    one, two = (
        network("one", "10.1.0.0/24", "fd00:1::/64"),
        network("two", "10.2.0.0/24"),
    )
    found = topology(
        (one, two),
        (
            container("a", endpoint("a", one, "10.1.0.2", "fd00:1::2")),
            container("b", endpoint("b", one, "10.1.0.3")),
            replace(
                container("c", endpoint("c", one, "10.1.0.4")),
                labels={"dockernet.ignore": ""},
            ),
            container("d", endpoint("d", two, "10.2.0.2")),
        ),
    )

    four, six = (rings_of(found, version, lambda _: True) for version in IP_VERSIONS)

    assert {net: {m for _, m in ring} for net, ring in four.items()} == {
        one.id: {"a", "b"}
    }
    assert six == {}
    assert rings_of(found, 4, lambda _: False) == {}


def test_rings_hold_everybody_of_a_network() -> None:
    """Of both families."""
    found = crowd(10, 2, dual=True)

    for version in IP_VERSIONS:
        ours = rings_of(found, version, lambda _: True)
        assert [len(ring) for ring in ours.values()] == [5, 5]
