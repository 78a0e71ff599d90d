"""More faults, for the causes behind them, over a scene with more kinds of networks.

The scene is the demo and beside it a network without communication between its
containers, one with both families, and, where the engine has it, one whose addresses
other bridges may reach.
"""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.engine.faults import FIRST, SECOND, changed, gateway
from tests.lab.engine import Engine
from tests.lab.topology import DEMO, ContainerSpec, NetworkSpec, Running, Topology

QUIET1, QUIET2 = "quiet1", "quiet2"
SIX1, SIX2 = "six1", "six2"
ROUTED1 = "routed1"
SPARE = "spare"
"""A container on the demo's network of which nothing is expected."""

_BRIDGE = "com.docker.network.bridge."


def scene_for(engine: Engine) -> Topology:
    """Return the networks and containers for an engine."""
    networks = [
        *DEMO.networks,
        NetworkSpec(name="quiet", options={f"{_BRIDGE}enable_icc": "false"}),
        NetworkSpec(name="six", ipv6=True, subnets=("172.31.9.0/24", "fd00:31:9::/64")),
    ]
    containers = [
        *DEMO.containers,
        ContainerSpec(name=SPARE, networks=("mybridge",)),
        ContainerSpec(name=QUIET1, networks=("quiet",)),
        ContainerSpec(name=QUIET2, networks=("quiet",)),
        ContainerSpec(name=SIX1, networks=("six",)),
        ContainerSpec(name=SIX2, networks=("six",)),
    ]
    if engine.release >= (27, 0):
        mode = {f"{_BRIDGE}gateway_mode_ipv4": "routed"}
        networks.append(NetworkSpec(name="routed", options=mode))
        containers.append(ContainerSpec(name=ROUTED1, networks=("routed",)))
    return Topology(networks=tuple(networks), containers=tuple(containers))


def port_of(scene: Running, name: str) -> str:
    """Return the host's end of a container's link."""
    inside = scene.engine.run_in_container(name, ["ip", "-o", "link", "show", "eth0"])
    index = inside.stdout.partition("@if")[2].partition(":")[0]
    outside = scene.engine.run_in_host(["ip", "-o", "link", "show"]).stdout
    for line in outside.splitlines():
        number, name_there, *_ = line.split(": ")
        if number == index:
            return name_there.partition("@")[0]
    raise LookupError(name)


def mac_of(scene: Running, name: str) -> str:
    """Return the MAC of a container's eth0."""
    line = scene.engine.run_in_container(name, ["ip", "-o", "link", "show", "eth0"])
    return line.stdout.partition("link/ether ")[2].split()[0]


@contextmanager
def on_host(
    scene: Running, there: Sequence[str], back: Sequence[str] = ()
) -> Iterator[None]:
    """Run commands in the host's namespace, and others at the end."""
    with changed(scene.engine.run_in_host, there, back):
        yield


@contextmanager
def inside(
    scene: Running, name: str, there: Sequence[str], back: Sequence[str] = ()
) -> Iterator[None]:
    """Run commands in a container's namespace, and others at the end."""

    def run(argv: list[str]) -> None:
        scene.engine.run_in_container(name, argv)

    with changed(run, there, back):
        yield


@contextmanager
def rule(scene: Running, text: str, *, table: str = "filter") -> Iterator[None]:
    """Put a rule first into a chain of the host's, IPv4."""
    chain, _, rest = text.partition(" ")

    def run(argv: list[str]) -> None:
        scene.engine.iptables("-t", table, *argv)

    with changed(run, [f"-I {chain} 1 {rest}"], [f"-D {chain} {rest}"]):
        yield


@contextmanager
def flushed(scene: Running, *chains: str, version: int = 4) -> Iterator[None]:
    """Flush chains, `table chain`, and put their rules back."""
    tool = scene.engine.iptables if version == 4 else scene.engine.ip6tables
    kept: list[tuple[str, str]] = []
    for table, chain in (one.split() for one in chains):
        rules = tool("-t", table, "-S", chain).splitlines()
        kept += [(table, line) for line in rules if line.startswith("-A ")]
        tool("-t", table, "-F", chain)
    try:
        yield
    finally:
        for table, line in kept:
            tool("-t", table, *shlex.split(line))


