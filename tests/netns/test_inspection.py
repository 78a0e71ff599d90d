"""What is found in real namespaces, and that what cannot be read spares the rest."""

import errno
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from exporter.errors import NetlinkError
from exporter.hostns import HostFound
from exporter.inspection.inspector import Inspector
from exporter.inspection.namespace import read_namespace
from exporter.inspection.visit import facts_of
from exporter.model.cause import CauseId
from exporter.model.diagnosis import causes_of
from exporter.model.firewall import Ruleset
from exporter.model.inspection import (
    NamespaceFacts,
    NeighbourState,
    Port,
    PortState,
    Way,
    WayKind,
)
from exporter.model.outcome import Verdict
from exporter.model.pair import PairState
from exporter.model.topology import IPAddress, IpVersion, Topology
from exporter.netfilter.read import read_ruleset
from exporter.netns import NamespaceRef, open_namespace
from tests.fakes.filters import FakeFilter
from tests.fakes.inspections import state_of
from tests.fakes.topologies import container, endpoint, network, topology
from tests.lab.fixtures import MakePlainLab
from tests.lab.plain import PlainLab

pytestmark = pytest.mark.netns


@pytest.fixture
def lab(netns_lab: MakePlainLab) -> PlainLab:
    """A host with one bridge and two containers."""
    return netns_lab(containers=2)


def described(lab: PlainLab) -> Topology:
    """Return the lab as an engine would tell of it."""
    (bridge,) = lab.bridges
    net = replace(network("net", "10.213.0.0/24", "fd00:213::/64"), bridge=bridge.name)
    made = topology(
        (net,),
        tuple(
            container(one.name, endpoint(one.name, net, str(one.ipv4)))
            for one in bridge.containers
        ),
    )
    paths = {one.name: one.path for one in bridge.containers}
    sandboxes = (replace(one, path=paths[one.name], pid=0) for one in made.sandboxes)
    return replace(made, sandboxes=tuple(sandboxes))


def host_of(lab: PlainLab) -> HostFound:
    """Return the lab's host as the search for it would."""
    ref = NamespaceRef(path=lab.host.path)
    with open_namespace(ref) as namespace:
        return HostFound(ref=ref, source="configured", identity=namespace.identity())


def broken(lab: PlainLab) -> PairState:
    """Return that the first container does not reach the second."""
    one, two = lab.containers
    return state_of(described(lab), f"container {one.name} {two.name}")


def read(path: str, *addresses: IPAddress) -> NamespaceFacts:
    """Return what is found in a namespace."""
    with open_namespace(NamespaceRef(path=path)) as namespace:
        return namespace.run(
            lambda: read_namespace(addresses, read_filter=read_ruleset)
        )


def open_files() -> int:
    """Return how many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


class TestNamespace:
    """One namespace."""

    def test_a_container(self, lab: PlainLab) -> None:
        """Its interface with both families' addresses, peer and state."""
        one = lab.containers[0]

        found = read(one.path)

        lo, eth0 = found.interfaces
        assert ("lo", "eth0") == (lo.name, eth0.name)
        assert (True, True, False) == (eth0.up, eth0.running, eth0.peer_is_here)
        assert {(one.ipv4, 24), (one.ipv6, 64)} <= set(eth0.addresses)
        assert () == found.notes

    def test_a_port(self, lab: PlainLab) -> None:
        """On the host each knows its bridge, and the index of its other end."""
        one = lab.containers[0]
        inside = read(one.path).interfaces[-1]

        found = {i.name: i for i in read(lab.host.path).interfaces}

        bridge = found[lab.bridges[0].name]
        expected = Port(bridge=bridge.index, state=PortState.FORWARDING, isolated=False)
        assert expected == found[one.port].port
        assert (inside.index, found[one.port].index) == (
            found[one.port].peer,
            inside.peer,
        )

    def test_a_link_without_carrier(self, lab: PlainLab) -> None:
        """Set up is one thing, running another."""
        one = lab.containers[0]
        lab.host.ip(f"link set {one.port} down")

        eth0 = read(one.path).interfaces[-1]

        assert (True, False) == (eth0.up, eth0.running)

    def test_ways(self, lab: PlainLab) -> None:
        """As the kernel would send now, also where it would not."""
        one, two = lab.containers
        one.namespace.ip(f"route add blackhole {two.ipv4}/32")
        far = ip_address("203.0.113.9")

        found = read(one.path, two.ipv4, two.ipv6, far).ways

        assert Way(kind=WayKind.BLACKHOLE) == found[two.ipv4]
        assert ("eth0", None) == (found[two.ipv6].interface, found[two.ipv6].gateway)
        assert lab.bridges[0].ipv4 == found[far].gateway

    def test_neighbours(self, lab: PlainLab) -> None:
        """Made by hand, and learned."""
        one, two = lab.containers
        mac = "02:00:00:00:00:99"
        one.namespace.ip(f"neigh replace {two.ipv4} lladdr {mac} dev eth0")
        one.namespace.run(["ping", "-c1", "-W2", str(lab.bridges[0].ipv4)])

        found = {entry.address: entry for entry in read(one.path).neighbours}

        assert (mac, NeighbourState.PERMANENT) == (
            found[two.ipv4].mac,
            found[two.ipv4].state,
        )
        assert NeighbourState.REACHABLE == found[lab.bridges[0].ipv4].state

    def test_sysctls_are_those_of_the_namespace(self, lab: PlainLab) -> None:
        """/proc/sys/net shows the visitor's namespace, not the process's."""
        one, two = lab.containers
        one.namespace.set_sysctls({"net/ipv4/icmp_echo_ignore_all": 1})
        one.namespace.set_sysctls({"net/ipv6/conf/eth0/disable_ipv6": 1})

        found, other = read(one.path).sysctls, read(two.path).sysctls

        assert ("1", "0") == (
            found["net.ipv4.icmp_echo_ignore_all"],
            other["net.ipv4.icmp_echo_ignore_all"],
        )
        assert "1" == found["net.ipv6.conf.eth0.disable_ipv6"]

    def test_the_filter_of_both_families(self, lab: PlainLab) -> None:
        """As it is inside."""
        one = lab.containers[0]
        one.namespace.run(["iptables", "-A", "INPUT", "-p", "icmp", "-j", "DROP"])

        found = read(one.path).filters

        assert {4, 6} == set(found)
        assert ("-A INPUT -p icmp -j DROP",) == found[4].chain("filter", "INPUT")


