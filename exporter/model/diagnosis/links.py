"""Silence that comes of links: interfaces, bridges, their ports, and addresses."""

from collections.abc import Iterator

from exporter.model.cause import Cause, CauseId, cause
from exporter.model.diagnosis.scene import (
    LOOPBACK,
    End,
    Scene,
    addresses_in,
    has_address,
)
from exporter.model.inspection import Interface, PortState
from exporter.model.outcome import Scope
from exporter.model.topology import IPAddress

_DISABLE_IPV6 = "net.ipv6.conf.all.disable_ipv6"


def find(scene: Scene) -> Iterator[Cause]:
    """Yield what is wrong with the links of a silent pair, from below to above."""
    for end in scene.ends:
        yield from _interface(end)
    for end in scene.ends:
        yield from _bridge(scene, end)
    for end in scene.ends:
        yield from _port(scene, end)
    yield from _isolated(scene)
    for end in scene.ends:
        yield from _address(scene, end)
    yield from _bridge_address(scene)


def _interface(end: End) -> Iterator[Cause]:
    if not end.seen.interfaces or end.network is None:
        return
    found = end.interface
    if found is None:
        there = ", ".join(i.name for i in end.seen.interfaces if i.name != LOOPBACK)
        yield cause(
            CauseId.INTERFACE_MISSING,
            f"{end.name}: no interface for network {end.network.name} "
            f"(there: {there or 'only lo'})",
            certain=True,
        )
    elif not found.up:
        yield cause(CauseId.LINK_DOWN, f"{end.link} is down", certain=True)
    elif not found.running:
        evidence = [f"{end.link} is up and has no carrier"]
        if end.port is not None and not end.port.up:
            evidence.insert(0, f"host: {end.port.name}, its other end, is down")
        yield cause(CauseId.LINK_DOWN, *evidence, certain=True)


def _bridge(scene: Scene, end: End) -> Iterator[Cause]:
    if not end.on_bridge or end.network is None or not scene.host.interfaces:
        return
    if end.bridge is None:
        line = f"host: there is no bridge {end.network.bridge}"
    elif not end.bridge.up:
        line = f"host: {end.bridge.name}, the bridge of {end.network.name}, is down"
    else:
        return
    yield cause(CauseId.BRIDGE_DOWN, line, certain=True)


def _port(scene: Scene, end: End) -> Iterator[Cause]:
    found, bridge = end.interface, end.bridge
    if not end.on_bridge or found is None or bridge is None or not bridge.up:
        return
    if end.port is None:
        if found.peer is not None and scene.host.interfaces:
            yield cause(
                CauseId.PORT_MISSING,
                f"host: the other end of {end.link} (index {found.peer}) is not there",
                certain=False,
            )
        return
    whose = f"host: {end.port.name}, the other end of {end.link},"
    port = end.port.port
    if port is None:
        line = f"{whose} is a port of no bridge, not of {bridge.name}"
        yield cause(CauseId.PORT_MISSING, line, certain=True)
    elif port.bridge != bridge.index:
        other = _name(scene.host.interfaces, port.bridge)
        line = f"{whose} is a port of {other}, not of {bridge.name}"
        yield cause(CauseId.PORT_MISSING, line, certain=True)
    elif port.state is not PortState.FORWARDING and end.port.running:
        line = f"{whose} is {port.state} on {bridge.name}"
        yield cause(CauseId.PORT_BLOCKED, line, certain=True)


def _isolated(scene: Scene) -> Iterator[Cause]:
    if not scene.same_bridge:
        return
    ports = [end.port for end in scene.ends if end.port is not None]
    isolated = [port for port in ports if port.port is not None and port.port.isolated]
    if len(isolated) == 2:
        names = " and ".join(port.name for port in isolated)
        line = f"host: {names} are both isolated ports"
        yield cause(CauseId.PORT_ISOLATED, line, certain=True)


def _address(scene: Scene, end: End) -> Iterator[Cause]:
    """Yield why an end does not have its address.

    A source with another address of the subnet may well send by that.
    """
    found, address = end.interface, end.address
    if found is None or address is None:
        return
    if address in found.refused:
        line = f"{end.link}: {address} is refused, another station has it"
        yield cause(CauseId.ADDRESS_DUPLICATE, line, certain=True)
        return
    if has_address(end.seen, address):
        return
    if address.version == 6 and (off := _ipv6_off(end, found)):
        yield cause(CauseId.IPV6_DISABLED, f"{end.name}: {off}", certain=True)
        return
    left = addresses_in(found, scene.state.pair.ip_version)
    instead = ", ".join(map(str, left)) or "none"
    is_source = end is scene.source
    yield cause(
        CauseId.ADDRESS_MISSING,
        f"{end.link} has {instead}, not {address}",
        certain=not (is_source and _in_subnet(end, left)),
    )


def _ipv6_off(end: End, found: Interface) -> str | None:
    if _DISABLE_IPV6 in end.seen.absent_sysctls:
        return "its kernel has no IPv6"
    for name in (_DISABLE_IPV6, f"net.ipv6.conf.{found.name}.disable_ipv6"):
        if end.seen.sysctls.get(name, "0") != "0":
            return f"{name} is {end.seen.sysctls[name]}"
    return None


def _in_subnet(end: End, left: tuple[IPAddress, ...]) -> bool:
    subnets = [] if end.network is None else [s.prefix for s in end.network.subnets]
    return any(address in subnet for address in left for subnet in subnets)


def _bridge_address(scene: Scene) -> Iterator[Cause]:
    """Yield which bridge lacks its gateway's address, where the packet needs it.

    Containers hand to it what is not for their own bridge; the host's route to them
    hangs on it, but any other address of the subnet gives that too.
    """
    pair = scene.state.pair
    if pair.scope is Scope.CONTAINER and not scene.crosses:
        return
    for end in scene.ends:
        bridge, wanted = end.bridge, end.gateway
        if bridge is None or wanted is None or has_address(scene.host, wanted):
            continue
        left = addresses_in(bridge, pair.ip_version)
        listed = ", ".join(map(str, left)) or "none"
        yield cause(
            CauseId.BRIDGE_ADDRESS_MISSING,
            f"host: {bridge.name} has {listed}, not {wanted}",
            certain=end is scene.source or not _in_subnet(end, left),
        )


def _name(interfaces: tuple[Interface, ...], index: int) -> str:
    found = (one.name for one in interfaces if one.index == index)
    return next(found, f"another bridge (index {index})")
