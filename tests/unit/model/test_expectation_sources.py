"""What a source lacks, so that nothing is promised from it."""

import pytest

from exporter.model.expectation import Promises
from exporter.model.outcome import Scope
from exporter.model.pairs import all_pairs
from exporter.model.topology import Network, Topology
from tests.fakes.topologies import container, endpoint, network, topology


def rules(found: Topology, *scopes: Scope) -> dict[str, str]:
    """Return the rule that decided for each pair, by `source>destination/family`."""
    promises = Promises(found)
    return {
        f"{pair.source}>{pair.destination or 'gateway'}/{pair.ip_version}": (
            promises.decide(pair).rule
        )
        for pair in all_pairs(found, scopes)
    }


@pytest.mark.parametrize("scope", ["eth0", "eth1"])
def test_ipv6_switched_off_promises_nothing_either_way(scope: str) -> None:
    """Of which interface the address is, the engine does not tell."""
    net = network("n", "10.1.0.0/24", "fd00:1::/64")
    off = container(
        "off",
        endpoint("off", net, "10.1.0.2", "fd00:1::2"),
        sysctls={f"net.ipv6.conf.{scope}.disable_ipv6": "1"},
    )
    on = container("on", endpoint("on", net, "10.1.0.3", "fd00:1::3"))
    found = topology((net,), (off, on), version="26.1.5")

    actual = rules(found, Scope.CONTAINER, Scope.HOST, Scope.GATEWAY)

    assert {
        "off>on/4": "same-bridge",
        "on>off/4": "same-bridge",
        "off>on/6": "ipv6-disabled-by-sysctl",
        "on>off/6": "ipv6-disabled-by-sysctl",
        "host>off/4": "host-to-bridge",
        "host>on/4": "host-to-bridge",
        "host>off/6": "ipv6-disabled-by-sysctl",
        "host>on/6": "host-to-bridge",
        "off>gateway/4": "own-gateway",
        "on>gateway/4": "own-gateway",
        "off>gateway/6": "ipv6-disabled-by-sysctl",
        "on>gateway/6": "own-gateway",
    } == actual


@pytest.mark.parametrize(
    ("mode", "version"),
    [
        pytest.param("routed", "28.5.2", id="routed"),
        pytest.param("nat-unprotected", "29.0.0", id="unprotected"),
    ],
)
def test_nothing_is_promised_past_a_bridge_without_address(
    mode: str, version: str
) -> None:
    """With inhibit_ipv4 the gateway is the user's: he may have a router, or none."""
    bare = network("bare", "10.1.0.0/24", inhibit_ipv4="true")
    opened = network("open", "10.2.0.0/24", gateway_mode_ipv4=mode)
    nat = network("nat", "10.3.0.0/24")

    def one(name: str, on: Network, address: str) -> Topology:
        source = container("a", endpoint("a", bare, "10.1.0.2"))
        other = container(name, endpoint(name, on, address))
        return topology((bare, on), (source, other), version=version)

    assert {
        **rules(one("o", opened, "10.2.0.2"), Scope.CONTAINER),
        **rules(one("n", nat, "10.3.0.2"), Scope.CONTAINER),
    } == {
        "a>o/4": "source-without-gateway",
        "o>a/4": "different-bridges",
        "a>n/4": "different-bridges",
        "n>a/4": "different-bridges",
    }
