"""Each rule between networks, and where it ends and the next begins."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.model.topology import Network, Topology
from tests.fakes.decisions import decided, rule
from tests.fakes.topologies import container, endpoint, network, topology

N1, N2 = ("10.1.0.0/24", "fd00:1::/64"), ("10.2.0.0/24", "fd00:2::/64")


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
            {},
            {"gateway_mode_ipv4": "routed", "inhibit_ipv4": "true"},
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
    x = network("x", *N1, internal=False, **first)
    y = network("y", *N2, internal=False, **second)
    found = on_two(x, y, version)

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
    x = network("x", *N1, gateway_mode_ipv4="routed")
    y = network("y", *N2, gateway_mode_ipv4="routed")
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
    """One network is one network there too; what is between two is unseen."""
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


def test_a_gateway_of_the_users_leads_where_it_will() -> None:
    """What `--default-gateway` names need not know the way to an open network."""
    first = network("x", *N1)
    reserved = (("DefaultGatewayIPv4", ip_address("10.1.0.200")),)
    led = (replace(first.subnets[0], auxiliary=reserved), first.subnets[1])
    second = network("y", *N2, gateway_mode_ipv4="routed", gateway_mode_ipv6="routed")

    found = on_two(replace(first, subnets=led), second)

    assert ("source-without-gateway", "unknown") == rule(found, "a>b@y/4")
    assert ("routed-destination", "reachable") == rule(found, "a>b@y/6")
