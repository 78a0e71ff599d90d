"""The promises from the host, to the own gateway and of names; and sysctls."""

import dataclasses
from collections import Counter
from ipaddress import ip_address

import pytest

from exporter.model.expectation import Promises
from exporter.model.outcome import Scope
from exporter.model.pair import Decision
from exporter.model.pairs import all_pairs, own_addresses
from exporter.model.topology import Endpoint, IpVersion, Network, Topology
from tests.fakes.topologies import container, endpoint, network, topology

DUAL = ("10.1.0.0/24", "fd00:1::/64")
AB = ((2, "a"), (3, "b"))


def decided(found: Topology, scope: Scope) -> dict[str, Decision]:
    """Return the decision for each pair, as `source>destination@network/family`."""
    promises = Promises(found)
    names = found.network_by_id
    return {
        f"{p.source}>{p.destination}@{names[p.network].name}/{p.ip_version}": (
            promises.decide(p)
        )
        for p in all_pairs(found, {scope})
    }


def alone(net: Network) -> Topology:
    """Return one container on a network, in both families."""
    end = endpoint("a", net, "10.1.0.2", "fd00:1::2")
    return topology((net,), (container("a", end),))


@pytest.mark.parametrize(
    ("driver", "options", "four", "six"),
    [
        ("bridge", {}, "host-to-bridge", "host-to-bridge"),
        ("bridge", {"enable_icc": "false"}, "host-to-bridge", "host-to-bridge"),
        ("bridge", {"inhibit_ipv4": "true"}, "host-without-address", "host-to-bridge"),
        (
            "bridge",
            {"gateway_mode_ipv4": "isolated"},
            "host-without-address",
            "host-to-bridge",
        ),
        (
            "bridge",
            {"gateway_mode_ipv6": "isolated"},
            "host-to-bridge",
            "host-without-address",
        ),
        ("bridge", {"gateway_mode_ipv4": "routed"}, "host-to-bridge", "host-to-bridge"),
        ("macvlan", {}, "host-underlay", "host-underlay"),
        ("ipvlan", {"ipvlan_mode": "l3"}, "host-underlay", "host-underlay"),
        ("overlay", {}, "host-underlay", "host-underlay"),
        ("weave", {}, "host-underlay", "host-underlay"),
    ],
)
@pytest.mark.parametrize("internal", [False, True])
def test_from_the_host(
    driver: str, options: dict[str, str], four: str, six: str, internal: bool
) -> None:
    """It reaches whom its bridge has an address for; internal makes no difference."""
    net = network("n", *DUAL, driver=driver, internal=internal, **options)

    actual = decided(alone(net), Scope.HOST)

    assert {"host>a@n/4": four, "host>a@n/6": six} == {
        key: one.rule for key, one in actual.items()
    }
    assert {driver != "bridge"} == {one.leaves_host for one in actual.values()}
    assert {None} == {one.source_network for one in actual.values()}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("host-to-bridge", "reachable"),
        ("host-without-address", "isolated"),
        ("host-underlay", "unknown"),
    ],
)
def test_what_the_hosts_rules_promise(rule: str, expected: str) -> None:
    """Reached, not reached, nobody's business."""
    nets = {
        "host-to-bridge": network("n", *DUAL),
        "host-without-address": network("n", *DUAL, inhibit_ipv4="true"),
        "host-underlay": network("n", *DUAL, driver="overlay"),
    }

    decision = decided(alone(nets[rule]), Scope.HOST)["host>a@n/4"]

    assert (rule, expected) == (decision.rule, decision.expected)
    assert (rule == "host-to-bridge") == decision.has_route


@pytest.mark.parametrize(
    ("driver", "options", "expected"),
    [
        ("bridge", {}, ("own-gateway", "reachable", False)),
        ("bridge", {"inhibit_ipv4": "true"}, ("gateway-underlay", "unknown", False)),
        ("overlay", {}, ("overlay-gateway", "reachable", False)),
        ("macvlan", {}, ("gateway-underlay", "unknown", True)),
        ("ipvlan", {}, ("gateway-underlay", "unknown", True)),
        ("weave", {}, ("gateway-underlay", "unknown", True)),
    ],
)
@pytest.mark.parametrize("internal", [False, True])
def test_own_gateway(
    driver: str,
    options: dict[str, str],
    expected: tuple[str, str, bool],
    internal: bool,
) -> None:
    """The engine's own answers; another is on the underlay, and asked of nobody."""
    net = network("n", *DUAL, driver=driver, internal=internal, **options)

    decision = decided(alone(net), Scope.GATEWAY)["a>None@n/4"]

    assert expected == (decision.rule, decision.expected, decision.leaves_host)


