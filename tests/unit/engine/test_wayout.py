"""The endpoints on docker_gwbridge, of recorded engines and of odd answers."""

from ipaddress import ip_address

import pytest

from exporter.engine import parse, wayout
from exporter.engine.inventory import Inventory
from exporter.model.topology import ContainerId, HostNetwork, Topology
from tests.engine.scene import SWARM_SCENE
from tests.fakes.engine import VERSIONS, FakeEngine, Raw, recording

NO_HOST = HostNetwork(available=False, source="not asked")
LED_OUT = {"o1", "o2", "o3", "half"}
"""On an overlay that is not internal, and on nothing else with a gateway of its own."""


@pytest.fixture(params=VERSIONS)
def engine(request: pytest.FixtureRequest) -> FakeEngine:
    """A recorded engine that is a swarm."""
    return FakeEngine.of(f"swarm-{request.param}")


def seen(inventory: Inventory) -> dict[str, list[tuple[str, bool]]]:
    """Return the networks of each container, and which were not its own choice."""
    found: Topology = inventory.topology(NO_HOST)
    names = found.network_by_id
    return {
        one.name: [(names[e.network_id].name, e.implicit) for e in one.endpoints]
        for one in found.containers
    }


def gwbridge(engine: FakeEngine) -> Raw:
    """Return the network's own answer, to be altered."""
    (answer,) = engine.inspected_networks.values()
    return answer


def test_who_has_a_way_out(engine: FakeEngine) -> None:
    """Beside its own networks, in the order of names; never swarm's own sandbox."""
    inventory = Inventory(engine)
    inventory.full()

    assert {
        name: sorted(
            [(network, False) for network in networks]
            + ([("docker_gwbridge", True)] if name in LED_OUT else [])
        )
        for name, networks in SWARM_SCENE.items()
    } == seen(inventory)


def test_a_way_out_is_a_whole_endpoint(engine: FakeEngine) -> None:
    """With address, gateway, MAC and id, but without a name."""
    inventory = Inventory(engine)
    inventory.full()
    found = inventory.topology(NO_HOST)
    raw = gwbridge(engine)["Containers"][engine.id_of("o1")]
    subnet = gwbridge(engine)["IPAM"]["Config"][0]

    (end,) = (
        e
        for e in found.container_by_id[ContainerId(engine.id_of("o1"))].endpoints
        if e.implicit
    )

    (address,) = end.addresses
    assert (raw["EndpointID"], raw["MacAddress"], ()) == (
        end.id,
        end.mac,
        end.dns_names,
    )
    assert raw["IPv4Address"] == f"{address.address}/{address.prefix_length}"
    assert ip_address(subnet["Gateway"]) == address.gateway


def test_it_is_asked_for_once_a_pass(engine: FakeEngine) -> None:
    """After everything else, in a full pass and in a refresh."""
    inventory = Inventory(engine)
    inventory.full()
    asked = [one for one in engine.asked if one.startswith("network ")]
    engine.asked.clear()

    inventory.refresh([ContainerId(engine.id_of("o1"))])

    assert [f"network {gwbridge(engine)['Id']}"] == asked == engine.asked[-1:]


def test_an_ordinary_engine_is_not_asked() -> None:
    """Without the network there is no request more."""
    engine = FakeEngine.of("28.5.2")

    Inventory(engine).full()

    assert [] == [one for one in engine.asked if one.startswith("network ")]


def test_a_way_out_of_the_run_before_is_none(engine: FakeEngine) -> None:
    """It names a sandbox, and the container has another by now."""
    member = gwbridge(engine)["Containers"][engine.id_of("o1")]
    member["Name"] = "gateway_000000000000"
    inventory = Inventory(engine)

    inventory.full()

    assert [("ov1", False)] == seen(inventory)["o1"]


def test_a_new_way_out_changes_its_container(engine: FakeEngine) -> None:
    """Whoever plans by what changed hears of it."""
    inventory = Inventory(engine)
    inventory.full()
    identity = engine.id_of("o1")
    del gwbridge(engine)["Containers"][identity]

    state = inventory.refresh([])

    assert {identity} == state.changed_containers
    assert [("ov1", False)] == seen(inventory)["o1"]


def test_the_network_is_gone(engine: FakeEngine) -> None:
    """Between the list and the question: nobody has a way out."""
    engine.inspected_networks = {}
    inventory = Inventory(engine)

    inventory.full()

    assert [("ov1", False)] == seen(inventory)["o1"]


@pytest.mark.parametrize("driver", ["overlay", "weave"])
def test_only_a_bridge_leads_out(driver: str) -> None:
    """Another driver's network of that name is not the engine's."""
    listed: Raw = recording("swarm-28.5.2")["networks"]
    for network in listed:
        if network["Name"] == "docker_gwbridge":
            network["Driver"] = driver

    found = parse.parse_networks(listed, product="docker")

    assert None is wayout.network_of(found)


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ({"Name": "gateway_12", "IPv4Address": "172.19.0.3/16"}, ["172.19.0.3/16"]),
        (
            {
                "Name": "gateway_12",
                "IPv4Address": "172.19.0.3/16",
                "IPv6Address": "fd00::3/64",
            },
            ["172.19.0.3/16", "fd00::3/64"],
        ),
        ({"Name": "gateway_12", "IPv6Address": "fd00::3/64"}, ["fd00::3/64"]),
        ({"Name": "gateway_12", "IPv4Address": ""}, None),
        ({"Name": "gateway_12", "IPv4Address": "moon"}, None),
        ({"Name": "web", "IPv4Address": "172.19.0.3/16"}, None),
        ({"IPv4Address": "172.19.0.3/16"}, None),
        ({}, None),
        (None, None),
        ([1], None),
    ],
    ids=str,
)
def test_any_answer_gives_a_value(member: Raw, expected: list[str] | None) -> None:
    """What is no way out is left out, whatever it is."""
    network = parse.parse_network(
        {"Id": "n", "Name": "docker_gwbridge", "Driver": "bridge"}, product="docker"
    )
    assert network is not None

    found = wayout.parse_ways_out({"Containers": {"c": member}}, network)

    assert [expected] * (expected is not None) == [
        [f"{a.address}/{a.prefix_length}" for a in way.endpoint.addresses]
        for way in found
    ]
    assert {None} >= {a.gateway for way in found for a in way.endpoint.addresses}


def test_a_gateway_that_is_not_told_is_the_first_address() -> None:
    """As everywhere else where a network was made by its subnet alone."""
    network = parse.parse_network(
        {
            "Id": "n",
            "Name": "docker_gwbridge",
            "Driver": "bridge",
            "IPAM": {"Config": [{"Subnet": "fd00::/64"}, {"Subnet": "172.19.0.0/16"}]},
        },
        product="docker",
    )
    assert network is not None
    member = {"Name": "gateway_12", "IPv4Address": "172.19.0.3/16"}

    (way,) = wayout.parse_ways_out({"Containers": {"c": member}}, network)

    assert [ip_address("172.19.0.1")] == [a.gateway for a in way.endpoint.addresses]
