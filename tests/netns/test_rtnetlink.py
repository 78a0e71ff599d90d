"""Links, addresses and routes of the real kernel."""

import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest

from exporter.model.topology import HostRoute
from exporter.netns import NamespaceRef, open_namespace
from exporter.rtnetlink import BridgePort, NeighbourEntry, Route, RouteSocket
from tests.lab.fixtures import require
from tests.lab.namespaces import Namespace, namespaces_missing, pair_up

pytestmark = pytest.mark.netns

US_4, US_6 = IPv4Address("10.9.0.1"), IPv6Address("fd00:9::1")


@pytest.fixture
def lab() -> Iterator[Namespace]:
    """A namespace with v0 (10.9.0.1/24, fd00:9::1/64) and its peer v1, both up."""
    require(namespaces_missing())
    with Namespace() as namespace:
        namespace.ip(
            "link add v0 type veth peer name v1",
            "address add 10.9.0.1/24 dev v0",
            "address add fd00:9::1/64 dev v0 nodad",
            "link set v0 up",
            "link set v1 up",
        )
        yield namespace


@pytest.fixture
def routes(lab: Namespace) -> Iterator[RouteSocket]:
    """A route socket in the namespace."""
    with open_namespace(NamespaceRef(path=lab.path)) as namespace:
        made = namespace.run(RouteSocket)
    with made:
        yield made


def index_of(routes: RouteSocket, name: str) -> int:
    """Return the index of an interface."""
    return next(link.index for link in routes.links() if link.name == name)


class TestInterfaces:
    """What there is."""

    def test_everything_of_an_interface(
        self, lab: Namespace, routes: RouteSocket
    ) -> None:
        """Name, index, state, MTU, MAC and both families' addresses."""
        lab.ip("link set v0 mtu 1400 address 02:42:0a:09:00:01")

        lo, *_, v0 = sorted(routes.interfaces(), key=lambda i: i.name == "v0")

        assert ("lo", 1, True, 65536, None) == (
            lo.name,
            lo.index,
            lo.up,
            lo.mtu,
            lo.mac,
        )
        assert ("v0", True, 1400) == (v0.name, v0.up, v0.mtu)
        assert "02:42:0a:09:00:01" == v0.mac
        assert {(US_4, 24), (US_6, 64)} <= set(v0.addresses)

    def test_up_means_carrier(self, lab: Namespace, routes: RouteSocket) -> None:
        """An interface whose peer is down is not up, nor is its peer."""
        lab.ip("link set v1 down")

        # The kernel tells of a lost carrier from a queue (net/core/link_watch.c).
        deadline_s = time.monotonic() + 5
        up = {"v0": True}
        while up["v0"] and time.monotonic() < deadline_s:
            up = {link.name: link.up for link in routes.links()}

        assert {"lo": True, "v0": False, "v1": False} == up

    def test_ports_name_their_bridge(self, lab: Namespace, routes: RouteSocket) -> None:
        """A bridge's port knows its master, and a veth its peer."""
        lab.ip("link add br0 type bridge", "link set v1 master br0")

        links = {link.name: link for link in routes.links()}

        assert links["br0"].index == links["v1"].master
        assert links["v0"].master is None
        assert links["v0"].index == links["v1"].peer

    def test_a_veth_tells_where_its_peer_is(
        self, lab: Namespace, routes: RouteSocket
    ) -> None:
        """A peer in another namespace is not taken for an index of this one."""
        with Namespace() as other:
            pair_up(lab, "out", other, "in")
            links = {link.name: link for link in routes.links()}

        assert links["v0"].peer_is_here
        assert not links["out"].peer_is_here

    def test_what_a_bridge_does_with_a_port(
        self, lab: Namespace, routes: RouteSocket
    ) -> None:
        """Its state and whether it is isolated, and no longer once it has left."""
        lab.ip(
            "link add br0 type bridge",
            "link set br0 up",
            "link set v1 master br0",
        )
        seen = []
        for options in ("isolated on", "state 0", "isolated off state 3"):
            lab.run(["bridge", "link", "set", "dev", "v1", *options.split()])
            seen += [link.port for link in routes.links() if link.name == "v1"]
        lab.ip("link set v1 nomaster")
        seen += [link.port for link in routes.links() if link.name == "v1"]

        assert [
            BridgePort(state=3, isolated=True),
            BridgePort(state=0, isolated=True),
            BridgePort(state=3, isolated=False),
            None,
        ] == seen

    def test_a_refused_ipv6_address(self, lab: Namespace, routes: RouteSocket) -> None:
        """An address that another station has is there and not used."""
        lab.ip("address delete fd00:9::1/64 dev v0", "address add fd00:9::1/64 dev v0")
        with Namespace() as other:
            lab.ip(f"link set v1 netns {other.path}")
            other.ip("address add fd00:9::1/64 dev v1 nodad", "link set v1 up")
            lab.ip("link set v0 down", "link set v0 up")
            lab.ip("address replace fd00:9::1/64 dev v0")
            deadline_s = time.monotonic() + 10
            refused = False
            while not refused and time.monotonic() < deadline_s:
                found = {f.address: f.refused for f in routes.addresses()}
                refused = found.get(US_6, False)

        assert refused

    def test_a_deleted_address_is_gone(
        self, lab: Namespace, routes: RouteSocket
    ) -> None:
        """The next question sees what is there now."""
        lab.ip("address delete 10.9.0.1/24 dev v0")

        addresses = {found.address for found in routes.addresses()}

        assert US_4 not in addresses
        assert US_6 in addresses

    def test_lists_of_many_datagrams(self, lab: Namespace, routes: RouteSocket) -> None:
        """A list that fills several datagrams comes whole, each entry once."""
        wanted = [f"10.9.{a}.{b}" for a in range(1, 6) for b in range(1, 201)]
        lab.ip(*(f"address add {address}/32 dev v0" for address in wanted))

        found = [str(f.address) for f in routes.addresses() if f.prefix_length == 32]

        assert sorted(wanted) == sorted(found)