class TestUnreadable:
    """What cannot be read."""

    def test_is_noted_and_spares_the_rest(self, lab: PlainLab) -> None:
        """A filter that may not be read, say."""

        def refuse(ip_version: IpVersion) -> Ruleset:
            raise NetlinkError(f"list of tables, IPv{ip_version}", errno.EPERM)

        path = lab.containers[0].path
        with open_namespace(NamespaceRef(path=path)) as namespace:
            found = namespace.run(lambda: read_namespace((), read_filter=refuse))

        assert {} == found.filters
        assert 2 == len(found.interfaces)
        assert [
            "packet filter of IPv4: rtnetlink list of tables, IPv4 failed (errno 1)",
            "packet filter of IPv6: rtnetlink list of tables, IPv6 failed (errno 1)",
        ] == list(found.notes)

    def test_in_part_is_noted_too(self, lab: PlainLab) -> None:
        """What a ruleset says that it lacks."""
        partly = FakeFilter(unread=("legacy tables: not permitted",))
        path = lab.containers[0].path
        with open_namespace(NamespaceRef(path=path)) as namespace:
            found = namespace.run(
                lambda: read_namespace((), read_filter=lambda _: partly)
            )

        assert "packet filter of IPv4: legacy tables: not permitted" == found.notes[0]
        assert {4: partly, 6: partly} == found.filters

    def test_sysctls_that_do_not_exist(self, lab: PlainLab, tmp_path: Path) -> None:
        """They are told from those that could not be read."""
        path = lab.containers[0].path
        with open_namespace(NamespaceRef(path=path)) as namespace:
            found = namespace.run(
                lambda: read_namespace(
                    (), read_filter=read_ruleset, sysctl_root=str(tmp_path)
                )
            )

        assert {} == found.sysctls
        assert "net.bridge.bridge-nf-call-iptables" in found.absent_sysctls
        assert () == found.notes


class TestInspector:
    """Who is visited."""

    def test_the_host_and_both_ends(self, lab: PlainLab) -> None:
        """Once each, with the ways that the pair needs."""
        state = broken(lab)

        found = Inspector(facts=facts_of).inspect(
            described(lab), [state, state], host_of(lab)
        )

        one, two = lab.containers
        assert {one.name, two.name} == set(found.sandboxes)
        assert found.host is not None
        assert {one.ipv4, two.ipv4} == set(found.host.ways)
        assert () == found.notes

    def test_nobody_where_nothing_is_broken(self, lab: PlainLab) -> None:
        """States that are no violations are passed over."""
        state = replace(broken(lab), verdict=Verdict.UNVERIFIED)

        found = Inspector(facts=facts_of).inspect(described(lab), [state], host_of(lab))

        assert (None, {}) == (found.host, found.sandboxes)

    def test_only_so_many(self, lab: PlainLab) -> None:
        """The rest is left out, counted and noted."""
        found = Inspector(facts=facts_of, limit=1).inspect(
            described(lab), [broken(lab)], host_of(lab)
        )

        assert [lab.containers[0].name] == list(found.sandboxes)
        assert 1 == found.left_out
        assert ("1 more containers were not looked into",) == found.notes

    def test_a_container_that_has_ended(self, lab: PlainLab) -> None:
        """It is noted, and the others are looked at."""
        state, seen, host = broken(lab), described(lab), host_of(lab)
        gone = replace(seen.sandboxes[0], path=f"{lab.host.path}/not/there")
        seen = replace(seen, sandboxes=(gone, *seen.sandboxes[1:]))

        found = Inspector(facts=facts_of).inspect(seen, [state], host)

        assert [lab.containers[1].name] == list(found.sandboxes)
        assert found.notes[0].startswith(f"{lab.containers[0].name}: ")

    def test_without_the_host(self, lab: PlainLab) -> None:
        """The containers alone may show enough."""
        lab.containers[0].namespace.ip("link set eth0 down")
        state, seen = broken(lab), described(lab)

        found = Inspector(facts=facts_of).inspect(seen, [state], None)

        assert found.host is None
        assert ("host: its namespace was not found",) == found.notes
        assert [CauseId.LINK_DOWN] == [c.id for c in causes_of(state, seen, found)]

    def test_faults_are_found_in_what_it_reads(self, lab: PlainLab) -> None:
        """From the kernel's tables to the cause."""
        ports = [one.port for one in lab.containers]
        for port in ports:
            lab.host.run(["bridge", "link", "set", "dev", port, "isolated", "on"])
        state, seen = broken(lab), described(lab)

        found = Inspector(facts=facts_of).inspect(seen, [state], host_of(lab))

        assert [CauseId.PORT_ISOLATED] == [c.id for c in causes_of(state, seen, found)]

    def test_nothing_is_left_behind(self, lab: PlainLab) -> None:
        """No socket stays in a namespace that was visited."""
        state, seen, host = broken(lab), described(lab), host_of(lab)
        before = open_files()

        for _ in range(3):
            Inspector(facts=facts_of).inspect(seen, [state], host)

        assert before == open_files()
