"""Strategies for topologies and snapshots: small, odd, with names that hurt."""

from datetime import timedelta
from ipaddress import ip_address, ip_network

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from exporter.metrics.verdicts import COMBINATIONS
from exporter.model.hoststate import (
    Conntrack,
    HostState,
    NeighbourTable,
    TableSource,
)
from exporter.model.outcome import (
    Expected,
    Observation,
    Observed,
    Protocol,
    Result,
    Scope,
    observed_of,
)
from exporter.model.pair import Controls, Decision, Pair, PairState
from exporter.model.policy import Policy, PolicyEntry
from exporter.model.snapshot import CycleInfo, Snapshot
from exporter.model.tally import Tally
from exporter.model.topology import (
    HOST,
    Container,
    ContainerId,
    Endpoint,
    EndpointAddress,
    EngineInfo,
    HostNetwork,
    HostRoute,
    IPNetwork,
    IpVersion,
    Network,
    NetworkId,
    Sandbox,
    SandboxId,
    Subnet,
    Topology,
)
from tests.fakes.snapshots import NOW

PREFIXES: tuple[IPNetwork, ...] = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "10.0.0.0/30",
        "10.0.0.4/31",
        "10.0.0.9/32",
        "172.17.0.0/16",
        "172.20.0.0/14",
        "192.168.0.0/20",
        "192.168.8.0/21",
        "0.0.0.0/0",
        "fd00::/48",
        "fd00::/126",
        "fd00:1::/64",
        "fe80::/64",
        "::/0",
    )
)
NAMES = st.text(st.sampled_from('ab"\\\n\0=,{}_\ud800\u202eß'), max_size=4) | (
    st.sampled_from(("host", "gateway", "_other", "other", "bridge", "none"))
)
TIMES = st.integers(-10_000, 10_000).map(lambda s: NOW + timedelta(seconds=s))
COUNTS = st.integers(0, 2**40)

_BY_OBSERVED = {
    observed: [result for result in Result if observed_of(result) is observed]
    for observed in Observed
}


_SOME_SUBNETS = st.lists(
    st.sampled_from(PREFIXES).map(lambda prefix: Subnet(prefix=prefix)), min_size=1
)
_MOSTLY = st.sampled_from((True, True, True, False))


@st.composite
def networks(draw: DrawFn, name: str) -> Network:
    """Return a network of any driver."""
    driver = draw(
        st.sampled_from(("bridge", "macvlan", "ipvlan", "overlay", "host", "null", "x"))
    )
    options = draw(
        st.dictionaries(
            st.sampled_from(
                (
                    "com.docker.network.bridge.enable_icc",
                    "com.docker.network.bridge.gateway_mode_ipv4",
                    "com.docker.network.bridge.inhibit_ipv4",
                    "parent",
                )
            ),
            st.sampled_from(("false", "true", "routed", "isolated", "eth0")),
        )
    )
    return Network(
        id=NetworkId(f"id-{name}"),
        name=name,
        raw_name=draw(NAMES),
        driver=driver,
        scope=draw(st.sampled_from(("local", "swarm"))),
        internal=draw(st.booleans()),
        ipv4=draw(st.booleans()),
        ipv6=draw(st.booleans()),
        options=options,
        subnets=tuple(draw(st.lists(subnets(), max_size=3) | _SOME_SUBNETS)),
        bridge=draw(st.sampled_from(("docker0", "br-1", None))),
        mtu=draw(st.none() | st.just(1400)),
        project=draw(st.none() | NAMES),
    )


@st.composite
def subnets(draw: DrawFn) -> Subnet:
    """Return an entry of a network's address management."""
    prefix = draw(st.sampled_from(PREFIXES))
    first = prefix.network_address
    own = draw(st.booleans())
    return Subnet(
        prefix=prefix,
        gateway=draw(st.none() | st.just(first)),
        ip_range=draw(st.none() | st.sampled_from(PREFIXES)),
        auxiliary=tuple(draw(st.lists(st.just(("aux", first)), max_size=1))),
        addresses_used=draw(COUNTS) if own else None,
        dynamic_available=draw(COUNTS) if own else None,
    )


