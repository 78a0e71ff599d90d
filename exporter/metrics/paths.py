"""Pairs one by one on small hosts, and endpoints on all."""

from collections.abc import Iterator

from exporter.metrics import labels as label
from exporter.metrics.facts import PairFacts
from exporter.metrics.family import Family, Kind, Samples
from exporter.model.outcome import Observed, Scope, is_measured
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Container, Endpoint

DETAIL_LIMIT = 2000
"""Pairs beyond which none is shown by itself."""
DETAIL_RETURN = 1600
"""Pairs below which they are shown again."""

_PATH = (
    label.SOURCE,
    label.DESTINATION,
    label.SOURCE_NETWORK,
    label.DESTINATION_NETWORK,
    label.IP_VERSION,
)
_ENDPOINT = (label.CONTAINER, label.NETWORK, label.IP_VERSION)

PAIR_REACHABLE = Family(
    name="pair_reachable",
    kind=Kind.GAUGE,
    help="Whether the destination answered an ICMP echo request (1) or not (0); scopes "
    "container, host and gateway, while there are few pairs. Absent if not measured.",
    labels=_PATH,
    bound=f"all pairs up to {DETAIL_LIMIT}, else 0; again below {DETAIL_RETURN}",
    most=lambda _: DETAIL_LIMIT,
)
PAIR_RTT = Family(
    name="pair_rtt_seconds",
    kind=Kind.GAUGE,
    help="Least round-trip time of the newest probes of a pair that answered.",
    labels=_PATH,
    bound="as pair_reachable",
    most=lambda _: DETAIL_LIMIT,
)
PAIR_DETAIL_ENABLED = Family(
    name="pair_detail_enabled",
    kind=Kind.GAUGE,
    help="Whether pairs are exported one by one (1) or there are too many (0).",
)
ENDPOINT_HOST_REACHABLE = Family(
    name="endpoint_host_reachable",
    kind=Kind.GAUGE,
    help="Whether the container answered the engine's host (1) or not (0).",
    labels=_ENDPOINT,
    bound="E·V",
    most=lambda sizes: sizes.endpoints * sizes.families,
)
ENDPOINT_EXPECTED_PEERS = Family(
    name="endpoint_expected_peers",
    kind=Kind.GAUGE,
    help="Containers that were measured and are promised to reach this endpoint.",
    labels=_ENDPOINT,
    bound="E·V",
    most=lambda sizes: sizes.endpoints * sizes.families,
)
ENDPOINT_REACHABLE_PEERS = Family(
    name="endpoint_reachable_peers",
    kind=Kind.GAUGE,
    help="Containers among endpoint_expected_peers that do reach this endpoint.",
    labels=_ENDPOINT,
    bound="E·V",
    most=lambda sizes: sizes.endpoints * sizes.families,
)
ENDPOINT_UNEXPECTED_PEERS = Family(
    name="endpoint_unexpected_peers",
    kind=Kind.GAUGE,
    help="Containers that reach this endpoint although isolation is promised.",
    labels=_ENDPOINT,
    bound="E·V",
    most=lambda sizes: sizes.endpoints * sizes.families,
)
FAMILIES = (
    PAIR_REACHABLE,
    PAIR_RTT,
    PAIR_DETAIL_ENABLED,
    ENDPOINT_HOST_REACHABLE,
    ENDPOINT_EXPECTED_PEERS,
    ENDPOINT_REACHABLE_PEERS,
    ENDPOINT_UNEXPECTED_PEERS,
)


def wants_detail(pairs: int, *, shown: bool) -> bool:
    """Return whether pairs are to be shown one by one, with hysteresis.

    Args:
        pairs: how many there are.
        shown: whether they were until now.
    """
    return pairs <= DETAIL_LIMIT if shown else pairs < DETAIL_RETURN


def collect(snapshot: Snapshot, facts: PairFacts, *, detail: bool) -> Iterator[Samples]:
    """Yield the samples of these families."""
    yield from _pairs(snapshot, detail=detail)
    enabled = Samples(PAIR_DETAIL_ENABLED)
    enabled.put(detail)
    yield enabled
    yield from _endpoints(snapshot, facts)


def _pairs(snapshot: Snapshot, *, detail: bool) -> Iterator[Samples]:
    """Yield reachability and round-trip times of single pairs.

    Pairs that no label tells apart (a container named `host`) are one series: it is
    reachable if one of them is, as a reply is certain evidence.
    """
    reachable, rtt = Samples(PAIR_REACHABLE), Samples(PAIR_RTT)
    for state in snapshot.pairs if detail and snapshot.engine_up else ():
        seen = state.observation.observed
        if state.pair.scope is not Scope.NAME and is_measured(seen, state.verdict):
            path = _path(snapshot, state)
            reachable.put_greater(seen is Observed.REACHABLE, *path)
            if state.observation.rtt_s is not None:
                rtt.put_lesser(state.observation.rtt_s, *path)
    yield reachable
    yield rtt


def _path(snapshot: Snapshot, state: PairState) -> tuple[str, ...]:
    return (
        snapshot.source_name(state),
        snapshot.destination_name(state),
        snapshot.source_network_name(state) or "",
        snapshot.network_name(state),
        label.ip_version(state.pair.ip_version),
    )


def _endpoints(snapshot: Snapshot, facts: PairFacts) -> Iterator[Samples]:
    host = Samples(ENDPOINT_HOST_REACHABLE)
    expected = Samples(ENDPOINT_EXPECTED_PEERS)
    reachable = Samples(ENDPOINT_REACHABLE_PEERS)
    unexpected = Samples(ENDPOINT_UNEXPECTED_PEERS)
    for container, endpoint, network in _running(snapshot):
        for found in endpoint.addresses:
            version = found.ip_version
            key = (container.id, endpoint.network_id, version)
            values = (container.name, network, label.ip_version(version))
            if key in facts.host:
                host.put(facts.host[key], *values)
            peers = facts.peers.get(key)
            if peers is not None:
                expected.put(peers.expected, *values)
                reachable.put(peers.reachable, *values)
                unexpected.put(peers.unexpected, *values)
    yield from (host, expected, reachable, unexpected)


def _running(snapshot: Snapshot) -> Iterator[tuple[Container, Endpoint, str]]:
    topology = snapshot.topology
    for container in topology.containers if topology else ():
        for endpoint in container.endpoints if container.running else ():
            network = topology and topology.network_by_id.get(endpoint.network_id)
            if network:
                yield container, endpoint, network.name
