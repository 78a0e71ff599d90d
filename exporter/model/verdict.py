"""From promise, observation and controls to a verdict.

Silence proves nothing by itself: it confirms isolation only while both ends are
known to work, and it is held against a promise only while our own probe is known
to work. A destination that is silent to everybody is the fault, not an excuse.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter.model.outcome import (
    KERNEL_REFUSALS,
    Expected,
    Observation,
    Observed,
    Result,
    Scope,
    Verdict,
)
from exporter.model.pair import Controls, Decision
from exporter.model.plan import Planned
from exporter.model.topology import (
    HOST,
    IPAddress,
    IpVersion,
    NetworkId,
    SandboxId,
)

Seen = tuple[Planned, Observation]
OwnKey = tuple[SandboxId, IPAddress]
"""A sandbox and one of its own addresses."""

_DEFINITE_NAMES = frozenset(
    {Result.NXDOMAIN, Result.SERVFAIL, Result.WRONG_ANSWER, Result.NO_RESOLVER}
)
"""Answers that prove that the question arrived."""
_ADDRESS_MISSING = KERNEL_REFUSALS | {
    Result.NETNS_ERROR,
    Result.PERMISSION_DENIED,
    Result.NEIGHBOUR_TABLE,
    Result.SEND_ERROR,
    Result.SKIPPED,
}
"""Results of an own address that do not mean that echo requests are ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A verdict with why."""

    verdict: Verdict
    reason: str = ""
    observation: Observation


class Evidence:
    """What one cycle showed of both ends of every pair."""

    def __init__(
        self,
        seen: Iterable[Seen],
        own: Mapping[OwnKey, Observation],
        links: Mapping[OwnKey, bool],
    ) -> None:
        """Collect one cycle.

        Args:
            seen: every probed pair with what was seen.
            own: what became of sandboxes pinging their own addresses.
            links: whether the link of an own address is up; where it was looked at.
        """
        self._own = own
        self._links = links
        self._sources: dict[tuple[SandboxId, NetworkId, IpVersion], bool] = {}
        self._destinations: dict[OwnKey, bool] = {}
        self._gateways: dict[tuple[SandboxId, NetworkId, IpVersion], bool] = {}
        self._working: set[SandboxId] = {
            sandbox
            for (sandbox, _), observation in own.items()
            if observation.observed is Observed.REACHABLE
        }
        for planned, observation in seen:
            if planned.decision.expected is Expected.REACHABLE:
                self._note(planned, observation.observed)

    def _note(self, planned: Planned, observed: Observed) -> None:
        if observed not in (Observed.REACHABLE, Observed.UNREACHABLE):
            return
        pair, reached = planned.pair, observed is Observed.REACHABLE
        if pair.scope is Scope.NAME:
            return
        network = planned.decision.source_network or pair.network
        source = (pair.source, network, pair.ip_version)
        self._sources[source] = self._sources.get(source, False) or reached
        if pair.destination is None:
            self._gateways[source] = reached
            return
        destination = (SandboxId(pair.destination), pair.address)
        known = self._destinations.get(destination, False)
        self._destinations[destination] = known or reached

    def source_alive(
        self, planned: Planned, own_address: IPAddress | None
    ) -> bool | None:
        """Return whether the source exchanged a packet over its route's interface.

        With a gateway or a promised peer; where Docker promises it neither, with
        its own address.
        """
        pair, decision = planned.pair, planned.decision
        network = decision.source_network
        if pair.source == HOST:
            network = pair.network
        if network is not None:
            promised = self._sources.get((pair.source, network, pair.ip_version))
            if promised is not None:
                return promised
        if own_address is None:
            return True if pair.source in self._working else None
        return self._answers_itself((pair.source, own_address))

    def destination_alive(self, planned: Planned) -> bool | None:
        """Return whether the destination's address answered whom it should.

        The host or a promised peer; where none of them is promised or can be
        asked, its own address with its link up, and its gateway if it has one.
        """
        pair = planned.pair
        if pair.destination is None:
            return None
        key = (SandboxId(pair.destination), pair.address)
        promised = self._destinations.get(key)
        if promised is not None:
            return promised
        gateway = self._gateways.get((key[0], pair.network, pair.ip_version))
        if gateway is False:
            return False
        return self._answers_itself(key)

    def _answers_itself(self, key: OwnKey) -> bool | None:
        own = self._own.get(key)
        if own is None or own.observed is Observed.ERROR:
            return None
        link = self._links.get(key)
        return None if link is None else link and own.observed is Observed.REACHABLE

    def probe_works(self, source: SandboxId) -> bool:
        """Return whether a source's own socket sends and receives."""
        return source in self._working

    def ignores_echo(self, planned: Planned) -> bool:
        """Return whether the destination has the address and leaves itself unanswered.

        With its link down the link is the fault, not the silence.
        """
        pair = planned.pair
        if pair.destination is None or pair.scope is Scope.NAME:
            return False
        key = (SandboxId(pair.destination), pair.address)
        own = self._own.get(key)
        if own is None or own.result in _ADDRESS_MISSING:
            return False
        return own.result is not Result.OK and self._links.get(key, True)

    def unproven(self, planned: Iterable[Planned]) -> set[SandboxId]:
        """Return the sandboxes whose link state a verdict would rest on."""
        wanted: set[SandboxId] = set()
        for item in planned:
            pair = item.pair
            network = item.decision.source_network
            source = network and (pair.source, network, pair.ip_version)
            if pair.source != HOST and source not in self._sources:
                wanted.add(pair.source)
            if pair.destination is not None:
                key = (SandboxId(pair.destination), pair.address)
                if not self._destinations.get(key, False):
                    wanted.add(key[0])
        return wanted