def implicit(owner: str, on: Network, address: str) -> Endpoint:
    """Return a way out over docker_gwbridge."""
    return dataclasses.replace(endpoint(owner, on, address), implicit=True)


def swarm() -> Topology:
    """Return an overlay with two containers and their way out, and a bridge."""
    over = network("ov1", "10.77.1.0/24", driver="overlay")
    other = network("ov2", "10.77.2.0/24", driver="overlay")
    out = network("docker_gwbridge", "172.19.0.0/16", enable_icc="false")
    nets = {"o1": over, "o2": over, "o3": other}
    places = {"o1": "10.77.1.2", "o2": "10.77.1.4", "o3": "10.77.2.2"}
    plain = network("n1", "172.18.0.0/16")
    return topology(
        (out, plain, over, other),
        (
            *(
                container(
                    name,
                    implicit(name, out, f"172.19.0.1{name[1]}"),
                    endpoint(name, nets[name], place, gateway=False),
                )
                for name, place in places.items()
            ),
            container("nn", endpoint("nn", plain, "172.18.0.2")),
        ),
    )


def test_a_swarm_of_one_node() -> None:
    """As measured on 20.10, 26.1 and 28.5: overlays leave by docker_gwbridge."""
    found = swarm()
    actual = {
        key: (one.rule, one.source_network)
        for scope in (Scope.CONTAINER, Scope.HOST, Scope.GATEWAY)
        for key, one in decided(found, scope).items()
    }
    out = "net-docker_gwbridge"

    assert {
        "o1>o2@ov1/4": ("same-network", "net-ov1"),
        "o1>o2@docker_gwbridge/4": ("icc-disabled", out),
        "o1>o3@docker_gwbridge/4": ("icc-disabled", out),
        "o1>o3@ov2/4": ("underlay", out),
        "o1>nn@n1/4": ("different-bridges", out),
        "nn>o1@ov1/4": ("underlay", "net-n1"),
        "nn>o1@docker_gwbridge/4": ("different-bridges", "net-n1"),
        "host>o1@ov1/4": ("host-underlay", None),
        "host>o1@docker_gwbridge/4": ("host-to-bridge", None),
        "o1>None@ov1/4": ("overlay-gateway", "net-ov1"),
        "o1>None@docker_gwbridge/4": ("own-gateway", out),
    } == {key: actual[key] for key in actual if key.split("@")[0] in ENDS_OF_O1}


ENDS_OF_O1 = {"o1>o2", "o1>o3", "o1>nn", "nn>o1", "host>o1", "o1>None"}


def test_a_way_out_has_no_names() -> None:
    """Asked there, they would be forwarded to the servers outside."""
    actual = decided(swarm(), Scope.NAME)

    assert {"o1>o2@ov1/4", "o2>o1@ov1/4"} == set(actual)


def test_a_container_put_on_docker_gwbridge_by_hand_has_a_name_there() -> None:
    """For others that were; who is only led out over it is not asked for."""
    out = network("docker_gwbridge", "172.19.0.0/16", enable_icc="false")
    found = topology(
        (out,),
        (
            container("led", implicit("led", out, "172.19.0.2")),
            container("one", endpoint("one", out, "172.19.0.3")),
            container("two", endpoint("two", out, "172.19.0.4")),
        ),
    )

    assert {"one>two@docker_gwbridge/4", "two>one@docker_gwbridge/4"} == set(
        decided(found, Scope.NAME)
    )


