"""What became of probes and lookups, and what limits them."""

from collections import Counter
from collections.abc import Iterator, Mapping

from exporter.metrics import labels as label
from exporter.metrics.family import (
    HISTOGRAM_EXTRA,
    Family,
    Kind,
    Label,
    Samples,
)
from exporter.metrics.sizes import Sizes
from exporter.model.outcome import Protocol, Result, Scope
from exporter.model.snapshot import Snapshot
from exporter.model.tally import (
    DNS_BOUNDS_S,
    RTT_BOUNDS_S,
    SeriesKey,
    Tally,
)
from exporter.model.topology import IP_VERSIONS, Network

ICMP_SCOPES = (Scope.CONTAINER, Scope.HOST, Scope.GATEWAY)
_NETWORK_SCOPES = (Scope.CONTAINER, Scope.HOST)
_ICMP_RESULTS = (
    Result.OK,
    Result.TIMEOUT,
    Result.HOST_UNREACHABLE,
    Result.PROHIBITED,
    Result.NO_ROUTE,
    Result.WRONG_ROUTE,
    Result.REFUSED_BY_KERNEL,
    Result.TTL_EXCEEDED,
    Result.ICMP_IGNORED,
    Result.NEIGHBOUR_TABLE,
    Result.SEND_ERROR,
    Result.NETNS_ERROR,
    Result.PERMISSION_DENIED,
)
_DNS_RESULTS = (
    Result.OK,
    Result.TIMEOUT,
    Result.NXDOMAIN,
    Result.SERVFAIL,
    Result.WRONG_ANSWER,
    Result.NO_RESOLVER,
    Result.SEND_ERROR,
    Result.NETNS_ERROR,
    Result.PERMISSION_DENIED,
)
LOOKUP_RESULTS = (
    Result.OK,
    Result.NXDOMAIN,
    Result.SERVFAIL,
    Result.TIMEOUT,
    Result.WRONG_ANSWER,
)
"""What a resolver that is there can answer."""
_RTT_SERIES = len(RTT_BOUNDS_S) + HISTOGRAM_EXTRA
_DNS_SERIES = len(DNS_BOUNDS_S) + HISTOGRAM_EXTRA

_ICMP_SCOPE = Label(
    name="scope",
    text="What kind of pair it is.",
    values=tuple(map(str, ICMP_SCOPES)),
)
_TARGET = Label(
    name="network",
    text="Network of the destination; empty in scope gateway; `_other` for networks "
    "beyond the hundred most probed, once the series limit is reached.",
)


def _packets(sizes: Sizes) -> int:
    return (len(_NETWORK_SCOPES) * sizes.networks + 1) * sizes.families


def _packet_family(name: str, text: str) -> Family:
    return Family(
        name=name,
        kind=Kind.COUNTER,
        help=text,
        labels=(_ICMP_SCOPE, label.NETWORK, label.IP_VERSION),
        bound="2·B·V + V",
        most=_packets,
    )


PACKETS_SENT = _packet_family(
    "probe_packets_sent_total", "ICMP echo requests sent, by network of the target."
)
PACKETS_RECEIVED = _packet_family(
    "probe_packets_received_total", "Valid ICMP echo replies received in time."
)
PACKETS_LOST = _packet_family(
    "probe_packets_lost_total",
    "ICMP echo requests without a valid reply by the deadline, where one is promised.",
)
PACKETS_DUPLICATE = Family(
    name="probe_packets_duplicate_total",
    kind=Kind.COUNTER,
    help="Further valid replies to a request that was answered already.",
    labels=(_ICMP_SCOPE,),
    bound="3, always all of them",
    most=lambda _: len(ICMP_SCOPES),
)
PACKETS_LATE = Family(
    name="probe_packets_late_total",
    kind=Kind.COUNTER,
    help="Replies that came after the deadline; their requests count as lost.",
    labels=(_ICMP_SCOPE,),
    bound="3, always all of them",
    most=lambda _: len(ICMP_SCOPES),
)
PROBES = Family(
    name="probes_total",
    kind=Kind.COUNTER,
    help="Probes of pairs by result, one for each pair and cycle.",
    labels=(label.SCOPE, label.PROTOCOL, label.RESULT),
    bound="48 always, 72 if results turn up where they make no sense",
    most=lambda _: len(Scope) * len(label.RESULT.values),
)
RTT = Family(
    name="rtt_seconds",
    kind=Kind.HISTOGRAM,
    help="Round-trip times of ICMP echo, kernel stamps, by network of the target.",
    labels=(_ICMP_SCOPE, _TARGET, label.IP_VERSION),
    bound=f"{_RTT_SERIES}·(2·B·V + V)",
    most=lambda sizes: _RTT_SERIES * _packets(sizes),
)
DNS_LOOKUPS = Family(
    name="dns_lookups_total",
    kind=Kind.COUNTER,
    help="Names asked at a container's embedded DNS, by network and answer.",
    labels=(
        label.NETWORK,
        Label(
            name="result",
            text="What the resolver answered.",
            values=tuple(map(str, LOOKUP_RESULTS)),
        ),
    ),
    bound="5·B",
    most=lambda sizes: len(LOOKUP_RESULTS) * sizes.networks,
)
DNS_DURATION = Family(
    name="dns_lookup_duration_seconds",
    kind=Kind.HISTOGRAM,
    help="Time from question to answer of the embedded DNS.",
    labels=(_TARGET,),
    bound=f"{_DNS_SERIES}·B",
    most=lambda sizes: _DNS_SERIES * sizes.networks,
)
CONTROL_FAILURES = Family(
    name="positive_control_failures_total",
    kind=Kind.COUNTER,
    help="Verdicts that stayed open because an end was not known to be alive.",
    labels=(label.SCOPE,),
    bound="4, always all of them",
    most=lambda _: len(Scope),
)
FAMILIES = (
    PACKETS_SENT,
    PACKETS_RECEIVED,
    PACKETS_LOST,
    PACKETS_DUPLICATE,
    PACKETS_LATE,
    PROBES,
    RTT,
    DNS_LOOKUPS,
    DNS_DURATION,
    CONTROL_FAILURES,
)


