"""Strategies for topologies as engines make them, of every driver and option."""

import dataclasses
from ipaddress import ip_address, ip_network

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from exporter.model.topology import (
    Container,
    ContainerId,
    Endpoint,
    EndpointAddress,
    EngineInfo,
    HostNetwork,
    Network,
    NetworkId,
    Sandbox,
    SandboxId,
    Subnet,
    Topology,
)

BRIDGE = "com.docker.network.bridge."
_MODES = st.sampled_from(("nat", "nat", "routed", "nat-unprotected", "isolated"))
_BOOLS = st.sampled_from(("true", "false"))
_OPTIONS = {
    "bridge": st.fixed_dictionaries(
        {},
        optional={
            f"{BRIDGE}enable_icc": _BOOLS,
            f"{BRIDGE}inhibit_ipv4": _BOOLS,
            f"{BRIDGE}enable_ip_masquerade": _BOOLS,
            f"{BRIDGE}gateway_mode_ipv4": _MODES,
            f"{BRIDGE}gateway_mode_ipv6": _MODES,
            f"{BRIDGE}default_bridge": st.just("true"),
        },
    ),
    "macvlan": st.fixed_dictionaries(
        {},
        optional={
            "parent": st.just("eth0"),
            "macvlan_mode": st.sampled_from(("bridge", "private", "vepa", "passthru")),
        },
    ),
    "ipvlan": st.fixed_dictionaries(
        {},
        optional={
            "parent": st.just("eth0"),
            "ipvlan_mode": st.sampled_from(("l2", "l3", "l3s")),
            "ipvlan_flag": st.sampled_from(("bridge", "private", "vepa")),
        },
    ),
}
_DRIVERS = st.sampled_from(
    ("bridge", "bridge", "bridge", "bridge", "macvlan", "ipvlan", "overlay", "weave")
)
_SYSCTLS = st.fixed_dictionaries(
    {},
    optional={
        "net.ipv4.icmp_echo_ignore_all": st.sampled_from("01"),
        "net.ipv6.icmp.echo_ignore_all": st.sampled_from("01"),
        "net.ipv6.conf.all.disable_ipv6": st.sampled_from("01"),
        "net.ipv6.conf.default.disable_ipv6": st.just("1"),
        "net.ipv6.conf.eth0.disable_ipv6": st.sampled_from("01"),
        "net.core.somaxconn": st.just("1"),
    },
)
_FEW = st.sampled_from((1, 1, 2, 3))
VERSIONS = ("20.10.24", "26.1.5", "27.5.1", "28.5.2", "29.0.1")


_SOME = st.sampled_from((False, False, True))
_MOST = st.sampled_from((True, True, False))


@dataclasses.dataclass(frozen=True)
class _Kind:
    """What a topology is mostly made of, so that the rarer rules have their turn."""

    drivers: st.SearchStrategy[str] = _DRIVERS
    options: st.SearchStrategy[dict[str, str]] | None = None
    internal: st.SearchStrategy[bool] = _SOME
    gateways: st.SearchStrategy[bool] = _MOST
    versions: tuple[str, ...] = VERSIONS


_OPEN = st.sampled_from(("routed", "nat-unprotected", "nat"))
_KINDS = st.sampled_from(
    (
        _Kind(),
        _Kind(
            drivers=st.just("bridge"),
            options=st.fixed_dictionaries(
                {
                    f"{BRIDGE}gateway_mode_ipv4": _OPEN,
                    f"{BRIDGE}gateway_mode_ipv6": _OPEN,
                },
                optional={
                    f"{BRIDGE}enable_ip_masquerade": _BOOLS,
                    f"{BRIDGE}inhibit_ipv4": st.sampled_from(("false", "true")),
                },
            ),
            internal=st.just(False),
            gateways=st.just(True),
            versions=("28.5.2", "29.0.1"),
        ),
        _Kind(drivers=st.sampled_from(("ipvlan", "ipvlan", "macvlan", "overlay"))),
    )
)


def _options_of(driver: str) -> st.SearchStrategy[dict[str, str]]:
    return _OPTIONS.get(driver, st.just({}))


