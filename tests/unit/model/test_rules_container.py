"""Each rule between containers, and where it ends and the next begins."""

from collections.abc import Mapping

import pytest

from exporter.model.expectation import Promises
from exporter.model.outcome import Scope
from exporter.model.pair import Decision
from exporter.model.pairs import all_pairs
from exporter.model.topology import Network, Topology
from tests.fakes.topologies import container, endpoint, network, topology

N1, N2 = ("10.1.0.0/24", "fd00:1::/64"), ("10.2.0.0/24", "fd00:2::/64")


def decided(found: Topology) -> Mapping[str, Decision]:
    """Return the decision for each pair of containers, as `a>b@network/family`."""
    promises = Promises(found)
    names = found.network_by_id
    return {
        f"{p.source}>{p.destination}@{names[p.network].name}/{p.ip_version}": (
            promises.decide(p)
        )
        for p in all_pairs(found, {Scope.CONTAINER})
    }


def rule(found: Topology, key: str) -> tuple[str, str]:
    """Return the rule of a pair and what it promises."""
    decision = decided(found)[key]
    return decision.rule, str(decision.expected)


def on_one(net: Network, version: str = "28.5.2") -> Topology:
    """Return two containers on one network, in both families."""
    ends = {"a": ("10.1.0.2", "fd00:1::2"), "b": ("10.1.0.3", "fd00:1::3")}
    return topology(
        (net,),
        tuple(container(one, endpoint(one, net, *ends[one])) for one in ends),
        version=version,
    )


