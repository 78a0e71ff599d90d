"""Snapshots as the daemon publishes them: with counters, neighbours and routes.

`small()` is the demo in good health; the others differ from it in one thing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

from exporter.model.hoststate import (
    Conntrack,
    HostState,
    NeighbourTable,
    TableSource,
)
from exporter.model.outcome import NOT_PROBED, Expected, Result, Scope, Verdict
from exporter.model.pair import Controls, PairState
from exporter.model.policy import NO_POLICY, Policy, Selector
from exporter.model.snapshot import Snapshot
from exporter.model.tally import Histogram, Tally
from exporter.model.topology import (
    Container,
    EngineInfo,
    HostRoute,
    Network,
    NetworkId,
    Topology,
)
from tests.fakes import report_samples
from tests.fakes.policies import entry
from tests.fakes.report_samples import STARTED, Change, crowd
from tests.fakes.topologies import container, demo, endpoint, network, topology

NOW = STARTED + timedelta(seconds=7)
"""When the snapshots are taken: a few seconds after their cycle began."""


HOST_STATE = HostState(
    source=TableSource.OWN,
    tables={
        4: NeighbourTable(entries=37, fulls=2),
        6: NeighbourTable(entries=5, fulls=0),
    },
    conntrack=Conntrack(entries=41, limit=262_144),
)


class StillClock:
    """A clock at which it is `NOW`, and every look at it takes a millisecond."""

    def __init__(self) -> None:
        """Start at zero."""
        self._looks = 0

    def monotonic_s(self) -> float:
        """Return a millisecond more than last time."""
        self._looks += 1
        return self._looks / 1000

    def now_utc(self) -> datetime:
        """Return `NOW`."""
        return NOW


def small() -> Snapshot:
    """Return the demo as it should be."""
    return published(_on_a_host(demo()))


def violations() -> Snapshot:
    """Return the demo with its isolation gone and one container's link down."""
    return published(
        _on_a_host(demo()), report_samples.dead("bridge2"), report_samples.leaking
    )


def policed() -> Snapshot:
    """Return the demo with a policy: in force, expired, and one without a date."""
    host = frozenset({Scope.HOST})
    policy = Policy(
        (
            entry(
                Expected.REACHABLE,
                source=Selector(container=("bridge1",)),
                destination=Selector(network=("mybridge",)),
                until=STARTED.date(),
                reason='a "known" leak',
            ),
            entry(Expected.ISOLATED, until=STARTED.date() - timedelta(days=1)),
            entry(Expected.UNKNOWN, scopes=host),
            entry(
                Expected.ISOLATED,
                source=Selector(container=("bridge1",)),
                destination=Selector(container=("bridge2",)),
            ),
        )
    )
    return published(_on_a_host(demo()), policy=policy)


def engine_down() -> Snapshot:
    """Return the demo after its engine went away: nothing is verified any more."""
    last = small()
    return replace(
        last,
        engine_up=False,
        stream_connected=False,
        pairs=tuple(_stale(state) for state in last.pairs),
    )


def never_up() -> Snapshot:
    """Return what is known before any engine answered."""
    return Snapshot(taken=NOW)


def hostile() -> Snapshot:
    """Return networks, containers and labels named to break a text format."""
    evil = 'a"b\\c\nd{e="f"} 1 # HELP'
    nul, surrogate, turned = "nul\0", "lone\ud800", "\u202etxt.exe"
    made = network(evil, "172.20.0.0/16")
    other = network(surrogate, "172.21.0.0/16")
    return published(
        topology(
            (made, other),
            (
                _labelled(nul, container("1", endpoint("1", made, "172.20.0.2"))),
                _labelled(evil, container(turned, endpoint("2", made, "172.20.0.3"))),
                container(nul, endpoint(nul, other, "172.21.0.2")),
            ),
        ),
        report_samples.leaking,
    )


def large(containers: int, *, networks: int = 31, ipv6: bool = False) -> Snapshot:
    """Return a host with every pair of that many containers, spread evenly.

    Args:
        containers: how many; a thousand make a million pairs and take a minute.
        networks: how many, up to 238.
        ipv6: whether every network has both families.
    """
    share, more = divmod(containers, networks)
    sizes = {f"net{n:03}": share + (n < more) for n in range(networks)}
    return published(crowd(sizes, ipv6=ipv6))


