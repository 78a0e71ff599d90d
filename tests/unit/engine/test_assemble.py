"""Networks and containers together: names, endpoints, and no odd JSON in the way."""

import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.engine.assemble import assemble, unknown_networks
from exporter.engine.parse import parse_container, parse_entry, parse_network
from exporter.engine.records import ContainerRecord
from exporter.model.topology import (
    HOST,
    EngineInfo,
    HostNetwork,
    Network,
    Topology,
)
from tests.engine.scene import COMPOSE
from tests.fakes.engine import VERSIONS, Raw, recording
from tests.unit.engine.odd_json import mutated

ENGINE = EngineInfo(version="1", api_version="1.41")
NO_HOST = HostNetwork(available=False, source="not asked")


def parsed(answers: Raw) -> tuple[list[Network], list[ContainerRecord]]:
    """Return what recorded answers tell."""
    networks = [parse_network(raw, product="docker") for raw in answers["networks"]]
    records = [parse_container(raw) for raw in answers["inspect"].values()]
    return [n for n in networks if n], [r for r in records if r]


def topology(networks: list[Network], records: list[ContainerRecord]) -> Topology:
    """Assemble."""
    return assemble(engine=ENGINE, networks=networks, records=records, host=NO_HOST)


def network(name: str, identity: str, **fields: Raw) -> Network:
    """Return a network as parsed."""
    found = parse_network(
        {"Id": identity, "Name": name, "Driver": "bridge", **fields}, product="docker"
    )
    assert found is not None
    return found


def record(
    name: str,
    identity: str,
    *,
    labels: dict[str, str] | None = None,
    running: bool = True,
    created: str = "2026-01-01T00:00:00Z",
    ends: dict[str, dict[str, object]] | None = None,
) -> ContainerRecord:
    """Return a container as parsed."""
    found = parse_container(
        {
            "Id": identity,
            "Name": f"/{name}",
            "Created": created,
            "State": {"Running": running, "Pid": 7 if running else 0},
            "Config": {"Labels": labels or {}},
            "NetworkSettings": {"Networks": ends or {}},
        }
    )
    assert found is not None
    return found


def names(*records: ContainerRecord) -> dict[str, str]:
    """Return the assembled name by id."""
    return {c.id: c.name for c in topology([], list(records)).containers}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_scene(version: str) -> None:
    """Every endpoint of the recorded scene is on its network."""
    networks, records = parsed(recording(version))

    found = topology(networks, records)
    by_name = {network.name: network.id for network in found.networks}

    assert {
        "front": {"again", "api.2", "multi", "shop-web-1", "web"} - {"again"},
        "back": {"multi"},
        "bridge": {"dflt"},
        "dual": {"dual"},
        "host": set(),
        "lan": {"mac"},
        "none": set(),
        "tuned": {"paused"},
    } == {
        name: {sandbox.name for sandbox in found.sandboxes_on(identity)}
        for name, identity in by_name.items()
    }
    assert ["hostly"] == [c.name for c in found.host_members]
    multi = next(s for s in found.sandboxes if s.name == "multi")
    assert ["multi", "joiner", "second"] == [
        found.container_by_id[member].name for member in multi.members
    ]
    none = next(s for s in found.sandboxes if s.name == "nonet")
    assert () == none.endpoints
    assert none.path is not None


def test_everything_is_sorted_whatever_the_order_of_answers() -> None:
    """Equal engines give equal topologies."""
    networks, records = parsed(recording("28.5.2"))
    first = topology(networks, records)
    shuffle = random.Random(7)  # noqa: S311 - a test's order
    shuffle.shuffle(networks)
    shuffle.shuffle(records)

    assert first == topology(networks, records)
    for found in (first.networks, first.containers, first.sandboxes):
        assert sorted(item.name for item in found) == [item.name for item in found]


def test_the_running_one_keeps_the_name() -> None:
    """A stopped predecessor of the same compose number gets its short id."""
    old = record("f00_web", "1" * 64, labels=COMPOSE, running=False)
    new = record("shop-web-1", "2" * 64, labels=COMPOSE)

    assert {"1" * 64: "shop-web-1-111111111111", "2" * 64: "shop-web-1"} == names(
        old, new
    )


