"""What a person types, and what it means."""

from dataclasses import replace

import pytest

from exporter.errors import UnknownName
from exporter.model.outcome import Scope
from exporter.model.snapshot import Snapshot
from exporter.model.topology import ContainerId
from exporter.report.names import destination_of, matching, only_of, source_of
from tests.fakes.report_samples import crowd, hostile, joined, snapshot, with_members
from tests.fakes.topologies import demo

DEMO = snapshot(with_members(demo(), "bridge1", "sidecar"))


def pairs(found: Snapshot, source: str, destination: str) -> list[tuple[str, str]]:
    """Return scope and address of what lies between two names."""
    ends = source_of(found, source), destination_of(found, destination)
    return [
        (str(state.pair.scope), str(state.pair.address))
        for state in matching(found.pairs, *ends)
    ]


def test_asked_direction_only() -> None:
    """The pairs are those from the one to the other, in every scope."""
    assert [("container", "172.18.0.3"), ("name", "172.18.0.3")] == pairs(
        DEMO, "mybridge1", "mybridge2"
    )


def test_every_address_and_family() -> None:
    """All addresses of the destination count, of both families."""
    assert [("container", "172.21.0.3"), ("container", "172.20.0.3")] == [
        pair for pair in pairs(snapshot(joined()), "web", "proxy") if "name" not in pair
    ]
    both = pairs(snapshot(crowd({"a": 2}, ipv6=True)), "a-app-1", "a-app-2")
    assert {"172.17.0.3", "fd00:17::3"} == {address for _, address in both}


@pytest.mark.parametrize("name", ["host", "imhost"])
def test_host(name: str) -> None:
    """`host` and a container on the host's network are the same source."""
    assert [("host", "172.17.0.2")] == pairs(DEMO, name, "bridge1")


def test_gateway() -> None:
    """`gateway` is the source's own gateway."""
    assert [("gateway", "172.17.0.1")] == pairs(DEMO, "bridge1", "gateway")


def test_shared_network_stack() -> None:
    """A container that shares a network stack means that stack, at both ends."""
    assert pairs(DEMO, "bridge1", "mybridge1") == pairs(DEMO, "sidecar", "mybridge1")
    assert pairs(DEMO, "host", "bridge1") == pairs(DEMO, "host", "sidecar")


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        pytest.param("bridge1", "bridge1", id="itself"),
        pytest.param("bridge1", "sidecar", id="same network stack"),
        pytest.param("bridge1", "imhost", id="host as destination"),
        pytest.param("imhost", "gateway", id="the host's gateway"),
    ],
)
def test_no_pair(source: str, destination: str) -> None:
    """Where there is no pair, none is made up."""
    assert [] == pairs(DEMO, source, destination)


def test_limits_the_check() -> None:
    """A check is limited to the two ends; where there can be no pair none is made."""
    source = source_of(DEMO, "sidecar")

    assert ("bridge1", "mybridge1") == only_of(
        source, destination_of(DEMO, "mybridge1")
    )
    assert ("bridge1", None) == only_of(source, destination_of(DEMO, "gateway"))
    assert None is only_of(source, destination_of(DEMO, "imhost"))
    assert None is only_of(source, destination_of(DEMO, "bridge1"))


def renamed(*ids: str) -> Snapshot:
    """Return containers with long ids and compose's names."""
    topology = demo()
    containers = tuple(
        replace(box, id=ContainerId(new), name=f"shop-web-{n}", raw_name=f"old_{n}")
        for n, (box, new) in enumerate(
            zip(topology.containers, ids, strict=False), start=1
        )
    )
    return replace(
        snapshot(topology),
        topology=replace(topology, containers=containers, sandboxes=()),
    )


@pytest.mark.parametrize("name", ["shop-web-1", "old_1", "aabb11", "aabb1122"])
def test_names_and_ids(name: str) -> None:
    """A container answers to our name, the engine's name and the start of its id."""
    assert "shop-web-1" == source_of(renamed("aabb1122", "aabb2233"), name).name


@pytest.mark.parametrize("name", ["aabb", "aab", ""])
def test_ambiguous_id(name: str) -> None:
    """A beginning that several ids have, or that is too short, is no name."""
    with pytest.raises(UnknownName):
        source_of(renamed("aabb1122", "aabb2233"), name)


def test_near_matches() -> None:
    """An unknown name is answered with those that are near, on one line."""
    with pytest.raises(UnknownName) as caught:
        source_of(DEMO, "mybrige1")

    assert "mybridge1" == caught.value.near[0]
    assert "\n" not in str(caught.value)


def test_gateway_is_no_source() -> None:
    """A gateway sends nothing: the word is unknown as a source."""
    with pytest.raises(UnknownName):
        source_of(DEMO, "gateway")


def test_near_hostile_name() -> None:
    """A near match that is hostile is shown as it may be printed."""
    with pytest.raises(UnknownName) as caught:
        source_of(snapshot(hostile()), "evil\x1b[31m\n[bold]\u202e]]>&<name")

    assert str(caught.value).isprintable()


def test_scopes_of_the_sample() -> None:
    """The sample has pairs of every scope, so the tests above mean something."""
    assert set(Scope) == {state.pair.scope for state in DEMO.pairs}
