"""What an inspection finds on a healthy host, and ways to make it otherwise.

`healthy(topology)` has what the engine sets up: bridges with their gateways' addresses,
a veth for each endpoint, routes, sysctls and Docker's rules. The others change one
thing of it. `HOST_NAME` names the host where a container's name is asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from exporter.model.expectation import Promises
from exporter.model.firewall import Fate, Hook, Packet, Step, Trace
from exporter.model.inspection import (
    Inspection,
    Interface,
    NamespaceFacts,
    Neighbour,
    NeighbourState,
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
    HOST,
    Endpoint,
    IPAddress,
    Network,
    Sandbox,
    SandboxId,
    Topology,
    version_of,
)

HOST_NAME = "host"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DROP_HERE = Step(table="filter", chain="FORWARD", rule="-A FORWARD -j DROP")
ACCEPTED = Trace(fate=Fate.ACCEPT, decided_by=None, path=())

Chains = Mapping[tuple[str, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FakeFilter:
    """A packet filter that does with packets what the test says."""

    chains: Chains = field(default_factory=dict)
    traces: Mapping[Hook, Trace] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    only: IPAddress | None = None
    """Packets to other destinations pass."""

    def chain(self, table: str, name: str) -> tuple[str, ...] | None:
        """Return the rules given for it."""
        return self.chains.get((table, name))

    def trace(self, hook: Hook, packet: Packet) -> Trace:
        """Return the trace given for the hook; without one everything passes."""
        if self.only is not None and packet.destination != self.only:
            return ACCEPTED
        return self.traces.get(hook, ACCEPTED)


def stopped(*path: Step, fate: Fate = Fate.DROP) -> Trace:
    """Return a trace that ends with the last of some steps."""
    return Trace(fate=fate, decided_by=path[-1], path=path)


def step(chain: str, rule: str, table: str = "filter") -> Step:
    """Return a step; the rule is what stands behind the chain's name."""
    return Step(table=table, chain=chain, rule=f"-A {chain} {rule}")


def state_of(
    topology: Topology,
    what: str,
    *,
    verdict: Verdict = Verdict.UNEXPECTED_UNREACHABLE,
    result: Result = Result.TIMEOUT,
    ip_version: int = 4,
) -> PairState:
    """Return a broken pair by its name: `container web db`, `host host web`.

    The decision is Docker's own.
    """
    wanted = what.split()
    for pair in all_pairs(topology, tuple(Scope)):
        names = [pair.scope, pair.source, pair.destination or "gateway"]
        if names == wanted and pair.ip_version == ip_version:
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


def altered(inspection: Inspection, where: str, **changes: object) -> Inspection:
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
    inspection: Inspection, where: str, name: str, **changes: object
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
    inspection: Inspection, where: str, rules: FakeFilter | None, ip_version: int = 4
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


RESOLVER_RULES: Chains = {
    ("nat", "OUTPUT"): ("-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT",),
    ("nat", "DOCKER_OUTPUT"): (
        (
            "-A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT "
            "--to-destination 127.0.0.11:44305"
        ),
        (
            "-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT "
            "--to-destination 127.0.0.11:33002"
        ),
    ),
}


def docker_rules(topology: Topology) -> Chains:
    """Return the rules that engine 28.5 has for a topology's networks."""
    bridged = [one for one in topology.networks if one.bridge is not None]
    first, second, entry, forward = [], [], [], []
    for one in bridged:
        name = one.bridge
        entry.append(f"-A DOCKER ! -i {name} -o {name} -j DROP")
        second.append(f"-A DOCKER-ISOLATION-STAGE-2 -o {name} -j DROP")
        stage = "-A DOCKER-ISOLATION-STAGE-1"
        if one.internal:
            first.append(f"{stage} ! -s {one.subnets[0].prefix} -o {name} -j DROP")
            first.append(f"{stage} ! -d {one.subnets[0].prefix} -i {name} -j DROP")
        else:
            jump = f"-i {name} ! -o {name} -j DOCKER-ISOLATION-STAGE-2"
            first.append(f"{stage} {jump}")
        target = "ACCEPT" if one.icc else "DROP"
        forward.append(f"-A DOCKER-FORWARD -i {name} -o {name} -j {target}")
    raw = [
        f"-A PREROUTING -d {found.address}/{found.address.max_prefixlen} ! -i "
        f"{topology.network_by_id[endpoint.network_id].bridge} -j DROP"
        for sandbox in topology.sandboxes
        for endpoint in sandbox.endpoints
        for found in endpoint.addresses
    ]
    return {
        ("raw", "PREROUTING"): tuple(raw),
        ("filter", "FORWARD"): (
            "-A FORWARD -j DOCKER-USER",
            "-A FORWARD -j DOCKER-FORWARD",
        ),
        ("filter", "DOCKER-USER"): (),
        ("filter", "DOCKER-FORWARD"): (
            "-A DOCKER-FORWARD -j DOCKER-CT",
            "-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1",
            "-A DOCKER-FORWARD -j DOCKER-BRIDGE",
            *forward,
        ),
        ("filter", "DOCKER-ISOLATION-STAGE-1"): tuple(first),
        ("filter", "DOCKER-ISOLATION-STAGE-2"): tuple(second),
        ("filter", "DOCKER"): tuple(entry),
    }


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


__all__ = [
    "ACCEPTED",
    "DROP_HERE",
    "HOST",
    "HOST_NAME",
    "NOW",
    "RESOLVER_RULES",
    "FakeFilter",
    "altered",
    "docker_rules",
    "facts_of",
    "healthy",
    "index_of",
    "mac_of",
    "port_of",
    "state_of",
    "step",
    "stopped",
    "with_filter",
    "with_interface",
    "with_macs",
    "with_neighbour",
    "with_sysctl",
    "with_way",
    "without_interface",
]
