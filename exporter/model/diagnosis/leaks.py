"""Why an isolated pair answers.

Docker's isolation is a set of rules on the host, so a leak is one of these: Docker does
not promise isolation at all (a policy does), the packet does not pass those rules, or
they let it through. Which rule did is traced, not guessed.
"""

from collections.abc import Iterator

from exporter.model.cause import Cause, CauseId, cause
from exporter.model.diagnosis.filters import (
    DOCKER_USER,
    Passage,
    call_nf,
    filter_of,
    is_under,
    passages,
)
from exporter.model.diagnosis.isolation import Layers
from exporter.model.diagnosis.scene import End, Scene, addresses_in, named, way_to
from exporter.model.firewall import Fate, Hook
from exporter.model.inspection import Interface, WayKind
from exporter.model.outcome import Scope

_OFF = {4: CauseId.IPTABLES_OFF, 6: CauseId.IP6TABLES_OFF}


def find(scene: Scene) -> Iterator[Cause]:
    """Yield the causes of an answer where Docker promises isolation."""
    if scene.state.pair.scope is Scope.HOST:
        yield from _host(scene)
        return
    source, destination = scene.source, scene.destination
    if source is None or destination is None:
        return
    if scene.same_bridge:
        yield from _unfiltered_bridge(scene)
    else:
        yield from _around(scene, source, destination)
    yield from _let_through(scene, source, destination)


def _host(scene: Scene) -> Iterator[Cause]:
    """Yield why the host reaches a bridge on which it is to have no address."""
    bridge = named(scene.host.interfaces, scene.network.bridge)
    target = scene.state.pair.address
    if bridge is None:
        return
    found = [
        address
        for address in addresses_in(bridge, scene.state.pair.ip_version)
        if any(
            address in subnet.prefix and target in subnet.prefix
            for subnet in scene.network.subnets
        )
    ]
    if found:
        listed = ", ".join(map(str, found))
        line = f"host: {bridge.name} has {listed}"
        yield cause(CauseId.BRIDGE_ADDRESS_ADDED, line, certain=True)
        return
    way = way_to(scene.host, target)
    if way is not None and way.interface == bridge.name:
        line = f"host: the route to {target} leads by {bridge.name}"
        yield cause(CauseId.ROUTE_BY_HAND, line, certain=True)


def _unfiltered_bridge(scene: Scene) -> Iterator[Cause]:
    name = call_nf(scene)
    if scene.inspection.host is None:
        return
    if name in scene.host.absent_sysctls:
        line = f"host: {name} does not exist: br_netfilter is not loaded"
        yield cause(CauseId.BR_NETFILTER_OFF, line, certain=True)
    elif scene.host.sysctls.get(name) == "0":
        yield cause(CauseId.BR_NETFILTER_OFF, f"host: {name} is 0", certain=True)


def _around(scene: Scene, source: End, destination: End) -> Iterator[Cause]:
    """Yield how a packet gets past the host's forwarding."""
    way = way_to(source.seen, scene.state.pair.address)
    if way is None or way.kind is not WayKind.UNICAST:
        return
    joined = _joint(scene, source, destination)
    over = f"via {way.gateway}" if way.gateway else "on the link itself"
    line = (
        f"{source.name}: the route to {scene.state.pair.address} leads by "
        f"{way.interface} {over}"
    )
    if joined is not None and way.gateway is None:
        yield cause(CauseId.BRIDGES_JOINED, joined, line, certain=True)
    elif not scene.state.decision.has_route:
        none = "the engine gave it no route there"
        yield cause(CauseId.ROUTE_BY_HAND, line, none, certain=True)
    elif way.gateway != source.gateway:
        instead = f"the engine gave it {source.gateway}"
        yield cause(CauseId.ROUTE_BY_HAND, line, instead, certain=True)
    elif joined is not None:
        yield cause(CauseId.BRIDGES_JOINED, joined, certain=False)


