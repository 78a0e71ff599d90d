"""What an inspection finds on a healthy host, and ways to make it otherwise.

`healthy(topology)` has what the engine sets up: bridges with their gateways' addresses,
a veth for each endpoint, routes, sysctls and Docker's rules. The others change one
thing of it. `HOST_NAME` names the host where a container's name is asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from exporter.model.expectation import Promises
from exporter.model.inspection import (
    Inspection,
    Interface,
    NamespaceFacts,
    Neighbour,
    NeighbourState,
    PacketFilter,
    Port,
    PortState,
    Way,
    WayKind,
)
from exporter.model.outcome import Observation, Result, Scope, Verdict
from exporter.model.pair import NO_CONTROLS, PairState
from exporter.model.pairs import all_pairs
from exporter.model.routing import default_route, gateway_of, route_of
from exporter.model.topology import (
    Endpoint,
    IPAddress,
    Network,
    Sandbox,
    SandboxId,
    Topology,
    version_of,
)
from tests.fakes.filters import RESOLVER_RULES, FakeFilter, docker_rules

HOST_NAME = "host"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def state_of(
    topology: Topology,
    what: str,
    *,
    verdict: Verdict = Verdict.UNEXPECTED_UNREACHABLE,
    result: Result = Result.TIMEOUT,
    ip_version: int = 4,
    network: str | None = None,
) -> PairState:
    """Return a broken pair by its name: `container web db`, `host host web`.

    The decision is Docker's own. Of a destination on several networks, `network` says
    which address is meant.
    """
    wanted = what.split()
    for pair in all_pairs(topology, tuple(Scope)):
        names = [pair.scope, pair.source, pair.destination or "gateway"]
        on = network is None or pair.network == f"net-{network}"
        if names == wanted and pair.ip_version == ip_version and on:
            return PairState(
                pair=pair,
                decision=Promises(topology).decide(pair),
                observation=Observation(result=result, sent=4),
                controls=NO_CONTROLS,
                verdict=verdict,
                since=NOW,
            )
    raise LookupError(what)


def with_macs(topology: Topology) -> Topology:
    """Return a topology whose endpoints have MACs, as running containers do."""

    def endpoint(found: Endpoint) -> Endpoint:
        return replace(found, mac=mac_of(found))

    return replace(
        topology,
        sandboxes=tuple(
            replace(one, endpoints=tuple(map(endpoint, one.endpoints)))
            for one in topology.sandboxes
        ),
    )


def mac_of(endpoint: Endpoint) -> str:
    """Return the MAC of an endpoint, made of its first address."""
    return "02:42:" + endpoint.addresses[0].address.packed[-4:].hex(":")


def healthy(topology: Topology) -> Inspection:
    """Return what is found where everything is as the engine made it."""
    bridged = [one for one in topology.networks if one.bridge is not None]
    bridges = {one.id: 10 + n for n, one in enumerate(bridged)}
    interfaces = [_loopback()]
    interfaces += [_bridge(topology, one, bridges[one.id]) for one in bridged]
    facts: dict[SandboxId, NamespaceFacts] = {}
    addresses = tuple(_all_addresses(topology))
    port = 100
    for sandbox in topology.sandboxes:
        own = [_loopback()]
        for n, endpoint in enumerate(sandbox.endpoints):
            master = bridges.get(endpoint.network_id)
            if master is not None:
                interfaces.append(_veth(port, 2 + n, master))
            own.append(_eth(endpoint, n, port))
            port += 1
        facts[sandbox.id] = NamespaceFacts(
            interfaces=tuple(own),
            ways=_ways(topology, sandbox, addresses),
            sysctls=_sysctls(),
            filters={4: FakeFilter(RESOLVER_RULES), 6: FakeFilter()},
        )
    rules = docker_rules(topology)
    return Inspection(
        host=NamespaceFacts(
            interfaces=tuple(interfaces),
            ways=_host_ways(topology, addresses),
            sysctls=_sysctls(),
            filters={4: FakeFilter(rules), 6: FakeFilter(rules)},
        ),
        sandboxes=facts,
    )


def altered(
    inspection: Inspection,
    where: str,
    **changes: Any,  # noqa: ANN401 - as `replace` takes them
) -> Inspection:
    """Return an inspection with some of one namespace's facts replaced."""
    if where == HOST_NAME:
        assert inspection.host is not None
        return replace(inspection, host=replace(inspection.host, **changes))
    sandboxes = dict(inspection.sandboxes)
    key = SandboxId(where)
    sandboxes[key] = replace(sandboxes[key], **changes)
    return replace(inspection, sandboxes=sandboxes)


def facts_of(inspection: Inspection, where: str) -> NamespaceFacts:
    """Return the facts of the host or of a container."""
    if where == HOST_NAME:
        assert inspection.host is not None
        return inspection.host
    return inspection.sandboxes[SandboxId(where)]


def with_interface(
    inspection: Inspection,
    where: str,
    name: str,
    **changes: Any,  # noqa: ANN401 - as `replace` takes them
) -> Inspection:
    """Return an inspection with an interface changed."""
    before = facts_of(inspection, where).interfaces
    assert name in {one.name for one in before}, name
    after = (replace(i, **changes) if i.name == name else i for i in before)
    return altered(inspection, where, interfaces=tuple(after))


def without_interface(inspection: Inspection, where: str, name: str) -> Inspection:
    """Return an inspection with an interface gone."""
    before = facts_of(inspection, where).interfaces
    kept = tuple(one for one in before if one.name != name)
    return altered(inspection, where, interfaces=kept)


def with_way(
    inspection: Inspection, where: str, address: IPAddress, way: Way
) -> Inspection:
    """Return an inspection with the way to an address changed."""
    ways = {**facts_of(inspection, where).ways, address: way}
    return altered(inspection, where, ways=ways)


