"""All causes of one violation, the likeliest first."""

from collections.abc import Iterable, Iterator

from exporter.model.cause import Cause, CauseId, cause
from exporter.model.diagnosis import drops, leaks, links, names, ways
from exporter.model.diagnosis.scene import Scene, set_scene
from exporter.model.expectation import RULES
from exporter.model.inspection import Inspection
from exporter.model.outcome import Expected, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.topology import ContainerId, NetworkId, Topology

_BELOW = frozenset(
    {
        CauseId.INTERFACE_MISSING,
        CauseId.LINK_DOWN,
        CauseId.BRIDGE_DOWN,
        CauseId.IPV6_DISABLED,
        CauseId.ADDRESS_MISSING,
        CauseId.BRIDGE_ADDRESS_MISSING,
    }
)
_FOLLOWS = frozenset({CauseId.NO_ROUTE, CauseId.ROUTE_ELSEWHERE})
"""What the kernel does by itself once one of those below holds: its routes go."""


def causes_of(
    state: PairState, topology: Topology, inspection: Inspection
) -> tuple[Cause, ...]:
    """Return the likely causes of a violation, the likeliest first.

    Certain ones come first; among them the order is from the link up to the rules,
    and the request before its reply.

    Args:
        state: of a pair; one that is no violation has no causes.
        topology: what the engine says.
        inspection: what was found in the namespaces.

    Returns:
        Nothing where nothing was found: that is not guessed away.
    """
    if state.pair.network not in topology.network_by_id:
        return ()
    if state.verdict is Verdict.UNEXPECTED_REACHABLE:
        found = _reachable(set_scene(state, topology, inspection))
    elif state.verdict is Verdict.UNEXPECTED_UNREACHABLE:
        found = _unreachable(set_scene(state, topology, inspection))
    else:
        return ()
    return _in_order(found)


def _reachable(scene: Scene) -> Iterator[Cause]:
    if _promised(scene) is Expected.REACHABLE:
        yield _allowed(scene)
        return
    yield from leaks.find(scene)


def _unreachable(scene: Scene) -> Iterator[Cause]:
    if _promised(scene) is Expected.ISOLATED:
        evidence = [_sentence(scene)]
        if rule := drops.isolating(scene):
            evidence.append(rule)
        yield cause(CauseId.DOCKER_ISOLATES, *evidence, certain=True)
        return
    if scene.state.pair.scope is Scope.NAME:
        yield from names.find(scene)
        return
    yield from links.find(scene)
    yield from ways.find_routes(scene)
    yield from ways.find_forwarding(scene)
    yield from ways.find_neighbours(scene)
    yield from drops.find(scene)
    yield from ways.find_ignoring(scene)


def _promised(scene: Scene) -> Expected:
    """Return what Docker itself promises, whatever the policy wants."""
    decision = scene.state.decision
    return decision.expected if decision.promised is None else decision.promised


def _sentence(scene: Scene) -> str:
    decision = scene.state.decision
    name = decision.promised_by or decision.rule
    rule = RULES.get(name)
    return f"Docker's promise: {rule.sentence if rule else name}"


def _allowed(scene: Scene) -> Cause:
    pair = scene.state.pair
    source, destination = scene.source, scene.destination
    shared = scene.state.decision.source_network == pair.network
    if source is None or destination is None or not shared:
        return cause(CauseId.DOCKER_ALLOWS, _sentence(scene), certain=True)
    name = scene.network.name
    ends = (
        (source.name, ContainerId(pair.source)),
        (destination.name, ContainerId(f"{pair.destination_sandbox}")),
    )
    evidence = [
        f"{who} is on {name}{_since(scene, container, pair.network)}"
        for who, container in ends
    ]
    return cause(CauseId.SHARED_NETWORK, *evidence, certain=True)


def _since(scene: Scene, container: ContainerId, network: NetworkId) -> str:
    """Return since when a container is on a network, as far as it is known."""
    attached = scene.inspection.attached.get((container, network))
    if attached is not None:
        return f", connected {attached:%Y-%m-%dT%H:%M:%SZ}"
    found = scene.topology.container_by_id.get(container)
    if found is None or found.started is None:
        return ""
    return f", started {found.started:%Y-%m-%dT%H:%M:%SZ}"


def _in_order(found: Iterable[Cause]) -> tuple[Cause, ...]:
    """Return each cause once, certain ones first, without mere consequences."""
    causes: dict[tuple[CauseId, tuple[str, ...]], Cause] = {}
    for one in found:
        causes.setdefault((one.id, one.evidence), one)
    below = any(one.certain and one.id in _BELOW for one in causes.values())
    kept = [one for one in causes.values() if not (below and one.id in _FOLLOWS)]
    return tuple(sorted(kept, key=lambda one: not one.certain))
