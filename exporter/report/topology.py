"""What exists, as text: networks, containers, the host."""

from collections.abc import Iterator

from exporter.model.snapshot import Snapshot
from exporter.model.topology import Container, Network, Topology
from exporter.report.inventory import (
    container_words,
    endpoint_lines,
    interface_lines,
    network_facts,
    subnet_text,
)
from exporter.report.page import BLANK, Line, Page, Role, Span, clean, flowed
from exporter.report.summary import notice_lines
from exporter.report.words import counted


def topology_text(snapshot: Snapshot, page: Page) -> Iterator[Line]:
    """Yield everything the engine and the host's namespace say exists."""
    topology = snapshot.topology
    if topology is None:
        yield (Span("no engine has answered yet", Role.DOUBT),)
        return
    yield from _engine(topology, page)
    yield BLANK
    yield (Span(counted(len(topology.networks), "network"), Role.HEADING),)
    for network in topology.networks:
        yield from _network(network, page)
    yield BLANK
    yield (Span(counted(len(topology.containers), "container"), Role.HEADING),)
    for container in topology.containers:
        yield from _container(topology, container, page)
    yield BLANK
    yield from _host(topology, page)
    yield from notice_lines(snapshot, page)


def _engine(topology: Topology, page: Page) -> Iterator[Line]:
    engine = topology.engine
    facts = [f"{clean(engine.product)} {clean(engine.version)}"]
    facts.append(f"API {clean(engine.api_version)}")
    if engine.address:
        facts.append(clean(engine.address))
    if not engine.local:
        facts.append(f"not probed: {clean(engine.local_reason)}")
    if engine.firewall_backend:
        facts.append(f"firewall {clean(engine.firewall_backend)}")
    yield from flowed(facts, page.width, between=f" {page.glyphs.between} ")


def _network(network: Network, page: Page) -> Iterator[Line]:
    head = f"  {clean(network.name)}"
    yield from flowed(
        network_facts(network), page.width, indent="    ", first=f"{head}: "
    )
    for subnet in network.subnets:
        yield (Span(f"    {subnet_text(subnet)}", Role.QUIET),)


def _container(topology: Topology, container: Container, page: Page) -> Iterator[Line]:
    yield (Span(f"  {clean(container.name)}: {container_words(topology, container)}"),)
    if container in topology.host_members:
        yield from interface_lines(topology.host.interfaces, "    ", page, every=False)
    else:
        yield from endpoint_lines(topology, container.endpoints, "    ", page)


def _host(topology: Topology, page: Page) -> Iterator[Line]:
    host = topology.host
    state = "host" if host.available else "host: not found"
    source = f" ({clean(host.source)})" if host.source else ""
    yield (Span(state, Role.HEADING), Span(source, Role.QUIET))
    if topology.host_members:
        names = [clean(container.name) for container in topology.host_members]
        yield from flowed(names, page.width, indent="    ", first="  containers: ")
    yield from interface_lines(host.interfaces, "  ", page, every=True)
