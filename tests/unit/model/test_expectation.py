"""What Docker promises, rule by rule."""

from collections import Counter

import pytest

from exporter.model.expectation import RULES, Promises
from exporter.model.outcome import Expected, Scope
from exporter.model.pair import Decision
from exporter.model.pairs import all_pairs
from exporter.model.topology import Network, Topology
from tests.fakes.topologies import container, demo, endpoint, network, topology

CONTAINER, HOST, GATEWAY, NAME = (
    Scope.CONTAINER,
    Scope.HOST,
    Scope.GATEWAY,
    Scope.NAME,
)


def decisions(found: Topology, scope: Scope = CONTAINER) -> dict[str, Decision]:
    """Return what is promised for each pair, by `source>destination@network/family`."""
    promises = Promises(found)
    names = found.network_by_id
    return {
        f"{pair.source}>{pair.destination or 'gateway'}"
        f"@{names[pair.network].name}/{pair.ip_version}": promises.decide(pair)
        for pair in all_pairs(found, {scope})
    }


def rules(found: Topology, scope: Scope = CONTAINER) -> dict[str, str]:
    """Return the rule that decided for each pair."""
    return {key: decision.rule for key, decision in decisions(found, scope).items()}


def two(first: Network, second: Network, version: str = "28.5.2") -> Topology:
    """Return one container on each of two networks."""
    gateways = [not (net.internal and version >= "26") for net in (first, second)]
    prefixes = [
        str(net.subnets[0].prefix.network_address + 2) for net in (first, second)
    ]
    return topology(
        (first, second),
        (
            container("a", endpoint("a", first, prefixes[0], gateway=gateways[0])),
            container("b", endpoint("b", second, prefixes[1], gateway=gateways[1])),
        ),
        version=version,
    )


def test_demo_promises() -> None:
    """The demo: 12 container pairs, 4 reachable; host, gateways; names by network."""
    found = demo()
    expected = {
        CONTAINER: Counter({Expected.REACHABLE: 4, Expected.ISOLATED: 8}),
        HOST: Counter({Expected.REACHABLE: 4}),
        GATEWAY: Counter({Expected.REACHABLE: 4}),
        NAME: Counter({Expected.REACHABLE: 2, Expected.ISOLATED: 2}),
    }

    actual = {
        scope: Counter(d.expected for d in decisions(found, scope).values())
        for scope in Scope
    }

    assert expected == actual


def test_only_names_that_do_not_leak_are_asked() -> None:
    """A name of a network that is not shared would be forwarded upstream."""
    asked = set(decisions(demo(), NAME))

    assert asked == {
        "mybridge1>mybridge2@mybridge/4",
        "mybridge2>mybridge1@mybridge/4",
        "bridge1>bridge2@bridge/4",
        "bridge2>bridge1@bridge/4",
    }


def test_a_container_on_both_kinds_asks_only_on_the_user_defined() -> None:
    """Having an embedded DNS, it would forward the default bridge's names."""
    mine, default = network("n", "10.1.0.0/24"), network("bridge", "10.2.0.0/24")
    found = topology(
        (default, mine),
        (
            container(
                "both",
                endpoint("both", default, "10.2.0.2"),
                endpoint("both", mine, "10.1.0.2"),
            ),
            container("d", endpoint("d", default, "10.2.0.3")),
            container("u", endpoint("u", mine, "10.1.0.3")),
        ),
    )

    assert set(rules(found, NAME)) == {"both>u@n/4", "u>both@n/4", "d>both@bridge/4"}


N1, N2 = ("10.1.0.0/24",), ("10.2.0.0/24",)