def test_swarms_ingress_has_no_names() -> None:
    """Tasks with published ports are on it, and resolve on their other networks."""
    inner = network("ingress", "10.0.0.0/24", driver="overlay")
    over = network("ov1", "10.77.1.0/24", driver="overlay")
    found = topology(
        (dataclasses.replace(inner, ingress=True), over),
        tuple(
            container(
                name,
                endpoint(name, inner, f"10.0.0.{place}", gateway=False),
                endpoint(name, over, f"10.77.1.{place}", gateway=False),
            )
            for name, place in (("s1", 2), ("s2", 3))
        ),
    )

    assert {"s1>s2@ov1/4", "s2>s1@ov1/4"} == set(decided(found, Scope.NAME))
    assert "same-network" == decided(found, Scope.CONTAINER)["s1>s2@ingress/4"].rule


@pytest.mark.parametrize(
    ("sysctls", "silent"),
    [
        ({"net.ipv4.icmp_echo_ignore_all": "1"}, {4}),
        ({"net/ipv4/icmp_echo_ignore_all": "1"}, {4}),
        ({"net.ipv4.icmp_echo_ignore_all": "0"}, set()),
        ({"net.ipv4.icmp_echo_ignore_broadcasts": "1"}, set()),
        ({"net.ipv6.icmp.echo_ignore_all": "1"}, {6}),
        ({"net.ipv6.icmp.echo_ignore_multicast": "1"}, set()),
        ({"net.ipv6.icmp.echo_ignore_anycast": "1"}, set()),
        ({"net.ipv6.conf.all.disable_ipv6": "1"}, {6}),
        ({"net.ipv6.conf.all.disable_ipv6": " 0 "}, set()),
        ({"net.ipv6.conf.all.disable_ipv6": ""}, set()),
        ({"net.ipv6.conf.default.disable_ipv6": "1"}, set()),
        ({"net.ipv6.conf.lo.disable_ipv6": "1"}, set()),
        ({"net.ipv6.conf.eth1.disable_ipv6": "1"}, {6}),
        ({"net.ipv6.conf.all.accept_ra": "1"}, set()),
        ({"net.ipv4.conf.all.disable_ipv6": "1"}, set()),
    ],
    ids=str,
)
def test_sysctls_that_silence(sysctls: dict[str, str], silent: set[int]) -> None:
    """Of one family each, and for the container's own address only."""
    net = network("n", *DUAL)
    other = endpoint("b", net, "10.1.0.3", "fd00:1::3")
    found = topology(
        (net,),
        (
            container(
                "a", endpoint("a", net, "10.1.0.2", "fd00:1::2"), sysctls=sysctls
            ),
            container("b", other),
        ),
    )

    to_it = decided(found, Scope.CONTAINER) | decided(found, Scope.HOST)

    for source in ("b", "host"):
        assert silent == {
            family
            for family in (4, 6)
            if to_it[f"{source}>a@n/{family}"].expected == "unknown"
        }


def test_nothing_is_asked_by_ipv6_from_who_has_none() -> None:
    """Until 27 the engine names an address that the kernel does not have."""
    net = network("n", *DUAL)
    sysctls = {"net.ipv6.conf.all.disable_ipv6": "1"}
    found = topology(
        (net,),
        (
            container(
                "a", endpoint("a", net, "10.1.0.2", "fd00:1::2"), sysctls=sysctls
            ),
            container("b", endpoint("b", net, "10.1.0.3", "fd00:1::3")),
        ),
        version="26.1.5",
    )

    assert {
        Scope.CONTAINER: {"a>b@n/4", "b>a@n/4", "b>a@n/6"},
        Scope.HOST: {"host>a@n/4", "host>a@n/6", "host>b@n/4", "host>b@n/6"},
        Scope.GATEWAY: {"a>None@n/4", "b>None@n/4", "b>None@n/6"},
        Scope.NAME: {"a>b@n/4", "b>a@n/4", "b>a@n/6"},
    } == {scope: set(decided(found, scope)) for scope in Scope}
    assert {"a": 1, "b": 2} == Counter(owner for owner, _, _ in own_addresses(found))


@pytest.mark.parametrize("sysctls", ["net.ipv4.icmp_echo_ignore_all"])
def test_who_ignores_echo_still_asks(sysctls: str) -> None:
    """The sysctl concerns requests, not answers."""
    net = network("n", *DUAL)
    found = topology(
        (net,),
        (
            container("a", endpoint("a", net, "10.1.0.2"), sysctls={sysctls: "1"}),
            container("b", endpoint("b", net, "10.1.0.3")),
        ),
    )

    assert "same-bridge" == decided(found, Scope.CONTAINER)["a>b@n/4"].rule
    assert "own-gateway" == decided(found, Scope.GATEWAY)["a>None@n/4"].rule


