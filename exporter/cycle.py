"""One pass over the plan: probe, confirm what looks wrong, judge.

Blocking; called from a worker thread. It knows no engine, no metrics and no HTTP:
topology and selection in, pair states out.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from exporter.clock import Clock
from exporter.errors import ExporterError
from exporter.icmp.probes import Lookup, Ping
from exporter.model.outcome import (
    NOT_PROBED,
    VIOLATIONS,
    Observation,
    Observed,
    Result,
    Scope,
    Verdict,
)
from exporter.model.pair import Controls, Pair, PairState
from exporter.model.pairs import own_addresses
from exporter.model.plan import Planned, Selection, needed_for
from exporter.model.routing import gateway_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleOutcome:
    """What a cycle found."""

    states: tuple[PairState, ...]
    """Of the pairs that were probed, in the order of the selection."""
    counted: tuple[Seen, ...]
    """Every observation with its packets, for the counters."""
    young: bool
    """A pair was left unverified because an end was within the grace period."""


class CycleRunner:
    """Runs cycles over a prober."""

    def __init__(self, prober: Prober, clock: Clock, settings: CycleSettings) -> None:
        """Bind to a prober and a clock."""
        self._prober = prober
        self._clock = clock
        self._settings = settings

    def run(
        self,
        topology: Topology,
        selection: Selection,
        previous: Mapping[Pair, PairState],
        is_there: Callable[[SandboxId], bool] = lambda _: True,
    ) -> CycleOutcome:
        """Probe a selection and judge it.

        A pair with an end that vanished or was replaced during the cycle is dropped,
        never judged. What could not be opened at all is there, and unverified.

        Args:
            topology: what existed when the selection was made.
            selection: what to probe.
            previous: the newest state of each pair.
            is_there: what else is known of whether a sandbox still exists.
        """
        opened = dict(self._prober.identities())
        round_ = _Round(self._prober, self._settings, topology, selection.skipped)
        round_.probe(selection.probed, self._settings.packets)
        rulings = round_.judge(selection.probed, self._young(topology))
        suspects = [
            item
            for item in selection.probed
            if _turned_bad(rulings[item.pair], previous.get(item.pair))
        ]
        if suspects and self._settings.confirm_packets:
            round_.confirm(suspects, selection.probed)
            rulings = round_.judge(selection.probed, self._young(topology))
        now = self._clock.now_utc()
        now_open = self._prober.identities()
        kept = [
            item
            for item in selection.probed
            if all(
                end == HOST or (opened.get(end) == now_open.get(end) and is_there(end))
                for end in _ends(item.pair)
            )
        ]
        return CycleOutcome(
            states=tuple(
                round_.state(item, rulings[item.pair], previous.get(item.pair), now)
                for item in kept
            ),
            counted=tuple((item, round_.seen[item.pair]) for item in kept),
            young=any("grace period" in rulings[item.pair].reason for item in kept),
        )

    def _young(self, topology: Topology) -> Callable[[Pair], bool]:
        limit = self._clock.now_utc() - timedelta(seconds=self._settings.grace_s)
        young = {
            sandbox.id
            for sandbox in topology.sandboxes
            if sandbox.started is not None and sandbox.started > limit
        }
        return lambda pair: pair.source in young or str(pair.destination) in young


def _turned_bad(ruling: Ruling, previous: PairState | None) -> bool:
    doubtful = ruling.verdict in VIOLATIONS or (
        ruling.verdict is Verdict.UNVERIFIED
        and ruling.observation.observed is Observed.UNREACHABLE
    )
    return doubtful and (previous is None or previous.verdict is not ruling.verdict)


def _ends(pair: Pair) -> tuple[SandboxId, ...]:
    if pair.destination is None:
        return (pair.source,)
    return pair.source, SandboxId(pair.destination)


class _Round:
    """The observations of one cycle, growing as packets are added."""

    def __init__(
        self,
        prober: Prober,
        settings: CycleSettings,
        topology: Topology,
        put_off: Iterable[Planned],
    ) -> None:
        self._unasked: list[Seen] = [
            (item, NOT_PROBED) for item in put_off if item.pair.scope in _CONTROLS
        ]
        self._prober = prober
        self._settings = settings
        self._topology = topology
        self.seen: dict[Pair, Observation] = {}
        self._own: dict[OwnKey, Observation] = {}
        self._controls: dict[Pair, Controls] = {}
        self._home: dict[tuple[SandboxId, NetworkId, int], IPAddress] = {
            (sandbox, network, address.version): address
            for sandbox, network, address in own_addresses(topology)
        }

    def probe(self, items: Sequence[Planned], count: int) -> None:
        """Probe pairs, and the own addresses of their ends."""
        own = sorted(self._own_keys(items), key=str)
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
        """Send more packets to suspects, and to what controls them."""
        everything = tuple(probed)
        wanted = needed_for(suspects, everything) | {item.pair for item in suspects}
        again = [item for item in everything if item.pair in wanted]
        self.probe(again, self._settings.confirm_packets)

    def judge(
        self, items: Sequence[Planned], is_young: Callable[[Pair], bool]
    ) -> dict[Pair, Ruling]:
        """Return the ruling on each pair, from everything seen so far."""
        seen: list[Seen] = [(item, self.seen[item.pair]) for item in items]
        everything = (*seen, *self._unasked)
        links = self._links(Evidence(everything, self._own, {}).unproven(items))
        evidence = Evidence(everything, self._own, links)
        rulings: dict[Pair, Ruling] = {}
        for item, observation in seen:
            controls = Controls(
                source=evidence.source_alive(item, self._own_address(item)),
                destination=evidence.destination_alive(item),
            )
            self._controls[item.pair] = controls
            rulings[item.pair] = judge(
                item, observation, controls, evidence, young=is_young(item.pair)
            )
        return rulings

    def state(
        self, item: Planned, ruling: Ruling, previous: PairState | None, now: datetime
    ) -> PairState:
        """Return a pair's new state; `since` is kept while the verdict is."""
        same = previous is not None and previous.verdict is ruling.verdict
        return PairState(
            pair=item.pair,
            decision=item.decision,
            observation=ruling.observation,
            controls=self._controls[item.pair],
            verdict=ruling.verdict,
            reason=ruling.reason,
            since=previous.since if same and previous is not None else now,
            probed=now,
        )

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
            ttl=1 if item.decision.on_link else 2,
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
