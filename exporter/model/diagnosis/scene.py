"""The two ends of a pair as they were found: what the engine says beside what is there.

Nothing is judged here. An interface is known by its MAC, by the bridge that its other
end is a port of, or by its address: any one of them may have been changed by hand.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from exporter.model.inspection import Inspection, Interface, NamespaceFacts, Way
from exporter.model.outcome import Scope
from exporter.model.pair import PairState
from exporter.model.routing import gateway_of
from exporter.model.topology import (
    HOST,
    Endpoint,
    IPAddress,
    IpVersion,
    Network,
    NetworkId,
    Sandbox,
    SandboxId,
    Topology,
)

NO_FACTS = NamespaceFacts()
LOOPBACK = "lo"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A container as one end of a pair, on the network that the packet uses."""

    name: str
    network: Network | None
    """None where the engine gives it no way."""
    address: IPAddress | None
    gateway: IPAddress | None
    facts: NamespaceFacts | None
    """None where it was not looked at."""
    interface: Interface | None
    """None where it was not found."""
    port: Interface | None
    """The host's end of its link."""
    bridge: Interface | None
    """The host's bridge of the network."""
    on_bridge: bool
    """The network is one of the engine's bridges."""
    host: NamespaceFacts | None = None
    """What was found on the host; None where it was not looked at."""

    @property
    def seen(self) -> NamespaceFacts:
        """What was found in it, nothing where it was not looked at."""
        return self.facts or NO_FACTS

    @property
    def link(self) -> str:
        """Its interface for a reader: `web: eth0`."""
        return f"{self.name}: {self.interface.name if self.interface else '?'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that is known of a broken pair."""

    state: PairState
    topology: Topology
    inspection: Inspection
    network: Network
    """Of the destination's address."""
    source: End | None
    """None for the host."""
    destination: End | None
    """None for the host, which the gateway is."""

    @property
    def host(self) -> NamespaceFacts:
        """What was found on the host, nothing where it was not looked at."""
        return self.inspection.host or NO_FACTS

    @property
    def ends(self) -> tuple[End, ...]:
        """The ends that are containers, the source first."""
        return tuple(end for end in (self.source, self.destination) if end)

    @property
    def same_bridge(self) -> bool:
        """Return whether packets go from port to port of one bridge."""
        source, destination = self.source, self.destination
        if source is None or destination is None or not destination.on_bridge:
            return False
        return _id(source.network) == _id(destination.network)

    @property
    def crosses(self) -> bool:
        """Return whether the host has to forward from one bridge to another."""
        source, destination = self.source, self.destination
        if source is None or destination is None or self.same_bridge:
            return False
        return source.on_bridge and destination.on_bridge

    @property
    def masqueraded(self) -> bool:
        """Return whether the host puts its own address in place of the source's.

        The destination then sees the host on its own bridge, and answers that.
        """
        network = self.source.network if self.source else None
        if network is None or not self.crosses or not network.masquerade:
            return False
        return network.gateway_mode(self.state.pair.ip_version).startswith("nat")


def set_scene(state: PairState, topology: Topology, inspection: Inspection) -> Scene:
    """Return what is known of a pair's ends.

    Raises:
        KeyError: the pair's network is not in the topology.
    """
    pair = state.pair
    network = topology.network_by_id[pair.network]
    source = destination = None
    finder = _Finder(topology, inspection, pair.ip_version)
    if pair.source != HOST:
        source = finder.end(pair.source, state.decision.source_network)
        if state.decision.source_network is None and source is not None:
            source = finder.by_way(pair.source, pair.address) or source
    if pair.destination_sandbox is not None and pair.scope is not Scope.NAME:
        destination = finder.end(pair.destination_sandbox, pair.network)
    return Scene(
        state=state,
        topology=topology,
        inspection=inspection,
        network=network,
        source=source,
        destination=destination,
    )


def named(interfaces: Iterable[Interface], name: str | None) -> Interface | None:
    """Return an interface by its name."""
    return next((one for one in interfaces if one.name == name), None)


def has_address(facts: NamespaceFacts, address: IPAddress) -> bool:
    """Return whether any interface of a namespace carries an address."""
    return any(address in _addresses(one) for one in facts.interfaces)