@st.composite
def _networks(draw: DrawFn, number: int, kind: _Kind) -> Network:
    driver = draw(kind.drivers)
    # Two of the same number overlap, as an overlay and a bridge may.
    number = draw(st.sampled_from((number, number, number, number, 0)))
    wanted = draw(st.sampled_from(("4", "4", "46", "46", "6")))
    if driver not in ("bridge", "weave"):
        wanted += draw(st.sampled_from(("", "4", "44")))
    subnets = []
    for index, version in enumerate(wanted):
        text = f"10.{number}.{index}.0/24" if version == "4" else f"fd00:{number}::/64"
        subnets.append(Subnet(prefix=ip_network(text)))
    name = draw(st.sampled_from("abcxyz")) + str(number)
    return Network(
        id=NetworkId(f"net-{name}-{draw(st.integers(0, 99999))}"),
        name=name,
        raw_name=name,
        driver=driver,
        internal=draw(kind.internal),
        options=draw(_options_of(driver) if kind.options is None else kind.options),
        subnets=tuple(subnets),
    )


@st.composite
def _endpoints(
    draw: DrawFn, owner: str, network: Network, place: int, kind: _Kind
) -> Endpoint:
    addresses = []
    for version in (4, 6):
        prefixes = [s.prefix for s in network.subnets if s.prefix.version == version]
        if not prefixes:
            continue
        prefix = draw(st.sampled_from(prefixes))
        gateway = draw(kind.gateways)
        first = int(prefix.network_address)
        addresses.append(
            EndpointAddress(
                address=ip_address(first + 2 + place),
                prefix_length=prefix.prefixlen,
                gateway=ip_address(first + 1) if gateway else None,
            )
        )
    return Endpoint(
        id=f"ep-{owner}-{network.id}",
        network_id=network.id,
        container_id=ContainerId(owner),
        addresses=tuple(addresses),
        gateway_priority=draw(st.sampled_from((0, 0, 0, 1, -1))),
        implicit=network.driver == "bridge"
        and draw(st.sampled_from((False, False, True))),
    )


@st.composite
def _containers(
    draw: DrawFn, owner: str, place: int, networks: tuple[Network, ...], kind: _Kind
) -> Container:
    chosen = st.lists(
        st.sampled_from(networks), unique_by=id, min_size=1, max_size=draw(_FEW)
    )
    ends = [draw(_endpoints(owner, network, place, kind)) for network in draw(chosen)]
    return Container(
        id=ContainerId(owner),
        name=owner,
        raw_name=owner,
        status="running",
        running=True,
        labels={},
        sysctls=draw(st.just({}) | st.just({}) | _SYSCTLS),
        endpoints=tuple(ends),
    )


@st.composite
def made_topologies(draw: DrawFn) -> Topology:
    """Return up to 5 networks and 5 containers of any engine from 20.10 on."""
    kind = draw(_KINDS)
    count = draw(st.integers(1, 5))
    drawn = [draw(_networks(number, kind)) for number in range(1, count + 1)]
    networks = tuple({network.id: network for network in drawn}.values())
    owners = "vwxyz"[: draw(st.integers(2, 5))]
    containers = tuple(
        draw(_containers(owner, place, networks, kind))
        for place, owner in enumerate(owners)
    )
    return Topology(
        engine=EngineInfo(
            version=draw(st.sampled_from(kind.versions)),
            api_version="1.51",
            product=draw(st.sampled_from(("docker", "docker", "docker", "podman"))),
        ),
        networks=networks,
        containers=containers,
        sandboxes=tuple(
            Sandbox(
                id=SandboxId(one.id),
                name=one.name,
                members=(one.id,),
                endpoints=one.endpoints,
            )
            for one in containers
        ),
        host=HostNetwork(available=True, source="own"),
    )


@st.composite
def reordered(draw: DrawFn, topology: Topology) -> Topology:
    """Return the same topology with everything in another order."""
    sandboxes = [
        dataclasses.replace(one, endpoints=tuple(draw(st.permutations(one.endpoints))))
        for one in topology.sandboxes
    ]
    return dataclasses.replace(
        topology,
        networks=tuple(draw(st.permutations(topology.networks))),
        containers=tuple(draw(st.permutations(topology.containers))),
        sandboxes=tuple(draw(st.permutations(sandboxes))),
    )