def collect(snapshot: Snapshot) -> Iterator[Samples]:
    """Yield the samples of these families."""
    tally = snapshot.tally
    networks = snapshot.topology.networks if snapshot.topology else ()
    yield _by_network(PACKETS_SENT, tally.packets_sent, networks)
    yield _by_network(PACKETS_RECEIVED, tally.packets_received, networks)
    yield _by_network(PACKETS_LOST, tally.packets_lost, networks)
    yield _by_scope(PACKETS_DUPLICATE, tally.duplicates, ICMP_SCOPES)
    yield _by_scope(PACKETS_LATE, tally.late, ICMP_SCOPES)
    yield _probes(tally)
    yield _rtt(tally, networks)
    yield from _dns(tally, networks)
    yield _by_scope(CONTROL_FAILURES, tally.control_failures, tuple(Scope))


def _by_network(
    family: Family, counts: Counter[SeriesKey], networks: tuple[Network, ...]
) -> Samples:
    """Return counters of the networks that exist, from 0 on for what is probed."""
    samples = Samples(family)
    names = {network.name for network in networks}
    for network in networks:
        for ip_version in _probed_families(network):
            for scope in _NETWORK_SCOPES:
                samples.put(0, scope, network.name, label.ip_version(ip_version))
    for (scope, name, ip_version), count in counts.items():
        if scope is Scope.GATEWAY or name in names:
            samples.add(count, scope, name, label.ip_version(ip_version))
    return samples


def _probed_families(network: Network) -> Iterator[int]:
    prefixes = {subnet.prefix.version for subnet in network.subnets}
    for ip_version in IP_VERSIONS:
        if ip_version in prefixes and network.enabled(ip_version):
            yield ip_version


def _by_scope(
    family: Family, counts: Mapping[Scope, int], scopes: tuple[Scope, ...]
) -> Samples:
    samples = Samples(family)
    for scope in scopes:
        samples.put(counts.get(scope, 0), scope)
    return samples


def _probes(tally: Tally) -> Samples:
    samples = Samples(PROBES)
    for scope in ICMP_SCOPES:
        for result in _ICMP_RESULTS:
            samples.put(0, scope, Protocol.ICMP, result)
    for result in _DNS_RESULTS:
        samples.put(0, Scope.NAME, Protocol.DNS, result)
    for (scope, protocol, result), count in tally.probes.items():
        samples.add(count, scope, protocol, result)
    return samples


def _rtt(tally: Tally, networks: tuple[Network, ...]) -> Samples:
    samples = Samples(RTT)
    names = {network.name for network in networks}
    for (scope, name, ip_version), histogram in tally.rtt.items():
        if scope is Scope.GATEWAY or name in names:
            samples.merge(histogram, scope, name, label.ip_version(ip_version))
    return samples


def _dns(tally: Tally, networks: tuple[Network, ...]) -> Iterator[Samples]:
    """Yield the lookups of networks that have an embedded DNS."""
    names = {network.name for network in networks}
    asked = names.intersection(network for network, _ in tally.dns_lookups)
    lookups, durations = Samples(DNS_LOOKUPS), Samples(DNS_DURATION)
    for name in sorted(asked):
        for result in LOOKUP_RESULTS:
            lookups.put(tally.dns_lookups[(name, str(result))], name, result)
    for name, histogram in tally.dns_duration.items():
        if name in asked:
            durations.merge(histogram, name)
    yield lookups
    yield durations