@pytest.mark.parametrize(
    ("first", "second", "version", "rule"),
    [
        pytest.param(
            network("x", *N1),
            network("y", *N2),
            "28.5.2",
            "different-bridges",
            id="two bridges",
        ),
        pytest.param(
            network("x", *N1, internal=True),
            network("y", *N2),
            "28.5.2",
            "no-route",
            id="from internal, 26.1 and later",
        ),
        pytest.param(
            network("x", *N1, internal=True),
            network("y", *N2),
            "20.10.24",
            "internal-network",
            id="from internal, 20.10",
        ),
        pytest.param(
            network("x", *N1),
            network("y", *N2, internal=True),
            "28.5.2",
            "internal-network",
            id="to internal",
        ),
        pytest.param(
            network("x", *N1),
            network("y", *N2, gateway_mode_ipv4="routed"),
            "28.5.2",
            "routed-destination",
            id="to routed",
        ),
        pytest.param(
            network("x", *N1, gateway_mode_ipv4="routed"),
            network("y", *N2),
            "28.5.2",
            "different-bridges",
            id="from routed",
        ),
        pytest.param(
            network("x", *N1),
            network("y", *N2, gateway_mode_ipv4="routed", internal=True),
            "28.5.2",
            "internal-network",
            id="internal wins over routed",
        ),
        pytest.param(
            network("x", *N1),
            network("y", *N2, gateway_mode_ipv4="nat-unprotected"),
            "28.5.2",
            "different-bridges",
            id="nat-unprotected before 29",
        ),
        pytest.param(
            network("x", *N1),
            network("y", *N2, gateway_mode_ipv4="nat-unprotected"),
            "29.0.0",
            "unprotected-destination",
            id="nat-unprotected from 29",
        ),
        pytest.param(
            network("x", *N1),
            network("y", *N2, driver="macvlan"),
            "28.5.2",
            "underlay",
            id="to macvlan",
        ),
        pytest.param(
            network("x", *N1),
            network("y", *N2, driver="weave"),
            "28.5.2",
            "third-party-driver",
            id="to a third party's",
        ),
    ],
)
def test_between_networks(
    first: Network, second: Network, version: str, rule: str
) -> None:
    """What decides from a container on one network to one on another."""
    assert rules(two(first, second, version))["a>b@y/4"] == rule


@pytest.mark.parametrize(
    ("net", "rule", "expected"),
    [
        pytest.param(network("n", *N1), "same-bridge", "reachable", id="bridge"),
        pytest.param(
            network("n", *N1, internal=True), "same-bridge", "reachable", id="internal"
        ),
        pytest.param(
            network("n", *N1, enable_icc="false"),
            "icc-disabled",
            "isolated",
            id="icc off",
        ),
        pytest.param(
            network("n", *N1, enable_icc="0"),
            "icc-disabled",
            "isolated",
            id="icc off, Go spelling",
        ),
        pytest.param(
            network("n", *N1, enable_icc="false", gateway_mode_ipv4="routed"),
            "same-bridge",
            "reachable",
            id="routed overrides icc for ICMP",
        ),
        pytest.param(
            network("n", *N1, driver="macvlan"),
            "same-network",
            "reachable",
            id="macvlan",
        ),
        pytest.param(
            network("n", *N1, driver="macvlan", macvlan_mode="private"),
            "macvlan-private",
            "isolated",
            id="macvlan private",
        ),
        pytest.param(
            network("n", *N1, driver="macvlan", macvlan_mode="vepa"),
            "macvlan-external",
            "unknown",
            id="macvlan vepa",
        ),
        pytest.param(
            network("n", *N1, driver="overlay"),
            "same-network",
            "reachable",
            id="overlay",
        ),
        pytest.param(
            network("n", *N1, driver="weave"),
            "third-party-driver",
            "unknown",
            id="third party",
        ),
    ],
)
def test_inside_a_network(net: Network, rule: str, expected: str) -> None:
    """What decides between two containers of one network."""
    found = topology(
        (net,),
        (
            container("a", endpoint("a", net, "10.1.0.2")),
            container("b", endpoint("b", net, "10.1.0.3")),
        ),
    )

    decision = decisions(found)["a>b@n/4"]

    assert (decision.rule, decision.expected, decision.on_link) == (
        rule,
        expected,
        True,
    )


def test_multi_homed_addresses_are_judged_by_themselves() -> None:
    """A peer on one network reaches only the address on the shared network."""
    n1, n2 = network("n1", *N1), network("n2", *N2)
    found = topology(
        (n1, n2),
        (
            container(
                "m", endpoint("m", n1, "10.1.0.2"), endpoint("m", n2, "10.2.0.2")
            ),
            container("p", endpoint("p", n1, "10.1.0.3")),
        ),
    )

    actual = rules(found)

    assert actual["p>m@n1/4"] == "same-bridge"
    assert actual["p>m@n2/4"] == "different-bridges"
    assert actual["m>p@n1/4"] == "same-bridge"


