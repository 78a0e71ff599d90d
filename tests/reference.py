"""What Docker promises, written a second time and naively, to compare the rules with.

One question after the other, no tables, nothing shared with `exporter.model` but the
topology's own fields. The facts are those that were measured on engines 20.10, 26.1 and
28.5, and what 29 changes.
"""

from collections.abc import Mapping
from ipaddress import ip_network

from exporter.model.outcome import Scope
from exporter.model.pair import Pair
from exporter.model.topology import (
    Container,
    Endpoint,
    Network,
    NetworkId,
    Topology,
)

BRIDGE = "com.docker.network.bridge."
FAMILIES = {4, 6}


def promised(  # noqa: PLR0911 - a question after the other, as people ask them
    topology: Topology, pair: Pair
) -> str:
    """Return reachable, isolated or unknown."""
    networks = {network.id: network for network in topology.networks}
    containers = {str(one.id): one for one in topology.containers}
    there = networks[pair.network]
    if pair.scope is Scope.NAME:
        if there.options.get(f"{BRIDGE}default_bridge") == "true":
            return "isolated"
        one, other = (containers[str(end)] for end in (pair.source, pair.destination))
        return (
            "unknown" if mixed(networks, one, other, pair.ip_version) else "reachable"
        )
    ends = [
        containers[str(end)]
        for end in (pair.source, pair.destination)
        if end in containers
    ]
    destination = containers.get(str(pair.destination))
    if destination is not None and mute(destination, pair.ip_version):
        return "unknown"
    if pair.ip_version == 6 and any(without_ipv6(one) for one in ends):
        return "unknown"
    if pair.scope is Scope.HOST:
        if there.driver != "bridge":
            return "unknown"
        return "reachable" if has_address(there, pair.ip_version) else "isolated"
    if pair.scope is Scope.GATEWAY:
        if there.driver == "overlay":
            return "reachable"
        return "reachable" if has_address(there, pair.ip_version) else "unknown"
    assert destination is not None
    return between(topology, containers[str(pair.source)], destination, pair)


def mixed(
    networks: Mapping[NetworkId, Network],
    one: Container,
    other: Container,
    version: int,
) -> bool:
    """Return whether two share a network with names where one has no such address."""
    for mine in one.endpoints:
        for its in other.endpoints:
            if mine.network_id == its.network_id and not its.implicit:
                families = {a.address.version for a in its.addresses}
                plain = networks[its.network_id].raw_name in ("bridge", "host", "none")
                if version not in families and not plain:
                    return True
    return False


def between(  # noqa: C901, PLR0911 - as above
    topology: Topology, source: Container, destination: Container, pair: Pair
) -> str:
    """Return the promise from a container to another's address."""
    networks = {network.id: network for network in topology.networks}
    there, version = networks[pair.network], pair.ip_version
    near = [networks[e.network_id] for e in source.endpoints if holds(e, pair)]
    if len(near) > 1 or (near and near[0].id != there.id):
        return "unknown"
    if near:
        return inside(there, version)
    if any(routes_to(networks[e.network_id], pair) for e in source.endpoints):
        return "unknown"
    out = way_out(topology, source, version)
    if out is not None and out.id == there.id:
        if there.driver == "bridge":
            return inside(there, version)
        return across_ipvlan(there)
    known = {"bridge", "macvlan", "ipvlan", "overlay", "host", "null"}
    if there.driver not in known or (out is not None and out.driver not in known):
        return "unknown"
    if out is None:
        return "isolated"
    if out.driver != "bridge" or there.driver != "bridge":
        return "unknown"
    if topology.engine.product != "docker":
        return "unknown"
    if out.internal or there.internal:
        return "isolated"
    mode = gateway_mode(there, version)
    is_29 = int(topology.engine.version.split(".")[0]) >= 29
    if mode != "routed" and not (mode == "nat-unprotected" and is_29):
        return "isolated"
    if not (has_address(out, version) and has_address(there, version)):
        return "unknown"
    return answer(topology, source, destination, out, version)


def answer(
    topology: Topology,
    source: Container,
    destination: Container,
    out: Network,
    version: int,
) -> str:
    """Return what is promised by a network that answers other bridges."""
    if gateway_mode(out, version) != "routed":
        off = out.options.get(f"{BRIDGE}enable_ip_masquerade") == "false"
        return "unknown" if off else "reachable"
    networks = {network.id: network for network in topology.networks}
    own = next(
        a.address
        for e in source.endpoints
        if e.network_id == out.id
        for a in e.addresses
        if a.address.version == version
    )
    for endpoint in destination.endpoints:
        for a in endpoint.addresses:
            if a.address.version == version and own in ip_network(
                f"{a.address}/{a.prefix_length}", strict=False
            ):
                on_link = networks[endpoint.network_id]
                return "reachable" if has_address(on_link, version) else "unknown"
    back = way_out(topology, destination, version)
    return "reachable" if back is not None and has_address(back, version) else "unknown"


