"""What three recorded engines say of their networks, in the model's words."""

from ipaddress import ip_address, ip_network

import pytest

from exporter.engine.parse import parse_entries, parse_network, parse_networks
from exporter.errors import EngineProtocolError
from exporter.model.topology import Network, Subnet
from tests.fakes.engine import VERSIONS, recording

OLD = "20.10.24"
each_version = pytest.mark.parametrize("version", VERSIONS)


def networks(version: str) -> dict[str, Network]:
    """Return the recorded networks by name."""
    found = parse_networks(recording(version)["networks"], product="docker")
    return {network.name: network for network in found}


@each_version
def test_every_network_is_there(version: str) -> None:
    """All drivers, the predefined ones too."""
    assert {
        "back": "bridge",
        "bridge": "bridge",
        "dual": "bridge",
        "front": "bridge",
        "host": "host",
        "lan": "macvlan",
        "none": "null",
        "tuned": "bridge",
    } == {name: network.driver for name, network in networks(version).items()}


@each_version
def test_default_bridge(version: str) -> None:
    """Its interface and MTU are options; 20.10 names no gateway for it."""
    found = networks(version)["bridge"]
    gateway = None if version == OLD else ip_address("172.17.0.1")

    assert found.is_default_bridge
    assert ("docker0", 1500, False) == (found.bridge, found.mtu, found.ipv6)
    assert (Subnet(prefix=ip_network("172.17.0.0/16"), gateway=gateway),) == (
        found.subnets
    )


@each_version
def test_internal_dual_stack_network(version: str) -> None:
    """Both families of IPAM entries are kept; the bridge is called by its id."""
    found = networks(version)["back"]

    assert (True, True, True) == (found.internal, found.ipv4, found.ipv6)
    assert f"br-{found.id[:12]}" == found.bridge
    assert found.mtu is None
    assert ["172.30.1.0/24", "fd00:30:1::/64"] == [str(s.prefix) for s in found.subnets]


@each_version
def test_tuned_network(version: str) -> None:
    """Name, MTU, icc, range and reserved addresses as given; no gateway was."""
    found = networks(version)["tuned"]
    (subnet,) = found.subnets

    assert ("brtuned", 1400, False) == (found.bridge, found.mtu, found.icc)
    assert subnet.gateway is None
    assert ip_network("172.30.2.128/25") == subnet.ip_range
    assert ("dns", "router") == tuple(name for name, _ in subnet.auxiliary)


@each_version
def test_macvlan_has_two_subnets_of_one_family_and_no_bridge(version: str) -> None:
    """Only the bridge driver makes a bridge."""
    found = networks(version)["lan"]

    assert found.bridge is None
    assert {"parent": "eth0"} == found.options
    assert ["198.51.100.0/24", "203.0.113.0/24"] == [
        str(s.prefix) for s in found.subnets
    ]


@each_version
def test_host_and_none_carry_nothing(version: str) -> None:
    """They are networks without subnets and interfaces."""
    found = networks(version)

    assert ((), None) == (found["host"].subnets, found["host"].bridge)
    assert ((), None) == (found["none"].subnets, found["none"].bridge)


@pytest.mark.parametrize(
    ("fields", "ipv4"),
    [
        pytest.param({}, True, id="before API 1.47 it is not said"),
        pytest.param({"EnableIPv4": False}, False, id="an IPv6-only network"),
        pytest.param(
            {"EnableIPv4": False, "IPAM": {"Config": [{"Subnet": "10.1.0.0/24"}]}},
            True,
            id="podman says false and gives addresses",
        ),
    ],
)
def test_whether_a_network_carries_ipv4(fields: dict[str, object], ipv4: bool) -> None:
    """By its flag, or by the addresses that it gives."""
    found = parse_network({"Id": "a", "Driver": "bridge", **fields}, product="docker")

    assert found is not None
    assert ipv4 is found.ipv4


@pytest.mark.parametrize(
    ("options", "product", "bridge"),
    [
        pytest.param({}, "docker", "br-abcdefabcdef", id="by id"),
        pytest.param(
            {"com.docker.network.bridge.default_bridge": "true"},
            "docker",
            "docker0",
            id="the default bridge",
        ),
        pytest.param(
            {"com.docker.network.bridge.name": "x0"}, "podman", "x0", id="named"
        ),
        pytest.param({}, "podman", None, id="podman does not tell"),
    ],
)
def test_the_hosts_interface(
    options: dict[str, str], product: str, bridge: str | None
) -> None:
    """Docker's rule for bridge names; nothing is made up for podman."""
    raw = {"Id": "abcdef" * 10 + "abcd", "Driver": "bridge", "Options": options}

    found = parse_network(raw, product=product)

    assert found is not None
    assert bridge == found.bridge


def test_config_only_networks_are_templates() -> None:
    """They lend their subnet to another network and carry nothing themselves."""
    assert parse_network({"Id": "a", "ConfigOnly": True}, product="docker") is None


@pytest.mark.parametrize("answer", [None, {}, "x", [None], [{}], [{"Id": 1}]], ids=repr)
def test_an_answer_without_anything_usable_is_refused(answer: object) -> None:
    """Rather than taken for an engine that has nothing."""
    with pytest.raises(EngineProtocolError, match="/networks"):
        parse_networks(answer, product="docker")
    with pytest.raises(EngineProtocolError, match="/containers/json"):
        parse_entries(answer)


def test_an_engine_without_containers() -> None:
    """An empty list is an answer."""
    assert {} == parse_entries([])
