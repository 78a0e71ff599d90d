"""Why isolated pairs answer: what let them through, and what only looks like it."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.model.cause import CauseId
from exporter.model.firewall import Fate, Hook
from exporter.model.inspection import Inspection, Port, PortState, Way, WayKind
from tests.fakes.filters import FakeFilter, accepted, docker_rules, step, stopped
from tests.fakes.inspections import (
    HOST_NAME,
    altered,
    facts_of,
    healthy,
    index_of,
    port_of,
    with_filter,
    with_interface,
    with_macs,
    with_sysctl,
    with_way,
)
from tests.fakes.leaking import (
    ACCEPT_BY_USER,
    ACCEPT_FIRST,
    AT_MINE,
    DEMO,
    FINE,
    QUIET,
    RAW,
    STAGE_1,
    WITHIN,
    causes,
    filtered,
    ids,
)
from tests.fakes.topologies import container, endpoint, network, topology


class TestPassed:
    """A rule accepted it."""

    def test_in_docker_user(self) -> None:
        """The user's chain comes before Docker's."""
        (found,) = causes(filtered(ACCEPT_BY_USER))

        assert (CauseId.DOCKER_USER_ACCEPTS, True) == (found.id, found.certain)
        line = "host, table filter, chain DOCKER-USER: -A DOCKER-USER -j ACCEPT"
        assert (line,) == found.evidence

    def test_in_docker_user_with_the_raw_drop_gone(self) -> None:
        """From 28 on both are needed; the one of the user's comes first."""
        found = causes(filtered(ACCEPT_BY_USER, RAW))

        assert [CauseId.DOCKER_USER_ACCEPTS, CauseId.RAW_DROP_MISSING] == [
            one.id for one in found
        ]
        assert (f"host, table raw, chain PREROUTING: no drop for {AT_MINE}",) == found[
            1
        ].evidence

    def test_in_docker_user_with_the_chains_gone_too(self) -> None:
        """The packet never came to what is gone: it is told as less than certain."""
        assert [("docker-user-accepts", True), ("isolation-missing", False)] == ids(
            filtered(ACCEPT_BY_USER, empty=(STAGE_1,))
        )

    def test_by_another_rule_before_docker(self) -> None:
        """Docker's own drops stand further down, in vain."""
        (found,) = causes(filtered(ACCEPT_FIRST))

        assert (CauseId.ACCEPTED_BY_RULE, True) == (found.id, found.certain)
        line = "host, table filter, chain FORWARD: -A FORWARD -j ACCEPT"
        assert (line,) == found.evidence

    @pytest.mark.parametrize(
        ("chain", "text", "certain"),
        [
            pytest.param("FORWARD", "-i br-bridge -o br-mybridge -j ACCEPT", True),
            pytest.param("FORWARD", "-i br-bridge ! -o br-bridge -j ACCEPT", False),
            pytest.param("DOCKER-FORWARD", "-i br-bridge -j ACCEPT", False),
        ],
        ids=["by hand", "Docker's before 28", "Docker's from 28"],
    )
    def test_by_a_rule_of_dockers_own(
        self, chain: str, text: str, certain: bool
    ) -> None:
        """With the isolation in place that is odd: somebody leads past it."""
        trace = accepted(step(chain, text))

        assert [("accepted-by-rule", certain)] == ids(filtered(trace))

    @pytest.mark.parametrize("hook", [Hook.PREROUTING, Hook.FORWARD])
    def test_not_as_far_as_the_rules_tell(self, hook: Hook) -> None:
        """A packet that the rules drop went another way, or they are others now."""
        dropped = FakeFilter(
            docker_rules(DEMO), {hook: stopped(step("DOCKER", "-j DROP"))}
        )

        assert [] == ids(with_filter(FINE, HOST_NAME, dropped))

    def test_by_a_rule_that_is_not_understood(self) -> None:
        """Nothing is certain then."""
        unclear = replace(ACCEPT_BY_USER, fate=Fate.UNCLEAR)

        assert [("docker-user-accepts", False)] == ids(filtered(unclear))