def published(
    found: Topology, *changes: Change, policy: Policy = NO_POLICY
) -> Snapshot:
    """Return what the daemon publishes after a cycle over a topology."""
    seen = report_samples.snapshot(found, *changes, policy=policy)
    return replace(
        seen,
        taken=NOW,
        stream_connected=True,
        host=HOST_STATE,
        tally=tally(found, seen.pairs),
        config_reloaded=STARTED - timedelta(hours=1),
    )


def tally(found: Topology, pairs: Iterable[PairState]) -> Tally:
    """Return the counters after one cycle over some pairs."""
    counted = Tally()
    for state in pairs:
        if state.observation.result is not Result.SKIPPED:
            name = found.network_by_id[state.pair.network].name
            counted.add(state.pair, name, state.observation)
    counted.cycles["completed"] = 1
    counted.cycle_duration.observe(1.1)
    counted.api_requests = Counter(
        {("version", "200"): 1, ("networks", "200"): 2, ("container", "404"): 1}
    )
    counted.api_duration.observe(0.003)
    counted.events = Counter({("container", "start"): 4, ("network", "connect"): 4})
    counted.resyncs["start"] = 1
    return counted


def with_tally(snapshot: Snapshot, **counters: Mapping[Any, int]) -> Snapshot:
    """Return a snapshot with some of its counters replaced.

    Keys are as in `Tally`, different in each counter.
    """
    counted = snapshot.tally.copy()
    for name, values in counters.items():
        setattr(counted, name, Counter(values))
    return replace(snapshot, tally=counted)


def histogram(bounds_s: tuple[float, ...], *values_s: float) -> Histogram:
    """Return a histogram of some values, in seconds."""
    made = Histogram(bounds_s)
    for value_s in values_s:
        made.observe(value_s)
    return made


def _stale(state: PairState) -> PairState:
    quiet = state.verdict in (Verdict.NOT_JUDGED, Verdict.SKIPPED)
    return replace(
        state,
        observation=NOT_PROBED,
        controls=Controls(source=None, destination=None),
        verdict=state.verdict if quiet else Verdict.UNVERIFIED,
        reason=state.reason if quiet else "too old: the engine does not answer",
        since=state.since if quiet else NOW,
    )


def _on_a_host(found: Topology) -> Topology:
    """Return a topology with routes and networks as a host has them."""
    bridges = {one.name: one.bridge for one in found.networks}
    routes = (
        HostRoute(prefix=ip_network("0.0.0.0/0"), interface="eth0"),
        HostRoute(prefix=ip_network("192.0.2.0/24"), interface="eth0"),
        HostRoute(prefix=ip_network("172.17.0.0/16"), interface=f"{bridges['bridge']}"),
        HostRoute(prefix=ip_network("172.18.64.0/24"), interface="tun0"),
    )
    engine = EngineInfo(
        version="28.5.2", api_version="1.51", firewall_backend="iptables"
    )
    networks = (*found.networks, _bare("host", "host"), _bare("none", "null"))
    return replace(
        found,
        engine=engine,
        networks=tuple(sorted(networks, key=lambda one: one.name)),
        containers=tuple(_as_created(one) for one in found.containers),
        host=replace(found.host, routes=routes),
    )


def _bare(name: str, driver: str) -> Network:
    return Network(
        id=NetworkId(f"net-{name}"),
        name=name,
        raw_name=name,
        driver=driver,
        options={},
    )


def _as_created(one: Container) -> Container:
    """Return a container with an image, and MACs made from its addresses."""
    endpoints = tuple(
        replace(found, mac=f"02:42:{found.addresses[0].address.packed.hex(':')}")
        for found in one.endpoints
    )
    return replace(one, image="busybox:latest", endpoints=endpoints)


def _labelled(text: str, one: Container) -> Container:
    return replace(one, image=text, project=text, service=text)


__all__ = [
    "NOW",
    "STARTED",
    "StillClock",
    "engine_down",
    "histogram",
    "hostile",
    "large",
    "never_up",
    "published",
    "small",
    "tally",
    "violations",
    "with_tally",
]
