"""What exists: the lists of `topology --json`, page by page."""

from collections import defaultdict
from collections.abc import Mapping
from functools import partial

from exporter.model.ipam import SubnetUsage, subnet_usage
from exporter.model.prefixes import overlaps
from exporter.model.snapshot import Snapshot
from exporter.model.topology import Network, Subnet, Topology
from exporter.report.api.asked import Asked
from exporter.report.api.query import page
from exporter.report.document import timestamp
from exporter.report.pairs import Json
from exporter.report.topology_document import (
    container_entry,
    network_entry,
    subnet_entry,
    topology_document,
)


def whole(snapshot: Snapshot, _: Asked) -> Json:
    """Return everything the engine and the host's namespace say exists."""
    return {**topology_document(snapshot), "taken": timestamp(snapshot.taken)}


def networks(snapshot: Snapshot, asked: Asked) -> Json:
    """Return the networks."""
    found = snapshot.topology
    if found is None:
        return page(snapshot, asked.parameters, (), "networks", _nothing)
    show = partial(network_entry, found)
    return page(snapshot, asked.parameters, found.networks, "networks", show)


def containers(snapshot: Snapshot, asked: Asked) -> Json:
    """Return the containers, those that do not run too."""
    found = snapshot.topology
    if found is None:
        return page(snapshot, asked.parameters, (), "containers", _nothing)
    show = partial(container_entry, found)
    return page(snapshot, asked.parameters, found.containers, "containers", show)


def subnets(snapshot: Snapshot, asked: Asked) -> Json:
    """Return the subnets of all networks, how full they are, and what they overlap."""
    found = snapshot.topology
    if found is None:
        return page(snapshot, asked.parameters, (), "subnets", _nothing)
    usages = {(one.network, one.prefix): one for one in subnet_usage(found)}
    clashes = _clashes(found)
    listed = [(one, subnet) for one in found.networks for subnet in one.subnets]

    def show(item: tuple[Network, Subnet]) -> Json:
        network, subnet = item
        return {
            "network": network.name,
            **subnet_entry(subnet),
            **_usage(usages.get((network.name, subnet.prefix))),
            "overlaps": clashes.get((network.name, subnet.prefix.version), []),
        }

    return page(snapshot, asked.parameters, listed, "subnets", show)


def _clashes(topology: Topology) -> Mapping[tuple[str, int], list[Json]]:
    """Return what overlaps, by a network's name and a family; both say it."""
    found: defaultdict[tuple[str, int], list[Json]] = defaultdict(list)
    for one in overlaps(topology):
        clash = {"other": one.other, "kind": one.kind}
        found[one.network, one.ip_version].append(clash)
        if one.kind == "docker":
            back = {"other": one.network, "kind": one.kind}
            found[one.other, one.ip_version].append(back)
    return found


def _usage(usage: SubnetUsage | None) -> Json:
    """Return how full a subnet is; nulls where that is not known."""
    return {
        "addresses": usage.addresses if usage else None,
        "used": usage.used if usage else None,
        "available": usage.available if usage else None,
    }


def _nothing(_: object) -> Json:
    return {}