def _address(prefix: IPNetwork, offset: int) -> EndpointAddress:
    size = prefix.num_addresses
    return EndpointAddress(
        address=ip_address(int(prefix.network_address) + offset % size)
        if prefix.version == 4
        else prefix[offset % size],
        prefix_length=prefix.prefixlen,
    )


@st.composite
def containers(draw: DrawFn, name: str, found: tuple[Network, ...]) -> Container:
    """Return a container on some of the networks."""
    chosen = st.lists(st.sampled_from(found), unique_by=id, min_size=1)
    on = draw(chosen) if found else []
    endpoints = []
    for network in on:
        offset = draw(st.integers(0, 5))
        by_family = {one.prefix.version: one.prefix for one in network.subnets}
        addresses = tuple(
            _address(by_family[version], offset) for version in sorted(by_family)
        )
        endpoints.append(
            Endpoint(
                id=f"ep-{name}-{network.name}",
                network_id=network.id,
                container_id=ContainerId(f"id-{name}"),
                addresses=addresses,
                mac=draw(st.none() | st.just("02:42:ac:00:00:02")),
            )
        )
    return Container(
        id=ContainerId(f"id-{name}"),
        name=name,
        raw_name=name,
        status=draw(st.sampled_from(("running", "exited", "paused", "moon"))),
        running=draw(_MOSTLY),
        image=draw(NAMES),
        labels={},
        project=draw(st.none() | NAMES),
        service=draw(st.none() | NAMES),
        network_mode=draw(st.sampled_from(("default", "host"))),
        sysctls={},
        endpoints=tuple(endpoints),
    )


@st.composite
def topologies(draw: DrawFn) -> Topology:
    """Return a small topology, of any engine."""
    few = st.lists(NAMES, unique=True, max_size=4)
    names = draw((few | few.filter(bool)).map(sorted))
    made = tuple(draw(networks(name)) for name in names)
    others = draw((few | few.filter(bool)).map(sorted))
    found = tuple(draw(containers(name, made)) for name in others)
    routes = st.builds(
        HostRoute,
        prefix=st.sampled_from(PREFIXES),
        interface=st.sampled_from(("eth0", "docker0", "tun\n0")),
    )
    pools = st.tuples(st.sampled_from(PREFIXES), st.integers(0, 40))
    return Topology(
        engine=EngineInfo(
            version=draw(st.sampled_from(("20.10.24", "28.5.2", "29.0", "dev"))),
            api_version="1.51",
            product=draw(st.sampled_from(("docker", "podman"))),
            default_pools=tuple(draw(st.lists(pools, max_size=3))),
        ),
        networks=made,
        containers=found,
        sandboxes=tuple(
            Sandbox(
                id=SandboxId(one.id),
                name=one.name,
                members=(one.id,),
                endpoints=one.endpoints,
            )
            for one in found
            if one.running and one.endpoints
        ),
        host=HostNetwork(
            available=True,
            source="own",
            routes=tuple(draw(st.lists(routes, max_size=4))),
        ),
    )


@st.composite
def pair_states(draw: DrawFn, topology: Topology) -> PairState:
    """Return the state of a pair of a topology with at least one address."""
    sandbox, endpoint, address = draw(st.sampled_from(_addresses(topology)))
    scope = draw(st.sampled_from(Scope))
    expected, observed, verdict = draw(st.sampled_from(COMBINATIONS))
    version: IpVersion = address.ip_version
    sources = [one.id for one in topology.sandboxes]
    routes = st.none() | st.sampled_from([one.id for one in topology.networks])
    replies = st.lists(st.floats(0, 2), max_size=2).map(tuple)
    return PairState(
        pair=Pair(
            scope,
            HOST if scope is Scope.HOST else draw(st.sampled_from(sources)),
            None if scope is Scope.GATEWAY else ContainerId(sandbox.id),
            endpoint.network_id,
            address.address,
            version,
            sandbox.name if scope is Scope.NAME else None,
        ),
        decision=Decision(
            expected=expected,
            rule="drawn",
            source_network=draw(routes),
            on_link=draw(st.booleans()),
            leaves_host=draw(st.booleans()),
            policy=draw(st.none() | st.integers(1, 3)),
        ),
        observation=Observation(
            result=draw(st.sampled_from(_BY_OBSERVED[observed])),
            sent=2,
            received=1 if observed is Observed.REACHABLE else 0,
            duplicates=draw(st.integers(0, 2)),
            late=draw(st.integers(0, 2)),
            rtts_s=draw(replies) if observed is Observed.REACHABLE else (),
        ),
        controls=Controls(source=None, destination=None),
        verdict=verdict,
        since=draw(TIMES),
        probed=draw(st.none() | TIMES),
    )