@contextmanager
def sysctl(scene: Running, name: str, value: int) -> Iterator[None]:
    """Set a sysctl of the host, by its path below /proc/sys/net."""
    path = f"/proc/sys/net/{name}"
    before = scene.engine.run_in_host(["cat", path]).stdout.strip()
    write = "sh -c 'echo {} >{}'"
    with on_host(scene, [write.format(value, path)], [write.format(before, path)]):
        yield


def host_link_down(scene: Running) -> object:
    """Take down the host's end of the container's link."""
    link = f"ip link set {port_of(scene, FIRST)}"
    return on_host(scene, [f"{link} down"], [f"{link} up"])


def ports_isolated(scene: Running) -> object:
    """Isolate the ports of two containers from one another."""
    ports = [port_of(scene, name) for name in (FIRST, SECOND)]
    return on_host(
        scene,
        [f"bridge link set dev {port} isolated on" for port in ports],
        [f"bridge link set dev {port} isolated off" for port in ports],
    )


def port_blocked(scene: Running) -> object:
    """Let the bridge not forward for a port."""
    link = f"bridge link set dev {port_of(scene, FIRST)} state"
    return on_host(scene, [f"{link} 0"], [f"{link} 3"])


def spanning_tree(scene: Running) -> object:
    """Switch the spanning tree on: new ports listen and learn for half a minute."""
    bridge = scene.bridge("mybridge")
    link = f"ip link set {bridge} type bridge stp_state"
    port = f"ip link set {port_of(scene, FIRST)}"
    return on_host(scene, [f"{link} 1", f"{port} down", f"{port} up"], [f"{link} 0"])


def wrong_neighbour(scene: Running) -> object:
    """Give the container a permanent entry for its neighbour, with another MAC."""
    entry = f"{scene.address(SECOND, 'mybridge')} dev eth0"
    add = f"ip neigh replace {entry} lladdr 02:00:00:00:00:99 nud permanent"
    return inside(scene, FIRST, [add], [f"ip neigh del {entry}"])


def hosts_wrong_neighbour(scene: Running) -> object:
    """Give the host a permanent entry for a container, with another MAC."""
    entry = f"{scene.address(FIRST, 'mybridge')} dev {scene.bridge('mybridge')}"
    add = f"ip neigh replace {entry} lladdr 02:00:00:00:00:99 nud permanent"
    return on_host(scene, [add], [f"ip neigh del {entry}"])


def bridge_address_gone(scene: Running) -> object:
    """Delete the gateway's address from the bridge."""
    address = f"{gateway(scene)}/16"
    bridge = scene.bridge("mybridge")
    return on_host(
        scene,
        [f"ip address del {address} dev {bridge}"],
        [f"ip address add {address} brd + dev {bridge}"],
    )


def unreachable_route(scene: Running) -> object:
    """Give the host an unreachable route to a container."""
    route = f"unreachable {scene.address(FIRST, 'mybridge')}/32"
    return on_host(scene, [f"ip route add {route}"], [f"ip route del {route}"])


def route_lost(scene: Running) -> object:
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


def requests_rejected(scene: Running) -> object:
    """Reject what arrives at the container."""
    text = "INPUT -p icmp -j REJECT"
    return inside(scene, FIRST, [f"iptables -A {text}"], [f"iptables -D {text}"])


def policy_drops(scene: Running) -> object:
    """Close the container's INPUT by its policy."""
    return inside(
        scene, FIRST, ["iptables -P INPUT DROP"], ["iptables -P INPUT ACCEPT"]
    )


def nft_drops(scene: Running) -> object:
    """Drop in a table of nftables' own, inside the container."""
    chain = "'{ type filter hook input priority 0 ; }'"
    return inside(
        scene,
        FIRST,
        [
            "nft add table inet mine",
            f"nft add chain inet mine in {chain}",
            "nft add rule inet mine in meta l4proto icmp counter drop",
        ],
        ["nft delete table inet mine"],
    )


def user_drops(scene: Running) -> object:
    """Drop what leaves a bridge in DOCKER-USER: its own traffic too (br_netfilter)."""
    return rule(scene, f"DOCKER-USER -i {scene.bridge('mybridge')} -j DROP")


def host_input_dropped(scene: Running) -> object:
    """Drop what a bridge sends to the host."""
    return rule(scene, f"INPUT -i {scene.bridge('mybridge')} -j DROP")


