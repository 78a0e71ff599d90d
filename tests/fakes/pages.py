"""Small snapshots for the page: two networks with a container each, and some pairs."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

from exporter.model.outcome import Expected, Observation, Result, Scope, Verdict
from exporter.model.pair import Controls, Decision, Pair, PairState
from exporter.model.snapshot import CycleInfo, Snapshot
from exporter.model.topology import (
    Container,
    ContainerId,
    Endpoint,
    EndpointAddress,
    EngineInfo,
    HostNetwork,
    Network,
    NetworkId,
    Sandbox,
    SandboxId,
    Subnet,
    Topology,
)

NOW = datetime(2026, 1, 1, 12, 0, 7, tzinfo=UTC)
EXPECTED = {
    Verdict.AS_EXPECTED: (Expected.ISOLATED, Result.TIMEOUT),
    Verdict.UNEXPECTED_REACHABLE: (Expected.ISOLATED, Result.OK),
    Verdict.UNEXPECTED_UNREACHABLE: (Expected.REACHABLE, Result.TIMEOUT),
    Verdict.UNVERIFIED: (Expected.ISOLATED, Result.TIMEOUT),
    Verdict.NOT_JUDGED: (Expected.UNKNOWN, Result.TIMEOUT),
    Verdict.SKIPPED: (Expected.ISOLATED, Result.SKIPPED),
}


def state(
    verdict: Verdict,
    *,
    scope: Scope = Scope.CONTAINER,
    since: datetime = NOW - timedelta(minutes=5),
    reason: str = "",
    rule: str = "different-bridges",
) -> PairState:
    """Return the pair from the first container to the second, with a verdict."""
    expected, result = EXPECTED[verdict]
    rtts = (74e-6,) if result is Result.OK else ()
    return PairState(
        pair=Pair(
            scope,
            SandboxId("c-one"),
            ContainerId("c-two"),
            NetworkId("n-right"),
            ip_address("172.19.0.2"),
            4,
        ),
        decision=Decision(
            expected=expected,
            rule=rule,
            source_network=NetworkId("n-left"),
            on_link=False,
        ),
        observation=Observation(result=result, sent=1, rtts_s=rtts),
        controls=Controls(source=True, destination=True),
        verdict=verdict,
        reason=reason,
        since=since,
    )


def topology(one: str = "one", two: str = "two", network: str = "right") -> Topology:
    """Return two networks with a container each, named as a test likes."""
    left, right = _network("left", "172.18.0.0/16"), _network(network, "172.19.0.0/29")
    right = replace(right, id=NetworkId("n-right"))
    members = (
        _container("c-one", one, "n-left", "172.18.0.2"),
        _container("c-two", two, "n-right", "172.19.0.2"),
    )
    return Topology(
        engine=EngineInfo(
            version="28.5.2", api_version="1.51", address="unix:///run/docker.sock"
        ),
        networks=(left, right),
        containers=members,
        sandboxes=tuple(
            Sandbox(id=SandboxId(one.id), name=one.name, endpoints=one.endpoints)
            for one in members
        ),
        host=HostNetwork(available=True, source="own"),
    )


def snapshot(
    states: Iterable[PairState] = (), found: Topology | None = None
) -> Snapshot:
    """Return a snapshot whose cycle ended a few seconds before `NOW`."""
    return Snapshot(
        taken=NOW,
        topology=found or topology(),
        engine_up=True,
        stream_connected=True,
        pairs=tuple(states),
        cycle=CycleInfo(
            number=42,
            trigger="interval",
            started=NOW - timedelta(seconds=7),
            duration_s=1.1,
        ),
    )


def good() -> Snapshot:
    """Return a snapshot in which everything is as promised."""
    return snapshot([state(Verdict.AS_EXPECTED)] * 24)


def _network(name: str, prefix: str) -> Network:
    return Network(
        id=NetworkId(f"n-{name}"),
        name=name,
        raw_name=name,
        driver="bridge",
        options={},
        subnets=(Subnet(prefix=ip_network(prefix)),),
    )


def _container(ident: str, name: str, network: str, address: str) -> Container:
    return Container(
        id=ContainerId(ident),
        name=name,
        raw_name=name,
        status="running",
        running=True,
        labels={},
        sysctls={},
        endpoints=(
            Endpoint(
                id=f"e-{ident}",
                network_id=NetworkId(network),
                container_id=ContainerId(ident),
                addresses=(
                    EndpointAddress(address=ip_address(address), prefix_length=16),
                ),
            ),
        ),
    )