class TestNeighbours:
    """Who answers for which address."""

    @pytest.mark.parametrize("us", [US_4, US_6], ids=["IPv4", "IPv6"])
    def test_an_entry_by_hand(
        self, lab: Namespace, routes: RouteSocket, us: IPv4Address | IPv6Address
    ) -> None:
        """Its address, MAC, interface, and that it is permanent."""
        assert us + 1 not in {entry.address for entry in routes.neighbours()}
        mac = "02:00:00:00:00:99"
        lab.ip(f"neigh add {us + 1} lladdr {mac} dev v0 nud permanent")

        expected = NeighbourEntry(
            index=index_of(routes, "v0"), address=us + 1, mac=mac, state=0x80
        )

        assert expected in routes.neighbours()

    def test_an_address_that_nobody_answers_for(
        self, lab: Namespace, routes: RouteSocket
    ) -> None:
        """It has no MAC, and its state says that it failed."""
        lab.run(["ping", "-c1", "-W4", "10.9.0.77"], check=False)

        (entry,) = [
            entry
            for entry in routes.neighbours()
            if entry.address == IPv4Address("10.9.0.77")
        ]

        assert (None, 0x20) == (entry.mac, entry.state)


class TestTable:
    """The main table."""

    def test_both_families(self, lab: Namespace, routes: RouteSocket) -> None:
        """Subnets, default routes and multipath; not the local table."""
        lab.ip(
            "route add default via 10.9.0.7",
            "route add default via fd00:9::7",
            "route add 10.6.0.0/16 nexthop via 10.9.0.7 dev v0 nexthop dev v1",
            "route add 10.5.0.0/16 dev v1 table 100",
        )

        found = set(routes.routes())

        assert {
            HostRoute(prefix=IPv4Network("0.0.0.0/0"), interface="v0"),
            HostRoute(prefix=IPv4Network("10.6.0.0/16"), interface="v0"),
            HostRoute(prefix=IPv4Network("10.6.0.0/16"), interface="v1"),
            HostRoute(prefix=IPv4Network("10.9.0.0/24"), interface="v0"),
        } == {route for route in found if route.prefix.version == 4}
        assert {
            HostRoute(prefix=IPv6Network("::/0"), interface="v0"),
            HostRoute(prefix=IPv6Network("fd00:9::/64"), interface="v0"),
        } <= found

    @pytest.mark.parametrize("prefix", ["10.8.0.0/24", "fd00:8::/64"])
    def test_routes_to_nowhere(
        self, lab: Namespace, routes: RouteSocket, prefix: str
    ) -> None:
        """They claim their prefix without an interface."""
        lab.ip(f"route add blackhole {prefix}")

        assert [""] == [r.interface for r in routes.routes() if str(r.prefix) == prefix]


