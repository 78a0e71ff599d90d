"""Each rule within a network, and where it ends and the next begins."""

import pytest

from exporter.model.topology import Network, Topology
from tests.fakes.decisions import decided, rule
from tests.fakes.topologies import container, endpoint, network, topology

N1 = ("10.1.0.0/24", "fd00:1::/64")


def on_one(net: Network, version: str = "28.5.2") -> Topology:
    """Return two containers on one network, in both families."""
    ends = {"a": ("10.1.0.2", "fd00:1::2"), "b": ("10.1.0.3", "fd00:1::3")}
    return topology(
        (net,),
        tuple(container(one, endpoint(one, net, *ends[one])) for one in ends),
        version=version,
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("same-bridge", "reachable")),
        ({"enable_icc": "false"}, ("icc-disabled", "isolated")),
        (
            {"enable_icc": "false", "gateway_mode_ipv4": "routed"},
            ("same-bridge", "reachable"),
        ),
        (
            {"enable_icc": "false", "gateway_mode_ipv4": "nat-unprotected"},
            ("icc-disabled", "isolated"),
        ),
        (
            {"enable_icc": "false", "gateway_mode_ipv6": "routed"},
            ("icc-disabled", "isolated"),
        ),
        ({"enable_ip_masquerade": "false"}, ("same-bridge", "reachable")),
        ({"inhibit_ipv4": "true"}, ("same-bridge", "reachable")),
        ({"trusted_host_interfaces": "eth0"}, ("same-bridge", "reachable")),
    ],
    ids=str,
)
def test_on_one_bridge(options: dict[str, str], expected: tuple[str, str]) -> None:
    """Only enable_icc keeps containers apart, and routed lets echo requests past it."""
    net = network("n", *N1, internal=False, **options)

    assert expected == rule(on_one(net), "a>b@n/4")


def test_an_internal_routed_bridge_keeps_icc_off() -> None:
    """The rule that accepts echo requests is made for networks with a way out only."""
    options = {"enable_icc": "false", "gateway_mode_ipv4": "routed"}
    net = network("n", *N1, internal=True, **options)

    assert ("icc-disabled", "isolated") == rule(on_one(net), "a>b@n/4")


@pytest.mark.parametrize(
    ("driver", "options", "expected"),
    [
        ("macvlan", {}, ("same-network", "reachable", False)),
        ("macvlan", {"macvlan_mode": "bridge"}, ("same-network", "reachable", False)),
        (
            "macvlan",
            {"macvlan_mode": "private"},
            ("macvlan-private", "isolated", False),
        ),
        ("macvlan", {"macvlan_mode": "vepa"}, ("macvlan-external", "unknown", True)),
        (
            "macvlan",
            {"macvlan_mode": "passthru"},
            ("macvlan-external", "unknown", True),
        ),
        ("ipvlan", {}, ("same-network", "reachable", False)),
        ("ipvlan", {"ipvlan_flag": "bridge"}, ("same-network", "reachable", False)),
        ("ipvlan", {"ipvlan_flag": "private"}, ("ipvlan-private", "isolated", False)),
        ("ipvlan", {"ipvlan_flag": "vepa"}, ("ipvlan-external", "unknown", True)),
        ("ipvlan", {"ipvlan_mode": "l3"}, ("same-network", "reachable", False)),
        ("overlay", {}, ("same-network", "reachable", False)),
        ("weave", {}, ("third-party-driver", "unknown", False)),
    ],
    ids=str,
)
@pytest.mark.parametrize("internal", [False, True])
def test_in_one_subnet(
    driver: str,
    options: dict[str, str],
    expected: tuple[str, str, bool],
    internal: bool,
) -> None:
    """What the mode says, and whether packets leave the host; internal or not."""
    net = network("n", *N1, driver=driver, internal=internal, **options)

    decision = decided(on_one(net))["a>b@n/4"]

    assert expected == (decision.rule, decision.expected, decision.leaves_host)


