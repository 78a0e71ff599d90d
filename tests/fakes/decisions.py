"""What is decided for each pair of containers, by names that a test can write."""

from collections.abc import Mapping

from exporter.model.expectation import Promises
from exporter.model.outcome import Scope
from exporter.model.pair import Decision
from exporter.model.pairs import all_pairs
from exporter.model.topology import Topology


def decided(found: Topology) -> Mapping[str, Decision]:
    """Return the decision for each pair of containers, as `a>b@network/family`."""
    promises = Promises(found)
    names = found.network_by_id
    return {
        f"{p.source}>{p.destination}@{names[p.network].name}/{p.ip_version}": (
            promises.decide(p)
        )
        for p in all_pairs(found, {Scope.CONTAINER})
    }


def rule(found: Topology, key: str) -> tuple[str, str]:
    """Return the rule of a pair and what it promises."""
    decision = decided(found)[key]
    return decision.rule, str(decision.expected)
