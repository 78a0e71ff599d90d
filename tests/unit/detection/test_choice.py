"""Which pairs a change may have touched."""

import pytest

from exporter.detection.choice import chooser
from exporter.detection.touched import Touched
from exporter.model.outcome import Scope
from exporter.model.pair import Planned
from exporter.model.plan import plan
from exporter.model.topology import Topology
from tests.fakes.networks import rows
from tests.fakes.topologies import demo

ALL = frozenset(Scope) - {Scope.NAME}
ACROSS = 8
"""Pairs between the demo's two bridges."""
HOST_SIDE = 8
"""Pairs of the host and to gateways."""


def planned(found: Topology) -> tuple[Planned, ...]:
    """Return every pair."""
    return plan(found, ALL, lambda _: True)


def chosen(touched: Touched, found: Topology, *, most: int = 99) -> list[Planned]:
    """Return what a sweep of a change probes."""
    choose = chooser(touched, found, most=most, turn=0)
    return [] if choose is None else list(choose(planned(found)))


@pytest.mark.parametrize(
    "touched",
    [
        pytest.param(Touched(tables=frozenset({"ip filter"})), id="rules"),
        pytest.param(Touched(sysctls=frozenset({"x"})), id="sysctl"),
        pytest.param(Touched(lost=frozenset({"links"})), id="lost"),
        pytest.param(Touched(hosts=frozenset({"eth0"})), id="host's interface"),
    ],
)
def test_a_change_of_the_filter_asks_for_isolation_everywhere(
    touched: Touched,
) -> None:
    """Pairs across bridges, of the host and to gateways; no mesh inside a network."""
    found = chosen(touched, demo())

    assert ACROSS + HOST_SIDE == len(found)
    inside = [i for i in found if i.pair.scope is Scope.CONTAINER]
    assert not [item for item in inside if item.decision.on_link]


@pytest.mark.parametrize("kind", ["bridges", "hosts"])
def test_a_bridge_asks_for_its_network(kind: str) -> None:
    """With all pairs that have an end on it, and what controls them."""
    on = rows(2, "one", "two", "three")
    name = frozenset({"br-one"})
    touched = Touched(bridges=name) if kind == "bridges" else Touched(hosts=name)
    found = chosen(touched, on)

    ends = {
        (i.pair.network, i.decision.source_network)
        for i in found
        if i.pair.scope is Scope.CONTAINER
    }
    assert ends
    assert all("net-one" in pair for pair in ends)
    assert len(found) < len(planned(on))


@pytest.mark.parametrize(
    "touched",
    [
        pytest.param(Touched(bridges=frozenset({"virbr0"})), id="somebody else's"),
        pytest.param(Touched(bridges=frozenset({"br-empty"})), id="nobody on it"),
        pytest.param(Touched(hosts=frozenset({"br-empty"})), id="an empty bridge"),
    ],
)
def test_what_concerns_no_container_asks_for_nothing(touched: Touched) -> None:
    """No cycle is run for it."""
    found = rows(2, "one", "two", "three")

    assert chooser(touched, found, most=99, turn=0) is None


def test_a_bridge_beside_rules_adds_its_mesh() -> None:
    """Each pair once, in the order of the plan."""
    touched = Touched(tables=frozenset({"t"}), bridges=frozenset({"br-bridge"}))
    found, everything = chosen(touched, demo()), list(planned(demo()))

    assert [item for item in everything if item in found] == found
    assert ACROSS + HOST_SIDE + 2 == len(found)