def test_an_endpoints_own_sysctls() -> None:
    """IPv6 switched off on one interface leaves the other its promises."""
    off, on = network("off", *DUAL), network("on", "10.2.0.0/24", "fd00:2::/64")
    sysctls = {"net.ipv6.conf.IFNAME.disable_ipv6": "1"}
    mine = dataclasses.replace(
        endpoint("a", off, "10.1.0.2", "fd00:1::2"), sysctls=sysctls
    )
    ends = [endpoint("b", off, "10.1.0.3", "fd00:1::3")]
    ends.append(endpoint("b", on, "10.2.0.3", "fd00:2::3"))
    found = topology(
        (off, on),
        (
            container("a", mine, endpoint("a", on, "10.2.0.2", "fd00:2::2")),
            container("b", *ends),
        ),
    )

    actual = {key: one.rule for key, one in decided(found, Scope.CONTAINER).items()}

    assert {
        "a>b@off/4": "same-bridge",
        "a>b@off/6": "ipv6-disabled-by-sysctl",
        "b>a@off/6": "ipv6-disabled-by-sysctl",
        "a>b@on/6": "same-bridge",
        "b>a@on/6": "same-bridge",
    } == {key: actual[key] for key in actual if key not in OTHERS}


OTHERS = {"b>a@off/4", "a>b@on/4", "b>a@on/4"}


@pytest.mark.parametrize("version", [4, 6])
def test_a_gateway_elsewhere(version: IpVersion) -> None:
    """What `--default-gateway` names is not the bridge's own; that family alone."""
    net = network("n", *DUAL)
    reserved = ((f"DefaultGatewayIPv{version}", ip_address("10.1.0.200")),)
    subnets = (dataclasses.replace(net.subnets[0], auxiliary=reserved), net.subnets[1])
    found = alone(dataclasses.replace(net, subnets=subnets))

    rules = {key: one.rule for key, one in decided(found, Scope.GATEWAY).items()}

    assert "gateway-elsewhere" == rules.pop(f"a>None@n/{version}")
    assert {"own-gateway"} == {*rules.values()}


def test_a_name_on_networks_of_different_families() -> None:
    """Which network answers is the engine's choice; where all have both, a promise."""
    four, dual = network("four", DUAL[0]), network("dual", "10.2.0.0/24", DUAL[1])
    default = network("bridge", "10.3.0.0/24")

    def rules(*shared: tuple[Network, str]) -> dict[str, str]:
        ends = {
            name: [endpoint(name, dual, f"10.2.0.{n}", f"fd00:1::{n}")]
            + [endpoint(name, net, f"{prefix}.{n}") for net, prefix in shared]
            for name, n in (("a", 2), ("b", 3))
        }
        found = topology(
            (four, dual, default),
            tuple(container(name, *mine) for name, mine in ends.items()),
        )
        return {
            key.partition(">")[2]: one.rule
            for key, one in decided(found, Scope.NAME).items()
            if key.startswith("a>")
        }

    assert {
        "b@dual/4": "name-shared-network",
        "b@dual/6": "name-mixed-families",
    } == rules((four, "10.1.0"))
    assert {
        "b@dual/4": "name-shared-network",
        "b@dual/6": "name-shared-network",
    } == rules((default, "10.3.0"))


def test_a_way_out_answers_no_names() -> None:
    """That docker_gwbridge has no IPv6 does not mix the families of an overlay."""
    over = network("over", *DUAL, driver="overlay")
    out = network("docker_gwbridge", "172.19.0.0/16")
    ends = {n: endpoint(n, over, f"10.1.0.{i}", f"fd00:1::{i}") for i, n in AB}
    found = topology(
        (out, over),
        tuple(container(n, implicit(n, out, f"172.19.0.{i}"), ends[n]) for i, n in AB),
    )

    assert "name-shared-network" == decided(found, Scope.NAME)["a>b@over/6"].rule
