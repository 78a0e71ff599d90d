"""Snapshots as the terminal gets them: every pair of a topology, with its outcome.

Promises come from the real rules; a test says only what differs from them.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

from exporter.model.outcome import (
    NOT_PROBED,
    Expected,
    Observation,
    Result,
    Scope,
    Verdict,
)
from exporter.model.pair import Controls, Decision, Pair, PairState
from exporter.model.plan import plan
from exporter.model.policy import NO_POLICY, Policy
from exporter.model.snapshot import CycleInfo, Snapshot
from exporter.model.topology import (
    Container,
    ContainerId,
    HostInterface,
    HostNetwork,
    IpVersion,
    Network,
    Topology,
)
from tests.fakes.topologies import container, demo, endpoint, network, topology

STARTED = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
BOTH = Controls(source=True, destination=True)
NEITHER = Controls(source=None, destination=None)

Change = Callable[[Pair, Decision], PairState | None]
"""Returns a state that differs from what is promised, None where none does."""


def state(
    pair: Pair,
    decision: Decision,
    verdict: Verdict,
    seen: Observation,
    *,
    controls: Controls = BOTH,
    reason: str = "",
) -> PairState:
    """Return a pair's state; the verdict is five minutes old."""
    return PairState(
        pair=pair,
        decision=decision,
        observation=seen,
        controls=controls,
        verdict=verdict,
        reason=reason,
        since=datetime(2026, 1, 1, 11, 55, tzinfo=UTC),
        probed=STARTED if seen.result is not Result.SKIPPED else None,
    )


def reply(pair: Pair, rtt_s: float = 61e-6) -> Observation:
    """Return one valid reply."""
    resolved = (str(pair.address),) if pair.scope is Scope.NAME else ()
    return Observation(
        result=Result.OK, sent=1, received=1, rtts_s=(rtt_s,), resolved=resolved
    )


def silence(result: Result = Result.TIMEOUT) -> Observation:
    """Return no reply to one packet."""
    return Observation(result=result, sent=1)


def as_promised(pair: Pair, decision: Decision) -> PairState:
    """Return a pair that behaves as Docker promises, where it promises anything."""
    if decision.expected is Expected.REACHABLE:
        return state(pair, decision, Verdict.AS_EXPECTED, reply(pair))
    if decision.expected is Expected.UNKNOWN:
        return state(pair, decision, Verdict.NOT_JUDGED, NOT_PROBED, controls=NEITHER)
    result = Result.NO_RESOLVER if pair.scope is Scope.NAME else Result.TIMEOUT
    if not decision.has_route:
        result = Result.NO_ROUTE
    return state(pair, decision, Verdict.AS_EXPECTED, silence(result))


def snapshot(
    found: Topology,
    *changes: Change,
    notices: tuple[str, ...] = (),
    engine_up: bool = True,
    policy: Policy = NO_POLICY,
) -> Snapshot:
    """Return what one check of a topology found; the first change that fits wins."""
    today = STARTED.date()
    pairs = []
    for item in plan(found, set(Scope), lambda _: True, policy, today):
        pair, decision = item.pair, item.decision
        changed = (change(pair, decision) for change in changes)
        other = next((one for one in changed if one is not None), None)
        pairs.append(other or as_promised(pair, decision))
    return Snapshot(
        taken=STARTED,
        topology=found,
        engine_up=engine_up,
        stream_connected=False,
        pairs=tuple(pairs),
        cycle=CycleInfo(number=1, trigger="check", started=STARTED, duration_s=1.1),
        notices=(*notices, *policy.notices(today)),
        policy=policy,
    )


# --- changes ----------------------------------------------------------------------


def leaking(pair: Pair, decision: Decision) -> PairState | None:
    """The isolation rules are gone: every isolated pair of containers answers."""
    if pair.scope is Scope.CONTAINER and decision.expected is Expected.ISOLATED:
        seen = reply(pair, 74e-6)
        return state(pair, decision, Verdict.UNEXPECTED_REACHABLE, seen)
    return None


def dead(name: str) -> Change:
    """A container whose link is down: nothing from it or to it works."""

    def change(pair: Pair, decision: Decision) -> PairState | None:
        if pair.scope is Scope.NAME or name not in (pair.source, pair.destination):
            return None
        controls = Controls(
            source=pair.source != name, destination=pair.destination != name
        )
        if decision.expected is Expected.REACHABLE:
            return state(
                pair,
                decision,
                Verdict.UNEXPECTED_UNREACHABLE,
                silence(),
                controls=controls,
            )
        end = "source" if pair.source == name else "destination"
        reason = f"silence, and the {end} is not known to be alive"
        return state(
            pair,
            decision,
            Verdict.UNVERIFIED,
            silence(),
            controls=controls,
            reason=reason,
        )

    return change


