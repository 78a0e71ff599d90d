"""Probes from the host: bound to a bridge, and only where the kernel would go there."""

import pytest

from exporter.icmp.prober import Prober
from exporter.icmp.probes import Ping
from exporter.model.outcome import Observation, Result
from exporter.model.topology import HOST, IPAddress, IpVersion
from tests.lab.fixtures import MakePlainLab
from tests.lab.plain import PlainContainer, PlainLab
from tests.netns.probing import probe_one, running

both_families = pytest.mark.parametrize("ip_version", [4, 6])


def address_of(container: PlainContainer, ip_version: IpVersion) -> IPAddress:
    """Return the address of a container."""
    return container.ipv4 if ip_version == 4 else container.ipv6


def from_host(prober: Prober, to: IPAddress, device: str = "br0") -> Observation:
    """Return what becomes of a probe from the host by a bridge."""
    return probe_one(prober, Ping(HOST, to, 1, device=device))


def clash(lab: PlainLab, to: IPAddress) -> None:
    """Give the host a second way to an address, which it prefers."""
    length = to.max_prefixlen
    lab.host.ip(
        "link add clash type veth peer name clash-peer",
        "link set clash up",
        "link set clash-peer up",
        f"route add {to}/{length} dev clash",
    )


@both_families
def test_a_route_by_another_interface(
    netns_lab: MakePlainLab, ip_version: IpVersion
) -> None:
    """The subnet clash: the host would not reach the container, and nothing is sent.

    A socket bound to the bridge would reach it all the same.
    """
    lab = netns_lab(containers=2)
    first, second = lab.containers
    to = address_of(first, ip_version)
    clash(lab, to)
    with running(lab) as prober:
        found = from_host(prober, to)
        other = from_host(prober, address_of(second, ip_version))

    assert Observation(result=Result.WRONG_ROUTE) == found
    assert Result.OK == other.result


@both_families
def test_an_address_of_the_hosts_own(
    netns_lab: MakePlainLab, ip_version: IpVersion
) -> None:
    """An address that the host has itself is not reached by the bridge."""
    lab = netns_lab(containers=1)
    (bridge,) = lab.bridges
    gateway = bridge.ipv4 if ip_version == 4 else bridge.ipv6
    with running(lab) as prober:
        found = from_host(prober, gateway)

    assert Observation(result=Result.WRONG_ROUTE) == found


@both_families
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("blackhole", Result.REFUSED_BY_KERNEL),
        ("prohibit", Result.REFUSED_BY_KERNEL),
        ("unreachable", Result.NO_ROUTE),
    ],
)
def test_a_route_that_leads_nowhere(
    netns_lab: MakePlainLab, ip_version: IpVersion, kind: str, expected: Result
) -> None:
    """The same results as for a container's own routes."""
    lab = netns_lab(containers=1)
    to = address_of(lab.containers[0], ip_version)
    lab.host.ip(f"route add {kind} {to}/{to.max_prefixlen}")
    with running(lab) as prober:
        found = from_host(prober, to)

    assert Observation(result=expected) == found


@both_families
def test_no_route_at_all(netns_lab: MakePlainLab, ip_version: IpVersion) -> None:
    """A bridge without its address."""
    lab = netns_lab(containers=1)
    lab.host.ip("address flush dev br0")
    with running(lab) as prober:
        found = from_host(prober, address_of(lab.containers[0], ip_version))

    assert Observation(result=Result.NO_ROUTE) == found


@both_families
def test_a_bridge_that_is_down(netns_lab: MakePlainLab, ip_version: IpVersion) -> None:
    """Its routes are gone or dead."""
    lab = netns_lab(containers=1)
    lab.host.ip("link set br0 down")
    with running(lab) as prober:
        found = from_host(prober, address_of(lab.containers[0], ip_version))

    assert Observation(result=Result.NO_ROUTE) == found


def test_a_device_that_is_not_there(netns_lab: MakePlainLab) -> None:
    """A bridge that nobody listed, or that was removed: no way leads there."""
    lab = netns_lab(containers=1, bridges=2)
    first, second = lab.containers
    with running(lab) as prober:
        unknown = from_host(prober, first.ipv4, "br7")
        lab.host.ip("link del br1")
        removed = from_host(prober, second.ipv4, "br1")
        other = from_host(prober, first.ipv4)

    assert Observation(result=Result.NO_ROUTE) == unknown
    assert Observation(result=Result.NO_ROUTE) == removed
    assert Result.OK == other.result


@both_families
def test_a_bridge_made_anew_under_its_name(
    netns_lab: MakePlainLab, ip_version: IpVersion
) -> None:
    """The kernel bound the socket to the old one's number; it is bound again."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    (bridge,) = lab.bridges
    to = address_of(container, ip_version)
    with running(lab) as prober:
        assert Result.OK == from_host(prober, to).result
        lab.host.ip(
            "link del br0",
            "link add br0 type bridge forward_delay 0",
            f"address add {bridge.ipv4}/24 dev br0",
            f"address add {bridge.ipv6}/64 dev br0 nodad",
            "link set br0 up",
            f"link set {container.port} master br0",
        )
        # It carries nothing until the kernel has noticed both its ends.
        tries = (from_host(prober, to) for _ in range(3))
        found = next(one for one in tries if one.result is not Result.TIMEOUT)

    assert (Result.OK, 1) == (found.result, found.received)


def test_each_bridge_hears_its_own_replies(netns_lab: MakePlainLab) -> None:
    """Bound and unbound sockets of one namespace: no reply counts twice."""
    lab = netns_lab(containers=3, bridges=3)
    probes = [
        Ping(HOST, container.ipv4, 1, device=device, count=2)
        for bridge in lab.bridges
        for container in bridge.containers
        for device in (bridge.name, None)
    ]
    with running(lab) as prober:
        found = prober.probe(probes)

    assert {(Result.OK, 2, 2, 0, 0)} == {
        (one.result, one.sent, one.received, one.duplicates, one.late) for one in found
    }
    assert 0 == prober.foreign_total
