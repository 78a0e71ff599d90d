"""The observations of one cycle, growing as packets are added, and what they mean."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from exporter.errors import ExporterError
from exporter.icmp.probes import Lookup, Ping
from exporter.model.outcome import NOT_PROBED, Observation, Result, Scope
from exporter.model.pair import Controls, Decision, Pair, PairState, Planned
from exporter.model.pairs import own_addresses
from exporter.model.plan import needed_for
from exporter.model.routing import gateway_of
from exporter.model.selection import Selection
from exporter.model.topology import (
    HOST,
    ContainerId,
    HostInterface,
    IPAddress,
    NetworkId,
    SandboxId,
    Topology,
)
from exporter.model.verdict import Evidence, OwnKey, Ruling, Seen, judge, merge
from exporter.netns import NetnsId

Probe = Ping | Lookup
_CONTROLS = (Scope.HOST, Scope.GATEWAY)
"""Scopes whose pairs say whether the ends of others are alive."""


class Prober(Protocol):
    """What a cycle needs of the sockets."""

    def probe(
        self,
        probes: Sequence[Probe],
        *,
        timeout_s: float,
        packets_per_second: float,
    ) -> tuple[Observation, ...]:
        """Send, wait, and return what became of each probe, in order."""
        ...

    def renew(self) -> None:
        """Make what is sent from now on new connections to the kernel."""
        ...

    def interfaces(self, source: SandboxId) -> tuple[HostInterface, ...]:
        """Return the interfaces inside a source's namespace."""
        ...

    def identities(self) -> Mapping[SandboxId, NetnsId]:
        """Return the namespaces of the sources that are open now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleSettings:
    """How a cycle probes."""

    timeout_s: float = 1.0
    packets_per_second: float = 2000.0
    packets: int = 1
    """For each pair in the first pass."""
    confirm_packets: int = 3
    """More for each pair whose verdict would turn bad."""
    grace_s: float = 10.0
    """Age of a container below which silence is not held against it."""
    apart_s: float = 1.0
    """Time from the end of a cycle that found a silence to the begin of another one
    that may hold it against somebody; longer than a link takes to come up."""
    decides: bool = True
    """Whether silence may be held against somebody who was not silent before; not
    where it is waited for so shortly that a busy host's reply may be missed."""


class Blame(NamedTuple):
    """Whether the silence of a pair may be held against somebody."""

    is_young: Callable[[Pair], bool]
    was_silent: Callable[[PairState | None], bool]
    """Asked of the state before, as the next one is."""
    has_answered: Callable[[PairState | None], bool]


class Judged(NamedTuple):
    """What a cycle says of a pair."""

    item: Planned
    before: PairState | None
    """Its state before the cycle."""
    seen: Observation
    controls: Controls
    ruling: Ruling