def skipped(source: str) -> Change:
    """A container whose probes to others the plan left out."""

    def change(pair: Pair, decision: Decision) -> PairState | None:
        if pair.scope is Scope.CONTAINER and pair.source == source:
            return state(pair, decision, Verdict.SKIPPED, NOT_PROBED, controls=NEITHER)
        return None

    return change


def only(source: str, destination: str, change: Change) -> Change:
    """Apply a change to the container pairs from one container to another alone."""

    def narrowed(pair: Pair, decision: Decision) -> PairState | None:
        if (pair.source, pair.destination) == (source, destination):
            return change(pair, decision)
        return None

    return narrowed


def in_family(ip_version: IpVersion, change: Change) -> Change:
    """Apply a change to one family alone."""

    def narrowed(pair: Pair, decision: Decision) -> PairState | None:
        return change(pair, decision) if pair.ip_version == ip_version else None

    return narrowed


# --- topologies -------------------------------------------------------------------


def demo_on_host() -> Topology:
    """Return the demo, with the host's interfaces as `imhost` sees them."""
    interfaces = (
        HostInterface(
            name="lo",
            index=1,
            up=True,
            mtu=65536,
            mac=None,
            addresses=((ip_address("127.0.0.1"), 8),),
        ),
        HostInterface(
            name="eth0",
            index=2,
            up=True,
            mtu=1500,
            mac="02:42:c0:00:02:0a",
            addresses=((ip_address("192.0.2.10"), 24), (ip_address("fe80::2a"), 64)),
        ),
        HostInterface(
            name="br-mybridge",
            index=3,
            up=False,
            mtu=1500,
            mac="02:42:5e:11:00:01",
            addresses=((ip_address("172.18.0.1"), 16),),
        ),
    )
    host = HostNetwork(available=True, source="own", interfaces=interfaces)
    return replace(demo(), host=host)


def crowd(
    sizes: Mapping[str, int], *, ipv6: bool = False, label: str = "{network}-app-{n}"
) -> Topology:
    """Return networks with that many containers each, named as compose does."""
    networks: list[Network] = []
    containers: list[Container] = []
    for number, (name, size) in enumerate(sizes.items(), start=17):
        subnets = [f"172.{number}.0.0/16"] + [f"fd00:{number}::/64"] * ipv6
        made = network(name, *subnets)
        networks.append(made)
        for n in range(1, size + 1):
            own = label.format(network=name, n=n)
            addresses = [f"172.{number}.0.{n + 1}"] + [f"fd00:{number}::{n + 1}"] * ipv6
            containers.append(container(own, endpoint(own, made, *addresses)))
    networks.sort(key=lambda one: one.name)
    containers.sort(key=lambda one: one.name)
    return topology(tuple(networks), tuple(containers))


def forty() -> Topology:
    """Return forty containers on five networks."""
    return crowd({"bridge": 4, "shop": 14, "metrics": 6, "mail": 7, "wiki": 9})


def joined() -> Topology:
    """Return two networks, one container on each and one on both."""
    front, back = network("front", "172.20.0.0/16"), network("back", "172.21.0.0/16")
    return topology(
        (back, front),
        (
            container("api", endpoint("api", back, "172.21.0.2")),
            container(
                "proxy",
                endpoint("proxy", back, "172.21.0.3"),
                endpoint("proxy", front, "172.20.0.3"),
            ),
            container("web", endpoint("web", front, "172.20.0.2")),
        ),
    )


def with_members(found: Topology, owner: str, *names: str) -> Topology:
    """Return a topology in which containers share another one's network stack."""
    extra = tuple(container(name, mode=f"container:{owner}") for name in names)
    sandboxes = tuple(
        replace(one, members=(*one.members, *(ContainerId(name) for name in names)))
        if one.id == owner
        else one
        for one in found.sandboxes
    )
    containers = sorted((*found.containers, *extra), key=lambda one: one.name)
    return replace(found, containers=tuple(containers), sandboxes=sandboxes)


HOSTILE = "evil\x1b[31m\n[bold]\u202e]]>&<\x00name"
"""A container's name as no engine allows it and a label might give it."""


def hostile() -> Topology:
    """Return two containers on one network, one with a hostile name."""
    one = network("net", "172.30.0.0/16")
    found = topology(
        (one,),
        (
            container("evil", endpoint("evil", one, "172.30.0.2")),
            container("good", endpoint("good", one, "172.30.0.3")),
        ),
    )
    renamed = tuple(
        replace(box, name=HOSTILE) if box.id == "evil" else box
        for box in found.sandboxes
    )
    containers = tuple(
        replace(box, name=HOSTILE, raw_name=HOSTILE) if box.id == "evil" else box
        for box in found.containers
    )
    return replace(found, sandboxes=renamed, containers=containers)
