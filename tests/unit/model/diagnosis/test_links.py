"""Silence that comes of links, and what looks like it and is not."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.model.cause import Cause, CauseId
from exporter.model.diagnosis import causes_of
from exporter.model.inspection import Inspection, Port, PortState
from tests.fakes.inspections import (
    HOST_NAME,
    altered,
    facts_of,
    healthy,
    index_of,
    port_of,
    state_of,
    with_interface,
    with_macs,
    with_sysctl,
    without_interface,
)
from tests.fakes.topologies import container, demo, endpoint, network, topology

DEMO = with_macs(demo())
FINE = healthy(DEMO)
ONE, TWO, MINE = "mybridge1", "mybridge2", "br-mybridge"
BETWEEN = f"container {ONE} {TWO}"


def causes(inspection: Inspection, what: str = BETWEEN) -> tuple[Cause, ...]:
    """Return the causes of a silent pair of the demo."""
    return causes_of(state_of(DEMO, what), DEMO, inspection)


def ids(inspection: Inspection, what: str = BETWEEN) -> list[tuple[str, bool]]:
    """Return the causes' ids and whether they are certain."""
    return [(str(one.id), one.certain) for one in causes(inspection, what)]


@pytest.mark.parametrize(
    "what", [BETWEEN, f"host host {ONE}", f"gateway {ONE} gateway"]
)
def test_nothing_is_found_where_nothing_is_wrong(what: str) -> None:
    """No cause is made up for a silence that nothing explains."""
    assert () == causes(FINE, what)


def test_nothing_is_found_where_nothing_was_looked_at() -> None:
    """Facts that are missing prove nothing."""
    assert () == causes(Inspection())


class TestInterface:
    """The container's own interface."""

    @pytest.mark.parametrize("end", [ONE, TWO])
    def test_is_missing(self, end: str) -> None:
        """The namespace has none for the network."""
        (found,) = causes(without_interface(FINE, end, "eth0"))

        assert (CauseId.INTERFACE_MISSING, True) == (found.id, found.certain)
        assert (
            f"{end}: no interface for network mybridge (there: only lo)",
        ) == found.evidence

    @pytest.mark.parametrize("end", [ONE, TWO])
    def test_is_down(self, end: str) -> None:
        """Its own flags say so; that its port is blocked then is a consequence."""
        down = with_interface(FINE, end, "eth0", up=False, running=False)
        port = port_of(down, end)
        blocked = Port(
            bridge=index_of(down, HOST_NAME, MINE),
            state=PortState.DISABLED,
            isolated=False,
        )
        down = with_interface(down, HOST_NAME, port, running=False, port=blocked)

        (found,) = causes(down)

        assert (CauseId.LINK_DOWN, True) == (found.id, found.certain)
        assert (f"{end}: eth0 is down",) == found.evidence

    def test_has_no_carrier(self) -> None:
        """It is up, and its other end is not."""
        port = port_of(FINE, ONE)
        down = with_interface(FINE, ONE, "eth0", running=False)
        down = with_interface(down, HOST_NAME, port, up=False, running=False)

        found = causes(down)[0]

        assert (CauseId.LINK_DOWN, True) == (found.id, found.certain)
        assert (
            f"host: {port}, its other end, is down",
            f"{ONE}: eth0 is up and has no carrier",
        ) == found.evidence

    def test_another_interface_that_is_down(self) -> None:
        """What the packet does not pass is no cause."""
        eth0 = facts_of(FINE, ONE).interfaces[1]
        other = replace(
            eth0, index=9, name="eth1", mac="02:42:00:00:00:09", up=False, peer=None
        )
        both = (*facts_of(FINE, ONE).interfaces, other)

        assert () == causes(altered(FINE, ONE, interfaces=both))

    def test_with_another_mac(self) -> None:
        """A MAC changed by hand: it is known by the bridge its link leads to."""
        changed = with_interface(FINE, ONE, "eth0", mac="02:00:00:00:00:77", up=False)

        assert [("link-down", True)] == ids(changed)


