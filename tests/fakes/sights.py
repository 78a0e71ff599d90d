"""Hosts as the page shows them: of any size, healthy or broken, with what was before.

A large host is a sample, as the daemon's board makes it: some pairs are kept, all
others counted.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from ipaddress import ip_network

from exporter.model.cause import CauseId, cause
from exporter.model.detection import Detection, DetectionSource, SourceState
from exporter.model.history import History
from exporter.model.outcome import VIOLATIONS, Expected, Scope, Verdict
from exporter.model.pair import Decision, Pair, PairState, Planned
from exporter.model.plan import Plan
from exporter.model.rtts import Rtts
from exporter.model.sample import is_sampled, sample
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Container, HostRoute, Network, Topology
from tests.fakes import report_samples
from tests.fakes.report_samples import STARTED, Change, as_promised, reply
from tests.fakes.snapshots import NOW, published, small, violations
from tests.fakes.topologies import container, endpoint, network, topology

PROJECTS = (
    "shop", "mail", "wiki", "metrics", "billing", "search", "chat", "forum", "ci",
    "registry", "backup", "dns", "vpn", "media", "maps", "photos", "notes", "tickets",
    "status", "queue", "cache", "auth", "proxy", "cdn", "logs", "trace", "vault",
    "cron", "stats", "labs", "demo",
)  # fmt: skip
SERVICES = ("web", "api", "db", "cache", "worker", "queue", "mail", "cron")
_DETECTION = Detection(
    sources=(
        SourceState(source=DetectionSource.NFTABLES, active=True, lag_s=0.25),
        SourceState(source=DetectionSource.LINKS, active=True, lag_s=0.5),
        SourceState(source=DetectionSource.SYSCTLS, active=True, lag_s=5.0),
        SourceState(source=DetectionSource.REPRESENTATIVES, active=False),
    )
)
_PACKETS = 30_000.0
"""That an interval has room for."""


def seen(containers: int, *, broken: bool) -> Snapshot:
    """Return a host of so many containers; five are the demo.

    Args:
        containers: up to about 6000.
        broken: a rule lets two networks through and a container's link is off its
            bridge; in the demo all isolation is gone.
    """
    if containers == 5:
        return remembered(explained(violations()) if broken else small())
    return remembered(_large(containers, broken=broken))


@cache
def flushed(containers: int) -> Snapshot:
    """Return a host whose whole ruleset is gone: every isolated pair answers."""
    return explained(_published(town(containers), _leak_everywhere))


def town(containers: int) -> Topology:
    """Return a host with a network for each project, of compose's names.

    Some proxies are on several of them; one overlaps a tunnel, one is nearly full.
    """
    count = max(
        2, min(len(PROJECTS), round(containers / 16) if containers < 500 else 31)
    )
    nets = [_network(number) for number in range(count)]
    found: list[Container] = []
    proxies = 1 + containers // 250
    for number in range(containers - proxies):
        on = number % count
        place = number // count
        name = f"{PROJECTS[on]}-{SERVICES[place % 8]}-{place // 8 + 1}"
        found.append(container(name, endpoint(name, nets[on], _address(on, place + 2))))
    for number in range(proxies):
        name = f"edge-proxy-{number + 1}"
        ends = (
            endpoint(name, nets[on], _address(on, 200 + number))
            for on in sorted({number, (number + 3) % count, (number * 5 + 1) % count})
        )
        found.append(container(name, *ends))
    made = topology(
        tuple(sorted(nets, key=lambda one: one.name)),
        tuple(sorted(found, key=lambda one: one.name)),
    )
    tunnel = HostRoute(prefix=ip_network("172.18.0.0/16"), interface="tun0")
    return replace(made, host=replace(made.host, routes=(tunnel,)))


def _network(number: int) -> Network:
    made = network(f"{PROJECTS[number]}_default", f"172.{number + 17}.0.0/24")
    if number:
        return made
    (subnet,) = made.subnets
    full = replace(subnet, addresses_used=243, dynamic_available=13)
    return replace(made, subnets=(full,))


def _address(number: int, place: int) -> str:
    return f"172.{number + 17}.0.{place}"


@cache
def _large(containers: int, *, broken: bool) -> Snapshot:
    found = town(containers)
    if not broken:
        return _published(found)
    first, second = found.networks[0].id, found.networks[2 % len(found.networks)].id
    dead = found.networks[1].name.removesuffix("_default") + "-db-1"

    def leaking(pair: Pair, decision: Decision) -> PairState | None:
        ends = {pair.network, decision.source_network}
        return _leak_everywhere(pair, decision) if ends == {first, second} else None

    return explained(_published(found, leaking, report_samples.dead(dead)))


def _leak_everywhere(pair: Pair, decision: Decision) -> PairState | None:
    if pair.scope is not Scope.CONTAINER or decision.expected is not Expected.ISOLATED:
        return None
    return report_samples.state(
        pair, decision, Verdict.UNEXPECTED_REACHABLE, reply(pair, 74e-6)
    )


def _published(found: Topology, *changes: Change) -> Snapshot:
    """Return the snapshot of a cycle, of a sample where there is so much."""
    plan = Plan(found, frozenset(Scope), lambda _: True)
    if not is_sampled(plan, _PACKETS):
        return published(found, *changes)
    taken = sample(plan, 3, {}, changed=(), fresh_from=NOW)
    nothing = replace(found, networks=(), containers=(), sandboxes=())
    return replace(
        published(nothing),
        topology=found,
        pairs=tuple(_states(taken.known, changes)),
        aside=taken.aside,
        sampled_since=STARTED - timedelta(hours=3),
        cover_s=15.0 * taken.cycles,
    )


def _states(
    planned: tuple[Planned, ...], changes: tuple[Change, ...]
) -> Iterator[PairState]:
    for item in planned:
        made = (change(item.pair, item.decision) for change in changes)
        state = next((one for one in made if one is not None), None)
        yield state or as_promised(item.pair, item.decision)


def explained(found: Snapshot) -> Snapshot:
    """Return a snapshot with the cause of each broken promise."""
    return replace(found, pairs=tuple(map(_explained, found.pairs)))


def _explained(state: PairState) -> PairState:
    if state.verdict is Verdict.UNEXPECTED_REACHABLE:
        why = cause(
            CauseId.ISOLATION_MISSING,
            "filter FORWARD has no jump to DOCKER-ISOLATION-STAGE-1",
            "the packet is accepted by the policy of FORWARD",
            certain=True,
        )
    elif state.verdict is Verdict.UNEXPECTED_UNREACHABLE:
        why = cause(
            CauseId.PORT_MISSING,
            "veth5f3a1c2 has no master; expected br-shop",
            certain=True,
        )
    else:
        return state
    return replace(state, causes=(why,))


def remembered(found: Snapshot) -> Snapshot:
    """Return a snapshot with round-trip times, outages and changes before it."""
    history, rtts = History(), Rtts()
    history.engine_away(NOW - timedelta(hours=7))
    history.engine_back(NOW - timedelta(hours=7) + timedelta(seconds=48))
    broken = [one for one in found.pairs if one.verdict in VIOLATIONS][:300]
    fine = [one for one in found.pairs if one.observation.rtt_s is not None][:4]
    for state in fine:
        bad = replace(state, verdict=Verdict.UNEXPECTED_UNREACHABLE)
        _note(history, found, bad, hours=5)
        _note(history, found, state, hours=4)
    for state in broken:
        _note(history, found, state, hours=0)
    _times(rtts, [*broken, *fine])
    return replace(
        found, history=history.view(), rtts=rtts.view(), detection=_DETECTION
    )


def _note(history: History, found: Snapshot, state: PairState, *, hours: int) -> None:
    before = replace(state, verdict=Verdict.AS_EXPECTED, causes=())
    at = NOW - timedelta(hours=hours, minutes=5)
    history.note(before, state, names=partial(_names, found), now=at)


def _names(found: Snapshot, state: PairState) -> tuple[str, str, str]:
    return (
        found.source_name(state),
        found.destination_name(state),
        found.network_name(state),
    )


def _times(rtts: Rtts, states: list[PairState]) -> None:
    noise = random.Random(7)  # noqa: S311 - a picture
    known = {state.pair: state for state in states}
    for number in range(40):
        heard = {
            state.pair: replace(
                state, observation=reply(state.pair, 5e-5 + noise.expovariate(3e4))
            )
            for state in states
            if state.observation.rtt_s is not None
        }
        rtts.note(heard, known, NOW - timedelta(seconds=15 * (40 - number)))


@cache
def sprawl(networks: int, *, broken: bool) -> Snapshot:
    """Return a host of so many networks with three containers each.

    Args:
        networks: up to about 2000.
        broken: two networks far from each other by name are let through.
    """
    heads = [f"10.{number // 250}.{number % 250}" for number in range(networks)]
    nets = [
        network(f"app{number:03}_default", f"{head}.0/24")
        for number, head in enumerate(heads)
    ]
    found = [
        container(name, endpoint(name, one, f"{heads[number]}.{place + 2}"))
        for number, one in enumerate(nets)
        for place, service in enumerate(("db", "web", "worker"))
        for name in (f"app{number:03}-{service}-1",)
    ]
    made = topology(tuple(nets), tuple(sorted(found, key=lambda one: one.name)))
    if not broken:
        return _published(made)
    apart = {nets[networks // 5].id, nets[networks // 5 * 4].id}

    def leaking(pair: Pair, decision: Decision) -> PairState | None:
        ends = {pair.network, decision.source_network}
        return _leak_everywhere(pair, decision) if ends == apart else None

    return explained(_published(made, leaking))
