"""Each address family is promised what its own options and sysctls say."""

import pytest

from exporter.model.expectation import Promises
from exporter.model.outcome import Scope
from exporter.model.pairs import all_pairs
from exporter.model.topology import Topology
from tests.fakes.topologies import container, endpoint, network, topology


def rules(found: Topology) -> dict[str, str]:
    """Return the rule of each container pair, by `source>destination/family`."""
    promises = Promises(found)
    return {
        f"{pair.source}>{pair.destination}/{pair.ip_version}": promises.decide(
            pair
        ).rule
        for pair in all_pairs(found, {Scope.CONTAINER})
    }


@pytest.mark.parametrize(
    ("sysctl", "silent", "answering"),
    [
        ("net.ipv4.icmp_echo_ignore_all", 4, 6),
        ("net.ipv6.icmp.echo_ignore_all", 6, 4),
    ],
)
def test_echo_is_ignored_by_family(sysctl: str, silent: int, answering: int) -> None:
    """The other one still owes an answer."""
    net = network("n", "10.1.0.0/24", "fd00:1::/64")
    mute = container(
        "mute", endpoint("mute", net, "10.1.0.2", "fd00:1::2"), sysctls={sysctl: "1"}
    )
    other = container("other", endpoint("other", net, "10.1.0.3", "fd00:1::3"))

    actual = rules(topology((net,), (mute, other)))

    assert "icmp-ignored-by-sysctl" == actual[f"other>mute/{silent}"]
    assert "same-bridge" == actual[f"other>mute/{answering}"]


def test_a_mode_of_the_gateway_is_of_one_family() -> None:
    """Routed in IPv4 alone opens nothing in IPv6."""
    source = network("x", "10.1.0.0/24", "fd00:1::/64")
    routed = network("y", "10.2.0.0/24", "fd00:2::/64", gateway_mode_ipv4="routed")
    found = topology(
        (source, routed),
        (
            container("a", endpoint("a", source, "10.1.0.2", "fd00:1::2")),
            container("b", endpoint("b", routed, "10.2.0.2", "fd00:2::2")),
        ),
    )

    actual = rules(found)

    assert "routed-destination" == actual["a>b/4"]
    assert "different-bridges" == actual["a>b/6"]
