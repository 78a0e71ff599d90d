"""Enters a namespace to read what decides over packets there."""

from collections.abc import Sequence

from exporter.hostns import HostFound, open_host
from exporter.inspection.namespace import read_namespace
from exporter.model.inspection import NamespaceFacts
from exporter.model.topology import IPAddress
from exporter.netfilter.read import read_ruleset
from exporter.netns import NamespaceRef, open_namespace


def facts_of(
    where: NamespaceRef | HostFound,
    addresses: Sequence[IPAddress],
    path_map: tuple[tuple[str, str], ...] = (),
) -> NamespaceFacts:
    """Return what decides over packets in a namespace, and its ways to addresses.

    Args:
        where: a container's, or the host's.
        addresses: whose ways are asked for.
        path_map: as for `open_namespace`.

    Raises:
        NetnsGone: it has ended.
        ExporterError: it cannot be entered.
    """
    if isinstance(where, HostFound):
        opened = open_host(where)
    else:
        opened = open_namespace(where, path_map=path_map)
    with opened as namespace:
        return namespace.run(
            lambda: read_namespace(addresses, read_filter=read_ruleset)
        )
