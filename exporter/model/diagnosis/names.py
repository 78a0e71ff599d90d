"""Why a name does not resolve.

The embedded DNS is a socket of the engine inside the container's namespace; DNAT rules
in the container's own nat table lead 127.0.0.11:53 to it (moby `daemon/libnetwork/
resolver_unix.go`).
"""

from collections.abc import Iterator

from exporter.model.cause import Cause, CauseId, cause
from exporter.model.diagnosis.scene import LOOPBACK, End, Scene, named
from exporter.model.outcome import Result

_RESOLVER = "127.0.0.11"
_CHAIN = "DOCKER_OUTPUT"
_ANSWERS = frozenset({Result.NXDOMAIN, Result.SERVFAIL, Result.WRONG_ANSWER})


def find(scene: Scene) -> Iterator[Cause]:
    """Yield why the source cannot resolve a name."""
    source = scene.source
    if source is None:
        return
    loopback = named(source.seen.interfaces, LOOPBACK)
    if loopback is not None and not loopback.up:
        yield cause(CauseId.LINK_DOWN, f"{source.name}: lo is down", certain=True)
    yield from _rules(scene, source)
    result = scene.state.observation.result
    if result in _ANSWERS:
        line = f"{source.name}: asked for {scene.state.pair.name}, the answer: {result}"
        yield cause(CauseId.NAME_UNKNOWN, line, certain=False)


def _rules(scene: Scene, source: End) -> Iterator[Cause]:
    """Yield whether the rules that lead to the resolver are gone.

    They are iptables rules of IPv4, whatever family is asked for.
    """
    rules = source.seen.filters.get(4)
    if rules is None or rules.unread:
        return
    if scene.topology.engine.firewall_backend.startswith("nftables"):
        return
    chain = rules.chain("nat", _CHAIN)
    where = f"{source.name}, table nat"
    if chain is None:
        line = f"{where}: there is no chain {_CHAIN}"
    elif not any(_leads_on(rule) for rule in chain):
        line = f"{where}, chain {_CHAIN}: no DNAT for UDP to port 53"
    elif not any(rule.endswith(_CHAIN) for rule in rules.chain("nat", "OUTPUT") or ()):
        line = f"{where}, chain OUTPUT: no jump to {_CHAIN}"
    else:
        return
    certain = scene.state.observation.result not in _ANSWERS
    yield cause(CauseId.RESOLVER_RULES_MISSING, line, certain=certain)


def _leads_on(rule: str) -> bool:
    words = rule.split()
    return "DNAT" in words and "udp" in words and _RESOLVER in rule