def on_two(first: Network, second: Network, version: str = "28.5.2") -> Topology:
    """Return `a` on the first network and `b` on the second, in both families."""
    return topology(
        (first, second),
        (
            container("a", endpoint("a", first, "10.1.0.2", "fd00:1::2")),
            container("b", endpoint("b", second, "10.2.0.2", "fd00:2::2")),
        ),
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
    assert expected == rule(on_one(network("n", *N1, **options)), "a>b@n/4")


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
    net = network("n", "10.1.0.0/24", "10.2.0.0/24", driver=driver, **options)
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


@pytest.mark.parametrize(
    ("first", "second", "version", "expected"),
    [
        ({}, {}, "28.5.2", ("different-bridges", "isolated")),
        (
            {},
            {"gateway_mode_ipv4": "routed"},
            "28.5.2",
            ("routed-destination", "reachable"),
        ),
        (
            {},
            {"gateway_mode_ipv6": "routed"},
            "28.5.2",
            ("different-bridges", "isolated"),
        ),
        (
            {"gateway_mode_ipv4": "routed"},
            {},
            "28.5.2",
            ("different-bridges", "isolated"),
        ),
        (
            {"gateway_mode_ipv4": "routed"},
            {"gateway_mode_ipv4": "routed"},
            "28.5.2",
            ("routed-destination", "reachable"),
        ),
        (
            {},
            {"gateway_mode_ipv4": "nat-unprotected"},
            "28.5.2",
            ("different-bridges", "isolated"),
        ),
        (
            {},
            {"gateway_mode_ipv4": "nat-unprotected"},
            "29.0.0",
            ("unprotected-destination", "reachable"),
        ),
        (
            {},
            {"gateway_mode_ipv6": "nat-unprotected"},
            "29.0.0",
            ("different-bridges", "isolated"),
        ),
        (
            {"inhibit_ipv4": "true"},
            {"gateway_mode_ipv4": "routed"},
            "28.5.2",
            ("source-without-gateway", "unknown"),
        ),
        (
            {"enable_ip_masquerade": "false"},
            {"gateway_mode_ipv4": "routed"},
            "28.5.2",
            ("answer-elsewhere", "unknown"),
        ),
        (
            {"enable_ip_masquerade": "false"},
            {"gateway_mode_ipv4": "nat-unprotected"},
            "29.0.0",
            ("answer-elsewhere", "unknown"),
        ),
        (
            {"enable_ip_masquerade": "false", "gateway_mode_ipv4": "routed"},
            {"gateway_mode_ipv4": "routed"},
            "28.5.2",
            ("routed-destination", "reachable"),
        ),
        (
            {"enable_ip_masquerade": "false"},
            {},
            "28.5.2",
            ("different-bridges", "isolated"),
        ),
        (
            {},
            {"gateway_mode_ipv4": "isolated"},
            "28.5.2",
            ("different-bridges", "isolated"),
        ),
        (
            {"enable_icc": "false"},
            {"enable_icc": "false"},
            "28.5.2",
            ("different-bridges", "isolated"),
        ),
    ],
)
def test_from_bridge_to_bridge(
    first: dict[str, str],
    second: dict[str, str],
    version: str,
    expected: tuple[str, str],
) -> None:
    """The destination's gateway mode opens it, for its own family."""
    found = on_two(network("x", *N1, **first), network("y", *N2, **second), version)

    assert expected == rule(found, "a>b@y/4")


@pytest.mark.parametrize("mode", ["routed", "nat-unprotected"])
@pytest.mark.parametrize("ends", [(True, False), (False, True)])
def test_internal_closes_what_is_open(mode: str, ends: tuple[bool, bool]) -> None:
    """At either end, on the newest engine too; for a source that has a route."""
    first = network("x", *N1, internal=ends[0])
    second = network("y", *N2, internal=ends[1], gateway_mode_ipv4=mode)

    found = on_two(first, second, "29.0.0")

    assert ("internal-network", "isolated") == rule(found, "a>b@y/4")


@pytest.mark.parametrize(
    ("home", "expected"),
    [
        ("bridge", ("routed-destination", "reachable")),
        ("macvlan", ("answer-elsewhere", "unknown")),
    ],
)
def test_the_answer_to_a_routed_source_takes_its_own_way(
    home: str, expected: tuple[str, str]
) -> None:
    """Over another bridge it arrives (measured); over the underlay it is anybody's."""
    routed = {"gateway_mode_ipv4": "routed"}
    x, y = network("x", *N1, **routed), network("y", *N2, **routed)
    other = network("home", "10.3.0.0/24", driver=home)
    found = topology(
        (other, x, y),
        (
            container("a", endpoint("a", x, "10.1.0.2")),
            container(
                "b", endpoint("b", other, "10.3.0.2"), endpoint("b", y, "10.2.0.2")
            ),
        ),
    )

    assert expected == rule(found, "a>b@y/4")


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan", "overlay"])
def test_the_underlay_decides_in_both_directions(driver: str) -> None:
    """Two macvlan networks on one parent among them."""
    outer, bridge = network("x", *N1, driver=driver), network("y", *N2)
    twin = network("y", *N2, driver=driver)

    assert {("underlay", "unknown")} == {
        rule(on_two(outer, bridge), "a>b@y/4"),
        rule(on_two(outer, bridge), "b>a@x/4"),
        rule(on_two(outer, twin), "a>b@y/4"),
    }


def test_no_route_is_isolation_whoever_is_there() -> None:
    """A macvlan that is internal has none either: it names no gateway."""
    inner = network("x", *N1, driver="macvlan", internal=True)
    found = topology(
        (inner, bridge := network("y", *N2)),
        (
            container("a", endpoint("a", inner, "10.1.0.2", gateway=False)),
            container("b", endpoint("b", bridge, "10.2.0.2")),
        ),
    )

    decision = decided(found)["a>b@y/4"]

    assert ("no-route", False, False) == (
        decision.rule,
        decision.has_route,
        decision.leaves_host,
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [("weave", "bridge"), ("bridge", "weave"), ("weave", "macvlan")],
)
def test_a_third_party_at_either_end(first: str, second: str) -> None:
    """Nothing is known of its promises."""
    found = on_two(network("x", *N1, driver=first), network("y", *N2, driver=second))

    assert ("third-party-driver", "unknown") == rule(found, "a>b@y/4")


@pytest.mark.parametrize(
    ("mine", "expected"),
    [
        (("x",), ("foreign-engine", "unknown")),
        (("x", "y"), ("same-bridge", "reachable")),
    ],
)
def test_podman(mine: tuple[str, ...], expected: tuple[str, str]) -> None:
    """One network is one network there too; between two it depends on options unseen."""
    nets = {"x": network("x", *N1), "y": network("y", *N2)}
    places = {"x": "10.1.0.2", "y": "10.2.0.3"}
    found = topology(
        tuple(nets.values()),
        (
            container("a", *(endpoint("a", nets[n], places[n]) for n in mine)),
            container("b", endpoint("b", nets["y"], "10.2.0.2")),
        ),
        product="podman",
    )

    assert expected == rule(found, "a>b@y/4")


def test_ten_networks() -> None:
    """Each of the other's addresses is judged by itself."""
    nets = [network(f"n{i}", f"10.{i}.0.0/24") for i in range(10)]
    mine = [endpoint("many", net, f"10.{i}.0.2") for i, net in enumerate(nets)]
    found = topology(
        tuple(nets),
        (
            container("many", *mine),
            container("one", endpoint("one", nets[7], "10.7.0.3")),
        ),
    )

    actual = {key: one.rule for key, one in decided(found).items()}

    assert {
        "many>one@n7/4": "same-bridge",
        **{
            f"one>many@n{i}/4": "same-bridge" if i == 7 else "different-bridges"
            for i in range(10)
        },
    } == actual
