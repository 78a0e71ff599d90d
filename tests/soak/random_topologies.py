"""Random topologies as scenarios: what an engine of 28 or later can make.

Up to 8 networks with several options at once, 12 containers with 1 to 4 networks each
or another's network stack. They are lines of the docker command line, so a topology
that fails can be pasted into `tests/scenarios/data` as it is.
"""

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.scenarios.scenario import Scenario

NETWORKS = 8
CONTAINERS = 12
_ATTACHMENTS = (1, 1, 1, 2, 2, 3, 4)
"""How many networks a container is on, each as often as it stands here."""
_BRIDGE = "com.docker.network.bridge."
_GATEWAY_MODES = ("", "", "", "nat", "nat-unprotected", "routed")
_SYSCTLS = (
    "net.ipv4.icmp_echo_ignore_all=1",
    "net.ipv6.icmp.echo_ignore_all=1",
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv4.ip_unprivileged_port_start=1024",
)
_NO_IPV6 = _SYSCTLS[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """A network that was drawn."""

    name: str
    has_ipv4: bool = True
    command: str = ""
    """Empty for the default bridge."""
    parent: str = ""
    """Of a macvlan network."""


DEFAULT = Net(name="bridge")


@st.composite
def topologies(
    draw: st.DrawFn, *, networks: int = NETWORKS, containers: int = CONTAINERS
) -> Scenario:
    """Draw a topology.

    Args:
        draw: by hypothesis.
        networks: at most so many, besides the default bridge.
        containers: at most so many.
    """
    count = draw(st.integers(1, networks))
    nets = [draw(_net(number)) for number in range(1, count + 1)]
    lines: list[str] = [net.command for net in nets]
    paused: list[str] = []
    owners: list[str] = []
    for number in range(1, draw(st.integers(2, containers)) + 1):
        name = f"c{number}"
        kind = draw(st.sampled_from(("own",) * 9 + ("joined", "host", "none")))
        if kind == "joined" and owners:
            owner = draw(st.sampled_from(owners))
            lines.append(f"run --name {name} --network container:{owner}")
        elif kind in ("host", "none"):
            lines.append(f"run --name {name} --network {kind}")
        else:
            lines += draw(_attached(name, nets))
            owners.append(name)
            if draw(st.sampled_from((False,) * 9 + (True,))):
                paused.append(name)
    parents = [net.parent for net in nets if net.parent]
    return Scenario(
        group="random",
        id="random",
        shows="Whatever came out.",
        prepare=tuple(
            ("host", command.format(parent))
            for parent in parents
            for command in ("ip link add {} type ifb", "ip link set {} up")
        ),
        docker=(*lines, *(f"pause {name}" for name in paused)),
    )


@st.composite
def _net(draw: st.DrawFn, number: int) -> Net:
    if draw(st.sampled_from((False,) * 7 + (True,))):
        return _macvlan(number, internal=draw(st.booleans()))
    family = draw(st.sampled_from(("4", "4", "4", "46", "46", "6")))
    internal = draw(st.sampled_from((False, False, True)))
    options = []
    for version in family:
        mode = draw(st.sampled_from(_GATEWAY_MODES + ("isolated",) * internal))
        if mode:
            options.append(f"gateway_mode_ipv{version}={mode}")
    if draw(st.sampled_from((False, False, False, True))):
        options.append("enable_icc=false")
    if draw(st.sampled_from((False,) * 5 + (True,))):
        options.append("enable_ip_masquerade=false")
    if "4" in family and draw(st.sampled_from((False,) * 6 + (True,))):
        options.append("inhibit_ipv4=true")
    words = ["network create"]
    words += [f"-o {_BRIDGE}{option}" for option in options]
    words += ["--internal"] * internal
    words += draw(_subnets(number, family))
    name = f"n{number}"
    return Net(name=name, has_ipv4="4" in family, command=" ".join([*words, name]))


@st.composite
def _subnets(draw: st.DrawFn, number: int, family: str) -> list[str]:
    words = []
    if "4" in family:
        length = draw(st.sampled_from((24, 24, 26)))
        words.append(f"--subnet 10.31.{number}.0/{length}")
        if draw(st.sampled_from((False, False, False, True))):
            words.append(f"--ip-range 10.31.{number}.32/27")
    else:
        words.append("--ipv4=false")
    if "6" in family:
        words.append(f"--ipv6 --subnet fd00:31:{number}::/64")
    return words


def _macvlan(number: int, *, internal: bool) -> Net:
    name, parent = f"n{number}", f"ifb{number}"
    subnet = f"--subnet 10.31.{number}.0/24"
    words = f"network create -d macvlan {subnet} -o parent={parent}"
    return Net(
        name=name,
        command=f"{words} --internal {name}" if internal else f"{words} {name}",
        parent=parent,
    )


@st.composite
def _attached(draw: st.DrawFn, name: str, nets: list[Net]) -> list[str]:
    """Draw a container on some networks: by `run` itself, or connected afterwards."""
    count = min(draw(st.sampled_from(_ATTACHMENTS)), len(nets) + 1)
    chosen = draw(
        st.lists(
            st.sampled_from([*nets, DEFAULT]),
            min_size=count,
            max_size=count,
            unique=True,
        )
    )
    sysctls = draw(_sysctls(chosen))
    priorities = [draw(st.sampled_from((0, 0, 0, 1, 10, -5))) for _ in chosen]
    options = "".join(f" --sysctl {sysctl}" for sysctl in sysctls)
    first, *others = zip(chosen, priorities, strict=True)
    run = f"run --name {name}{options} --network name={first[0].name}"
    lines = [f"{run},gw-priority={first[1]}"]
    for net, priority in others:
        if DEFAULT not in chosen and draw(st.booleans()):
            lines[0] += f" --network name={net.name},gw-priority={priority}"
        else:
            connect = f"network connect --gw-priority {priority}"
            lines.append(f"{connect} {net.name} {name}")
    return lines


@st.composite
def _sysctls(draw: st.DrawFn, chosen: list[Net]) -> list[str]:
    if draw(st.sampled_from((True,) * 5 + (False,))):
        return []
    # Without IPv6 a container cannot be started on a network that has nothing else.
    possible = [
        sysctl
        for sysctl in _SYSCTLS
        if sysctl != _NO_IPV6 or all(net.has_ipv4 for net in chosen)
    ]
    return draw(st.lists(st.sampled_from(possible), max_size=2, unique=True))