class TestBridge:
    """The network's bridge."""

    @pytest.mark.parametrize(
        "what", [BETWEEN, f"host host {ONE}", f"gateway {ONE} gateway"]
    )
    def test_is_down(self, what: str) -> None:
        """Everything on it is cut off."""
        down = with_interface(FINE, HOST_NAME, MINE, up=False, running=False)

        found = causes(down, what)[0]

        assert (CauseId.BRIDGE_DOWN, True) == (found.id, found.certain)
        line = f"host: {MINE}, the bridge of mybridge, is down"
        assert (line,) == found.evidence

    def test_is_gone(self) -> None:
        """No interface of its name is left."""
        found = causes(without_interface(FINE, HOST_NAME, MINE))[0]

        assert (CauseId.BRIDGE_DOWN, True) == (found.id, found.certain)
        assert (f"host: there is no bridge {MINE}",) == found.evidence

    def test_of_another_network_is_down(self) -> None:
        """The default bridge has nothing to do with it."""
        assert () == causes(with_interface(FINE, HOST_NAME, "br-bridge", up=False))

    def test_without_carrier(self) -> None:
        """A bridge whose ports are all down says nothing of itself."""
        assert () == causes(with_interface(FINE, HOST_NAME, MINE, running=False))


class TestPort:
    """The host's end of a container's link."""

    @pytest.mark.parametrize("end", [ONE, TWO])
    def test_is_on_no_bridge(self, end: str) -> None:
        """It was taken off."""
        port = port_of(FINE, end)

        (found,) = causes(with_interface(FINE, HOST_NAME, port, port=None))

        assert (CauseId.PORT_MISSING, True) == (found.id, found.certain)
        assert (
            (
                f"host: {port}, the other end of {end}: eth0, is a port of no "
                f"bridge, not of {MINE}"
            ),
        ) == found.evidence

    def test_is_on_another_bridge(self) -> None:
        """It is told on which."""
        port = port_of(FINE, ONE)
        other = Port(
            bridge=index_of(FINE, HOST_NAME, "br-bridge"),
            state=PortState.FORWARDING,
            isolated=False,
        )

        (found,) = causes(with_interface(FINE, HOST_NAME, port, port=other))

        assert (CauseId.PORT_MISSING, True) == (found.id, found.certain)
        assert "is a port of br-bridge, not of br-mybridge" in found.evidence[0]

    @pytest.mark.parametrize(
        "state", [one for one in PortState if one is not PortState.FORWARDING]
    )
    def test_is_blocked(self, state: PortState) -> None:
        """The bridge does not forward for it."""
        port = port_of(FINE, TWO)
        index = index_of(FINE, HOST_NAME, MINE)
        blocked = Port(bridge=index, state=state, isolated=False)

        (found,) = causes(with_interface(FINE, HOST_NAME, port, port=blocked))

        assert (CauseId.PORT_BLOCKED, True) == (found.id, found.certain)
        assert found.evidence[0].endswith(f"is {state} on {MINE}")

    @pytest.mark.parametrize(
        ("isolated", "expected"),
        [
            pytest.param((ONE, TWO), [("port-isolated", True)], id="both"),
            pytest.param((ONE,), [], id="only one passes"),
        ],
    )
    def test_is_isolated(
        self, isolated: tuple[str, ...], expected: list[tuple[str, bool]]
    ) -> None:
        """Only between isolated ports a bridge passes nothing."""
        found = FINE
        index = index_of(FINE, HOST_NAME, MINE)
        apart = Port(bridge=index, state=PortState.FORWARDING, isolated=True)
        for end in isolated:
            found = with_interface(found, HOST_NAME, port_of(FINE, end), port=apart)

        assert expected == ids(found)
        assert [] == ids(found, f"host host {ONE}")

    def test_is_isolated_on_another_bridge(self) -> None:
        """Ports of two bridges have nothing to do with one another."""
        nat = network("nat", "172.20.0.0/24")
        routed = network("routed", "172.21.0.0/24", gateway_mode_ipv4="routed")
        both = with_macs(
            topology(
                (nat, routed),
                (
                    container("aa", endpoint("aa", nat, "172.20.0.2")),
                    container("bb", endpoint("bb", routed, "172.21.0.2")),
                ),
            )
        )
        found = healthy(both)
        for end, bridge in (("aa", "br-nat"), ("bb", "br-routed")):
            apart = Port(
                bridge=index_of(found, HOST_NAME, bridge),
                state=PortState.FORWARDING,
                isolated=True,
            )
            found = with_interface(found, HOST_NAME, port_of(found, end), port=apart)

        assert () == causes_of(state_of(both, "container aa bb"), both, found)

    def test_is_not_to_be_found(self) -> None:
        """A link whose other end is elsewhere is odd, and no proof."""
        lost = without_interface(FINE, HOST_NAME, port_of(FINE, ONE))

        assert [("port-missing", False)] == ids(lost)