def test_default_route_follows_priority_then_name_and_avoids_internal() -> None:
    """moby: the highest GwPriority, then the name that sorts first; not internal."""
    nets = [network(n, f"10.{i}.0.0/24") for i, n in enumerate(("b", "c", "other"))]
    inner = network("a", "10.9.0.0/24", internal=True)
    third = container("t", endpoint("t", nets[2], "10.2.0.2"))

    def via(c_priority: int) -> str:
        m = container(
            "m",
            endpoint("m", inner, "10.9.0.2"),
            endpoint("m", nets[0], "10.0.0.2"),
            endpoint("m", nets[1], "10.1.0.2", priority=c_priority),
        )
        found = topology((inner, *nets), (m, third), version="20.10.24")
        return str(decisions(found)["m>t@other/4"].source_network)

    assert (via(0), via(5)) == ("net-b", "net-c")


@pytest.mark.parametrize(
    ("net", "rule"),
    [
        pytest.param(network("n", *N1), "host-to-bridge", id="bridge"),
        pytest.param(
            network("n", *N1, inhibit_ipv4="true"),
            "host-without-address",
            id="inhibit_ipv4",
        ),
        pytest.param(
            network("n", *N1, gateway_mode_ipv4="isolated"),
            "host-without-address",
            id="isolated",
        ),
    ],
)
def test_from_the_host(net: Network, rule: str) -> None:
    """The host reaches a container exactly if its bridge gets an address."""
    found = topology((net,), (container("a", endpoint("a", net, "10.1.0.2")),))

    decision = decisions(found, HOST)["host>a@n/4"]

    assert (decision.rule, decision.has_route) == (rule, rule == "host-to-bridge")


def test_isolated_network_has_no_gateway_to_ask() -> None:
    """There the subnet's first address belongs to a container."""
    net = network("n", *N1, gateway_mode_ipv4="isolated", internal=True)
    found = topology(
        (net,), (container("a", endpoint("a", net, "10.1.0.2", gateway=False)),)
    )

    assert decisions(found, GATEWAY) == {}


def test_macvlan_pairs_that_would_leave_the_host_are_marked() -> None:
    """Its gateway, the host, and other networks lie on the outer link."""
    outer, net = network("m", *N1, driver="macvlan"), network("n", *N2)
    found = two(outer, net)
    kinds = {
        scope: {key for key, d in decisions(found, scope).items() if d.leaves_host}
        for scope in (CONTAINER, HOST, GATEWAY)
    }

    assert kinds == {
        CONTAINER: {"a>b@n/4", "b>a@m/4"},
        HOST: {"host>a@m/4"},
        GATEWAY: {"a>gateway@m/4"},
    }


def test_a_family_without_source_address_makes_no_pair() -> None:
    """IPv4-only beside IPv6-only: nothing to ask, in either direction."""
    v4, v6 = network("v4", *N1), network("v6", "fd00:1::/64")
    found = topology(
        (v4, v6),
        (
            container("a", endpoint("a", v4, "10.1.0.2")),
            container("b", endpoint("b", v6, "fd00:1::2")),
        ),
    )

    assert decisions(found) == {}


def test_ipv6_is_promised_isolated_on_every_engine() -> None:
    """A promise, not a forecast: engines before 27 break it."""
    x, y = network("x", "fd00:1::/64"), network("y", "fd00:2::/64")

    actual = {v: rules(two(x, y, v))["a>b@y/6"] for v in ("20.10.24", "28.5.2")}

    assert actual == {"20.10.24": "different-bridges", "28.5.2": "different-bridges"}


def test_a_destination_told_to_ignore_echo_is_unknown() -> None:
    """A container created with icmp_echo_ignore_all owes no answer."""
    net = network("n", *N1)
    silent = container(
        "s",
        endpoint("s", net, "10.1.0.2"),
        sysctls={"net.ipv4.icmp_echo_ignore_all": "1"},
    )
    found = topology((net,), (silent, container("a", endpoint("a", net, "10.1.0.3"))))

    assert rules(found)["a>s@n/4"] == "icmp-ignored-by-sysctl"
    assert rules(found)["s>a@n/4"] == "same-bridge"


def test_every_rule_has_a_sentence() -> None:
    """Each rule can be read by a person."""
    assert all(rule.sentence.endswith(".") for rule in RULES.values())
