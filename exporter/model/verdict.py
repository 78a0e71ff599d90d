"""From promise, observation and controls to a verdict.

Silence proves nothing by itself: it confirms isolation only while both ends are
known to work, and it is held against a promise only while our own probe is known
to work. A destination that is silent to everybody is the fault, not an excuse.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from exporter.model.outcome import (
    KERNEL_REFUSALS,
    Expected,
    Observation,
    Observed,
    Result,
    Scope,
    Verdict,
    observed_of,
)
from exporter.model.pair import Controls, Decision, Planned
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
Interface = tuple[SandboxId, NetworkId | None, IpVersion]
"""A source's way out: its interface on a network, None without a route."""

YOUNG = "an end is younger than the grace period"
"""Reason of a silence that is not held against anybody yet."""
SUSPECTED = "silent in every packet of one cycle; another one decides"
"""Reason of a silence that was seen in one cycle only."""
FLEETING = "answered for a moment and then no more; another cycle decides"
"""Reason of an isolated pair's answer that was not repeated. Seen on engine 20.10 while
networks are made and removed: it sets the jump to its isolation anew each time."""
_DEFINITE_NAMES = frozenset(
    {Result.NXDOMAIN, Result.SERVFAIL, Result.WRONG_ANSWER, Result.NO_RESOLVER}
)
"""Answers that prove that the question arrived."""


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
            seen: every probed pair with what was seen, and those that were to
                control others and were put off.
            own: what became of sandboxes pinging their own addresses.
            links: whether the link of an own address is up; where it was looked at.
        """
        self._own = own
        self._links = links
        self._sources: dict[Interface, bool] = {}
        self._destinations: dict[OwnKey, bool] = {}
        self._gateways: dict[Interface, bool] = {}
        self._unmeasured: set[OwnKey | Interface] = set()
        self._working = {
            sandbox
            for (sandbox, _), observation in own.items()
            if observation.observed is Observed.REACHABLE
        }
        for planned, observation in seen:
            # A policy takes no control away: Docker's own promise counts, whatever is
            # expected. Where the policy alone expects a reply, only a reply counts.
            decision, observed = planned.decision, observation.observed
            promised = (decision.promised or decision.expected) is Expected.REACHABLE
            answered = observed is Observed.REACHABLE
            if promised or (answered and decision.expected is Expected.REACHABLE):
                self._note(planned, observed)

    def _note(self, planned: Planned, observed: Observed) -> None:
        pair = planned.pair
        if pair.scope is Scope.NAME:
            return
        source = _interface(planned)
        if observed not in (Observed.REACHABLE, Observed.UNREACHABLE):
            self._unmeasured.add(source)
            if pair.destination_sandbox is not None:
                self._unmeasured.add((pair.destination_sandbox, pair.address))
            return
        reached = observed is Observed.REACHABLE
        self._sources[source] = reached or self._sources.get(source, False)
        if pair.destination_sandbox is None:
            self._gateways[source] = reached
        else:
            key = (pair.destination_sandbox, pair.address)
            self._destinations[key] = reached or self._destinations.get(key, False)

    def learn(self, links: Mapping[OwnKey, bool]) -> None:
        """Take note of whether links are up, where `unproven` asked for that."""
        self._links = links

    def source_alive(
        self, planned: Planned, own_address: IPAddress | None
    ) -> bool | None:
        """Return whether the source exchanged a packet over its route's interface.

        With a gateway or a promised peer; where Docker promises it neither, with its
        own address while its link is up; without a route, with any own address. None
        where a promised one could not be measured.

        Args:
            planned: the pair.
            own_address: the source's on the network of its route; None without.
        """
        interface = _interface(planned)
        promised = self._sources.get(interface)
        if promised is not None:
            return promised
        if interface in self._unmeasured:
            return None
        if own_address is None:
            return True if self.probe_works(planned.pair.source) else None
        return self._answers_itself((planned.pair.source, own_address))

    def destination_alive(self, planned: Planned) -> bool | None:
        """Return whether the destination's address answered whom it should.

        The host or a promised peer; where none of them is promised or can be
        asked, its own address with its link up, unless its gateway is silent. None
        where a promised one could not be measured, and its gateway neither.
        """
        pair = planned.pair
        if pair.destination_sandbox is None:
            return self._gateway_alive(planned)
        key = (pair.destination_sandbox, pair.address)
        promised = self._destinations.get(key)
        if promised is not None:
            return promised
        link = (pair.destination_sandbox, pair.network, pair.ip_version)
        gateway = self._gateways.get(link)
        if gateway is False:
            return False
        if gateway is None and key in self._unmeasured:
            return None
        return self._answers_itself(key)

    def _gateway_alive(self, planned: Planned) -> bool | None:
        """Return whether the host answers its own address, where that is needed.

        Docker promises no silence of a gateway; a policy may.
        """
        own = self._own.get((HOST, planned.pair.address))
        answered = own is not None and own.observed is Observed.REACHABLE
        isolated = planned.decision.expected is Expected.ISOLATED
        return True if answered and isolated else None

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

        What the kernel refuses to send there is no longer there: an address that is
        gone is a fault. With its link down the link is the fault, not the silence.
        """
        pair = planned.pair
        if pair.destination_sandbox is None or pair.scope is Scope.NAME:
            return False
        key = (pair.destination_sandbox, pair.address)
        own = self._own.get(key)
        if own is None or own.observed is not Observed.UNREACHABLE:
            return False
        return own.result not in KERNEL_REFUSALS and self._links.get(key, True)

    def unproven(self, planned: Iterable[Planned]) -> set[SandboxId]:
        """Return the sandboxes whose link state a verdict would rest on."""
        wanted: set[SandboxId] = set()
        for item in planned:
            pair, destination = item.pair, item.pair.destination_sandbox
            if pair.source != HOST and _interface(item) not in self._sources:
                wanted.add(pair.source)
            if destination is None:
                continue
            if not self._destinations.get((destination, pair.address), False):
                wanted.add(destination)
        return wanted