def with_neighbour(
    inspection: Inspection,
    where: str,
    address: IPAddress,
    entry: tuple[str | None, NeighbourState],
    *,
    interface: str = "eth0",
) -> Inspection:
    """Return an inspection with one more neighbour entry."""
    facts = facts_of(inspection, where)
    index = next(one.index for one in facts.interfaces if one.name == interface)
    mac, state = entry
    added = Neighbour(interface=index, address=address, mac=mac, state=state)
    return altered(inspection, where, neighbours=(*facts.neighbours, added))


def with_sysctl(
    inspection: Inspection, where: str, name: str, value: str | None
) -> Inspection:
    """Return an inspection with a sysctl changed; None: it does not exist."""
    facts = facts_of(inspection, where)
    left = {key: old for key, old in facts.sysctls.items() if key != name}
    if value is None:
        absent = facts.absent_sysctls | {name}
        return altered(inspection, where, sysctls=left, absent_sysctls=absent)
    return altered(inspection, where, sysctls={**left, name: value})


def with_filter(
    inspection: Inspection, where: str, rules: PacketFilter | None, ip_version: int = 4
) -> Inspection:
    """Return an inspection with a packet filter replaced; None: it is not known."""
    facts = facts_of(inspection, where)
    left = {v: found for v, found in facts.filters.items() if v != ip_version}
    if rules is not None:
        left[4 if ip_version == 4 else 6] = rules
    return altered(inspection, where, filters=left)


def port_of(inspection: Inspection, container: str, interface: str = "eth0") -> str:
    """Return the name of the host's end of a container's link."""
    facts = facts_of(inspection, container)
    found = next(one for one in facts.interfaces if one.name == interface)
    host = facts_of(inspection, HOST_NAME)
    return next(one.name for one in host.interfaces if one.index == found.peer)


def index_of(inspection: Inspection, where: str, name: str) -> int:
    """Return the index of an interface."""
    found = facts_of(inspection, where).interfaces
    return next(one.index for one in found if one.name == name)


def _loopback() -> Interface:
    return Interface(index=1, name="lo", up=True, running=True, mac=None, mtu=65536)


def _bridge(topology: Topology, network: Network, index: int) -> Interface:
    gateways = {
        (gateway, found.prefix_length)
        for sandbox in topology.sandboxes_on(network.id)
        for endpoint in sandbox.endpoints
        if endpoint.network_id == network.id
        for found in endpoint.addresses
        if (gateway := gateway_of(network, endpoint, found.ip_version)) is not None
    }
    return Interface(
        index=index,
        name=f"{network.bridge}",
        up=True,
        running=True,
        mac=f"02:00:00:00:00:{index:02x}",
        mtu=1500,
        addresses=tuple(sorted(gateways, key=str)),
    )


def _veth(index: int, peer: int, master: int) -> Interface:
    return Interface(
        index=index,
        name=f"veth{index}",
        up=True,
        running=True,
        mac=f"02:00:00:00:01:{index - 100:02x}",
        mtu=1500,
        peer=peer,
        port=Port(bridge=master, state=PortState.FORWARDING, isolated=False),
    )


def _eth(endpoint: Endpoint, number: int, peer: int) -> Interface:
    return Interface(
        index=2 + number,
        name=f"eth{number}",
        up=True,
        running=True,
        mac=mac_of(endpoint),
        mtu=1500,
        addresses=tuple((a.address, a.prefix_length) for a in endpoint.addresses),
        peer=peer,
    )


def _sysctls() -> Mapping[str, str]:
    return {
        "net.ipv4.ip_forward": "1",
        "net.ipv6.conf.all.forwarding": "1",
        "net.ipv4.icmp_echo_ignore_all": "0",
        "net.ipv6.icmp.echo_ignore_all": "0",
        "net.ipv6.conf.all.disable_ipv6": "0",
        "net.bridge.bridge-nf-call-iptables": "1",
        "net.bridge.bridge-nf-call-ip6tables": "1",
    }


def _all_addresses(topology: Topology) -> Iterable[IPAddress]:
    for sandbox in topology.sandboxes:
        for endpoint in sandbox.endpoints:
            network = topology.network_by_id[endpoint.network_id]
            for found in endpoint.addresses:
                yield found.address
                gateway = gateway_of(network, endpoint, found.ip_version)
                if gateway is not None:
                    yield gateway


def _ways(
    topology: Topology, sandbox: Sandbox, addresses: Iterable[IPAddress]
) -> Mapping[IPAddress, Way]:
    names = {e.network_id: f"eth{n}" for n, e in enumerate(sandbox.endpoints)}
    ways = {}
    for address in addresses:
        route = route_of(topology, sandbox, address)
        if route.network is None:
            ways[address] = Way(kind=WayKind.NONE)
            continue
        gateway = None
        if not route.on_link:
            carrier = default_route(topology, sandbox, version_of(address))
            assert carrier is not None
            endpoint = sandbox.endpoint_on(carrier)
            assert endpoint is not None
            network = topology.network_by_id[carrier]
            gateway = gateway_of(network, endpoint, version_of(address))
        ways[address] = Way(
            kind=WayKind.UNICAST, interface=names[route.network], gateway=gateway
        )
    return ways


def _host_ways(
    topology: Topology, addresses: Iterable[IPAddress]
) -> Mapping[IPAddress, Way]:
    ways = {}
    for address in addresses:
        for network in topology.networks:
            if any(address in subnet.prefix for subnet in network.subnets):
                ways[address] = Way(kind=WayKind.UNICAST, interface=network.bridge)
    return ways