def addresses_in(interface: Interface, ip_version: IpVersion) -> tuple[IPAddress, ...]:
    """Return the addresses of a family that an interface has, link-local ones apart."""
    return tuple(
        address
        for address in _addresses(interface)
        if address.version == ip_version and not address.is_link_local
    )


def way_to(facts: NamespaceFacts, address: IPAddress | None) -> Way | None:
    """Return the way that was asked for; None where it was not, or not answered."""
    return None if address is None else facts.ways.get(address)


def _id(network: Network | None) -> NetworkId | None:
    return None if network is None else network.id


def _addresses(interface: Interface) -> tuple[IPAddress, ...]:
    return tuple(address for address, _length in interface.addresses)


class _Finder:
    """Finds an end's interfaces among the facts."""

    def __init__(
        self, topology: Topology, inspection: Inspection, ip_version: IpVersion
    ) -> None:
        self._topology = topology
        self._inspection = inspection
        self._version = ip_version

    def end(self, sandbox_id: SandboxId, network_id: NetworkId | None) -> End | None:
        """Return an end on a network, None for a sandbox that is gone."""
        sandbox = self._topology.sandbox_by_id.get(sandbox_id)
        if sandbox is None:
            return None
        network = None
        endpoint = None
        if network_id is not None:
            network = self._topology.network_by_id.get(network_id)
            endpoint = sandbox.endpoint_on(network_id)
        facts = self._inspection.sandboxes.get(sandbox_id)
        host = self._inspection.host or NO_FACTS
        bridge = named(host.interfaces, network.bridge) if network else None
        found = address = gateway = None
        if endpoint is not None and network is not None:
            address = _address_of(endpoint, self._version)
            gateway = gateway_of(network, endpoint, self._version)
            found = self._interface(facts or NO_FACTS, sandbox, endpoint, bridge)
        return End(
            name=sandbox.name,
            network=network,
            address=address,
            gateway=gateway,
            facts=facts,
            interface=found,
            port=None if found is None else self._port_of(found),
            bridge=bridge,
            on_bridge=network is not None and network.driver == "bridge",
            host=self._inspection.host,
        )

    def by_way(self, sandbox_id: SandboxId, address: IPAddress) -> End | None:
        """Return the end on the network that the kernel itself would send by."""
        facts = self._inspection.sandboxes.get(sandbox_id, NO_FACTS)
        sandbox = self._topology.sandbox_by_id[sandbox_id]
        way = way_to(facts, address)
        if way is None or way.interface is None:
            return None
        for endpoint in sandbox.endpoints:
            found = self.end(sandbox_id, endpoint.network_id)
            if found and found.interface and found.interface.name == way.interface:
                return found
        return None

    def _interface(
        self,
        facts: NamespaceFacts,
        sandbox: Sandbox,
        endpoint: Endpoint,
        bridge: Interface | None,
    ) -> Interface | None:
        real = [one for one in facts.interfaces if one.name != LOOPBACK]
        for one in real:
            if endpoint.mac is not None and one.mac == endpoint.mac:
                return one
        for one in real:
            port = self._port_of(one)
            if port and port.port and bridge and port.port.bridge == bridge.index:
                return one
        wanted = {found.address for found in endpoint.addresses}
        for one in real:
            if wanted & set(_addresses(one)):
                return one
        others = {e.mac for e in sandbox.endpoints if e.id != endpoint.id}
        left = [one for one in real if one.mac not in others and one.peer is not None]
        return left[0] if len(left) == 1 and len(sandbox.endpoints) == 1 else None

    def _port_of(self, interface: Interface) -> Interface | None:
        """Return the host's end of a veth: each names the other's index."""
        if interface.peer is None or interface.peer_is_here:
            return None
        for one in (self._inspection.host or NO_FACTS).interfaces:
            if one.index == interface.peer and one.peer == interface.index:
                return None if one.peer_is_here else one
        return None


def _address_of(endpoint: Endpoint, ip_version: IpVersion) -> IPAddress | None:
    found = endpoint.address(ip_version)
    return None if found is None else found.address
