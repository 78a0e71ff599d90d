"""The engine's own counts of addresses, from API 1.52 on.

No engine of that version is recorded: the answers are those of 28.5 with the field as
the API's reference describes it (NetworkStatus, SubnetStatus).
"""

from exporter.engine.inventory import Inventory
from exporter.model.topology import HostNetwork
from tests.fakes.engine import FakeEngine, recording

NO_HOST = HostNetwork(available=False, source="not asked")


def counting(used: int) -> FakeEngine:
    """Return an engine of API 1.52, which counts the addresses in use."""
    answers = recording("28.5.2")
    answers["version"]["ApiVersion"] = "1.52"
    answers["inspect_networks"] = {
        raw["Id"]: raw
        | {
            "Status": {
                "IPAM": {
                    "Subnets": {
                        config["Subnet"]: {"IPsInUse": used, "DynamicIPsAvailable": 9}
                        for config in raw["IPAM"]["Config"] or ()
                    }
                }
            }
        }
        for raw in answers["networks"]
    }
    return FakeEngine(answers)


def used(inventory: Inventory, name: str) -> list[int | None]:
    """Return the engine's counts of a network's subnets."""
    found = inventory.topology(NO_HOST).networks
    return [s.addresses_used for n in found if n.name == name for s in n.subnets]


def test_counts_of_addresses_are_asked_for_where_there_are_some() -> None:
    """One request for each network in a full pass, one for each named in a refresh."""
    fake = counting(5)
    inventory = Inventory(fake)
    inventory.full()
    front = next(
        n.id for n in inventory.topology(NO_HOST).networks if n.name == "front"
    )

    assert [5, 5] == used(inventory, "back")
    assert 8 == sum(asked.startswith("network ") for asked in fake.asked)

    fake.asked.clear()
    fake.inspected_networks = counting(6).inspected_networks
    inventory.refresh(set(), {front})

    assert ["networks", f"network {front}"] == fake.asked
    assert [6] == used(inventory, "front")
    assert [5, 5] == used(inventory, "back")


def test_a_network_removed_meanwhile() -> None:
    """Between list and its own answer."""
    fake = counting(5)
    back = next(k for k, v in fake.inspected_networks.items() if v["Name"] == "back")
    del fake.inspected_networks[back]
    inventory = Inventory(fake)

    inventory.full()

    assert "back" not in {n.name for n in inventory.topology(NO_HOST).networks}
