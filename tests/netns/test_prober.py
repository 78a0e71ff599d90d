"""What the prober says about paths that work and paths that do not, for real."""

from collections.abc import Callable
from ipaddress import ip_address

import pytest

from exporter.icmp.probes import Ping
from exporter.model.outcome import Observation, Result
from exporter.model.topology import HOST, IpVersion, SandboxId
from tests.lab.fixtures import MakePlainLab
from tests.lab.plain import PlainContainer, PlainLab
from tests.netns.probing import IGNORE_ALL, ping, probe_one, running, sandbox, settle

both_families = pytest.mark.parametrize("ip_version", [4, 6])

Damage = Callable[[PlainLab, PlainContainer, PlainContainer], None]
"""Breaks the path from the first container to the second."""


@both_families
def test_a_neighbour_answers(netns_lab: MakePlainLab, ip_version: IpVersion) -> None:
    """Containers on one bridge, the gateway, and the host's own way to a container."""
    lab = netns_lab(containers=2)
    (bridge,) = lab.bridges
    first, second = lab.containers
    gateway = bridge.ipv4 if ip_version == 4 else bridge.ipv6
    to = first.ipv4 if ip_version == 4 else first.ipv6
    with running(lab) as prober:
        found = prober.probe(
            [
                ping(first, second, ip_version),
                ping(second, first, ip_version, count=4),
                Ping(sandbox(first), gateway, 1),
                Ping(HOST, to, 1, device=bridge.name),
                Ping(HOST, to, 1),
                Ping(sandbox(first), to, 1, own=True),
                Ping(HOST, gateway, 1, own=True),
            ]
        )

    assert [Result.OK] * 7 == [one.result for one in found]
    assert [1, 4, 1, 1, 1, 1, 1] == [one.sent for one in found]
    assert [1, 4, 1, 1, 1, 1, 1] == [one.received for one in found]
    assert [0] * 7 == [one.duplicates for one in found]
    for one in found:
        assert one.received == len(one.rtts_s)
        assert 0 < (one.rtt_s or 0) < 0.1
    assert 0 == prober.foreign_total == prober.late_total


@both_families
def test_another_bridge_is_silent(
    netns_lab: MakePlainLab, ip_version: IpVersion
) -> None:
    """A host that does not forward drops the request: nothing at all comes back."""
    lab = netns_lab(containers=1, bridges=2)
    first, second = lab.containers
    with running(lab) as prober:
        found = probe_one(prober, ping(first, second, ip_version))

    assert Observation(result=Result.TIMEOUT, sent=1) == found


def iptables(ip_version: int, rule: str) -> list[str]:
    """Return the command that adds a rule in front."""
    return ["iptables" if ip_version == 4 else "ip6tables", "-w", "-I", *rule.split()]


REJECTIONS = [
    (4, "icmp-port-unreachable", Result.PROHIBITED),
    (4, "icmp-host-prohibited", Result.PROHIBITED),
    (4, "icmp-net-prohibited", Result.PROHIBITED),
    (4, "icmp-admin-prohibited", Result.PROHIBITED),
    (4, "icmp-proto-unreachable", Result.PROHIBITED),
    (4, "icmp-host-unreachable", Result.HOST_UNREACHABLE),
    (4, "icmp-net-unreachable", Result.HOST_UNREACHABLE),
    (6, "icmp6-port-unreachable", Result.PROHIBITED),
    (6, "icmp6-adm-prohibited", Result.PROHIBITED),
    (6, "icmp6-policy-fail", Result.PROHIBITED),
    (6, "icmp6-reject-route", Result.PROHIBITED),
    (6, "icmp6-addr-unreachable", Result.HOST_UNREACHABLE),
    (6, "icmp6-no-route", Result.HOST_UNREACHABLE),
]


