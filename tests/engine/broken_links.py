"""Faults of links, addresses, routes and neighbours, over the scene of `tampering`."""

import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.engine.faults import FIRST, SECOND, changed, gateway, wait_until_back
from tests.engine.tampering import (
    SIX1,
    SPARE,
    flushed,
    inside,
    mac_of,
    on_host,
    port_of,
)
from tests.lab.topology import Running


def host_link_down(scene: Running) -> AbstractContextManager[None]:
    """Take down the host's end of the container's link."""
    link = f"ip link set {port_of(scene, FIRST)}"
    return on_host(scene, [f"{link} down"], [f"{link} up"])


def ports_isolated(scene: Running) -> AbstractContextManager[None]:
    """Isolate the ports of two containers from one another."""
    ports = [port_of(scene, name) for name in (FIRST, SECOND)]
    return on_host(
        scene,
        [f"bridge link set dev {port} isolated on" for port in ports],
        [f"bridge link set dev {port} isolated off" for port in ports],
    )


def port_blocked(scene: Running) -> AbstractContextManager[None]:
    """Let the bridge not forward for a port."""
    link = f"bridge link set dev {port_of(scene, FIRST)} state"
    return on_host(scene, [f"{link} 0"], [f"{link} 3"])


def spanning_tree(scene: Running) -> AbstractContextManager[None]:
    """Switch the spanning tree on: new ports listen and learn for half a minute."""
    stp = f"ip link set {scene.bridge('mybridge')} type bridge stp_state"
    port = port_of(scene, FIRST)
    return on_host(
        scene,
        [f"{stp} 1", f"ip link set {port} down", f"ip link set {port} up"],
        [f"{stp} 0", f"bridge link set dev {port} state 3"],
    )


def wrong_neighbour(scene: Running) -> AbstractContextManager[None]:
    """Give the container a permanent entry for its neighbour, with another MAC."""
    entry = f"{scene.address(SECOND, 'mybridge')} dev eth0"
    add = f"ip neigh replace {entry} lladdr 02:00:00:00:00:99 nud permanent"
    return inside(scene, FIRST, [add], [f"ip neigh del {entry}"])


def hosts_wrong_neighbour(scene: Running) -> AbstractContextManager[None]:
    """Give the host a permanent entry for a container, with another MAC."""
    entry = f"{scene.address(FIRST, 'mybridge')} dev {scene.bridge('mybridge')}"
    add = f"ip neigh replace {entry} lladdr 02:00:00:00:00:99 nud permanent"
    return on_host(scene, [add], [f"ip neigh del {entry}"])


def bridge_address_gone(scene: Running) -> AbstractContextManager[None]:
    """Delete the gateway's address from the bridge."""
    address = f"{gateway(scene)}/16"
    bridge = scene.bridge("mybridge")
    return on_host(
        scene,
        [f"ip address del {address} dev {bridge}"],
        [f"ip address add {address} brd + dev {bridge}"],
    )


def unreachable_route(scene: Running) -> AbstractContextManager[None]:
    """Give the host an unreachable route to a container."""
    route = f"unreachable {scene.address(FIRST, 'mybridge')}/32"
    return on_host(scene, [f"ip route add {route}"], [f"ip route del {route}"])


def route_lost(scene: Running) -> AbstractContextManager[None]:
    """Delete the route of the subnet inside the container, and the default one."""
    network = scene.engine.docker.networks.get("mybridge").attrs
    subnet = network["IPAM"]["Config"][0]["Subnet"]
    mine = scene.address(FIRST, "mybridge")
    return inside(
        scene,
        FIRST,
        ["ip route flush dev eth0"],
        [
            f"ip route add {subnet} dev eth0 proto kernel scope link src {mine}",
            f"ip route add default via {gateway(scene)}",
        ],
    )


def ipv6_off(scene: Running) -> AbstractContextManager[None]:
    """Switch IPv6 off inside a container; its address does not come back by itself."""
    path = "/proc/sys/net/ipv6/conf/all/disable_ipv6"
    address = scene.address(SIX1, "six", 6)
    return inside(
        scene,
        SIX1,
        [f"sh -c 'echo 1 >{path}'"],
        [
            f"sh -c 'echo 0 >{path}'",
            f"ip address add {address}/64 dev eth0 nodad",
            "ip route add default via fd00:31:9::1",
        ],
    )


@contextmanager
def address_taken(scene: Running) -> Iterator[None]:
    """Let a spare container answer for FIRST's address and ignore echo requests.

    Its neighbour is told by force, as two stations that both answer race, and keeps to
    what it was told: FIRST asks it nothing and so tells nothing of itself; locktime,
    in hundredths of a second, is how long an entry follows nobody else (arp(7)).
    """
    taken, mac = scene.address(FIRST, "mybridge"), mac_of(scene, SPARE)
    drop = "INPUT -p icmp -j DROP"
    other = scene.address(SECOND, "mybridge")
    known = f"{other} dev eth0 lladdr {mac_of(scene, SECOND)}"
    keep = "sh -c 'echo {} >/proc/sys/net/ipv4/neigh/eth0/locktime'"
    steps = (
        (SECOND, f"ip neigh replace {taken} dev eth0 lladdr {mac} nud reachable"),
        (SPARE, f"iptables -A {drop}"),
        (SPARE, f"ip address add {taken}/32 dev eth0"),
        (SPARE, f"ip address del {taken}/32 dev eth0"),
        (SPARE, f"iptables -D {drop}"),
        (SECOND, f"ip neigh del {taken} dev eth0"),
        (SECOND, keep.format(6000)),
        (SECOND, keep.format(100)),
        (FIRST, f"ip neigh replace {known} nud permanent"),
        (FIRST, f"ip neigh del {known}"),
    )

    def run(argv: list[str]) -> None:
        name, command = steps[int(argv[0])]
        scene.engine.run_in_container(name, shlex.split(command))

    with changed(run, ["8", "2", "1", "6", "0"], ["3", "4", "5", "7", "9"]):
        yield
    wait_until_back(scene)


@contextmanager
def bridges_joined(scene: Running) -> Iterator[None]:
    """Join two bridges by a veth pair, and route one subnet onto the link.

    Table raw is flushed, which from 28 on stops this too.
    """
    bridges = [scene.bridge("mybridge"), scene.bridge("bridge")]
    ends = {
        FIRST: scene.address("bridge1"),
        "bridge1": scene.address(FIRST, "mybridge"),
    }
    with (
        flushed(
            scene, *(["raw PREROUTING"] if scene.engine.release >= (28, 0) else ())
        ),
        on_host(
            scene,
            [
                "ip link add join0 type veth peer name join1",
                f"ip link set join0 master {bridges[0]} up",
                f"ip link set join1 master {bridges[1]} up",
            ],
            ["ip link del join0"],
        ),
    ):
        routes = [(n, f"{address}/32 dev eth0") for n, address in ends.items()]
        with (
            inside(
                scene,
                routes[0][0],
                [f"ip route add {routes[0][1]}"],
                [f"ip route del {routes[0][1]}"],
            ),
            inside(
                scene,
                routes[1][0],
                [f"ip route add {routes[1][1]}"],
                [f"ip route del {routes[1][1]}"],
            ),
        ):
            yield