def judge(
    planned: Planned,
    observation: Observation,
    controls: Controls,
    evidence: Evidence,
    *,
    young: bool = False,
) -> Ruling:
    """Return what follows for one pair.

    Args:
        planned: the pair and its promise.
        observation: what was seen.
        controls: whether both ends are known to work.
        evidence: everything else the cycle showed.
        young: an end is younger than the grace period.
    """
    decision, observed = planned.decision, observation.observed
    if decision.expected is Expected.UNKNOWN:
        return Ruling(verdict=Verdict.NOT_JUDGED, observation=observation)
    if observed is Observed.NOT_PROBED:
        return Ruling(verdict=Verdict.SKIPPED, observation=observation)
    if observed is Observed.ERROR:
        return _unverified(observation, f"not measured: {observation.result}")
    if decision.expected is Expected.REACHABLE:
        return _judge_promised(planned, observation, evidence, young)
    return _judge_isolated(planned, observation, controls)


def _unverified(observation: Observation, reason: str) -> Ruling:
    return Ruling(verdict=Verdict.UNVERIFIED, reason=reason, observation=observation)


def _judge_promised(
    planned: Planned, seen: Observation, evidence: Evidence, young: bool
) -> Ruling:
    if seen.observed is Observed.REACHABLE:
        return Ruling(verdict=Verdict.AS_EXPECTED, observation=seen)
    if evidence.ignores_echo(planned):
        ignored = _with_result(seen, Result.ICMP_IGNORED)
        return _unverified(ignored, "the destination does not even answer itself")
    definite = seen.result in KERNEL_REFUSALS or seen.result in _DEFINITE_NAMES
    if not definite and not evidence.probe_works(planned.pair.source):
        return _unverified(seen, "the source does not answer its own address")
    if young:
        return _unverified(seen, "an end is younger than the grace period")
    return Ruling(verdict=Verdict.UNEXPECTED_UNREACHABLE, observation=seen)


def _judge_isolated(planned: Planned, seen: Observation, controls: Controls) -> Ruling:
    if seen.observed is Observed.REACHABLE:
        return Ruling(verdict=Verdict.UNEXPECTED_REACHABLE, observation=seen)
    if _confirms_isolation(planned.decision, seen, controls):
        return Ruling(verdict=Verdict.AS_EXPECTED, observation=seen)
    return _unverified(seen, _doubt(planned.decision, seen, controls))


def _confirms_isolation(
    decision: Decision, seen: Observation, controls: Controls
) -> bool:
    if seen.result is Result.NO_RESOLVER:  # the kernel's own answer, on loopback
        return True
    if not decision.has_route:
        return seen.result in (Result.NO_ROUTE, Result.WRONG_ROUTE) or _both(controls)
    dead_end = seen.result in KERNEL_REFUSALS or seen.result is Result.TTL_EXCEEDED
    return not dead_end and _both(controls)


def _both(controls: Controls) -> bool:
    return controls.source is True and controls.destination is True


def _doubt(decision: Decision, seen: Observation, controls: Controls) -> str:
    if decision.has_route and seen.result in KERNEL_REFUSALS:
        return f"the source cannot send although a route is promised: {seen.result}"
    if seen.result is Result.TTL_EXCEEDED:
        return "the probe went astray: its time to live ran out at a router"
    if controls.source is not True:
        return "silence, and the source is not known to be alive"
    return "silence, and the destination is not known to be alive"


def _with_result(seen: Observation, result: Result) -> Observation:
    return Observation(
        result=result,
        sent=seen.sent,
        received=seen.received,
        duplicates=seen.duplicates,
        late=seen.late,
    )


def merge(first: Observation, second: Observation) -> Observation:
    """Return two observations of one pair as one: any valid reply is proof."""
    reached = first if first.result is Result.OK else second
    return Observation(
        result=reached.result,
        sent=first.sent + second.sent,
        received=first.received + second.received,
        duplicates=first.duplicates + second.duplicates,
        late=first.late + second.late,
        rtts_s=first.rtts_s + second.rtts_s,
        resolved=tuple(sorted({*first.resolved, *second.resolved})),
    )