class Sightings:
    """What one cycle has seen so far."""

    def __init__(
        self,
        prober: Prober,
        settings: CycleSettings,
        topology: Topology,
        selection: Selection,
    ) -> None:
        self._unasked: list[Seen] = [
            (item, NOT_PROBED)
            for item in selection.skipped
            if item.pair.scope in _CONTROLS
        ]
        self._resting = selection.resting
        self._prober = prober
        self._settings = settings
        self._topology = topology
        self.seen: dict[Pair, Observation] = {}
        self._own: dict[OwnKey, Observation] = {}
        self._home: dict[tuple[SandboxId, NetworkId, int], IPAddress] = {
            (sandbox, network, address.version): address
            for sandbox, network, address in own_addresses(topology)
        }

    def probe(self, items: Sequence[Planned], count: int) -> None:
        """Probe pairs, and the own addresses of those of their ends that are awake."""
        awake = (
            (sandbox, address)
            for sandbox, address in self._own_keys(items)
            if sandbox not in self._resting.get(address.version, ())
        )
        self._probe(sorted(awake, key=str), items, count)

    def _probe(
        self, own: Sequence[OwnKey], items: Sequence[Planned], count: int
    ) -> None:
        probes: list[Probe] = [
            Ping(source=source, destination=address, ttl=1, own=True)
            for source, address in own
        ]
        probes.extend(self._probe_of(item, count) for item in items)
        found = self._prober.probe(
            probes,
            timeout_s=self._settings.timeout_s,
            packets_per_second=self._settings.packets_per_second,
        )
        for key, observation in zip(own, found[: len(own)], strict=True):
            self._own[key] = _merged(self._own.get(key), observation)
        for item, observation in zip(items, found[len(own) :], strict=True):
            right = self._checked(item.pair, observation)
            self.seen[item.pair] = _merged(self.seen.get(item.pair), right)

    def confirm(self, suspects: Sequence[Planned], probed: Iterable[Planned]) -> None:
        """Send more packets to suspects, to what controls them, and to themselves."""
        everything = tuple(probed)
        wanted = needed_for(suspects, everything) | {item.pair for item in suspects}
        again = [item for item in everything if item.pair in wanted]
        own = sorted(self._own_keys(again), key=str)
        self._probe(own, again, self._settings.confirm_packets)

    def judge(
        self,
        items: Sequence[Planned],
        earlier: Sequence[PairState | None],
        blame: Blame,
    ) -> list[Judged]:
        """Return the ruling on each pair, from everything seen so far.

        Args:
            items: pairs that were probed.
            earlier: the state of each before the cycle.
            blame: whom silence is held against.
        """
        seen: list[Seen] = [(item, self.seen[item.pair]) for item in items]
        evidence = Evidence((*seen, *self._unasked), self._own, {})
        evidence.learn(self._links(evidence.unproven(items)))
        judged: list[Judged] = []
        for (item, observation), before in zip(seen, earlier, strict=True):
            controls = Controls(
                source=evidence.source_alive(item, self._own_address(item)),
                destination=evidence.destination_alive(item),
            )
            ruling = judge(
                item,
                observation,
                controls,
                evidence,
                young=blame.is_young(item.pair),
                silent_before=blame.was_silent(before),
                answered_before=blame.has_answered(before),
            )
            judged.append(Judged(item, before, observation, controls, ruling))
        return judged

    def _own_keys(self, items: Iterable[Planned]) -> set[OwnKey]:
        ends: set[SandboxId] = set()
        networks: set[NetworkId] = set()
        for item in items:
            ends.add(item.pair.source)
            if item.pair.source == HOST:
                networks.add(item.pair.network)
            if item.pair.destination is not None:
                ends.add(SandboxId(item.pair.destination))
        keys = {
            (sandbox, address)
            for sandbox, _, address in own_addresses(self._topology)
            if sandbox in ends
        }
        return keys | _host_keys(self._topology, networks)

    def _probe_of(self, item: Planned, count: int) -> Probe:
        pair = item.pair
        if pair.scope is Scope.NAME:
            return Lookup(
                source=pair.source, name=str(pair.name), ip_version=pair.ip_version
            )
        network = self._topology.network_by_id[pair.network]
        return Ping(
            source=pair.source,
            destination=pair.address,
            ttl=time_to_live(item.decision),
            device=network.bridge if pair.source == HOST else None,
            count=count,
        )

    def _checked(self, pair: Pair, seen: Observation) -> Observation:
        """Return a DNS answer as wrong where it names none of the right addresses."""
        if pair.scope is not Scope.NAME or seen.result is not Result.OK:
            return seen
        if self._right_answers(pair) & set(seen.resolved):
            return seen
        return Observation(
            result=Result.WRONG_ANSWER,
            sent=seen.sent,
            received=seen.received,
            rtts_s=seen.rtts_s,
            resolved=seen.resolved,
        )

    def _right_answers(self, pair: Pair) -> set[str]:
        source = self._topology.sandbox_by_id[pair.source]
        shared = {endpoint.network_id for endpoint in source.endpoints}
        container = self._topology.container_by_id[ContainerId(str(pair.destination))]
        return {
            str(found.address)
            for endpoint in container.endpoints
            if endpoint.network_id in shared
            for found in endpoint.addresses
            if found.ip_version == pair.ip_version
        }

    def _own_address(self, item: Planned) -> IPAddress | None:
        pair, network = item.pair, item.decision.source_network
        if network is None:
            return None
        return self._home.get((pair.source, network, pair.ip_version))

    def _links(self, sandboxes: Iterable[SandboxId]) -> dict[OwnKey, bool]:
        links: dict[OwnKey, bool] = {}
        for sandbox in sandboxes:
            try:
                interfaces = self._prober.interfaces(sandbox)
            except ExporterError:  # it ended meanwhile; nothing rests on it then
                continue
            for interface in interfaces:
                for address, _ in interface.addresses:
                    links[(sandbox, address)] = interface.up
        return links


def time_to_live(decision: Decision) -> int:
    """Return how far a probe may go: to the link, or past one router."""
    return 1 if decision.on_link else 2


def _host_keys(topology: Topology, networks: Collection[NetworkId]) -> set[OwnKey]:
    keys: set[OwnKey] = set()
    for network_id in networks:
        network = topology.network_by_id[network_id]
        for sandbox in topology.sandboxes_on(network_id)[:1]:
            for endpoint in sandbox.endpoints:
                if endpoint.network_id != network_id:
                    continue
                for found in endpoint.addresses:
                    gateway = gateway_of(network, endpoint, found.ip_version)
                    if gateway is not None and network.driver == "bridge":
                        keys.add((HOST, gateway))
    return keys


def _merged(before: Observation | None, now: Observation) -> Observation:
    return now if before is None else merge(before, now)