class TestWithinABridge:
    """enable_icc=false."""

    NAME = "net.bridge.bridge-nf-call-iptables"

    @pytest.mark.parametrize(
        ("value", "line"),
        [
            ("0", f"host: {NAME} is 0"),
            (None, f"host: {NAME} does not exist: br_netfilter is not loaded"),
        ],
    )
    def test_is_hidden_from_the_filter(self, value: str | None, line: str) -> None:
        """The drop stands, and no packet meets it."""
        hidden = with_sysctl(healthy(QUIET), HOST_NAME, self.NAME, value)

        (found,) = causes(hidden, QUIET, WITHIN)

        assert (CauseId.BR_NETFILTER_OFF, True) == (found.id, found.certain)
        assert (line,) == found.evidence

    def test_is_hidden_by_family(self) -> None:
        """The sysctl of IPv6 says nothing of IPv4."""
        name = "net.bridge.bridge-nf-call-ip6tables"
        hidden = with_sysctl(filtered(ACCEPT_FIRST, found=QUIET), HOST_NAME, name, "0")

        assert [("accepted-by-rule", True)] == ids(hidden, QUIET, WITHIN)

    def test_the_drop_is_gone(self) -> None:
        """An accept in its place, say."""
        rules = {
            key: tuple(one.replace("DROP", "ACCEPT") for one in lines)
            for key, lines in docker_rules(QUIET).items()
        }

        found = causes(filtered(ACCEPT_FIRST, found=QUIET, chains=rules), QUIET, WITHIN)

        assert CauseId.ISOLATION_MISSING == found[0].id
        assert (
            found[0]
            .evidence[0]
            .endswith("no drop from br-apart to itself (enable_icc=false)")
        )

    def test_docker_user_accepts(self) -> None:
        """The user's chain comes before that drop too."""
        assert [("docker-user-accepts", True)] == ids(
            filtered(ACCEPT_BY_USER, found=QUIET), QUIET, WITHIN
        )

    def test_table_raw_has_nothing_to_do_with_it(self) -> None:
        """Its drops are of what comes from another bridge."""
        assert [("docker-user-accepts", True)] == ids(
            filtered(ACCEPT_BY_USER, RAW, found=QUIET), QUIET, WITHIN
        )

    def test_between_bridges_it_does_not_matter(self) -> None:
        """What is forwarded is filtered without br_netfilter."""
        hidden = with_sysctl(filtered(ACCEPT_BY_USER), HOST_NAME, self.NAME, "0")

        assert [("docker-user-accepts", True)] == ids(hidden)