def test_who_the_engine_calls_so_keeps_the_name() -> None:
    """Labels that anyone may set take nobody's name."""
    labels = COMPOSE | {"com.docker.compose.project": "a"}
    owner = record("a-web-1", "2" * 64)
    pretender = record("x", "1" * 64, labels=labels, created="2026-02-01T00:00:00Z")

    assert {"1" * 64: "a-web-1-111111111111", "2" * 64: "a-web-1"} == names(
        owner, pretender
    )


def test_the_newest_of_two_running_ones_keeps_the_name() -> None:
    """A start-first update: the older is about to go."""
    old = record("one", "1" * 64, labels=COMPOSE)
    new = record("two", "2" * 64, labels=COMPOSE, created="2026-01-02T00:00:00Z")

    assert "shop-web-1" == names(old, new)["2" * 64]


def test_the_eldest_network_keeps_the_name() -> None:
    """A second network of one name does not rename the first one's series."""
    old = network("front", "b" * 64, Created="2026-01-01T00:00:00Z")
    new = network("front", "a" * 64, Created="2026-01-02T00:00:00Z")

    found = topology([new, old], [])

    assert [("front", old.id), ("front-aaaaaaaaaaaa", new.id)] == [
        (n.name, n.id) for n in found.networks
    ]
    assert {"front"} == {n.raw_name for n in found.networks}


def end(network_id: str) -> dict[str, object]:
    """Return an endpoint's JSON."""
    return {"NetworkID": network_id, "IPAddress": "10.0.0.2", "IPPrefixLen": 24}


def test_an_endpoint_on_a_network_that_is_gone_is_left_out() -> None:
    """It was removed between two answers; the next events will tell."""
    there = network("front", "a" * 64)
    torn = record("web", "1" * 64, ends={"front": end("c" * 64)})

    found = topology([there], [torn])

    assert () == found.containers[0].endpoints
    assert unknown_networks([there], [torn])
    whole = record("web", "1" * 64, ends={"front": end("a" * 64)})
    assert not unknown_networks([there], [whole])


def test_podmans_names_for_networks() -> None:
    """Its containers name networks by name, and the default one by another name."""
    default = network("bridge", "a" * 64)
    user = network("front", "b" * 64)
    ends = {"podman": end("podman"), "front": end("front")}

    found = topology([default, user], [record("web", "1" * 64, ends=ends)])

    assert [default.id, user.id] == [
        e.network_id for e in found.containers[0].endpoints
    ]
    assert ["111111111111-aaaaaaaaaaaa", "111111111111-bbbbbbbbbbbb"] == [
        e.id for e in found.containers[0].endpoints
    ]


def test_a_network_is_joined_once() -> None:
    """Two names for one network make no second endpoint."""
    default = network("bridge", "a" * 64)
    ends = {"podman": end("podman"), "bridge": end("bridge")}

    found = topology([default], [record("web", "1" * 64, ends=ends)])

    assert [default.id] == [e.network_id for e in found.containers[0].endpoints]


@given(st.sampled_from(VERSIONS).flatmap(lambda v: mutated(recording(v))))
def test_odd_json_is_never_an_exception(answers: Raw) -> None:
    """Whatever turns odd in an answer, the rest makes a sound topology."""
    listed = _elements(answers, "networks")
    inspected = _elements(answers, "inspect")
    networks = {
        n.id: n for raw in listed if (n := parse_network(raw, product="docker"))
    }
    records = {r.id: r for raw in inspected if (r := parse_container(raw))}
    for entry in _elements(answers, "containers"):
        parse_entry(entry)

    found = topology(list(networks.values()), list(records.values()))

    assert len(records) == len({c.name for c in found.containers})
    assert len(networks) == len({n.name for n in found.networks})
    for sandbox in found.sandboxes:
        assert sandbox.id != HOST
        assert str(sandbox.id) == sandbox.members[0]
        for end in sandbox.endpoints:
            assert end.network_id in found.network_by_id
            assert end.addresses
    placed = [m for sandbox in found.sandboxes for m in sandbox.members]
    running = [c for c in found.containers if c.running]
    assert sorted(placed) == sorted(c.id for c in running if c.sandbox != HOST)


def _elements(answers: Raw, key: str) -> list[Raw]:
    found = answers.get(key) if isinstance(answers, dict) else None
    if isinstance(found, dict):
        found = list(found.values())
    return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []


def test_records_do_not_change() -> None:
    """Assembling leaves the kept records as they were."""
    networks, records = parsed(recording("28.5.2"))
    before = [dataclasses.replace(r) for r in records]

    topology(networks, records)

    assert before == records
