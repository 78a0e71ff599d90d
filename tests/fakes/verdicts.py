"""One pair from a to b, judged."""

from ipaddress import ip_address

from exporter.model.outcome import Expected, Observation, Result, Scope
from exporter.model.pair import Controls, Decision, Pair, Planned
from exporter.model.topology import ContainerId, NetworkId, SandboxId
from exporter.model.verdict import Evidence, OwnKey, Ruling, judge

A, B = SandboxId("a"), SandboxId("b")
HERE, THERE = ip_address("10.1.0.2"), ip_address("10.2.0.2")
SOURCE_OWN, DESTINATION_OWN = (A, HERE), (B, THERE)
ALIVE = Controls(source=True, destination=True)
REACHABLE, ISOLATED, UNKNOWN = Expected.REACHABLE, Expected.ISOLATED, Expected.UNKNOWN


def item(
    expected: Expected, *, scope: Scope = Scope.CONTAINER, has_route: bool = True
) -> Planned:
    """Return the pair from a to b with a promise."""
    net = NetworkId("net-y")
    return Planned(
        pair=Pair(scope, A, ContainerId("b"), net, THERE, 4),
        decision=Decision(
            expected=expected,
            rule="drawn",
            source_network=NetworkId("net-x") if has_route else None,
            on_link=False,
            has_route=has_route,
        ),
    )


def seen(result: Result) -> Observation:
    """Return what became of one packet."""
    return Observation(result=result, sent=1, received=int(result is Result.OK))


def own(
    source: Result = Result.OK, destination: Result = Result.OK
) -> dict[OwnKey, Observation]:
    """Return what became of both ends pinging themselves."""
    return {SOURCE_OWN: seen(source), DESTINATION_OWN: seen(destination)}


def rule(
    planned: Planned,
    result: Result,
    *,
    controls: Controls = ALIVE,
    evidence: Evidence | None = None,
    young: bool = False,
    silent_before: bool = True,
) -> Ruling:
    """Judge one pair; both ends answer themselves unless told otherwise.

    It is the second cycle with that result unless told otherwise.
    """
    known = evidence or Evidence((), own(), {})
    return judge(
        planned,
        seen(result),
        controls,
        known,
        young=young,
        silent_before=silent_before,
    )