class TestAround:
    """The packet does not pass the host's forwarding."""

    ON_LINK = Way(kind=WayKind.UNICAST, interface="eth0")

    @staticmethod
    def joined() -> Inspection:
        """Return a host with a veth pair between the two bridges."""
        facts = facts_of(FINE, HOST_NAME)
        ends = []
        for index, peer, bridge in ((70, 71, "br-bridge"), (71, 70, "br-mybridge")):
            port = Port(
                bridge=index_of(FINE, HOST_NAME, bridge),
                state=PortState.FORWARDING,
                isolated=False,
            )
            ends.append(
                replace(
                    facts.interfaces[-1],
                    index=index,
                    name=f"join{index}",
                    peer=peer,
                    peer_is_here=True,
                    port=port,
                )
            )
        return altered(FINE, HOST_NAME, interfaces=(*facts.interfaces, *ends))

    def test_as_the_bridges_are_joined(self) -> None:
        """A veth pair between them, and a route onto the link."""
        found = causes(with_way(self.joined(), "bridge1", AT_MINE, self.ON_LINK))

        assert (CauseId.BRIDGES_JOINED, True) == (found[0].id, found[0].certain)
        assert (
            "host: join70, a port of br-bridge, leads to join71, a port of br-mybridge"
        ) == found[0].evidence[0]

    def test_as_the_destination_is_on_the_sources_bridge(self) -> None:
        """Its port was put there."""
        port = port_of(FINE, "mybridge1")
        index = index_of(FINE, HOST_NAME, "br-bridge")
        moved = Port(bridge=index, state=PortState.FORWARDING, isolated=False)
        shared = with_interface(FINE, HOST_NAME, port, port=moved)

        found = causes(with_way(shared, "bridge1", AT_MINE, self.ON_LINK))

        assert (CauseId.BRIDGES_JOINED, True) == (found[0].id, found[0].certain)
        assert f"host: {port}, mybridge1's, is a port of br-bridge" in found[0].evidence

    def test_not_while_the_gateway_is_used(self) -> None:
        """Joined bridges alone do not lead past it: less than certain, and last."""
        filtering = FakeFilter(docker_rules(DEMO), {Hook.FORWARD: ACCEPT_BY_USER})
        joined = with_filter(self.joined(), HOST_NAME, filtering)

        assert [("docker-user-accepts", True), ("bridges-joined", False)] == ids(joined)

    def test_by_a_route_of_somebody_elses(self) -> None:
        """A container that routes, say."""
        router = Way(
            kind=WayKind.UNICAST, interface="eth0", gateway=ip_address("172.17.0.9")
        )

        found = causes(with_way(FINE, "bridge1", AT_MINE, router))

        assert (CauseId.ROUTE_BY_HAND, True) == (found[0].id, found[0].certain)
        assert (
            f"bridge1: the route to {AT_MINE} leads by eth0 via 172.17.0.9",
            "the engine gave it 172.17.0.1",
        ) == found[0].evidence

    def test_by_a_route_that_the_engine_did_not_give(self) -> None:
        """Isolation by lack of a route ends with a route."""
        inner = network("inner", "172.26.0.0/24", internal=True)
        outer = network("outer", "172.27.0.0/24")
        both = with_macs(
            topology(
                (inner, outer),
                (
                    container("out", endpoint("out", outer, "172.27.0.2")),
                    container("in", endpoint("in", inner, "172.26.0.2", gateway=False)),
                ),
            )
        )
        way = Way(
            kind=WayKind.UNICAST, interface="eth0", gateway=ip_address("172.26.0.1")
        )
        routed = with_way(healthy(both), "in", ip_address("172.27.0.2"), way)

        found = causes(routed, both, "container in out")

        assert (CauseId.ROUTE_BY_HAND, True) == (found[0].id, found[0].certain)
        assert "the engine gave it no route there" == found[0].evidence[1]


class TestHost:
    """The host and a bridge on which it is to have no address."""

    BARE = network("bare", "172.28.0.0/24", inhibit_ipv4="true")
    FOUND = with_macs(
        topology((BARE,), (container("aa", endpoint("aa", BARE, "172.28.0.2")),))
    )
    WHAT = "host host aa"

    def test_has_an_address_by_hand(self) -> None:
        """One of the subnet, on the bridge."""
        added = ((ip_address("172.28.0.77"), 24),)
        bare = with_interface(
            healthy(self.FOUND), HOST_NAME, "br-bare", addresses=added
        )

        (found,) = causes(bare, self.FOUND, self.WHAT)

        assert (CauseId.BRIDGE_ADDRESS_ADDED, True) == (found.id, found.certain)
        assert ("host: br-bare has 172.28.0.77",) == found.evidence

    def test_has_a_route_by_hand(self) -> None:
        """Without an address a route onto the bridge is enough."""
        bare = with_interface(healthy(self.FOUND), HOST_NAME, "br-bare", addresses=())
        way = Way(kind=WayKind.UNICAST, interface="br-bare")
        routed = with_way(bare, HOST_NAME, ip_address("172.28.0.2"), way)

        assert [("route-by-hand", True)] == ids(routed, self.FOUND, self.WHAT)

    def test_has_neither(self) -> None:
        """Nothing that was found explains it."""
        bare = with_interface(healthy(self.FOUND), HOST_NAME, "br-bare", addresses=())
        away = Way(kind=WayKind.UNICAST, interface="eth0")
        clean = with_way(bare, HOST_NAME, ip_address("172.28.0.2"), away)

        assert [] == ids(clean, self.FOUND, self.WHAT)
