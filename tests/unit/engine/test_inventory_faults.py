"""Engines that fail, hang, or answer oddly: nothing known is lost for it."""

import pytest

from exporter.engine.inventory import Inventory
from exporter.errors import EngineError, EngineProtocolError, EngineUnavailable
from exporter.model.topology import ContainerId, HostNetwork, NetworkId
from tests.fakes.engine import FakeEngine, Raw

NO_HOST = HostNetwork(available=False, source="not asked")
GONE = EngineUnavailable("unix:///fake", "connection refused")


def started() -> tuple[FakeEngine, Inventory]:
    """Return an inventory after its first pass."""
    fake = FakeEngine.of("28.5.2")
    inventory = Inventory(fake)
    inventory.full()
    return fake, inventory


def names(inventory: Inventory) -> set[str]:
    """Return the names of all containers."""
    return {c.name for c in inventory.topology(NO_HOST).containers}


@pytest.mark.parametrize(
    "kind", ["version", "info", "containers", "networks", "container"]
)
def test_an_engine_that_fails_changes_nothing(kind: str) -> None:
    """The last good topology stays, whole."""
    fake, inventory = started()
    before = inventory.topology(NO_HOST)
    fake.failures[kind] = GONE
    if kind == "container":
        fake.failures["version"] = GONE
    fake.remove(fake.id_of("web"))

    with pytest.raises(EngineError):
        inventory.full()

    assert before == inventory.topology(NO_HOST)


def test_a_refresh_of_a_dead_engine_fails() -> None:
    """Rather than taking the container for a locked one."""
    fake, inventory = started()
    fake.failures |= {"container": GONE, "version": GONE}

    with pytest.raises(EngineUnavailable):
        inventory.refresh({ContainerId(fake.id_of("web"))})


def test_a_failed_refresh_is_made_up_for() -> None:
    """What an event named is not forgotten because the engine was away."""
    fake, inventory = started()
    web, front = ContainerId(fake.id_of("web")), NetworkId("x")
    fake.failures |= {"container": GONE, "version": GONE}
    with pytest.raises(EngineUnavailable):
        inventory.refresh({web}, {front})
    fake.failures.clear()
    fake.asked.clear()

    inventory.refresh(set())

    assert [f"container {web}", "networks"] == fake.asked


def test_one_locked_container_does_not_hold_up_the_others() -> None:
    """What was known of it stays, and it is asked for again next time."""
    fake, inventory = started()
    web, multi = ContainerId(fake.id_of("web")), ContainerId(fake.id_of("multi"))
    slow = EngineUnavailable("unix:///fake", "no answer within 3 s")
    fake.failures[f"container {web}"] = slow
    state: Raw = fake.inspected[multi]["State"]
    state["Paused"] = True

    found = inventory.refresh({web, multi})

    assert {web} == found.unread
    assert {multi} == found.changed_containers
    assert "web" in names(inventory)
    fake.failures.clear()
    fake.asked.clear()
    assert frozenset() == inventory.refresh(set()).unread
    assert [f"container {web}"] == fake.asked


def test_an_engine_that_shows_no_container_is_an_error() -> None:
    """A proxy that allows the list only is no engine without containers."""
    fake = FakeEngine.of("28.5.2")
    fake.failures["container"] = EngineProtocolError("/containers/x/json", "HTTP 403")

    with pytest.raises(EngineProtocolError, match="HTTP 403"):
        Inventory(fake).full()


def test_an_answer_about_somebody_else_is_not_believed() -> None:
    """It is asked again; nothing known is thrown away for it."""
    fake, inventory = started()
    web = ContainerId(fake.id_of("web"))
    fake.inspected[web] = {"Id": "f" * 64}

    found = inventory.refresh({web})

    assert {web} == found.unread
    assert "web" in names(inventory)
