"""Options that an engine lists and does not know."""

from typing import Any

import pytest

from exporter.engine.assemble import assemble
from exporter.engine.parse import parse_container, parse_network
from exporter.model.topology import EngineInfo, HostNetwork, Topology

NO_HOST = HostNetwork(available=False, source="not asked")
BRIDGE = "com.docker.network.bridge."


def seen(version: str, product: str = "docker", sysctls: str = "") -> Topology:
    """Return what becomes of a network with every option and a container on it."""
    network: dict[str, Any] = {
        "Id": "n" * 64,
        "Name": "net",
        "Driver": "bridge",
        "Options": {
            f"{BRIDGE}gateway_mode_ipv4": "isolated",
            f"{BRIDGE}gateway_mode_ipv6": "routed",
            f"{BRIDGE}enable_icc": "false",
        },
    }
    container: dict[str, Any] = {
        "Id": "c" * 64,
        "Name": "/one",
        "State": {"Running": True, "Status": "running", "Pid": 7},
        "NetworkSettings": {
            "Networks": {
                "net": {
                    "NetworkID": "n" * 64,
                    "IPAddress": "10.1.0.2",
                    "IPPrefixLen": 24,
                    "DriverOpts": {"com.docker.network.endpoint.sysctls": sysctls},
                }
            }
        },
    }
    made, record = parse_network(network, product=product), parse_container(container)
    assert made is not None
    assert record is not None
    return assemble(
        engine=EngineInfo(version=version, api_version="1.41", product=product),
        networks=[made],
        records=[record],
        host=NO_HOST,
    )


@pytest.mark.parametrize(
    ("version", "product", "modes"),
    [
        ("20.10.24", "docker", ("nat", "nat")),
        ("26.1.5", "docker", ("nat", "nat")),
        ("27.0.1", "docker", ("isolated", "routed")),
        ("28.5.2", "docker", ("isolated", "routed")),
        ("dev", "docker", ("isolated", "routed")),
        ("5.8.6", "podman", ("isolated", "routed")),
    ],
)
def test_gateway_modes_came_with_27(
    version: str, product: str, modes: tuple[str, str]
) -> None:
    """Before, the network is an ordinary one (measured); enable_icc always held."""
    (network,) = seen(version, product).networks

    assert modes == (network.gateway_mode(4), network.gateway_mode(6))
    assert not network.icc


@pytest.mark.parametrize(
    ("version", "written", "expected"),
    [
        (
            "28.5.2",
            "net.ipv6.conf.IFNAME.disable_ipv6=1, net.ipv4.conf.IFNAME.log_martians=0",
            {
                "net.ipv6.conf.IFNAME.disable_ipv6": "1",
                "net.ipv4.conf.IFNAME.log_martians": "0",
            },
        ),
        ("28.5.2", "", {}),
        ("28.5.2", "moon,,=", {"": ""}),
        ("26.1.5", "net.ipv6.conf.IFNAME.disable_ipv6=1", {}),
    ],
)
def test_an_endpoints_sysctls(
    version: str, written: str, expected: dict[str, str]
) -> None:
    """A list of assignments; before 27 nobody sets them."""
    (container,) = seen(version, sysctls=written).containers

    (endpoint,) = container.endpoints
    assert expected == endpoint.sysctls
