"""Silence that comes of routes, neighbours and sysctls, and what looks like it."""

from ipaddress import ip_address

import pytest

from exporter.model.cause import Cause, CauseId
from exporter.model.diagnosis import causes_of
from exporter.model.inspection import (
    Inspection,
    NeighbourState,
    Way,
    WayKind,
)
from exporter.model.outcome import Result
from exporter.model.topology import Endpoint
from tests.fakes.crossing import ACROSS, CROSSING, NAT, ROUTED
from tests.fakes.inspections import (
    HOST_NAME,
    facts_of,
    healthy,
    mac_of,
    state_of,
    with_interface,
    with_macs,
    with_neighbour,
    with_sysctl,
    with_way,
)
from tests.fakes.topologies import container, demo, endpoint, network, topology

DEMO = with_macs(demo())
FINE = healthy(DEMO)
ONE, TWO, MINE = "mybridge1", "mybridge2", "br-mybridge"
BETWEEN = f"container {ONE} {TWO}"
HOSTS, GATEWAYS = f"host host {ONE}", f"gateway {ONE} gateway"
AT_ONE, AT_TWO = ip_address("172.18.0.2"), ip_address("172.18.0.3")
GATEWAY, LAN = ip_address("172.18.0.1"), ip_address("198.51.100.2")
WRONG = "02:00:00:00:00:99"


def causes(
    inspection: Inspection, what: str = BETWEEN, result: Result = Result.TIMEOUT
) -> tuple[Cause, ...]:
    """Return the causes of a silent pair, of the demo or from bridge to bridge."""
    found = CROSSING if what == ACROSS else DEMO
    return causes_of(state_of(found, what, result=result), found, inspection)


def ids(inspection: Inspection, what: str = BETWEEN) -> list[tuple[str, bool]]:
    """Return the causes' ids and whether they are certain."""
    return [(str(one.id), one.certain) for one in causes(inspection, what)]


class TestRoute:
    """What the kernel would do with the request, and with the reply."""

    @pytest.mark.parametrize(
        ("kind", "text"),
        [
            (WayKind.BLACKHOLE, "a blackhole"),
            (WayKind.UNREACHABLE, "unreachable"),
            (WayKind.PROHIBIT, "a prohibit"),
        ],
    )
    def test_swallows_it(self, kind: WayKind, text: str) -> None:
        """A route that refuses is named with the namespace it stands in."""
        (found,) = causes(with_way(FINE, ONE, AT_TWO, Way(kind=kind)))

        assert (CauseId.BLACKHOLE_ROUTE, True) == (found.id, found.certain)
        assert (f"{ONE}: the route to {AT_TWO} is {text}",) == found.evidence

    @pytest.mark.parametrize(
        ("where", "address", "what"),
        [
            pytest.param(TWO, AT_ONE, BETWEEN, id="the destination's"),
            pytest.param(ONE, GATEWAY, HOSTS, id="to the host"),
            pytest.param(ONE, GATEWAY, GATEWAYS, id="to the gateway"),
            pytest.param(HOST_NAME, AT_ONE, HOSTS, id="the host's"),
            pytest.param(HOST_NAME, AT_ONE, GATEWAYS, id="the gateway's reply"),
        ],
    )
    def test_swallows_either_way(self, where: str, address: object, what: str) -> None:
        """A reply that is swallowed is as silent."""
        blackhole = Way(kind=WayKind.BLACKHOLE)

        (found,) = causes(
            with_way(FINE, where, ip_address(str(address)), blackhole), what
        )

        assert CauseId.BLACKHOLE_ROUTE == found.id
        assert found.evidence[0].startswith(f"{where}: ")

    def test_is_missing(self) -> None:
        """No route at all, though addresses and links are there."""
        (found,) = causes(with_way(FINE, ONE, AT_TWO, Way(kind=WayKind.NONE)))

        assert (CauseId.NO_ROUTE, True) == (found.id, found.certain)
        assert (f"{ONE}: there is no route to {AT_TWO}",) == found.evidence

    def test_went_with_its_link(self) -> None:
        """That routes go with a link that is down is no cause of its own."""
        down = with_interface(FINE, ONE, "eth0", up=False, running=False)
        down = with_way(down, ONE, AT_TWO, Way(kind=WayKind.NONE))

        assert [("link-down", True)] == ids(down)

    def test_leads_elsewhere(self) -> None:
        """The host has a better route to the subnet: out of the host."""
        clash = Way(kind=WayKind.UNICAST, interface="eth0", gateway=LAN)
        found = with_way(FINE, HOST_NAME, AT_ONE, clash)

        for what in (HOSTS, GATEWAYS):
            (one,) = causes(found, what)
            assert (CauseId.ROUTE_ELSEWHERE, True) == (one.id, one.certain)
            assert (
                f"host: the route to {AT_ONE} leads by eth0 via {LAN}, not by {MINE}"
            ) == one.evidence[0]
        assert [] == ids(found, BETWEEN)

    def test_leads_over_a_detour(self) -> None:
        """By the right interface over somebody in between: likely, not proven."""
        detour = Way(
            kind=WayKind.UNICAST, interface="eth0", gateway=ip_address("172.18.0.9")
        )

        (found,) = causes(with_way(FINE, ONE, AT_TWO, detour))

        assert (CauseId.ROUTE_ELSEWHERE, False) == (found.id, found.certain)
        assert found.evidence[0].endswith("leads via 172.18.0.9, not on the link")

    def test_ends_in_the_source_itself(self) -> None:
        """The source has the destination's address as its own."""
        local = Way(kind=WayKind.LOCAL, interface="lo")

        assert [("address-duplicate", True)] == ids(with_way(FINE, ONE, AT_TWO, local))

    def test_across_bridges_leads_by_the_gateway(self) -> None:
        """From bridge to bridge a gateway is in order."""
        assert [] == ids(healthy(CROSSING), ACROSS)


