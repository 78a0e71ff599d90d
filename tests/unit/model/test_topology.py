"""What the engine says exists, and what follows from it without any promise."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from exporter.model.topology import (
    HOST,
    IP_VERSIONS,
    EngineInfo,
    NetworkId,
    SandboxId,
    Subnet,
    version_of,
)
from tests.fakes.topologies import container, demo, endpoint, network, topology


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, True) for text in ("true", "T", "1", "", "yes", "off")),
        *((text, False) for text in ("false", "F", "0")),
    ],
)
def test_options_are_read_as_the_engine_reads_them(text: str, expected: bool) -> None:
    """Go's ParseBool; what it does not know leaves the default."""
    assert expected is network("n", "10.1.0.0/24", enable_icc=text).icc


def test_options_that_are_not_given() -> None:
    """Containers may talk, the bridge has an address and masquerades."""
    net = network("n", "10.1.0.0/24")

    assert (True, False, True) == (net.icc, net.inhibit_ipv4, net.masquerade)
    assert ("nat", "nat") == (net.gateway_mode(4), net.gateway_mode(6))
    assert not net.is_default_bridge
    assert network("bridge", "10.1.0.0/24").is_default_bridge


def test_each_option_is_one_of_its_own() -> None:
    """Options of the bridge driver, by their long names."""
    assert not network("n", "10.1.0.0/24", enable_ip_masquerade="false").masquerade
    assert network("n", "10.1.0.0/24", inhibit_ipv4="true").inhibit_ipv4
    assert "routed" == network(
        "n", "10.1.0.0/24", gateway_mode_ipv6="routed"
    ).gateway_mode(6)


def test_families() -> None:
    """Of addresses, prefixes and networks."""
    net = network("n", "fd00::/64")

    assert [4, 6] == [version_of(ip_address(one)) for one in ("10.0.0.1", "fd00::1")]
    assert [4, 6] == [version_of(ip_network(one)) for one in ("10.0.0.0/8", "::/0")]
    assert [False, True] == [net.enabled(ip_version) for ip_version in IP_VERSIONS]


@pytest.mark.parametrize(
    ("ip_range", "expected"),
    [
        (None, "10.1.0.0/24"),
        ("10.1.0.128/25", "10.1.0.128/25"),
        ("10.1.0.0/24", "10.1.0.0/24"),
        ("10.0.0.0/8", "10.1.0.0/24"),
        ("10.1.0.0/23", "10.1.0.0/24"),
        ("10.0.0.0/15", "10.1.0.0/24"),
        ("10.2.0.0/25", "10.1.0.0/24"),
        ("10.0.0.0/25", "10.1.0.0/24"),
        ("fd00::/64", "10.1.0.0/24"),
    ],
)
def test_what_is_allocated_from(ip_range: str | None, expected: str) -> None:
    """The range, where it lies within the subnet."""
    subnet = Subnet(
        prefix=ip_network("10.1.0.0/24"),
        ip_range=None if ip_range is None else ip_network(ip_range),
    )

    assert ip_network(expected) == subnet.allocated_from


@pytest.mark.parametrize(
    ("version", "major"), [("28.5.2+dfsg4", 28), ("29", 29), ("dev", 0), ("", 0)]
)
def test_the_major_version(version: str, major: int) -> None:
    """The leading number, 0 if there is none."""
    assert major == EngineInfo(version=version, api_version="1.51").major


def test_an_address_and_an_endpoint_are_found_or_not() -> None:
    """By family, by network; what is missing is None."""
    four, both = network("f", "10.1.0.0/24"), network("b", "10.2.0.0/24", "fd00::/64")
    ends = endpoint("a", four, "10.1.0.2"), endpoint("a", both, "10.2.0.2", "fd00::2")
    sandbox = topology((four, both), (container("a", *ends),)).sandboxes[0]

    assert ends[1] is sandbox.endpoint_on(both.id)
    assert sandbox.endpoint_on(NetworkId("none")) is None
    assert ends[0].address(6) is None
    assert [4, 6] == [found.ip_version for found in ends[1].addresses]
    assert ends[1].addresses == (ends[1].address(4), ends[1].address(6))


def test_things_are_found_by_their_ids() -> None:
    """Networks, containers, sandboxes, and who is on a network."""
    found = demo()

    assert {one.id: one for one in found.networks} == found.network_by_id
    assert {one.id: one for one in found.containers} == found.container_by_id
    assert {one.id: one for one in found.sandboxes} == found.sandbox_by_id
    on = [one.name for one in found.sandboxes_on(NetworkId("net-bridge"))]
    assert ["bridge1", "bridge2"] == on
    assert () == found.sandboxes_on(NetworkId("none"))


def test_who_shares_the_hosts_namespace() -> None:
    """Running containers of its own mode, and those that joined one of them."""
    joined = replace(container("joined", mode="container:imhost"), sandbox=HOST)
    stopped = replace(container("stopped", mode="host"), running=False)
    found = topology((), (container("imhost", mode="host"), joined, stopped))

    assert ["imhost", "joined"] == [one.name for one in found.host_members]


def test_who_was_left_behind_by_its_owner() -> None:
    """Who joined a container and has a sandbox of its own; not who still shares one."""
    alone = container("alone", mode="container:owner")
    sharing = container("sharing", mode="container:owner")
    owner = container("owner")
    found = topology(
        (),
        (
            replace(alone, sandbox=SandboxId(alone.id)),
            replace(owner, sandbox=SandboxId(owner.id)),
            replace(sharing, sandbox=SandboxId(owner.id)),
            container("ended", mode="container:owner"),
        ),
    )

    assert ["alone"] == [one.name for one in found.left_behind]
