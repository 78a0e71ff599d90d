"""Which notifications about links and addresses matter."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.detection.links import LinkTable
from exporter.detection.touched import NOTHING, Touched
from exporter.errors import PacketError
from exporter.rtnetlink import BridgePort, Link, LinkAddress
from tests.fakes.notifications import (
    BRIDGE,
    DEL_ADDRESS,
    DEL_LINK,
    ETH0,
    LO,
    LOOSE,
    NAMES,
    NEW_ADDRESS,
    NEW_LINK,
    OTHER,
    VETH,
    of_address,
    of_link,
    of_port,
    told,
)

# `bridge link set dev v0 isolated on`, as Linux 6.18 told it: index 4, master 2.
ISOLATED = (
    "a4010000100000000000000000000000070001000400000043100100000000000700030076300000"
    "08000a000200000008000400dc05000005001000060000000a0001000a5ca0d4dfd3000008000500"
    "0300000050010c800500010003000000060002002000000008000300020000000500040000000000"
    "05000500000000000500060000000000050007000000000005001c00000000000500080001000000"
    "050009000100000005001b000100000005001e000100000005000a000000000005000c0000000000"
    "0c000d0080000a5ca0d4dfd30c000e0080000a5ca0d4dfd306000f00018000000600100000000000"
    "060011000180000006001200010000000500130000000000050014000000000005001d0000000000"
    "06001f00000000000500200000000000050023000000000005002400000000000500210001000000"
    "0500270000000000050028000000000005002b00000000000c00150000000000000000000c001600"
    "db050000000000000c00170000000000000000000500190001000000080025000002000008002600"
    "00000000080029000000000008002a0000000000"
)


def link(index: int, *, master: int | None = None, up: bool = True) -> Link:
    """Return a link as it is listed."""
    return Link(
        index=index,
        name=NAMES[index],
        up=up,
        mtu=1500,
        mac=None,
        master=master,
        peer=None,
        set_up=up,
        peer_is_here=False,
        port=None if master is None else BridgePort(state=3, isolated=False),
    )


def address(index: int, text: str) -> LinkAddress:
    """Return an address as it is listed."""
    return LinkAddress(index=index, address=ip_address(text), prefix_length=24)


def table() -> LinkTable:
    """Return a host with two bridges, a port on the first, and a loose end."""
    links = (link(LO), link(ETH0), link(BRIDGE), link(OTHER), link(LOOSE))
    addresses = (
        address(LO, "127.0.0.1"),
        address(ETH0, "198.51.100.1"),
        address(BRIDGE, "10.0.0.1"),
        address(OTHER, "10.0.1.1"),
    )
    return LinkTable((*links, link(VETH, master=BRIDGE)), addresses)


def bridges(*names: str) -> Touched:
    """Return a change of ports of bridges."""
    return Touched(bridges=frozenset(names))


def hosts(*names: str) -> Touched:
    """Return a change of interfaces with addresses."""
    return Touched(hosts=frozenset(names))


@pytest.mark.parametrize(
    ("notification", "expected"),
    [
        pytest.param(of_link(VETH, master=BRIDGE), NOTHING, id="a port as it was"),
        pytest.param(
            of_link(VETH, master=BRIDGE, flags=1), bridges("br0"), id="carrier lost"
        ),
        pytest.param(
            of_link(VETH, master=BRIDGE, flags=0), bridges("br0"), id="port down"
        ),
        pytest.param(of_link(VETH), bridges("br0"), id="port off its bridge"),
        pytest.param(
            of_link(VETH, master=OTHER), bridges("br0", "br1"), id="port elsewhere"
        ),
        pytest.param(of_link(VETH, kind=DEL_LINK), bridges("br0"), id="port deleted"),
        pytest.param(
            of_link(LOOSE, master=OTHER), bridges("br1"), id="port put on a bridge"
        ),
        pytest.param(of_link(LOOSE, flags=0), NOTHING, id="a loose end down"),
        pytest.param(of_link(LOOSE, kind=DEL_LINK), NOTHING, id="a loose end gone"),
        pytest.param(of_link(BRIDGE), NOTHING, id="a bridge as it was"),
        pytest.param(of_link(BRIDGE, flags=0), hosts("br0"), id="bridge down"),
        pytest.param(of_link(BRIDGE, kind=DEL_LINK), hosts("br0"), id="bridge deleted"),
        pytest.param(of_link(ETH0, name="eth9"), hosts("eth0", "eth9"), id="renamed"),
        pytest.param(of_port(VETH, 3), NOTHING, id="port state as it was"),
        pytest.param(of_port(VETH, 4), bridges("br0"), id="port blocking"),
        pytest.param(of_port(VETH, 4, kind=DEL_LINK), NOTHING, id="said by its link"),
        pytest.param(of_port(LOOSE, 4), NOTHING, id="no port"),
        pytest.param(of_address(BRIDGE, "10.0.0.1"), NOTHING, id="address renewed"),
        pytest.param(of_address(BRIDGE, "10.0.9.1"), hosts("br0"), id="address added"),
        pytest.param(
            of_address(BRIDGE, "10.0.0.1", kind=DEL_ADDRESS),
            hosts("br0"),
            id="address deleted",
        ),
        pytest.param(
            of_address(BRIDGE, "10.0.7.1", kind=DEL_ADDRESS),
            NOTHING,
            id="an unknown address deleted",
        ),
        pytest.param(
            of_address(BRIDGE, "10.0.0.1", flags=0x08),
            hosts("br0"),
            id="address refused",
        ),
        pytest.param(of_address(VETH, "10.0.9.1"), NOTHING, id="address of a port"),
        pytest.param(of_address(ETH0, "fe80::1"), NOTHING, id="link-local address"),
        pytest.param(told(24, b""), NOTHING, id="of another kind"),
    ],
)
def test_what_matters(notification: bytes, expected: Touched) -> None:
    """What changed is compared with what was."""
    assert expected == table().note(notification)


@pytest.mark.parametrize(
    "notification",
    [
        pytest.param(of_link(VETH, master=OTHER), id="link"),
        pytest.param(of_port(VETH, 4), id="port"),
        pytest.param(of_address(BRIDGE, "10.0.9.1"), id="address"),
        pytest.param(of_link(BRIDGE, kind=DEL_LINK), id="deletion"),
    ],
)
def test_what_is_told_twice_changes_once(notification: bytes) -> None:
    """A list and a notification may both say it."""
    known = table()

    assert known.note(notification)
    assert not known.note(notification)


def test_a_datagram_may_hold_several() -> None:
    """All of them count."""
    both = of_link(VETH) + of_address(ETH0, "198.51.100.9")

    assert bridges("br0") | hosts("eth0") == table().note(both)


def test_addresses_go_with_their_link() -> None:
    """An interface that gets the index later starts without any."""
    known = table()
    known.note(of_link(ETH0, kind=DEL_LINK))
    known.note(of_link(ETH0, flags=0))

    assert not known.note(of_link(ETH0))


def test_a_port_that_is_isolated_as_recorded() -> None:
    """The bridge's own word, which its link does not repeat."""
    known = LinkTable(
        (
            Link(
                index=index,
                name=name,
                up=True,
                mtu=1500,
                mac=None,
                master=master,
                peer=None,
                set_up=True,
                peer_is_here=False,
                port=BridgePort(state=3, isolated=False) if master else None,
            )
            for index, name, master in ((2, "br0", None), (4, "v0", 2))
        ),
        (),
    )
    datagram = bytes.fromhex(ISOLATED)

    assert bridges("br0") == known.note(datagram)
    assert not known.note(datagram)


@given(
    st.binary(max_size=200),
    st.sampled_from((NEW_LINK, DEL_LINK, NEW_ADDRESS, DEL_ADDRESS)),
)
def test_any_bytes(data: bytes, kind: int) -> None:
    """Whatever arrives is taken or refused, never anything else."""
    try:
        found = table().note(told(kind, data))
    except PacketError:
        return
    assert isinstance(found, Touched)