class TestMasqueraded:
    """A request that crosses bridges comes from the host, as the destination sees."""

    AT_TO, FROM = ip_address("172.21.0.1"), ip_address("172.20.0.2")

    def test_its_reply_goes_to_the_host(self) -> None:
        """A blackhole for the source's own address swallows nothing."""
        blackhole = Way(kind=WayKind.BLACKHOLE)
        start = healthy(CROSSING)

        assert [] == ids(with_way(start, "to", self.FROM, blackhole), ACROSS)
        assert [("blackhole-route", True)] == ids(
            with_way(start, "to", self.AT_TO, blackhole), ACROSS
        )

    def test_its_reply_is_handed_to_the_bridge(self) -> None:
        """A wrong entry for the gateway misleads it."""
        wrong = with_neighbour(
            healthy(CROSSING), "to", self.AT_TO, (WRONG, NeighbourState.PERMANENT)
        )

        assert [("neighbour-wrong", True)] == ids(wrong, ACROSS)


class TestRouted:
    """A request that crosses bridges under its own address."""

    FIRST = network("first", "172.22.0.0/24", gateway_mode_ipv4="routed")
    AT_AA = ip_address("172.22.0.2")

    def ids(self, where: str, way: Way, *more: Endpoint) -> list[tuple[str, bool]]:
        """Return the causes of aa not reaching bb, with a way of one's changed."""
        found = with_macs(
            topology(
                (self.FIRST, NAT, ROUTED),
                (
                    container("aa", endpoint("aa", self.FIRST, "172.22.0.2")),
                    container("bb", *more, endpoint("bb", ROUTED, "172.21.0.2")),
                ),
            )
        )
        state = state_of(found, "container aa bb", network="routed")
        changed = with_way(healthy(found), where, self.AT_AA, way)
        return [(str(c.id), c.certain) for c in causes_of(state, found, changed)]

    def test_its_reply_goes_to_the_source(self) -> None:
        """A blackhole for the source's address swallows it."""
        blackhole = Way(kind=WayKind.BLACKHOLE)

        assert [("blackhole-route", True)] == self.ids("bb", blackhole)

    def test_its_reply_may_leave_by_another_network(self) -> None:
        """Where the engine gave the destination its default route elsewhere."""
        other = Way(
            kind=WayKind.UNICAST, interface="eth0", gateway=ip_address("172.20.0.1")
        )

        assert [] == self.ids("bb", other, endpoint("bb", NAT, "172.20.0.9"))