def _interface(planned: Planned) -> Interface:
    """Return the interface that the source's route uses; the host's is a bridge."""
    pair = planned.pair
    network = pair.network if pair.source == HOST else planned.decision.source_network
    return pair.source, network, pair.ip_version


def judge(
    planned: Planned,
    observation: Observation,
    controls: Controls,
    evidence: Evidence,
    *,
    young: bool = False,
    silent_before: bool = False,
    answered_before: bool = False,
) -> Ruling:
    """Return what follows for one pair.

    Args:
        planned: the pair and its promise.
        observation: what was seen.
        controls: whether both ends are known to work.
        evidence: everything else the cycle showed.
        young: an end is younger than the grace period.
        silent_before: an earlier cycle, some time ago, found the same silence.
        answered_before: the cycle before found the same answer.
    """
    decision, observed = planned.decision, observation.observed
    if decision.expected is Expected.UNKNOWN:
        return Ruling(verdict=Verdict.NOT_JUDGED, observation=observation)
    if observed is Observed.NOT_PROBED:
        return Ruling(verdict=Verdict.SKIPPED, observation=observation)
    if observed is Observed.ERROR:
        return _unverified(observation, f"not measured: {observation.result}")
    if decision.expected is Expected.REACHABLE:
        ruling = _judge_promised(planned, observation, evidence)
        return _held_back(ruling, young=young, silent_before=silent_before)
    if observed is Observed.REACHABLE:
        return _judge_answer(observation, answered_before=answered_before)
    return _judge_isolated(planned, observation, controls, young=young)


def settled(decision: Decision, result: Result, controls: Controls) -> Verdict | None:
    """Return the verdict that follows whatever else a cycle shows.

    None where `judge` has to look closer.

    Args:
        decision: the promise.
        result: of all packets of the pair.
        controls: whether both ends are known to work, and old enough.
    """
    observed = observed_of(result)
    if decision.expected is Expected.UNKNOWN:
        return Verdict.NOT_JUDGED
    if observed is Observed.NOT_PROBED:
        return Verdict.SKIPPED
    if decision.expected is Expected.REACHABLE:
        return Verdict.AS_EXPECTED if observed is Observed.REACHABLE else None
    silent = observed is Observed.UNREACHABLE
    is_kept = silent and _confirms_isolation(decision, result, controls)
    return Verdict.AS_EXPECTED if is_kept else None


def _unverified(observation: Observation, reason: str) -> Ruling:
    return Ruling(verdict=Verdict.UNVERIFIED, reason=reason, observation=observation)


def _judge_promised(planned: Planned, seen: Observation, evidence: Evidence) -> Ruling:
    if seen.observed is Observed.REACHABLE:
        return Ruling(verdict=Verdict.AS_EXPECTED, observation=seen)
    # What the kernel refused never reached a destination that might ignore it.
    definite = seen.result in KERNEL_REFUSALS or seen.result in _DEFINITE_NAMES
    if not definite and evidence.ignores_echo(planned):
        ignored = replace(seen, result=Result.ICMP_IGNORED)
        return _unverified(ignored, "the destination does not even answer itself")
    if not definite and not evidence.probe_works(planned.pair.source):
        return _unverified(seen, "the source does not answer its own address")
    return Ruling(verdict=Verdict.UNEXPECTED_UNREACHABLE, observation=seen)


def _held_back(ruling: Ruling, *, young: bool, silent_before: bool) -> Ruling:
    """Return a ruling that blames nobody for the silence of one moment.

    What a restart, a deploy or a scale-down cuts off for a moment is no fault.
    """
    if ruling.verdict is not Verdict.UNEXPECTED_UNREACHABLE:
        return ruling
    if young:
        return _unverified(ruling.observation, YOUNG)
    return ruling if silent_before else _unverified(ruling.observation, SUSPECTED)


def _judge_answer(seen: Observation, *, answered_before: bool) -> Ruling:
    """Return the ruling on an answer where isolation is promised.

    One that half of the packets of the cycle got counts at once, any other where it is
    found in two cycles.
    """
    if answered_before or 2 * seen.received >= seen.sent:
        return Ruling(verdict=Verdict.UNEXPECTED_REACHABLE, observation=seen)
    return _unverified(seen, FLEETING)


def _judge_isolated(
    planned: Planned, seen: Observation, controls: Controls, *, young: bool
) -> Ruling:
    """Return the ruling on silence, or an error, where isolation is promised.

    A bridge has no IPv6 for a second or two after its first container has come, while
    the kernel looks for duplicate addresses (RFC 4862, 5.4): a control may then be
    answered a moment after a leak was silent.
    """
    if not _confirms_isolation(planned.decision, seen.result, controls):
        return _unverified(seen, _doubt(planned.decision, seen, controls))
    if young and planned.pair.ip_version == 6 and seen.result is Result.TIMEOUT:
        return _unverified(seen, YOUNG)
    return Ruling(verdict=Verdict.AS_EXPECTED, observation=seen)


def _confirms_isolation(decision: Decision, result: Result, controls: Controls) -> bool:
    if result is Result.NO_RESOLVER:  # the kernel's own answer, on loopback
        return True
    if not decision.has_route:
        return result in (Result.NO_ROUTE, Result.WRONG_ROUTE) or _both(controls)
    dead_end = result in KERNEL_REFUSALS or result is Result.TTL_EXCEEDED
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