def forward_dropped(scene: Running) -> object:
    """Drop a bridge's own traffic in FORWARD."""
    bridge = scene.bridge("mybridge")
    return rule(scene, f"FORWARD -i {bridge} -o {bridge} -j DROP")


def replies_dropped(scene: Running) -> object:
    """Drop echo replies inside the container: its requests go, and nothing returns."""
    text = "INPUT -p icmp --icmp-type echo-reply -j DROP"
    return inside(scene, FIRST, [f"iptables -A {text}"], [f"iptables -D {text}"])


def forward_flushed(scene: Running) -> object:
    """Flush FORWARD: what is left is its policy, which Docker closed."""
    return flushed(scene, "filter FORWARD")


def forwarding_off(scene: Running) -> object:
    """Switch forwarding off."""
    return sysctl(scene, "ipv4/ip_forward", 0)


def host_ignores(scene: Running) -> object:
    """Tell the host to ignore echo requests."""
    return sysctl(scene, "ipv4/icmp_echo_ignore_all", 1)


def bridge_filter_off(scene: Running) -> object:
    """Hide a bridge's own traffic from the packet filter."""
    return sysctl(scene, "bridge/bridge-nf-call-iptables", 0)


def icc_drop_deleted(scene: Running) -> object:
    """Delete the drop that enable_icc=false stands on, wherever it is."""
    bridge = scene.bridge("quiet")
    chains = ("FORWARD", "DOCKER-FORWARD")
    if scene.engine.release < (28, 0):
        chains = ("FORWARD",)
    return _replaced(scene, chains, f"-i {bridge} -o {bridge} -j DROP")


@contextmanager
def _replaced(scene: Running, chains: tuple[str, ...], text: str) -> Iterator[None]:
    """Delete a rule from the chain that has it, accept instead, and undo it."""
    tool = scene.engine.iptables
    for chain in chains:
        lines = tool("-S", chain).splitlines()
        wanted = f"-A {chain} {text}"
        if wanted not in lines:
            continue
        place = str(lines.index(wanted))
        accept = text.replace("DROP", "ACCEPT").split()
        tool("-R", chain, place, *accept)
        try:
            yield
        finally:
            tool("-R", chain, place, *text.split())
        return
    raise LookupError(text)


@contextmanager
def isolation_and_raw_flushed(scene: Running) -> Iterator[None]:
    """Flush every chain that keeps bridges apart."""
    chains = ["filter DOCKER-ISOLATION-STAGE-1"]
    if scene.engine.release >= (28, 0):
        chains += ["filter DOCKER", "raw PREROUTING"]
    with flushed(scene, *chains):
        yield


@contextmanager
def accepted_first(scene: Running) -> Iterator[None]:
    """Accept everything at the head of FORWARD, and flush table raw."""
    with rule(scene, "FORWARD -j ACCEPT"):
        if scene.engine.release < (28, 0):
            yield
            return
        with flushed(scene, "raw PREROUTING"):
            yield


def resolver_rules_flushed(scene: Running) -> object:
    """Flush the container's nat table, which leads to the engine's DNS."""
    saved = scene.engine.run_in_container(FIRST, ["iptables-save", "-t", "nat"]).stdout
    rules = [line for line in saved.splitlines() if line.startswith("-A ")]
    return inside(
        scene,
        FIRST,
        ["iptables -t nat -F"],
        [f"iptables -t nat {line}" for line in rules],
    )


def ipv6_off(scene: Running) -> object:
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

    Its neighbour is told by force, as two stations that both answer race.
    """
    taken = scene.address(FIRST, "mybridge")
    mac = mac_of(scene, SPARE)
    with (
        inside(
            scene,
            SPARE,
            [f"ip address add {taken}/32 dev eth0"],
            [f"ip address del {taken}/32 dev eth0"],
        ),
        inside(
            scene,
            SPARE,
            ["iptables -A INPUT -p icmp -j DROP"],
            ["iptables -D INPUT -p icmp -j DROP"],
        ),
        inside(
            scene,
            SECOND,
            [f"ip neigh replace {taken} dev eth0 lladdr {mac} nud reachable"],
            [f"ip neigh del {taken} dev eth0"],
        ),
    ):
        yield


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