def _joint(scene: Scene, source: End, destination: End) -> str | None:
    """Return what joins the two bridges into one link, None if nothing does."""
    first, second = source.bridge, destination.bridge
    if first is None or second is None:
        return None
    port = destination.port
    if port is not None and port.port is not None and port.port.bridge == first.index:
        return f"host: {port.name}, {destination.name}'s, is a port of {first.name}"
    by_index = {one.index: one for one in scene.host.interfaces}
    for one in scene.host.interfaces:
        peer = by_index.get(one.peer or -1) if one.peer_is_here else None
        if peer and _is_port(one, first) and _is_port(peer, second):
            return (
                f"host: {one.name}, a port of {first.name}, leads to {peer.name}, a "
                f"port of {second.name}"
            )
    return None


def _is_port(one: Interface, bridge: Interface) -> bool:
    return one.port is not None and one.port.bridge == bridge.index


def _let_through(scene: Scene, source: End, destination: End) -> Iterator[Cause]:
    rules = filter_of(scene, scene.host)
    if rules is None or rules.unread:
        return
    if source.network is None or destination.network is None:
        return
    if not (source.on_bridge and destination.on_bridge):
        return
    layers = Layers(
        rules=rules,
        engine_major=scene.topology.engine.major,
        ip_version=scene.state.pair.ip_version,
        source=source.network,
        destination=destination.network,
        address=scene.state.pair.address,
    )
    if not layers.are_there_at_all:
        yield from _off(scene)
        return
    on_host = [passage for passage in passages(scene) if passage.where == "host"]
    if any(p.trace.fate in (Fate.DROP, Fate.REJECT) for p in on_host):
        return  # not this way, or the rules are others by now
    yield from _by_rules(scene, layers, on_host)


def _off(scene: Scene) -> Iterator[Cause]:
    engine, version = scene.topology.engine, scene.state.pair.ip_version
    if engine.firewall_backend.startswith("nftables"):
        return  # its chains have other names
    evidence = [f"host, IPv{version}: there is no chain of Docker's in table filter"]
    if version == 6 and engine.major < 27:
        evidence.append(f"engine {engine.version}: ip6tables is off unless asked for")
    evidence += [
        f"network {network.name}: enable_ip_masquerade=false"
        for network in scene.topology.networks
        if version == 4 and network.is_default_bridge and not network.masquerade
    ]
    yield cause(_OFF[version], *evidence, certain=True)


def _by_rules(scene: Scene, layers: Layers, on_host: list[Passage]) -> Iterator[Cause]:
    """Yield which rule let a packet through, and what should have stopped it."""
    forward = next((p for p in on_host if p.hook is Hook.FORWARD), None)
    accepted = forward is not None and forward.trace.fate is Fate.ACCEPT
    missing = layers.missing()
    unfiltered = scene.same_bridge and scene.host.sysctls.get(call_nf(scene)) != "1"
    by_user = forward is not None and is_under(forward.trace, DOCKER_USER)
    if forward is not None and by_user:
        yield cause(CauseId.DOCKER_USER_ACCEPTS, forward.line, certain=accepted)
    if missing:
        how = [forward.line] if forward is not None and accepted and not by_user else []
        known = (accepted or unfiltered) and not by_user
        yield cause(CauseId.ISOLATION_MISSING, *missing, *how, certain=known)
    elif not by_user and forward is not None and accepted:
        certain = not _is_dockers(forward, layers)
        yield cause(CauseId.ACCEPTED_BY_RULE, forward.line, certain=certain)
    if layers.raw_is_missing():
        address = scene.state.pair.address
        line = f"host, table raw, chain PREROUTING: no drop for {address}"
        yield cause(CauseId.RAW_DROP_MISSING, line, certain=accepted)


def _is_dockers(passage: Passage, layers: Layers) -> bool:
    """Return whether the rule that accepted is one of Docker's own.

    Before 28 those stand in FORWARD itself: what a bridge sends elsewhere is accepted
    once the isolation is behind it.
    """
    step = passage.trace.decided_by
    if step is None:
        return False
    outwards = f"! -o {layers.source.bridge}"
    return step.chain.startswith("DOCKER") or outwards in step.rule
