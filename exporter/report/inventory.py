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
from exporter.report.cells import width_of
from exporter.report.page import Line, Page, Role, Span, clean, flowed, pad
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
    topology: Topology, endpoints: Sequence[Endpoint], indent: str, page: Page
) -> Iterator[Line]:
    """Yield each endpoint: network, MAC, addresses, gateways."""
    rows = []
    for endpoint in endpoints:
        network = topology.network_by_id.get(endpoint.network_id)
        name = clean(network.name if network else endpoint.network_id[:12])
        facts = [f"{one.address}/{one.prefix_length}" for one in endpoint.addresses]
        gateways = [one.gateway for one in endpoint.addresses if one.gateway]
        facts = facts or ["no address"]
        facts.extend(f"gateway {gateway}" for gateway in gateways)
        rows.append(((name, clean(endpoint.mac or "")), facts))
    yield from _table(rows, indent, page)


def interface_lines(
    interfaces: Sequence[HostInterface], indent: str, page: Page, *, every: bool
) -> Iterator[Line]:
    """Yield each interface of the host: name, state, MTU, MAC, addresses.

    Args:
        interfaces: of the engine's network namespace.
        indent: of each line.
        page: what to write on.
        every: also those with nothing but a link-local address, as the host's ends
            of the containers' veth pairs have.
    """
    chosen = [one for one in interfaces if every or _is_known_by_address(one)]
    rows = [
        (
            (
                clean(one.name),
                "up" if one.up else "down",
                f"MTU {one.mtu}",
                clean(one.mac or ""),
            ),
            [f"{address}/{length}" for address, length in one.addresses]
            or ["no address"],
        )
        for one in chosen
    ]
    yield from _table(rows, indent, page)
    left = len(interfaces) - len(chosen)
    if left:
        text = f"{indent}and {counted(left, 'interface')} known by no address"
        yield (Span(text, Role.QUIET),)


def _is_known_by_address(interface: HostInterface) -> bool:
    return any(
        isinstance(address, IPv4Address) or not address.is_link_local
        for address, _ in interface.addresses
    )


def _table(
    rows: Sequence[tuple[tuple[str, ...], list[str]]], indent: str, page: Page
) -> Iterator[Line]:
    """Yield rows with their columns under each other; what follows them is wrapped.

    The first column is a name; a column that is empty in every row is left out.
    """
    columns = list(zip(*(cells for cells, _ in rows), strict=True))
    widths = [max(map(width_of, column)) for column in columns]
    for cells, facts in rows:
        texts = [
            pad(cell, width) + "  "
            for cell, width in zip(cells, widths, strict=True)
            if width
        ]
        lead = indent + "".join(texts)
        lines = flowed(facts, page.width - width_of(lead))
        for number, line in enumerate(lines):
            if number == 0:
                name = Span(indent + texts[0])
                yield (name, Span("".join(texts[1:]), Role.QUIET), *line)
            else:
                yield (Span(" " * width_of(lead)), *line)