class TestLookup:
    """The way of one packet."""

    @pytest.mark.parametrize("us", [US_4, US_6], ids=["IPv4", "IPv6"])
    def test_a_neighbour(
        self, routes: RouteSocket, us: IPv4Address | IPv6Address
    ) -> None:
        """On the link: its interface, the source address, no gateway."""
        index = index_of(routes, "v0")
        expected = Route(
            kind="unicast", interface_index=index, interface="v0", source=us
        )

        assert expected == routes.route_to(us + 1)
        assert expected == routes.route_to(us + 1, device=index)

    @pytest.mark.parametrize("us", [US_4, US_6], ids=["IPv4", "IPv6"])
    def test_our_own_address(
        self, routes: RouteSocket, us: IPv4Address | IPv6Address
    ) -> None:
        """What is ours is local, by the loopback."""
        found = routes.route_to(us)

        assert ("local", "lo") == (found.kind, found.interface)

    @pytest.mark.parametrize(
        ("to", "gateway", "far"),
        [
            pytest.param("default via", "10.9.0.7", "10.77.0.1", id="IPv4"),
            pytest.param("default via", "fd00:9::7", "fd00:77::1", id="IPv6"),
            pytest.param("0.0.0.0/0 via inet6", "fd00:9::7", "10.77.0.1", id="mixed"),
        ],
    )
    def test_by_a_gateway(
        self, lab: Namespace, routes: RouteSocket, to: str, gateway: str, far: str
    ) -> None:
        """The gateway is told, of either family."""
        lab.ip(f"route add {to} {gateway} dev v0")

        found = routes.route_to(ip_address(far))

        assert ("v0", gateway) == (found.interface, str(found.gateway))

    def test_by_another_interface(self, lab: Namespace, routes: RouteSocket) -> None:
        """A clash of subnets shows: the more specific route wins."""
        lab.ip("route add 10.9.0.128/25 dev v1")

        assert routes.route_to(IPv4Address("10.9.0.2")).interface == "v0"
        assert routes.route_to(IPv4Address("10.9.0.200")).interface == "v1"

    @pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit"])
    @pytest.mark.parametrize("far", ["10.8.0.1", "fd00:8::1"])
    def test_refusing_routes(
        self, lab: Namespace, routes: RouteSocket, kind: str, far: str
    ) -> None:
        """What a route refuses is a value that says how."""
        prefix = "fd00:8::/64" if ":" in far else "10.8.0.0/24"
        lab.ip(f"route add {kind} {prefix}")

        assert kind == routes.route_to(ip_address(far)).kind

    @pytest.mark.parametrize("far", ["10.8.0.1", "fd00:8::1"], ids=["IPv4", "IPv6"])
    def test_no_route(self, lab: Namespace, routes: RouteSocket, far: str) -> None:
        """Where nothing leads, also after a throw route."""
        assert Route(kind="none") == routes.route_to(ip_address(far))
        lab.ip("route add throw 10.8.0.0/24", "route add throw fd00:8::/64")
        assert Route(kind="none") == routes.route_to(ip_address(far))

    def test_after_the_address_was_deleted(
        self, lab: Namespace, routes: RouteSocket
    ) -> None:
        """The subnet's route goes with its address."""
        lab.ip("address flush dev v0")

        assert Route(kind="none") == routes.route_to(US_4 + 1)
        assert Route(kind="none") == routes.route_to(US_6 + 1)

    def test_by_a_device_that_is_down_or_gone(
        self, lab: Namespace, routes: RouteSocket
    ) -> None:
        """There is no way by it, in either family."""
        index = index_of(routes, "v0")
        for command in ("link set v0 down", "link delete v0"):
            lab.ip(command)
            for us in (US_4, US_6):
                assert Route(kind="none") == routes.route_to(us + 1, device=index)

    def test_by_a_device_without_a_route(self, routes: RouteSocket) -> None:
        """IPv4 assumes the link, IPv6 does not: what a bound socket meets."""
        index = index_of(routes, "v1")

        found = routes.route_to(US_4 + 1, device=index)

        assert ("unicast", "v1") == (found.kind, found.interface)
        assert Route(kind="none") == routes.route_to(US_6 + 1, device=index)

    def test_the_socket_stays_in_its_namespace(self, routes: RouteSocket) -> None:
        """Questions from outside are answered by the namespace inside."""
        with RouteSocket() as own:
            assert "v0" not in {link.name for link in own.links()}
        assert "v0" in {link.name for link in routes.links()}