def test_a_firewall_rejects(netns_lab: MakePlainLab) -> None:
    """Every error that REJECT can send is understood, through the error queue."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    # By default a host sends one error a second, after the first six.
    second.namespace.set_sysctls(
        {"net/ipv4/icmp_ratelimit": 0, "net/ipv6/icmp/ratelimit": 0}
    )
    with running(lab) as prober:
        for ip_version, kind, expected in REJECTIONS:
            rule = f"INPUT -i eth0 -p {'icmp' if ip_version == 4 else 'icmpv6'} "
            rule += "--icmp" + ("" if ip_version == 4 else "v6")
            rule += f"-type echo-request -j REJECT --reject-with {kind}"
            second.namespace.run(iptables(ip_version, rule))
            probe = ping(first, second, 4 if ip_version == 4 else 6, count=2)
            found = probe_one(prober, probe, timeout_s=0.1)

            assert Observation(result=expected, sent=2) == found, kind
            again = iptables(ip_version, rule)
            again[2] = "-D"
            second.namespace.run(again)
        assert Result.OK == probe_one(prober, ping(first, second)).result


def test_a_firewall_drops(netns_lab: MakePlainLab) -> None:
    """DROP on the way in is silence; on the way out the kernel refuses to send."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with running(lab) as prober:
        second.namespace.run(iptables(4, "INPUT -p icmp -j DROP"))
        dropped = probe_one(prober, ping(first, second))
        first.namespace.run(iptables(4, "OUTPUT -p icmp -j DROP"))
        refused = probe_one(prober, ping(first, second))

    assert Observation(result=Result.TIMEOUT, sent=1) == dropped
    assert Observation(result=Result.REFUSED_BY_KERNEL) == refused


@both_families
def test_a_known_connection_passes_until_the_identifier_is_another(
    netns_lab: MakePlainLab, ip_version: IpVersion
) -> None:
    """As an application's would: what was added behind ESTABLISHED is not met."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    kind = "icmp" if ip_version == 4 else "icmpv6 --icmpv6-type echo-request"
    known = "INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"
    with running(lab) as prober:
        second.namespace.run(iptables(ip_version, known))
        before = probe_one(prober, ping(first, second, ip_version))
        second.namespace.run(iptables(ip_version, f"INPUT -p {kind} -j DROP"))
        second.namespace.run(iptables(ip_version, known))
        as_known = probe_one(prober, ping(first, second, ip_version))
        identifier = prober.identifier
        prober.renew()
        as_new = probe_one(prober, ping(first, second, ip_version))
        back = probe_one(prober, ping(second, first, ip_version))

    assert [Result.OK, Result.OK, Result.TIMEOUT, Result.OK] == [
        one.result for one in (before, as_known, as_new, back)
    ]
    assert identifier != prober.identifier
    assert 0 == prober.foreign_total == prober.late_total


@both_families
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("blackhole", Result.REFUSED_BY_KERNEL),
        ("prohibit", Result.REFUSED_BY_KERNEL),
        ("unreachable", Result.NO_ROUTE),
        ("throw", Result.NO_ROUTE),
    ],
)
def test_a_route_that_leads_nowhere(
    netns_lab: MakePlainLab, ip_version: IpVersion, kind: str, expected: Result
) -> None:
    """The kernel's refusal is the result; nothing was sent, and the next one works."""
    lab = netns_lab(containers=3)
    first, second, third = lab.containers
    to = second.ipv4 if ip_version == 4 else second.ipv6
    first.namespace.ip(f"route add {kind} {to}/{to.max_prefixlen}")
    if kind == "throw":  # what the search goes on with must not lead there either
        family = f"-{ip_version}"
        first.namespace.run(["ip", family, "rule", "del", "table", "main"])
    with running(lab) as prober:
        found, other = prober.probe(
            [ping(first, second, ip_version), ping(third, second, ip_version)],
            timeout_s=0.3,
        )

    assert Observation(result=expected) == found
    assert Result.OK == other.result


def link_down(_: PlainLab, first: PlainContainer, __: PlainContainer) -> None:
    """Take the source's interface down."""
    first.namespace.ip("link set eth0 down")


def address_deleted(_: PlainLab, first: PlainContainer, __: PlainContainer) -> None:
    """Take the source's addresses away."""
    first.namespace.ip("address flush dev eth0")


def peer_down(_: PlainLab, __: PlainContainer, second: PlainContainer) -> None:
    """Take the destination's interface down."""
    second.namespace.ip("link set eth0 down")


def off_the_bridge(lab: PlainLab, first: PlainContainer, _: PlainContainer) -> None:
    """Take the source off its bridge."""
    lab.host.ip(f"link set {first.port} nomaster")


def ignore_all(_: PlainLab, __: PlainContainer, second: PlainContainer) -> None:
    """Let the destination ignore echo requests."""
    second.namespace.set_sysctls({IGNORE_ALL[4]: 1, IGNORE_ALL[6]: 1})


