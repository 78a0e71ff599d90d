"""The topology is what it was, and no environment, command or mount is handed on."""

import json
from collections.abc import Iterator

import pytest

from exporter.engine.events import parse_event
from exporter.engine.foreign import JsonObject
from exporter.engine.inventory import Inventory
from exporter.engine.reduced import reduced
from exporter.model.topology import HostNetwork, Topology
from tests.fakes.engine import VERSIONS, FakeEngine, FakeStream, Raw, recording

RECORDED = (*VERSIONS, *(f"swarm-{version}" for version in VERSIONS))
SECRET = "hunter2"  # noqa: S105 - not ours
HOST = HostNetwork(available=False, source="a test")


class ReducedEngine(FakeEngine):
    """An engine whose answers come through the process with the privileges."""

    def version(self) -> JsonObject:
        """Answer `/version`."""
        return _object(reduced("version", super().version()))

    def info(self) -> JsonObject:
        """Answer `/info`."""
        return _object(reduced("info", super().info()))

    def networks(self) -> object:
        """Answer the list of networks."""
        return reduced("networks", super().networks())

    def network(self, identity: str) -> JsonObject | None:
        """Answer for one network."""
        found = super().network(identity)
        return found and _object(reduced("network", found))

    def containers(self) -> object:
        """Answer the list of containers."""
        return reduced("containers", super().containers())

    def container(self, identity: str) -> JsonObject | None:
        """Answer for one container."""
        found = super().container(identity)
        return found and _object(reduced("container", found))


def _object(value: object) -> JsonObject:
    assert isinstance(value, dict)
    return value


def topology_of(engine: FakeEngine) -> Topology:
    """Return what is made of an engine's answers."""
    inventory = Inventory(engine, kernel_release="6.1.0")
    inventory.full()
    return inventory.topology(HOST)


def strings(value: object) -> Iterator[str]:
    """Yield every key and every text in JSON."""
    if isinstance(value, dict):
        yield from value
        value = [*value.values()]
    if isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("version", RECORDED)
def test_the_topology_is_what_it_was(version: str) -> None:
    """Of every engine that was recorded, and it is not empty."""
    whole = topology_of(FakeEngine.of(version))

    assert whole.containers
    assert whole.networks
    assert topology_of(ReducedEngine.of(version)) == whole


@pytest.mark.parametrize("version", RECORDED)
def test_events_mean_what_they_meant(version: str) -> None:
    """Each one that was recorded."""
    events = recording(version).get("events", [])
    assert [parse_event(_object(reduced("event", one))) for one in events] == [
        parse_event(one) for one in events
    ]


def secretive(version: str) -> Raw:
    """Return an inspected container that has secrets wherever there may be any."""
    answers = recording(version)
    found = next(iter(answers["inspect"].values()))
    found["Path"] = SECRET
    found["Args"] = [SECRET]
    found["Mounts"] = [{"Source": SECRET}]
    found["ExecIDs"] = [SECRET]
    found["State"]["Error"] = SECRET
    found["State"]["Health"] = {"Log": [{"Output": SECRET}]}
    found["Config"] |= {
        "Env": [f"PASSWORD={SECRET}"],
        "Cmd": [SECRET],
        "Entrypoint": [SECRET],
        "Healthcheck": {"Test": [SECRET]},
        "User": SECRET,
        "WhatComesNext": SECRET,
    }
    found["HostConfig"] |= {"Binds": [SECRET], "LogConfig": {"Config": {"k": SECRET}}}
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_secrets_of_a_container_are_left_out(version: str) -> None:
    """Where the engine tells them, and where it will one day."""
    found = reduced("container", secretive(version))

    assert "Name" in strings(found)
    assert SECRET not in json.dumps(found)


@pytest.mark.parametrize(
    "kind", ["version", "info", "networks", "network", "containers", "container"]
)
def test_what_is_not_known_is_left_out(kind: str) -> None:
    """Of any answer, and of each element of a list."""
    answer = {"Id": "1", "New": SECRET, "Command": SECRET, "Proxy": SECRET}

    assert SECRET not in json.dumps(reduced(kind, answer))
    assert SECRET not in json.dumps(reduced(kind, [answer, answer]))


def test_the_proxy_of_an_engine_is_left_out() -> None:
    """Its address may hold a password; so may a mirror's."""
    info = {
        "HttpProxy": SECRET,
        "RegistryConfig": {"Mirrors": [SECRET]},
        "Labels": [SECRET],
        "OperatingSystem": "Debian",
    }
    assert reduced("info", info) == {"OperatingSystem": "Debian"}


@pytest.mark.parametrize(
    "action", ["exec_create: sh -c 'hunter2'", "exec_start: hunter2"]
)
def test_the_command_of_an_event_is_left_out(action: str) -> None:
    """It stands in the name of the action, and in attributes."""
    event = {
        "Type": "container",
        "Action": action,
        "status": action,
        "id": "1",
        "Actor": {"ID": "1", "Attributes": {"execCommand": SECRET, "name": "web"}},
        "timeNano": 1,
    }
    found = reduced("event", event)

    assert SECRET not in json.dumps(found)
    assert found == {
        "Type": "container",
        "Action": action.partition(":")[0],
        "Actor": {"ID": "1", "Attributes": {}},
        "timeNano": 1,
    }


@pytest.mark.parametrize("odd", [None, 1, "x", [], [None], {}, {"State": 1}], ids=repr)
@pytest.mark.parametrize("kind", ["info", "containers", "container", "event"])
def test_odd_answers_pass(kind: str, odd: object) -> None:
    """Whoever reads them says what is wrong with them."""
    expected = {} if odd == {"State": 1} and kind in ("info", "event") else odd
    assert reduced(kind, odd) == expected


def test_streams_are_not_looked_into() -> None:
    """A stream of events is no answer: its events are."""
    with pytest.raises(KeyError):
        reduced("events", FakeStream())
