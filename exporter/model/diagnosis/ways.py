"""Silence that comes of routes, neighbour entries and sysctls.

Both directions count: a reply that goes astray is as silent as a request that does.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.model.cause import Cause, CauseId, cause
from exporter.model.diagnosis.scene import End, Scene, way_to
from exporter.model.inspection import (
    Interface,
    NamespaceFacts,
    Neighbour,
    NeighbourState,
    WayKind,
)
from exporter.model.outcome import Scope
from exporter.model.routing import route_of
from exporter.model.topology import IPAddress

HOST_NAME = "host"

_REFUSING = frozenset({WayKind.BLACKHOLE, WayKind.UNREACHABLE, WayKind.PROHIBIT})
_BY_HAND = frozenset({NeighbourState.PERMANENT, NeighbourState.NOARP})
_LEARNED = frozenset(
    {
        NeighbourState.REACHABLE,
        NeighbourState.STALE,
        NeighbourState.DELAY,
        NeighbourState.PROBE,
    }
)
_FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
_IGNORE_ECHO = {
    4: "net.ipv4.icmp_echo_ignore_all",
    6: "net.ipv6.icmp.echo_ignore_all",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A namespace that has to send a packet on."""

    name: str
    facts: NamespaceFacts
    to: IPAddress
    """Where the packet goes in the end."""
    by: Interface | None
    """The interface it should leave by; None where that is not known."""
    gateway: IPAddress | None = None
    """Whom it should be handed to; None on the link itself."""
    receiver: Interface | None = None
    """Who should get the frame."""
    receiver_name: str = ""


def find_routes(scene: Scene) -> Iterator[Cause]:
    """Yield the routes that lead a packet, or its reply, astray."""
    for leg in legs_of(scene):
        yield from _route(scene, leg)


def find_forwarding(scene: Scene) -> Iterator[Cause]:
    """Yield whether the host does not forward what it would have to."""
    name = _FORWARDING[scene.state.pair.ip_version]
    if scene.crosses and scene.host.sysctls.get(name) == "0":
        yield cause(CauseId.FORWARDING_OFF, f"host: {name} is 0", certain=True)


def find_neighbours(scene: Scene) -> Iterator[Cause]:
    """Yield the neighbour entries that lead a frame to somebody else."""
    for leg in legs_of(scene):
        yield from _neighbour(scene, leg)


def find_ignoring(scene: Scene) -> Iterator[Cause]:
    """Yield whether the destination is told to ignore echo requests."""
    end = scene.destination
    name = _IGNORE_ECHO[scene.state.pair.ip_version]
    facts = scene.host if end is None else end.seen
    if facts.sysctls.get(name, "0") != "0":
        line = f"{HOST_NAME if end is None else end.name}: {name} is 1"
        yield cause(CauseId.ICMP_IGNORED, line, certain=True)


def legs_of(scene: Scene) -> tuple[Leg, ...]:
    """Return who sends the request on, in order, and then who sends the reply on."""
    pair = scene.state.pair
    if pair.scope is Scope.HOST and scene.destination is not None:
        end = scene.destination
        back = (_from_end(end, end.gateway, end.bridge, HOST_NAME),)
        return _real((_from_host(end), *back))
    if pair.scope is Scope.GATEWAY and scene.source is not None:
        end = scene.source
        there = (_from_end(end, pair.address, end.bridge, HOST_NAME),)
        return _real((*there, _from_host(end)))
    source, destination = scene.source, scene.destination
    if source is None or destination is None:
        return ()
    if scene.crosses:
        return _real(
            (
                _by_gateway(source, destination.address),
                _from_host(destination),
                _back(scene, source, destination),
                _from_host(source),
            )
        )
    return _real(
        (
            _from_end(
                source, destination.address, destination.interface, destination.name
            ),
            _from_end(destination, source.address, source.interface, source.name),
        )
    )


def _back(scene: Scene, source: End, destination: End) -> Leg | None:
    """Return the destination's leg of a reply to another bridge.

    One with several networks may reply by another of them: then nothing is known.
    """
    if scene.masqueraded:
        return _from_end(
            destination, destination.gateway, destination.bridge, HOST_NAME
        )
    sandbox = scene.state.pair.destination_sandbox
    found = sandbox and scene.topology.sandbox_by_id.get(sandbox)
    if not found or source.address is None or destination.network is None:
        return None
    route = route_of(scene.topology, found, source.address)
    if route.network != destination.network.id:
        return None
    return _by_gateway(destination, source.address)


def _real(legs: tuple[Leg | None, ...]) -> tuple[Leg, ...]:
    return tuple(leg for leg in legs if leg is not None)