def _addresses(
    topology: Topology,
) -> list[tuple[Sandbox, Endpoint, EndpointAddress]]:
    return [
        (sandbox, endpoint, address)
        for sandbox in topology.sandboxes
        for endpoint in sandbox.endpoints
        for address in endpoint.addresses
    ]


def policy_entries() -> SearchStrategy[PolicyEntry]:
    """Return entries with and without a date."""
    days = st.integers(-2, 2).map(lambda days: NOW.date() + timedelta(days=days))
    return st.builds(
        PolicyEntry,
        expected=st.sampled_from(Expected),
        until=st.none() | days,
        reason=NAMES,
    )


@st.composite
def tallies(draw: DrawFn, topology: Topology, states: list[PairState]) -> Tally:
    """Return counters of some pairs, and of much else."""
    tally = Tally()
    for state in states:
        name = topology.network_by_id[state.pair.network].name
        tally.add(state.pair, name, state.observation)
    words = NAMES | st.sampled_from(("start", "container", "200", "completed"))
    for counter in (tally.cycles, tally.throttled, tally.resyncs, tally.errors):
        counter.update(draw(st.dictionaries(words, COUNTS, max_size=2)))
    pairs = st.dictionaries(st.tuples(words, words), COUNTS, max_size=2)
    tally.api_requests.update(draw(pairs))
    tally.events.update(draw(pairs))
    tally.dns_lookups.update(draw(pairs))
    odd = st.tuples(st.just(Scope.NAME), st.just(Protocol.DNS), st.sampled_from(Result))
    found = draw(st.dictionaries(odd, COUNTS, max_size=2))
    tally.probes.update(
        {key: count for key, count in found.items() if key[2] is not Result.SKIPPED}
    )
    return tally


@st.composite
def host_states(draw: st.DrawFn) -> HostState:
    """Tables that were read, in part or not at all."""
    entries, fulls = draw(st.none() | COUNTS), draw(st.none() | COUNTS)
    table = NeighbourTable(entries=entries, fulls=fulls)
    conntrack = draw(st.none() | st.builds(Conntrack, entries=COUNTS, limit=COUNTS))
    return HostState(
        source=draw(st.sampled_from(TableSource)),
        tables={4: table, 6: NeighbourTable()},
        conntrack=conntrack,
    )


@st.composite
def snapshots(draw: DrawFn) -> Snapshot:
    """Return a snapshot: any topology, pairs of it in any state, any counters."""
    topology = draw(st.none() | topologies() | topologies() | topologies())
    states: list[PairState] = []
    tally = Tally()
    if topology is not None:
        if _addresses(topology):
            states = draw(st.lists(pair_states(topology), min_size=1, max_size=8))
        tally = draw(tallies(topology, states))
    cycle: SearchStrategy[CycleInfo | None] = st.none() | st.builds(
        CycleInfo,
        number=st.integers(0, 9),
        trigger=st.just("interval"),
        started=TIMES,
        duration_s=st.floats(0, 100),
    )
    return Snapshot(
        taken=NOW,
        topology=topology,
        engine_up=draw(_MOSTLY),
        stream_connected=draw(st.booleans()),
        pairs=tuple(states),
        cycle=draw(cycle),
        host=draw(host_states()),
        tally=tally,
        policy=Policy(tuple(draw(st.lists(policy_entries(), max_size=3)))),
        config_reload_ok=draw(st.booleans()),
        config_reloaded=draw(st.none() | TIMES),
    )