@both_families
@pytest.mark.parametrize(
    ("damage", "expected", "own"),
    [
        pytest.param(link_down, Result.NO_ROUTE, Result.OK, id="link down"),
        pytest.param(
            address_deleted, Result.NO_ROUTE, Result.NO_ROUTE, id="no address"
        ),
        pytest.param(peer_down, Result.TIMEOUT, Result.OK, id="peer down"),
        pytest.param(off_the_bridge, Result.TIMEOUT, Result.OK, id="off the bridge"),
        pytest.param(ignore_all, Result.TIMEOUT, Result.OK, id="peer ignores"),
    ],
)
def test_a_broken_path(
    netns_lab: MakePlainLab,
    ip_version: IpVersion,
    damage: Damage,
    expected: Result,
    own: Result,
) -> None:
    """The path fails, and the source's own address tells whether it can probe."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    mine = first.ipv4 if ip_version == 4 else first.ipv6
    with running(lab) as prober:
        damage(lab, first, second)
        found = prober.probe(
            [
                ping(first, second, ip_version),
                Ping(sandbox(first), mine, 1, own=True),
            ],
            timeout_s=0.3,
        )

    if ip_version == 6 and damage is link_down:
        own = Result.NO_ROUTE  # IPv6 loses the address with the link, IPv4 does not
    if ip_version == 6 and damage is address_deleted:
        expected = Result.TIMEOUT  # it keeps the default route, and sends from ::1
    assert [expected, own] == [one.result for one in found]


def test_an_own_address_that_is_not_there_is_not_sent_for(
    netns_lab: MakePlainLab,
) -> None:
    """Else the packet would leave, and whoever has the address might answer."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with running(lab) as prober:
        for target in (second.ipv4, second.ipv6, ip_address("198.51.100.1")):
            found = probe_one(prober, Ping(sandbox(first), target, 1, own=True))

            assert Observation(result=Result.NO_ROUTE) == found


@both_families
def test_a_container_that_ignores_requests_does_not_answer_itself(
    netns_lab: MakePlainLab, ip_version: IpVersion
) -> None:
    """So that silence of a healthy destination is told from a fault."""
    lab = netns_lab(containers=1)
    (container,) = lab.containers
    container.namespace.set_sysctls({IGNORE_ALL[ip_version]: 1})
    to = container.ipv4 if ip_version == 4 else container.ipv6
    with running(lab) as prober:
        found = probe_one(prober, Ping(sandbox(container), to, 1, own=True))

    assert Observation(result=Result.TIMEOUT, sent=1) == found


@both_families
def test_time_to_live_ends_at_the_first_router(
    netns_lab: MakePlainLab, ip_version: IpVersion
) -> None:
    """With 1 a packet cannot leave its network; with 2 it passes one router."""
    lab = netns_lab(containers=1, bridges=2)
    first, second = lab.containers
    lab.host.set_sysctls({"net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1})
    settle(lab)
    to = second.ipv4 if ip_version == 4 else second.ipv6
    with running(lab) as prober:
        found = prober.probe(
            [Ping(sandbox(first), to, ttl) for ttl in (1, 2, 1)], timeout_s=0.3
        )

    assert [Result.TTL_EXCEEDED, Result.OK, Result.TTL_EXCEEDED] == [
        one.result for one in found
    ]


def test_no_buffers_is_no_result(netns_lab: MakePlainLab) -> None:
    """ENOBUFS, as of a full neighbour table: nothing was measured.

    That table is the machine's, and not to be filled; a queue that drops says the same.
    """
    lab = netns_lab(containers=2)
    first, second = lab.containers
    queue = "qdisc add dev eth0 root tbf rate 8bit burst 10b latency 1ms"
    with running(lab) as prober:
        assert Result.OK == probe_one(prober, ping(first, second)).result
        first.namespace.run(["tc", *queue.split()])
        found = probe_one(prober, ping(first, second, count=2))

    assert Observation(result=Result.NEIGHBOUR_TABLE) == found


def test_a_source_that_is_not_open(netns_lab: MakePlainLab) -> None:
    """Nothing is sent for it, and the others are not disturbed."""
    lab = netns_lab(containers=2)
    first, second = lab.containers
    with running(lab) as prober:
        found = prober.probe(
            [Ping(SandboxId("unknown"), second.ipv4, 1), ping(first, second)]
        )

    assert [Result.NETNS_ERROR, Result.OK] == [one.result for one in found]
    assert 0 == found[0].sent


def test_no_probes_at_all(netns_lab: MakePlainLab) -> None:
    """An empty round is over at once."""
    with running(netns_lab(containers=1)) as prober:
        assert () == prober.probe([])
