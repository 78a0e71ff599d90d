"""Every metric family, once, in the order of the exposition.

The collector may emit no other; `docs/metrics.md` and the tests of dashboards and
rules read it from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.metrics import (
    addresses,
    budget,
    daemon,
    detection,
    engine,
    inventory,
    paths,
    policy,
    probes,
    verdicts,
)
from exporter.metrics.family import Family
from exporter.metrics.sizes import Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Families that are documented together."""

    title: str
    families: tuple[Family, ...]


GROUPS: tuple[Group, ...] = (
    Group(title="Verdicts", families=verdicts.FAMILIES),
    Group(title="Pairs and endpoints", families=paths.FAMILIES),
    Group(title="Policy", families=policy.FAMILIES),
    Group(title="Probes and lookups", families=probes.FAMILIES),
    Group(title="Budget", families=budget.FAMILIES),
    Group(title="Networks and containers", families=inventory.FAMILIES),
    Group(title="Addresses", families=addresses.FAMILIES),
    Group(title="Detection", families=detection.FAMILIES),
    Group(title="The Docker engine", families=engine.FAMILIES),
    Group(title="The exporter", families=daemon.FAMILIES),
)
FAMILIES: tuple[Family, ...] = tuple(
    family for group in GROUPS for family in group.families
)
BY_NAME: Mapping[str, Family] = {family.full_name: family for family in FAMILIES}
"""Families by the name they have in the classic text format."""


def most_series(sizes: Sizes) -> int:
    """Return how many series there can be at most, before the limit is applied."""
    return sum(family.most(sizes) for family in FAMILIES)
