"""What is asked of the engine, and what is known after its answers."""

import pytest

from exporter.engine.events import Change
from exporter.engine.inventory import Inventory
from exporter.model.topology import ContainerId, HostNetwork, NetworkId
from tests.fakes.engine import VERSIONS, FakeEngine, Raw, recording

NO_HOST = HostNetwork(available=False, source="not asked")


def inspections(fake: FakeEngine) -> list[str]:
    """Return the names of the containers asked for, and forget what was asked."""
    names = {
        f"container {identity}": answer["Name"] for identity, answer in NAMES.items()
    }
    found = sorted(names.get(asked, asked) for asked in fake.asked if " " in asked)
    fake.asked.clear()
    return found


NAMES: Raw = {
    identity: answer
    for version in VERSIONS
    for identity, answer in recording(version)["inspect"].items()
}


def started(version: str = "28.5.2") -> tuple[FakeEngine, Inventory]:
    """Return an inventory after its first pass."""
    fake = FakeEngine.of(version)
    inventory = Inventory(fake)
    inventory.full()
    return fake, inventory


def names(inventory: Inventory) -> set[str]:
    """Return the names of all containers."""
    return {c.name for c in inventory.topology(NO_HOST).containers}


def test_a_first_pass_asks_for_everybody_once() -> None:
    """Networks come last: whatever network a container was seen on is listed then."""
    fake, inventory = started()

    asked = [request.partition(" ")[0] for request in fake.asked]

    assert ["version", "info", "containers"] + ["container"] * 15 + ["networks"] == (
        asked
    )
    assert 15 == len(names(inventory))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pass_without_news_asks_for_almost_nobody(version: str) -> None:
    """Only for those whose list entry cannot show that they were started again."""
    fake, inventory = started(version)
    fake.asked.clear()
    before = inventory.topology(NO_HOST)

    state = inventory.full()

    assert ["/again", "/joiner", "/second"] == inspections(fake)
    assert (frozenset(), frozenset()) == (
        state.changed_containers,
        state.changed_networks,
    )
    assert before == inventory.topology(NO_HOST)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"State": "exited"}, id="state"),
        pytest.param({"Names": ["/webby"]}, id="name"),
        pytest.param({"NetworkSettings": {"Networks": {}}}, id="endpoints"),
    ],
)
def test_who_differs_in_the_list_is_asked_for(change: Raw) -> None:
    """A restart shows by the ids of its endpoints."""
    fake, inventory = started()
    web = fake.id_of("web")
    fake.asked.clear()
    entries: Raw = fake.container_list
    next(e for e in entries if e["Id"] == web).update(change)

    inventory.full()

    assert "/web" in inspections(fake)


def test_suspects_are_asked_for_in_any_case() -> None:
    """An event named them, the list may lag behind."""
    fake, inventory = started()
    fake.asked.clear()

    inventory.apply(
        Change(resync=True, containers=frozenset({ContainerId(fake.id_of("web"))}))
    )

    assert "/web" in inspections(fake)


def test_a_refresh_asks_for_those_named() -> None:
    """One request for each container, one for the networks if any was named."""
    fake, inventory = started()
    web = ContainerId(fake.id_of("web"))
    fake.asked.clear()

    inventory.apply(Change(containers=frozenset({web})))
    assert [f"container {web}"] == fake.asked

    fake.asked.clear()
    inventory.apply(Change(networks=frozenset({NetworkId("x")})))
    assert ["networks"] == fake.asked


def test_what_changed_is_told() -> None:
    """Appeared, different and vanished containers, and networks likewise."""
    fake, inventory = started()
    web, ended = fake.id_of("web"), fake.id_of("ended")
    state: Raw = fake.inspected[web]["State"]
    state["Paused"] = True
    fake.remove(ended)
    listed: Raw = fake.network_list
    gone = next(n for n in listed if n["Name"] == "tuned")
    listed.remove(gone)

    found = inventory.apply(
        Change(
            containers=frozenset(map(ContainerId, (web, ended))),
            networks=frozenset({NetworkId(gone["Id"])}),
        )
    )

    assert {web, ended} == found.changed_containers
    assert {gone["Id"]} == found.changed_networks
    assert "ended" not in names(inventory)


def test_a_container_that_ended_between_list_and_inspect() -> None:
    """It is gone, which is ordinary."""
    fake = FakeEngine.of("28.5.2")
    del fake.inspected[fake.id_of("web")]

    inventory = Inventory(fake)
    inventory.full()

    assert "web" not in names(inventory)
    assert 14 == len(names(inventory))


def test_a_container_that_vanished_unheard() -> None:
    """A full pass forgets whoever is not listed."""
    fake, inventory = started()
    web = fake.id_of("web")
    fake.remove(web)

    assert {web} == inventory.full().changed_containers
    assert "web" not in names(inventory)


def test_an_unknown_network_has_the_networks_listed_again() -> None:
    """A container was connected to a network whose creation was not heard of."""
    fake, inventory = started()
    web = fake.id_of("web")
    settings: Raw = fake.inspected[web]["NetworkSettings"]
    end = settings["Networks"]["front"]
    settings["Networks"]["new"] = end | {"NetworkID": "e" * 64}
    listed: Raw = fake.network_list
    listed.append(listed[0] | {"Id": "e" * 64, "Name": "new", "Driver": "bridge"})

    inventory.refresh({ContainerId(web)})

    found = inventory.topology(NO_HOST)
    web_now = found.container_by_id[ContainerId(web)]
    assert ["front", "new"] == [
        found.network_by_id[e.network_id].name for e in web_now.endpoints
    ]


def test_a_refresh_before_the_first_pass_is_a_full_one() -> None:
    """Whoever starts with an event gets everything."""
    fake = FakeEngine.of("28.5.2")
    inventory = Inventory(fake)

    inventory.refresh(set())

    assert 15 == len(names(inventory))
    assert inventory.state is not None


def test_the_host_is_put_into_each_topology() -> None:
    """The rest is the same until something changes."""
    fake, inventory = started()
    host = HostNetwork(available=True, source="own")

    first = inventory.topology(NO_HOST)
    second = inventory.topology(host)
    fake.remove(fake.id_of("web"))
    inventory.full()
    third = inventory.topology(host)

    assert (NO_HOST, host, host) == (first.host, second.host, third.host)
    assert first.containers == second.containers
    assert 14 == len(third.containers)


def test_no_topology_before_the_first_pass() -> None:
    """Nothing is made up."""
    with pytest.raises(RuntimeError, match="first successful pass"):
        Inventory(FakeEngine.of("28.5.2")).topology(NO_HOST)
