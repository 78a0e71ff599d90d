"""What pairs are called in paths, and which pair, container or network is meant."""

from collections.abc import Iterable
from hashlib import blake2b

from exporter.model.pair import Pair, PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import HOST, ContainerId, NetworkId, SandboxId
from exporter.report.names import GATEWAY

_SOURCE_BYTES, _REST_BYTES = 4, 6
_SOURCE_DIGITS = 2 * _SOURCE_BYTES
DIGITS = _SOURCE_DIGITS + 2 * _REST_BYTES
"""Characters of an id, hexadecimal."""


def pair_id(pair: Pair) -> str:
    """Return what a pair is called in paths: as long as it exists, and not longer.

    It begins with what its source is called: few pairs are looked at to find it.
    """
    rest = (
        pair.scope,
        pair.destination or "",
        pair.network,
        pair.address,
        pair.name or "",
    )
    return _digest([pair.source], _SOURCE_BYTES) + _digest(rest, _REST_BYTES)


def pair_of(snapshot: Snapshot, wanted: str) -> PairState | None:
    """Return the pair of an id, None if there is none."""
    if len(wanted) != DIGITS:
        return None
    head = wanted[:_SOURCE_DIGITS]
    sources = {state.pair.source for state in snapshot.pairs}
    sources = {one for one in sources if _digest([one], _SOURCE_BYTES) == head}
    for state in snapshot.pairs if sources else ():
        if state.pair.source in sources and pair_id(state.pair) == wanted:
            return state
    return None


def _digest(parts: Iterable[object], size: int) -> str:
    # Names come from labels, in which there may be anything, lone surrogates too.
    text = "\0".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=size).hexdigest()


def sandboxes_of(snapshot: Snapshot, given: str) -> frozenset[SandboxId]:
    """Return the network stacks that a container's id or name stands for, or `host`.

    An id before a name: nobody can take another's id for a name and be meant by it.
    """
    topology = snapshot.topology
    if given == HOST:
        return frozenset({HOST})
    if topology is None:
        return frozenset()
    known = topology.container_by_id.get(ContainerId(given))
    found = [known] if known else [c for c in topology.containers if c.name == given]
    members = {
        member: sandbox.id
        for sandbox in topology.sandboxes
        for member in sandbox.members
    }
    here = {one.id for one in topology.host_members}
    return frozenset(
        HOST if one.id in here else members.get(one.id, SandboxId(one.id))
        for one in found
    )


def destinations_of(snapshot: Snapshot, given: str) -> frozenset[ContainerId | None]:
    """Return the destinations that an id or a name stands for; None is `gateway`."""
    if given == GATEWAY:
        return frozenset({None})
    return frozenset(map(ContainerId, sandboxes_of(snapshot, given)))


def networks_of(snapshot: Snapshot, given: str) -> frozenset[NetworkId]:
    """Return the networks that an id or a name stands for: one, or none."""
    topology = snapshot.topology
    if topology is None:
        return frozenset()
    if NetworkId(given) in topology.network_by_id:
        return frozenset({NetworkId(given)})
    return frozenset(one.id for one in topology.networks if one.name == given)


def containing(names: Iterable[tuple[str, str]], text: str) -> frozenset[str]:
    """Return the ids, of ids with their names, whose name has a text in it."""
    wanted = text.casefold()
    return frozenset(one for one, name in names if wanted in name.casefold())