@pytest.mark.parametrize(
    ("driver", "options", "expected"),
    [
        ("macvlan", {}, ("other-subnet", "unknown", True)),
        (
            "macvlan",
            {"macvlan_mode": "private"},
            ("macvlan-private", "isolated", True),
        ),
        ("ipvlan", {}, ("other-subnet", "unknown", True)),
        ("ipvlan", {"ipvlan_mode": "l2"}, ("other-subnet", "unknown", True)),
        (
            "ipvlan",
            {"ipvlan_mode": "l3"},
            ("ipvlan-routed-subnets", "reachable", False),
        ),
        (
            "ipvlan",
            {"ipvlan_mode": "l3s"},
            ("ipvlan-routed-subnets", "reachable", False),
        ),
        (
            "ipvlan",
            {"ipvlan_mode": "l3", "ipvlan_flag": "vepa"},
            ("ipvlan-external", "unknown", True),
        ),
        (
            "ipvlan",
            {"ipvlan_mode": "l3", "ipvlan_flag": "private"},
            ("ipvlan-private", "isolated", False),
        ),
        ("overlay", {}, ("other-subnet", "unknown", False)),
    ],
    ids=str,
)
def test_across_the_subnets_of_one_network(
    driver: str, options: dict[str, str], expected: tuple[str, str, bool]
) -> None:
    """Only a layer 3 ipvlan routes between them itself."""
    subnets = "10.1.0.0/24", "10.2.0.0/24"
    net = network("n", *subnets, driver=driver, internal=False, **options)
    found = topology(
        (net,),
        (
            container("a", endpoint("a", net, "10.1.0.2")),
            container("b", endpoint("b", net, "10.2.0.2")),
        ),
    )

    decision = decided(found)["a>b@n/4"]

    assert expected == (decision.rule, decision.expected, decision.leaves_host)


@pytest.mark.parametrize(
    ("options", "internal", "expected"),
    [
        ({"parent": "eth0"}, False, "ipvlan-routed-subnets"),
        ({}, False, "no-route"),
        ({"parent": "eth0"}, True, "no-route"),
    ],
)
def test_a_layer_3_ipvlan_routes_by_its_parent(
    options: dict[str, str], internal: bool, expected: str
) -> None:
    """It names no gateway; without a parent, or internal, it leads nowhere."""
    net = network(
        "n",
        "10.1.0.0/24",
        "10.2.0.0/24",
        driver="ipvlan",
        internal=internal,
        ipvlan_mode="l3",
        **options,
    )
    found = topology(
        (net,),
        (
            container("a", endpoint("a", net, "10.1.0.2", gateway=False)),
            container("b", endpoint("b", net, "10.2.0.2", gateway=False)),
        ),
    )

    assert expected == decided(found)["a>b@n/4"].rule


def test_one_address_in_the_subnets_of_two_networks() -> None:
    """An overlay and a bridge may overlap: who answers is not the engine's to say."""
    near, far = network("n", *N1), network("o", *N1, driver="overlay")
    found = topology(
        (near, far),
        (
            container("a", endpoint("a", near, "10.1.0.2")),
            container("b", endpoint("b", far, "10.1.0.9")),
            container("c", endpoint("c", near, "10.1.0.9")),
            container(
                "both",
                endpoint("both", near, "10.1.0.4"),
                endpoint("both", far, "10.1.0.5"),
            ),
        ),
    )

    assert {
        "a>b@o/4": ("overlapping-subnet", "unknown"),
        "a>c@n/4": ("same-bridge", "reachable"),
        "both>b@o/4": ("overlapping-subnet", "unknown"),
        "both>c@n/4": ("overlapping-subnet", "unknown"),
    } == {
        key: rule(found, key)
        for key in ("a>b@o/4", "a>c@n/4", "both>b@o/4", "both>c@n/4")
    }


def test_the_smaller_of_two_subnets_decides() -> None:
    """As in the kernel's table; then nothing is contested."""
    wide = network("wide", "10.1.0.0/16", driver="overlay")
    tight = network("tight", "10.1.0.0/24")
    found = topology(
        (tight, wide),
        (
            container(
                "a", endpoint("a", wide, "10.1.9.2"), endpoint("a", tight, "10.1.0.2")
            ),
            container("b", endpoint("b", tight, "10.1.0.3")),
        ),
    )

    assert ("same-bridge", "reachable") == rule(found, "a>b@tight/4")