class TestForwarding:
    """Whether the host forwards."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("net.ipv4.ip_forward", [("forwarding-off", True)]),
            ("net.ipv6.conf.all.forwarding", []),
        ],
    )
    def test_is_off(self, name: str, expected: list[tuple[str, bool]]) -> None:
        """The sysctl of the pair's own family decides."""
        off = with_sysctl(healthy(CROSSING), HOST_NAME, name, "0")

        assert expected == ids(off, ACROSS)

    @pytest.mark.parametrize("what", [BETWEEN, HOSTS, GATEWAYS])
    def test_is_not_needed(self, what: str) -> None:
        """Within a bridge, and between host and containers, nothing is forwarded."""
        off = with_sysctl(FINE, HOST_NAME, "net.ipv4.ip_forward", "0")

        assert [] == ids(off, what)

    def test_in_a_container_does_not_matter(self) -> None:
        """Containers are not to forward anything."""
        off = with_sysctl(healthy(CROSSING), "from", "net.ipv4.ip_forward", "0")

        assert [] == ids(off, ACROSS)


class TestNeighbour:
    """Whom a frame is sent to."""

    @pytest.mark.parametrize(
        ("where", "address", "interface", "what"),
        [
            pytest.param(ONE, AT_TWO, "eth0", BETWEEN, id="the source's"),
            pytest.param(TWO, AT_ONE, "eth0", BETWEEN, id="the destination's"),
            pytest.param(HOST_NAME, AT_ONE, MINE, HOSTS, id="the host's"),
            pytest.param(ONE, GATEWAY, "eth0", HOSTS, id="of the host"),
            pytest.param(ONE, GATEWAY, "eth0", GATEWAYS, id="of the gateway"),
            pytest.param(HOST_NAME, AT_ONE, MINE, GATEWAYS, id="for the reply"),
        ],
    )
    def test_is_wrong(
        self, where: str, address: object, interface: str, what: str
    ) -> None:
        """A permanent entry with another MAC, in either direction."""
        wrong = with_neighbour(
            FINE,
            where,
            ip_address(str(address)),
            (WRONG, NeighbourState.PERMANENT),
            interface=interface,
        )

        (found,) = causes(wrong, what)

        assert (CauseId.NEIGHBOUR_WRONG, True) == (found.id, found.certain)
        assert found.evidence[0].startswith(
            f"{where}: {address} is at {WRONG} (permanent), the address of "
        )

    def test_names_the_right_mac(self) -> None:
        """What it should be is told."""
        wrong = with_neighbour(FINE, ONE, AT_TWO, (WRONG, NeighbourState.PERMANENT))

        assert (
            causes(wrong)[0]
            .evidence[0]
            .endswith(f"the address of {TWO}'s eth0 is 02:42:ac:12:00:03")
        )

    @pytest.mark.parametrize("state", list(NeighbourState))
    def test_is_right(self, state: NeighbourState) -> None:
        """An entry with the right MAC is none, permanent or not."""
        right = with_neighbour(FINE, ONE, AT_TWO, ("02:42:ac:12:00:03", state))

        assert [] == ids(right)

    @pytest.mark.parametrize(
        "state", [NeighbourState.FAILED, NeighbourState.INCOMPLETE]
    )
    def test_that_nobody_answers_for(self, state: NeighbourState) -> None:
        """That the destination does not answer is what is seen, not why."""
        assert [] == ids(with_neighbour(FINE, ONE, AT_TWO, (None, state)))

    def test_of_another_interface(self) -> None:
        """An entry on lo does not matter for eth0."""
        other = with_neighbour(
            FINE, ONE, AT_TWO, (WRONG, NeighbourState.PERMANENT), interface="lo"
        )

        assert [] == ids(other)

    def test_of_another_address(self) -> None:
        """Nor does one of the gateway on the way to a neighbour."""
        other = with_neighbour(FINE, ONE, GATEWAY, (WRONG, NeighbourState.PERMANENT))

        assert [] == ids(other)

    @pytest.mark.parametrize(
        "state",
        [
            NeighbourState.REACHABLE,
            NeighbourState.STALE,
            NeighbourState.DELAY,
            NeighbourState.PROBE,
        ],
    )
    def test_was_learned_of_another_container(self, state: NeighbourState) -> None:
        """Another container answered for the address: it has it too."""
        other = DEMO.sandboxes[0].endpoints[0]
        taken = with_neighbour(FINE, ONE, AT_TWO, (mac_of(other), state))

        (found,) = causes(taken)

        assert (CauseId.ADDRESS_DUPLICATE, True) == (found.id, found.certain)
        assert f"{mac_of(other)} is bridge1's" == found.evidence[1]

    def test_was_learned_of_nobody_known(self) -> None:
        """It may be old, or a station that the engine does not know: likely."""
        stale = with_neighbour(FINE, ONE, AT_TWO, (WRONG, NeighbourState.STALE))

        assert [("neighbour-wrong", False)] == ids(stale)

    def test_that_is_the_own_links_other_end(self) -> None:
        """The host answered on a link that was off its bridge; that end is its own."""
        mine = next(i for i in facts_of(FINE, ONE).interfaces if i.name == "eth0")
        ends = facts_of(FINE, HOST_NAME).interfaces
        port = next(i for i in ends if i.index == mine.peer)
        known = with_interface(FINE, HOST_NAME, port.name, mac=WRONG)
        entry = (WRONG, NeighbourState.REACHABLE)

        assert [] == ids(with_neighbour(known, ONE, GATEWAY, entry), GATEWAYS)

    def test_that_is_the_other_end_of_another_link(self) -> None:
        """A frame to the port of another container does not get up to the host."""
        theirs = next(i for i in facts_of(FINE, TWO).interfaces if i.name == "eth0")
        ends = facts_of(FINE, HOST_NAME).interfaces
        port = next(i for i in ends if i.index == theirs.peer)
        known = with_interface(FINE, HOST_NAME, port.name, mac=WRONG)
        entry = (WRONG, NeighbourState.REACHABLE)

        (found,) = causes(with_neighbour(known, ONE, GATEWAY, entry), GATEWAYS)

        assert (CauseId.ADDRESS_DUPLICATE, True) == (found.id, found.certain)

    def test_across_bridges_is_the_gateways(self) -> None:
        """The source hands its packets to the gateway."""
        wrong = with_neighbour(
            healthy(CROSSING),
            "from",
            ip_address("172.20.0.1"),
            (WRONG, NeighbourState.PERMANENT),
        )

        assert [("neighbour-wrong", True)] == ids(wrong, ACROSS)


