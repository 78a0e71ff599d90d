"""Visits the host and the sandboxes at the ends of broken promises."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from exporter.errors import ExporterError, NetnsGone
from exporter.hostns import HostFound
from exporter.model.inspection import Inspection, NamespaceFacts
from exporter.model.outcome import VIOLATIONS, Scope
from exporter.model.pair import Pair, PairState
from exporter.model.routing import gateway_of
from exporter.model.topology import (
    HOST,
    ContainerId,
    Endpoint,
    IPAddress,
    NetworkId,
    Sandbox,
    SandboxId,
    Topology,
)
from exporter.netns import NamespaceRef

Attached = Mapping[tuple[ContainerId, NetworkId], datetime]

_LIMIT: Final = 64
"""Sandboxes that are looked into at once; a few milliseconds each."""
_MAX_WAYS: Final = 256
"""Addresses whose ways are asked for in one namespace."""


Facts = Callable[[NamespaceRef | HostFound, Sequence[IPAddress]], NamespaceFacts]
"""As `visit.facts_of`."""


def _nothing() -> Attached:
    return {}


class Inspector:
    """Reads what decides over packets, where promises are broken.

    Args:
        facts: enters a namespace and reads what is there.
        attached: tells since when containers are on networks.
        limit: sandboxes looked into at once; the rest is left out and counted.
    """

    def __init__(
        self,
        *,
        facts: Facts,
        attached: Callable[[], Attached] = _nothing,
        limit: int = _LIMIT,
    ) -> None:
        self._facts = facts
        self._attached = attached
        self._limit = limit

    def inspect(
        self,
        topology: Topology,
        states: Iterable[PairState],
        host: HostFound | None,
    ) -> Inspection:
        """Return what is found at the ends of those states that are violations.

        Blocking, a few milliseconds for each namespace. What cannot be read is a
        note, never an error.

        Args:
            topology: of which the states are.
            states: any; those that are no violations are passed over.
            host: the engine's namespace; None where it was not found.
        """
        asked = _questions(topology, states)
        if not asked:
            return Inspection(attached=self._attached())
        notes: list[str] = []
        of_host = self._look_at_host(host, asked.get(HOST, {}), notes)
        wanted = [sandbox for sandbox in asked if sandbox != HOST]
        seen: dict[SandboxId, NamespaceFacts] = {}
        for sandbox_id in wanted[: self._limit]:
            sandbox = topology.sandbox_by_id[sandbox_id]
            found = self._look_into(sandbox, asked[sandbox_id], notes)
            if found is not None:
                seen[sandbox_id] = found
        left_out = max(0, len(wanted) - self._limit)
        if left_out:
            notes.append(f"{left_out} more containers were not looked into")
        return Inspection(
            host=of_host,
            sandboxes=seen,
            attached=self._attached(),
            left_out=left_out,
            notes=tuple(notes),
        )

    def _look_at_host(
        self,
        host: HostFound | None,
        addresses: Iterable[IPAddress],
        notes: list[str],
    ) -> NamespaceFacts | None:
        if host is None:
            notes.append("host: its namespace was not found")
            return None
        return self._read("host", host, addresses, notes)

    def _look_into(
        self, sandbox: Sandbox, addresses: Iterable[IPAddress], notes: list[str]
    ) -> NamespaceFacts | None:
        ref = NamespaceRef(path=sandbox.path, pid=sandbox.pid, container_id=sandbox.id)
        return self._read(sandbox.name, ref, addresses, notes)

    def _read(
        self,
        name: str,
        where: NamespaceRef | HostFound,
        addresses: Iterable[IPAddress],
        notes: list[str],
    ) -> NamespaceFacts | None:
        wanted = tuple(addresses)[:_MAX_WAYS]
        try:
            found = self._facts(where, wanted)
        except NetnsGone:
            notes.append(f"{name}: it ended while it was looked at")
            return None
        except ExporterError as error:
            notes.append(f"{name}: {error}")
            return None
        notes.extend(f"{name}: {line}" for line in found.notes)
        return found


Questions = dict[SandboxId, dict[IPAddress, None]]
"""Whom to visit, and for which addresses to ask the way; the host first."""


def _questions(topology: Topology, states: Iterable[PairState]) -> Questions:
    """Return whom to visit, in the order of the violations."""
    asked: Questions = {}
    for state in states:
        if state.verdict not in VIOLATIONS:
            continue
        pair = state.pair
        ends = (pair.source, pair.destination_sandbox)
        addresses = dict.fromkeys((*_sources_of(topology, state), pair.address))
        asked.setdefault(HOST, {}).update(addresses)
        for sandbox in ends:
            if sandbox is not None and sandbox in topology.sandbox_by_id:
                asked.setdefault(sandbox, {}).update(addresses)
    return asked


def _sources_of(topology: Topology, state: PairState) -> Iterable[IPAddress]:
    """Yield the addresses that the request may come from: replies go there."""
    pair = state.pair
    if pair.source == HOST or not state.decision.on_link:  # masqueraded, perhaps
        yield from _gateways(topology, pair)
    source = topology.sandbox_by_id.get(pair.source)
    for endpoint in source.endpoints if source else ():
        if state.decision.source_network in (None, endpoint.network_id):
            yield from _own(endpoint, pair)


def _gateways(topology: Topology, pair: Pair) -> Iterable[IPAddress]:
    sandbox = pair.destination_sandbox and topology.sandbox_by_id.get(
        pair.destination_sandbox
    )
    endpoint = sandbox.endpoint_on(pair.network) if sandbox else None
    network = topology.network_by_id.get(pair.network)
    if endpoint is not None and network is not None:
        found = gateway_of(network, endpoint, pair.ip_version)
        if found is not None:
            yield found


def _own(endpoint: Endpoint, pair: Pair) -> Iterable[IPAddress]:
    found = endpoint.address(pair.ip_version)
    if found is not None and pair.scope is not Scope.NAME:
        yield found.address
