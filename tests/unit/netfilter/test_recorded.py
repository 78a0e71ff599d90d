"""What real engines and real rules of nftables made the kernel say, read and traced."""

import re

import pytest

from exporter.model.firewall import Fate, Hook
from exporter.model.topology import IpVersion
from tests.fakes.netfilter import DATA, packet, recorded_ruleset

ENGINES: tuple[tuple[str, IpVersion], ...] = (
    ("20.10.24-ipv4", 4),
    ("26.1.5-ipv4", 4),
    ("28.5.2-ipv4", 4),
    ("28.5.2-ipv6", 6),
)


def saved(name: str) -> dict[tuple[str, str], list[str]]:
    """Return the rules by table and chain, as iptables-save wrote them."""
    found: dict[tuple[str, str], list[str]] = {}
    table = ""
    for line in (DATA / f"{name}.save").read_text().splitlines():
        if line.startswith("*"):
            table = line[1:]
        else:
            found.setdefault((table, line.split()[1]), []).append(line)
    return found


class TestEngines:
    """Docker's own rules."""

    @pytest.mark.parametrize(("name", "version"), ENGINES)
    def test_rules_read_as_iptables_writes_them(
        self, name: str, version: IpVersion
    ) -> None:
        """Every rule of every chain, in order, word for word."""
        ruleset = recorded_ruleset(name, version)

        assert ruleset.has_docker_chains
        assert not ruleset.is_empty
        for (table, chain), rules in saved(name).items():
            assert tuple(rules) == ruleset.chain(table, chain)

    @pytest.mark.parametrize("name", ["20.10.24-ipv4", "26.1.5-ipv4", "28.5.2-ipv4"])
    @pytest.mark.parametrize(
        ("inside", "outside", "fate", "rule"),
        [
            ("brn1", "brn2", Fate.DROP, "-A DOCKER-ISOLATION-STAGE-2 -o brn2 -j DROP"),
            ("brn1", "brn1", Fate.ACCEPT, "-A .* -i brn1 .*-j ACCEPT"),
            ("brn1", "eth0", Fate.ACCEPT, "-A .* -i brn1 .*-j ACCEPT"),
            (
                "brnoicc",
                "brnoicc",
                Fate.DROP,
                "-A .* -i brnoicc -o brnoicc -j DROP",
            ),
            ("bri1", "eth0", Fate.DROP, "-A .*STAGE-1 ! -d [0-9./]+ -i bri1 -j DROP"),
        ],
    )
    def test_forwarding(
        self, name: str, inside: str, outside: str, fate: Fate, rule: str
    ) -> None:
        """What a packet between two interfaces meets is clear, and by a rule."""
        ruleset = recorded_ruleset(name)

        trace = ruleset.trace(
            Hook.FORWARD, packet("192.0.2.9", "203.0.113.9", inside, outside)
        )

        assert trace.decided_by is not None
        assert (fate, trace.decided_by) == (trace.fate, trace.path[-1])
        assert re.fullmatch(rule, trace.decided_by.rule)

    def test_a_direct_packet_is_dropped_before_it_is_routed(self) -> None:
        """Release 28 lets nobody but the bridge itself send to a container."""
        ruleset = recorded_ruleset("28.5.2-ipv6", 6)

        stranger = ruleset.trace(
            Hook.PREROUTING, packet("fd00:99::1", "fd00:77::2", "brn1")
        )
        neighbour = ruleset.trace(
            Hook.PREROUTING, packet("fd00:77::3", "fd00:77::2", "brn2")
        )

        assert stranger.decided_by is not None
        assert "-A PREROUTING -d fd00:77::2/128 ! -i brn2 -j DROP" == (
            stranger.decided_by.rule
        )
        assert (Fate.DROP, Fate.ACCEPT) == (stranger.fate, neighbour.fate)

    @pytest.mark.parametrize("release", ["20.10.24", "26.1.5", "28.5.2"])
    def test_a_containers_name_server(self, release: str) -> None:
        """Where the container's questions are sent is told with its port."""
        rules = recorded_ruleset(f"{release}-container").chain("nat", "DOCKER_OUTPUT")

        assert rules is not None
        assert 2 == len(rules)
        said = r".* --dport 53 -j DNAT --to-destination 127\.0\.0\.11:\d+"
        assert all(re.fullmatch(said, rule) for rule in rules)

    def test_what_is_not_there(self) -> None:
        """A chain that does not exist is None, and no chain decides nothing."""
        ruleset = recorded_ruleset("20.10.24-ipv4")

        trace = ruleset.trace(Hook.INPUT, packet("172.18.0.2", "172.18.0.1", "brn1"))

        assert ruleset.chain("filter", "NOTHING") is None
        assert (Fate.ACCEPT, None, ()) == (trace.fate, trace.decided_by, trace.path)


class TestNative:
    """Rules that nft wrote: sets, maps, tuples, both families in one table."""

    @pytest.mark.parametrize(
        ("source", "inside", "outside", "fate", "rule"),
        [
            ("10.3.4.5", "br1", "br5", Fate.REJECT, 'log prefix "x" reject'),
            ("192.168.0.77", "br1", "br5", Fate.REJECT, 'log prefix "x" reject'),
            ("192.168.0.78", "br1", "br5", Fate.ACCEPT, 'comment "hello"'),
            ("10.0.0.5", "br1", "br2", Fate.DROP, "0.0.0.0-10.0.0.9 drop"),
            ("10.0.0.10", "br1", "br2", Fate.ACCEPT, "icmp type 8 accept"),
            ("10.8.7.9", "br1", "br2", Fate.DROP, "10.0.7.0/255.0.255.0 drop"),
            ("10.0.0.10", "br1", "eth0", Fate.DROP, 'oifname != "br*" drop'),
            ("10.0.0.10", "br2", "br9", Fate.DROP, "policy DROP"),
            ("10.0.0.10", "br7", "br9", Fate.DROP, 'iifname "br7" drop'),
            ("10.0.0.10", "br3", "br4", Fate.ACCEPT, 'oifname "br4" accept'),
            ("10.9.0.1", "br3", "br9", Fate.ACCEPT, "ip daddr 10.9.0.2 accept"),
            ("10.9.0.3", "br3", "br9", Fate.UNCLEAR, "limit rate 5/second accept"),
            ("10.9.0.3", "lo", "br9", Fate.ACCEPT, 'iifname "lo" accept'),
        ],
    )
    def test_fates(
        self, source: str, inside: str, outside: str, fate: Fate, rule: str
    ) -> None:
        """Each of them decides as nft(8) says."""
        ruleset = recorded_ruleset("native")

        trace = ruleset.trace(Hook.FORWARD, packet(source, "10.9.0.2", inside, outside))

        assert trace.decided_by is not None
        assert (fate, "inet fw") == (trace.fate, trace.decided_by.table)
        assert trace.decided_by.rule.endswith(rule)