class TestAddress:
    """The addresses of the ends."""

    @pytest.mark.parametrize("what", [BETWEEN, f"host host {TWO}"])
    def test_is_missing_at_the_destination(self, what: str) -> None:
        """It has another, or none."""
        other = (ip_address("172.18.0.99"), 16)

        (found,) = causes(with_interface(FINE, TWO, "eth0", addresses=(other,)), what)

        assert (CauseId.ADDRESS_MISSING, True) == (found.id, found.certain)
        line = f"{TWO}: eth0 has 172.18.0.99, not 172.18.0.3"
        assert (line,) == found.evidence

    def test_is_missing_at_the_source(self) -> None:
        """Without any of the subnet it cannot send; with another one it may."""
        none = with_interface(FINE, ONE, "eth0", addresses=())
        other = (ip_address("172.18.0.99"), 16)

        assert [("address-missing", True)] == ids(none)
        assert [("address-missing", False)] == ids(
            with_interface(FINE, ONE, "eth0", addresses=(other,))
        )

    def test_is_on_another_interface(self) -> None:
        """The kernel answers for every address that it has (weak host model)."""
        address = (ip_address("172.18.0.3"), 32)
        moved = with_interface(FINE, TWO, "eth0", addresses=())

        assert [] == ids(with_interface(moved, TWO, "lo", addresses=(address,)))

    @pytest.mark.parametrize(
        ("what", "certain"),
        [(f"host host {ONE}", True), (f"gateway {ONE} gateway", True)],
    )
    def test_is_missing_on_the_bridge(self, what: str, certain: bool) -> None:
        """Host and gateway pairs need the gateway's address; others do not."""
        bare = with_interface(FINE, HOST_NAME, MINE, addresses=())

        found = causes(bare, what)[0]

        assert (CauseId.BRIDGE_ADDRESS_MISSING, certain) == (found.id, found.certain)
        assert (f"host: {MINE} has none, not 172.18.0.1",) == found.evidence
        assert [] == ids(bare, BETWEEN)

    def test_of_the_bridge_was_changed(self) -> None:
        """The host still reaches the subnet by another address of it."""
        other = (ip_address("172.18.0.254"), 16)
        changed = with_interface(FINE, HOST_NAME, MINE, addresses=(other,))

        assert [("bridge-address-missing", True)] == ids(
            changed, f"gateway {ONE} gateway"
        )
        assert [("bridge-address-missing", False)] == ids(changed, f"host host {ONE}")


class TestIpv6:
    """What only IPv6 has."""

    SIX = network("six", "fd00:6::/64")
    DUAL = with_macs(
        topology(
            (SIX,),
            (
                container("aa", endpoint("aa", SIX, "fd00:6::2")),
                container("bb", endpoint("bb", SIX, "fd00:6::3")),
            ),
        )
    )

    def ids(self, inspection: Inspection) -> list[tuple[str, bool]]:
        """Return the causes of aa not reaching bb."""
        state = state_of(self.DUAL, "container aa bb", ip_version=6)
        return [
            (str(one.id), one.certain)
            for one in causes_of(state, self.DUAL, inspection)
        ]

    @pytest.mark.parametrize(
        "name",
        ["net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.eth0.disable_ipv6"],
    )
    @pytest.mark.parametrize("end", ["aa", "bb"])
    def test_is_switched_off(self, end: str, name: str) -> None:
        """Its addresses go with it; the sysctl is the cause."""
        off = with_interface(healthy(self.DUAL), end, "eth0", addresses=())

        assert [("ipv6-disabled", True)] == self.ids(with_sysctl(off, end, name, "1"))

    def test_is_not_in_the_kernel(self) -> None:
        """Without IPv6 there is no such sysctl."""
        off = with_interface(healthy(self.DUAL), "bb", "eth0", addresses=())
        name = "net.ipv6.conf.all.disable_ipv6"

        assert [("ipv6-disabled", True)] == self.ids(with_sysctl(off, "bb", name, None))

    def test_was_switched_off_and_on_again(self) -> None:
        """An address that is gone though IPv6 is on was deleted."""
        gone = with_interface(healthy(self.DUAL), "bb", "eth0", addresses=())

        assert [("address-missing", True)] == self.ids(gone)

    def test_switched_off_elsewhere(self) -> None:
        """With its address in place a sysctl that is set has no effect yet."""
        name = "net.ipv6.conf.all.disable_ipv6"

        assert [] == self.ids(with_sysctl(healthy(self.DUAL), "bb", name, "1"))

    def test_refused_the_address(self) -> None:
        """Another station has it: the kernel does not use it."""
        taken = (ip_address("fd00:6::3"),)
        refused = with_interface(healthy(self.DUAL), "bb", "eth0", refused=taken)

        assert [("address-duplicate", True)] == self.ids(refused)
