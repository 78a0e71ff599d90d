"""Networks as the page lists them: members, how full their subnets are, clashes."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from exporter.model.ipam import SubnetUsage, subnet_usage
from exporter.model.prefixes import SATURATED, overlaps
from exporter.model.topology import Topology
from exporter.printable import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetRow:
    """How full a subnet is."""

    prefix: str
    used: str
    left: str
    share: float | None
    """0 to 1; None where it means nothing (IPv6) or is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRow:
    """A network."""

    name: str
    driver: str
    containers: str
    subnets: tuple[SubnetRow, ...]
    clashes: tuple[str, ...]
    """What else claims the same addresses."""


def network_rows(found: Topology) -> Iterator[NetworkRow]:
    """Yield the networks that containers can be on."""
    usages: defaultdict[str, list[SubnetUsage]] = defaultdict(list)
    for usage in subnet_usage(found):
        usages[usage.network].append(usage)
    clashes: defaultdict[str, list[str]] = defaultdict(list)
    for one in overlaps(found):
        if one.kind == "docker":
            clashes[one.network].append(f"network {one.other}")
            clashes[one.other].append(f"network {one.network}")
        else:
            clashes[one.network].append(f"the host's route {one.other}")
    for network in found.networks:
        if network.driver == "null":
            continue
        shares_host = network.driver == "host"
        members = found.host_members if shares_host else found.sandboxes_on(network.id)
        yield NetworkRow(
            name=printable(network.name),
            driver=printable(network.driver),
            containers=f"{len(members):,}",
            subnets=tuple(_subnet(usage) for usage in usages[network.name]),
            clashes=tuple(map(printable, dict.fromkeys(clashes[network.name]))),
        )


def _subnet(usage: SubnetUsage) -> SubnetRow:
    prefix = str(usage.prefix)
    left = usage.available
    if usage.used is None:
        return SubnetRow(prefix=prefix, used="not known here", left="", share=None)
    if usage.addresses >= SATURATED:
        return SubnetRow(
            prefix=prefix, used=f"{usage.used:,} used", left="", share=None
        )
    return SubnetRow(
        prefix=prefix,
        used=f"{usage.used:,} of {usage.addresses:,}",
        left="" if left is None else f"{left:,} left",
        share=usage.used / usage.addresses,
    )