def inside(there: Network, version: int) -> str:
    """Return the promise within one subnet of a network."""
    if there.driver == "bridge":
        if there.options.get(f"{BRIDGE}enable_icc") != "false":
            return "reachable"
        opened = gateway_mode(there, version) == "routed" and not there.internal
        return "reachable" if opened else "isolated"
    modes = {"macvlan": "macvlan_mode", "ipvlan": "ipvlan_flag"}
    if there.driver in modes:
        mode = there.options.get(modes[there.driver], "bridge")
        return {"bridge": "reachable", "private": "isolated"}.get(mode, "unknown")
    return "reachable" if there.driver == "overlay" else "unknown"


def across_ipvlan(there: Network) -> str:
    """Return the promise from one subnet to another of the same network."""
    if there.driver == "macvlan":
        is_private = there.options.get("macvlan_mode") == "private"
        return "isolated" if is_private else "unknown"
    if there.driver == "ipvlan":
        flag = there.options.get("ipvlan_flag", "bridge")
        if flag == "private":
            return "isolated"
        routes = there.options.get("ipvlan_mode") in ("l3", "l3s")
        return "reachable" if flag == "bridge" and routes else "unknown"
    return "unknown"


def way_out(topology: Topology, source: Container, version: int) -> Network | None:
    """Return the network of the default route."""
    networks = {network.id: network for network in topology.networks}
    found = []
    for endpoint in source.endpoints:
        network = networks[endpoint.network_id]
        families = {
            a.address.version
            for a in endpoint.addresses
            if a.gateway is not None
            or (
                network.driver == "ipvlan"
                and network.options.get("ipvlan_mode") in ("l3", "l3s")
                and "parent" in network.options
                and not network.internal
            )
        }
        if families:
            found.append((endpoint, network, families))
    found.sort(key=lambda one: one[1].raw_name)
    found.sort(key=lambda one: len(one[2]), reverse=True)
    found.sort(key=lambda one: one[1].internal)
    found.sort(key=lambda one: one[0].implicit)
    found.sort(key=lambda one: one[0].gateway_priority, reverse=True)
    major = int(topology.engine.version.split(".")[0])
    if major == 28:
        found = [one for one in found if one[2] == FAMILIES] or found
    if major < 28 and any(4 in one[2] for one in found):
        first = next(one for one in found if 4 in one[2])
        return first[1] if version in first[2] else None
    return next((one[1] for one in found if version in one[2]), None)


def routes_to(overlay: Network, pair: Pair) -> bool:
    """Return whether a network is an overlay, which leads to all of its subnets."""
    within = any(pair.address in subnet.prefix for subnet in overlay.subnets)
    return overlay.driver == "overlay" and within


def holds(endpoint: Endpoint, pair: Pair) -> bool:
    """Return whether the pair's address lies in a subnet of the endpoint."""
    return any(
        pair.address in ip_network(f"{a.address}/{a.prefix_length}", strict=False)
        for a in endpoint.addresses
    )


def gateway_mode(network: Network, version: int) -> str:
    """Return the mode of a family."""
    return network.options.get(f"{BRIDGE}gateway_mode_ipv{version}", "nat")


def has_address(network: Network, version: int) -> bool:
    """Return whether the engine gives the network's bridge an address."""
    if network.driver != "bridge" or gateway_mode(network, version) == "isolated":
        return False
    return version == 6 or network.options.get(f"{BRIDGE}inhibit_ipv4") != "true"


def mute(container: Container, version: int) -> bool:
    """Return whether a container was told to ignore echo requests."""
    name = (
        "net.ipv4.icmp_echo_ignore_all"
        if version == 4
        else "net.ipv6.icmp.echo_ignore_all"
    )
    return container.sysctls.get(name, "0") == "1"


def without_ipv6(container: Container) -> bool:
    """Return whether IPv6 was switched off on an interface."""
    return any(
        container.sysctls.get(f"net.ipv6.conf.{name}.disable_ipv6") == "1"
        for name in ("all", "eth0")
    )
