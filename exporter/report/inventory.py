"""Networks, containers and interfaces in words, shared by `topology` and `explain`."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from exporter.model.topology import (
    HOST,
    IP_VERSIONS,
    Container,
    ContainerId,
    Endpoint,
    HostInterface,
    Network,
    SandboxId,
    Subnet,
    Topology,
)
from exporter.report.page import Line, Role, Span, clean, pad, width_of
from exporter.report.words import counted


def network_facts(network: Network) -> list[str]:
    """Return what decides who may reach whom on a network, most telling first."""
    facts = {
        f"{clean(network.driver)} driver": True,
        "default bridge (names do not resolve)": network.is_default_bridge,
        "internal": network.internal,
        "icc off (containers do not reach each other)": not network.icc,
        **{
            f"IPv{version} gateway mode {clean(network.gateway_mode(version))}": (
                network.enabled(version) and network.gateway_mode(version) != "nat"
            )
            for version in IP_VERSIONS
        },
        "bridge without IPv4 address": network.inhibit_ipv4,
        "no masquerading": not network.masquerade,
        f"mode {clean(network.options.get('macvlan_mode') or 'bridge')}": (
            network.driver == "macvlan"
        ),
        f"interface {clean(network.bridge or '')}": network.bridge is not None,
        f"MTU {network.mtu}": network.mtu is not None,
        f"project {clean(network.project or '')}": network.project is not None,
    }
    return [fact for fact, holds in facts.items() if holds]


def subnet_text(subnet: Subnet) -> str:
    """Return an IPAM entry in words."""
    facts = [str(subnet.prefix)]
    if subnet.gateway is not None:
        facts.append(f"gateway {subnet.gateway}")
    if subnet.ip_range is not None:
        facts.append(f"range {subnet.ip_range}")
    facts.extend(
        f"{clean(name)} reserves {address}" for name, address in subnet.auxiliary
    )
    if subnet.addresses_used is not None:
        facts.append(f"{subnet.addresses_used:,} used")
    if subnet.dynamic_available is not None:
        facts.append(f"{subnet.dynamic_available:,} free")
    return ", ".join(facts)


def container_words(topology: Topology, container: Container) -> str:
    """Return a container's state and whose network stack it has."""
    words = [clean(container.status)]
    if container.network_mode == "host":
        words.append("on the host's network")
    elif container.network_mode == "none":
        words.append("without a network")
    elif (owner := owner_of(topology, container)) is not None:
        words.append(f"shares the network of {clean(owner.name)}")
    others = members_with(topology, container)
    if others:
        names = ", ".join(clean(other.name) for other in others)
        words.append(f"its network is shared by {names}")
    return "; ".join(words)


def owner_of(topology: Topology, container: Container) -> Container | None:
    """Return whose network stack a container joined, None if it has its own."""
    for sandbox in topology.sandboxes:
        if container.id in sandbox.members[1:]:
            return topology.container_by_id.get(ContainerId(sandbox.id))
    return None


def members_with(topology: Topology, container: Container) -> list[Container]:
    """Return the containers that joined a container's network stack."""
    sandbox = topology.sandbox_by_id.get(SandboxId(container.id))
    found = sandbox.members if sandbox else ()
    others = [topology.container_by_id.get(one) for one in found if one != container.id]
    return [other for other in others if other is not None]


def sandbox_name(topology: Topology, container: Container) -> str | None:
    """Return the name of the network stack a container has; None if not running."""
    if container.running and container.network_mode == "host":
        return str(HOST)
    if (owner := owner_of(topology, container)) is not None:
        return owner.name
    return container.name if SandboxId(container.id) in topology.sandbox_by_id else None


def endpoint_lines(
    topology: Topology, endpoints: Sequence[Endpoint], indent: str
) -> Iterator[Line]:
    """Yield a line for each endpoint: network, addresses, gateway, MAC."""
    rows = [_endpoint_row(topology, endpoint) for endpoint in endpoints]
    yield from table(rows, indent)


def _endpoint_row(topology: Topology, endpoint: Endpoint) -> tuple[str, ...]:
    network = topology.network_by_id.get(endpoint.network_id)
    addresses = [f"{one.address}/{one.prefix_length}" for one in endpoint.addresses]
    gateways = [str(one.gateway) for one in endpoint.addresses if one.gateway]
    return (
        clean(network.name if network else endpoint.network_id[:12]),
        ", ".join(addresses) or "no address",
        f"gateway {', '.join(gateways)}" if gateways else "no gateway",
        clean(endpoint.mac or ""),
    )


def interface_lines(
    interfaces: Sequence[HostInterface], indent: str, *, every: bool
) -> Iterator[Line]:
    """Yield a line for each interface of the host.

    Args:
        interfaces: of the engine's network namespace.
        indent: of each line.
        every: also those with nothing but a link-local address, as the host's ends
            of the containers' veth pairs have.
    """
    chosen = [one for one in interfaces if every or _is_known_by_address(one)]
    rows = [_interface_row(interface) for interface in chosen]
    yield from table(rows, indent)
    left = len(interfaces) - len(chosen)
    if left:
        others = counted(left, "interface")
        text = f"{indent}and {others} without an address of its own"
        yield (Span(text if left == 1 else text.replace("its", "their"), Role.QUIET),)


def _is_known_by_address(interface: HostInterface) -> bool:
    return any(
        isinstance(address, IPv4Address) or not address.is_link_local
        for address, _ in interface.addresses
    )


def _interface_row(interface: HostInterface) -> tuple[str, ...]:
    addresses = [f"{address}/{length}" for address, length in interface.addresses]
    return (
        clean(interface.name),
        ", ".join(addresses) or "no address",
        "up" if interface.up else "down",
        f"MTU {interface.mtu}",
        clean(interface.mac or ""),
    )


def table(rows: Sequence[tuple[str, ...]], indent: str) -> Iterator[Line]:
    """Yield rows with their columns under each other; the first one is a name."""
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *others = (
            pad(text, width) for text, width in zip(row, widths, strict=True)
        )
        yield (Span(f"{indent}{first}"), Span("  " + "  ".join(others), Role.QUIET))