class TestIgnoring:
    """Destinations that are told to be silent."""

    NAME = "net.ipv4.icmp_echo_ignore_all"

    @pytest.mark.parametrize(
        ("where", "what"),
        [(TWO, BETWEEN), (ONE, HOSTS), (HOST_NAME, GATEWAYS)],
    )
    def test_ignores_echo_requests(self, where: str, what: str) -> None:
        """A container, or the host for its gateways."""
        (found,) = causes(with_sysctl(FINE, where, self.NAME, "1"), what)

        assert (CauseId.ICMP_IGNORED, True) == (found.id, found.certain)
        assert (f"{where}: {self.NAME} is 1",) == found.evidence

    @pytest.mark.parametrize(
        ("where", "name"),
        [
            pytest.param(ONE, NAME, id="the source"),
            pytest.param(HOST_NAME, NAME, id="the host"),
            pytest.param(TWO, "net.ipv6.icmp.echo_ignore_all", id="the other family"),
        ],
    )
    def test_somebody_else_ignores_them(self, where: str, name: str) -> None:
        """Only the destination's own family counts."""
        assert [] == ids(with_sysctl(FINE, where, name, "1"))


def test_facts_of_a_healthy_host_have_a_way_for_every_address() -> None:
    """The fakes leave no way out: each test above changes something that is there."""
    assert AT_TWO in facts_of(FINE, ONE).ways
    assert AT_ONE in facts_of(FINE, HOST_NAME).ways