def _from_end(
    end: End, to: IPAddress | None, receiver: Interface | None, name: str
) -> Leg | None:
    if to is None:
        return None
    return Leg(
        name=end.name,
        facts=end.seen,
        to=to,
        by=end.interface,
        receiver=receiver,
        receiver_name=name,
    )


def _by_gateway(end: End, to: IPAddress | None) -> Leg | None:
    if to is None:
        return None
    return Leg(
        name=end.name,
        facts=end.seen,
        to=to,
        by=end.interface,
        gateway=end.gateway,
        receiver=end.bridge,
        receiver_name=HOST_NAME,
    )


def _from_host(end: End) -> Leg | None:
    """Return the host's leg to an end on one of its bridges."""
    if end.address is None or end.host is None:
        return None
    return Leg(
        name=HOST_NAME,
        facts=end.host,
        to=end.address,
        by=end.bridge,
        receiver=end.interface,
        receiver_name=end.name,
    )


def _route(scene: Scene, leg: Leg) -> Iterator[Cause]:
    way = way_to(leg.facts, leg.to)
    if way is None:
        return
    what = f"{leg.name}: the route to {leg.to}"
    if way.kind in _REFUSING:
        line = f"{what} is {_article(way.kind)}"
        yield cause(CauseId.BLACKHOLE_ROUTE, line, certain=True)
    elif way.kind is WayKind.NONE:
        line = f"{leg.name}: there is no route to {leg.to}"
        yield cause(CauseId.NO_ROUTE, line, certain=True)
    elif way.kind is WayKind.LOCAL:
        line = f"{leg.name}: {leg.to} is an address of its own"
        yield cause(CauseId.ADDRESS_DUPLICATE, line, certain=True)
    elif leg.by is not None and way.interface != leg.by.name:
        over = f" via {way.gateway}" if way.gateway else ""
        line = f"{what} leads by {way.interface}{over}, not by {leg.by.name}"
        yield cause(CauseId.ROUTE_ELSEWHERE, line, certain=True)
    elif way.gateway != leg.gateway:
        wanted = f"via {leg.gateway}" if leg.gateway else "on the link"
        took = f"via {way.gateway}" if way.gateway else "on the link"
        line = f"{what} leads {took}, not {wanted}"
        yield cause(CauseId.ROUTE_ELSEWHERE, line, certain=False)


def _article(kind: WayKind) -> str:
    return "unreachable" if kind is WayKind.UNREACHABLE else f"a {kind}"


def _neighbour(scene: Scene, leg: Leg) -> Iterator[Cause]:
    if leg.by is None or leg.receiver is None or leg.receiver.mac is None:
        return
    next_hop = leg.gateway or leg.to
    for entry in leg.facts.neighbours:
        if (entry.interface, entry.address) != (leg.by.index, next_hop):
            continue
        if entry.mac is None or entry.mac == leg.receiver.mac:
            continue
        if not _is_own_port(scene, leg, entry):
            yield from _misled(scene, leg, entry)


def _is_own_port(scene: Scene, leg: Leg, entry: Neighbour) -> bool:
    """Return whether a neighbour entry is the host's end of the sender's own link.

    While that is a port of no bridge the host answers for every address of its own
    with that end's MAC (arp_ignore 0). The entry outlives it, and does no harm: a
    frame to a port's own MAC goes up to the host (br_handle_frame_finish).
    """
    if leg.by is None or leg.by.peer is None:
        return False
    ours = (leg.by.peer, entry.mac)
    return any((one.index, one.mac) == ours for one in scene.host.interfaces)


def _misled(scene: Scene, leg: Leg, entry: Neighbour) -> Iterator[Cause]:
    right = leg.receiver
    if right is None:
        return
    line = (
        f"{leg.name}: {entry.address} is at {entry.mac} ({entry.state}), the address "
        f"of {leg.receiver_name}'s {right.name} is {right.mac}"
    )
    if entry.state in _BY_HAND:
        yield cause(CauseId.NEIGHBOUR_WRONG, line, certain=True)
    elif entry.state in _LEARNED:
        owner = _owner_of(scene, entry.mac)
        if owner is None or owner == leg.receiver_name:
            yield cause(CauseId.NEIGHBOUR_WRONG, line, certain=False)
        else:
            whose = f"{entry.mac} is {owner}'s"
            yield cause(CauseId.ADDRESS_DUPLICATE, line, whose, certain=True)


def _owner_of(scene: Scene, mac: str | None) -> str | None:
    """Return who has a MAC, as the engine and the host's own interfaces tell."""
    for sandbox in scene.topology.sandboxes:
        if any(endpoint.mac == mac for endpoint in sandbox.endpoints):
            return sandbox.name
    for interface in scene.host.interfaces:
        if interface.mac == mac:
            return f"the host's {interface.name}"
    return None
