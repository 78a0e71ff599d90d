"""Everything known of one pair: both ends, their networks, promises and evidence."""

from collections.abc import Iterator

from exporter.model.expectation import RULES
from exporter.model.outcome import Scope
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Endpoint, Network, SandboxId, Topology
from exporter.report.document import header, timestamp
from exporter.report.inventory import (
    container_words,
    endpoint_lines,
    interface_lines,
    network_facts,
    subnet_text,
)
from exporter.report.marks import mark_of
from exporter.report.names import End
from exporter.report.page import BLANK, Line, Page, Role, Span, clean, fields, wrapped
from exporter.report.pairs import Json, pair_document
from exporter.report.words import (
    SCOPES,
    cause_words,
    control_words,
    ends,
    moment,
    outcome_words,
    packets,
    promise,
    seen,
)


def explain_text(
    snapshot: Snapshot,
    source: End,
    destination: End,
    states: tuple[PairState, ...],
    page: Page,
) -> Iterator[Line]:
    """Yield what is known from one end to the other.

    Args:
        snapshot: of the check that was made for it.
        source: who sends.
        destination: who is to be reached.
        states: the pairs from the one to the other, in every scope.
        page: what to write on.
    """
    topology = snapshot.topology
    if topology is None:
        yield (Span("no engine has answered yet", Role.DOUBT),)
        return
    yield from _end("source", source, topology, page)
    yield from _end("destination", destination, topology, page)
    networks = _networks(topology, source, destination, states)
    for network in networks:
        yield from _network(network, page)
    yield BLANK
    if not states:
        why = _why_no_pair(topology, source, destination)
        yield from wrapped(f"There is no pair: {why}.", page.width)
    for state in states:
        yield from _pair(snapshot, state, page)
        yield BLANK


def explain_document(
    snapshot: Snapshot,
    source: End,
    destination: End,
    states: tuple[PairState, ...],
) -> Json:
    """Return the same as JSON; `pairs` are those of a check, with more said of each."""
    summary = dict.fromkeys(snapshot.summary, 0)
    for state in states:
        summary[state.verdict] += 1
    return {
        **header(snapshot),
        "summary": {str(verdict): count for verdict, count in summary.items()},
        "source": source.name,
        "destination": destination.name,
        "pairs": [_pair_document(snapshot, state) for state in states],
    }


def _why_no_pair(topology: Topology, source: End, destination: End) -> str:
    """Return why nothing goes from one end to the other, in words."""
    if source.sandbox is not None and source.sandbox == destination.sandbox:
        return "both have the same network stack"
    if destination.is_host:
        return "the host has no endpoint on a network"
    if source.is_host and destination.is_gateway:
        return "the host's gateways are its own interfaces"
    for end in (source, destination):
        if end.container is None or end.is_host:
            continue
        name = clean(end.name)
        if end.sandbox is None:
            return f"{name} is not running"
        if not any(endpoint.addresses for endpoint in _endpoints(topology, end)):
            return f"{name} has no address on any network"
    return "no address of the destination is of a family that the source has"


def _pair_document(snapshot: Snapshot, state: PairState) -> Json:
    rule = RULES.get(state.decision.promised_by or state.decision.rule)
    seen_ = state.observation
    return {
        **pair_document(snapshot, state),
        "promise": rule.sentence if rule else None,
        "packets": {
            "sent": seen_.sent,
            "received": seen_.received,
            "duplicates": seen_.duplicates,
            "late": seen_.late,
        },
        "since": timestamp(state.since),
        "probed": None if state.probed is None else timestamp(state.probed),
    }


def _end(role: str, end: End, topology: Topology, page: Page) -> Iterator[Line]:
    head = Span(f"{role} ", Role.QUIET), Span(clean(end.name), Role.HEADING)
    if end.is_gateway:
        yield (*head, Span(": the source's own gateways"))
    elif end.container is None:
        yield (*head, Span(": the engine's network namespace"))
        yield from interface_lines(topology.host.interfaces, "  ", page, every=False)
    else:
        yield (*head, Span(f": {container_words(topology, end.container)}"))
        yield from endpoint_lines(topology, _endpoints(topology, end), "  ", page)


def _endpoints(topology: Topology, end: End) -> tuple[Endpoint, ...]:
    sandbox = end.sandbox and topology.sandbox_by_id.get(SandboxId(end.sandbox))
    if sandbox:
        return sandbox.endpoints
    return end.container.endpoints if end.container else ()


def _networks(
    topology: Topology, source: End, destination: End, states: tuple[PairState, ...]
) -> list[Network]:
    wanted = {state.pair.network for state in states}
    for end in (source, destination):
        wanted |= {endpoint.network_id for endpoint in _endpoints(topology, end)}
    return [network for network in topology.networks if network.id in wanted]


def _network(network: Network, page: Page) -> Iterator[Line]:
    yield (Span("network ", Role.QUIET), Span(clean(network.name), Role.HEADING))
    yield from wrapped(", ".join(network_facts(network)), page.width, indent="  ")
    for subnet in network.subnets:
        yield (Span(f"  {subnet_text(subnet)}", Role.QUIET),)


def _pair(snapshot: Snapshot, state: PairState, page: Page) -> Iterator[Line]:
    pair, glyphs = state.pair, page.glyphs
    mark = mark_of(state)
    network = clean(snapshot.network_name(state))
    yield (
        Span(f"{mark.glyph(glyphs)} ", mark.role),
        Span(f"{ends(snapshot, state, glyphs)}: ", Role.HEADING),
        Span(outcome_words(state), mark.role),
    )
    where = f"{pair.address} on {network}"
    if pair.scope is Scope.CONTAINER:
        via = snapshot.source_network_name(state)
        where += f", from {clean(via)}" if via else ", without a route"
    rows = [
        ("pair", f"{SCOPES[pair.scope]}, IPv{pair.ip_version}, {where}"),
        ("promised", promise(state.decision, pair.scope)),
        ("seen", _seen(state, page)),
        ("controls", control_words(state.controls)),
    ]
    if state.reason:
        rows.append(("because", clean(state.reason)))
    for cause in state.causes:
        rows.append(("cause", cause_words(cause)))
        rows.extend(("", clean(line)) for line in cause.evidence)
    rows.extend(_times(state))
    yield from fields(rows, page.width)


def _seen(state: PairState, page: Page) -> str:
    observation = state.observation
    counts = packets(observation)
    words = seen(observation, page.glyphs)
    return f"{words} ({observation.result}{', ' + counts if counts else ''})"


def _times(state: PairState) -> Iterator[tuple[str, str]]:
    if state.probed is None:
        yield "probed", "never"
        return
    if state.since < state.probed:
        yield "since", moment(state.since)
    yield "probed", moment(state.probed)
