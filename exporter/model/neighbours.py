"""What probing costs the host's neighbour table, and what is left of it.

The table is global to the host: a full one breaks everybody's new connections. An entry
stays for about 45 s.
"""

from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Address
from typing import Final

from exporter.model.outcome import Scope
from exporter.model.pair import Planned
from exporter.model.routing import gateway_of
from exporter.model.topology import (
    HOST,
    IP_VERSIONS,
    IPAddress,
    IpVersion,
    NetworkId,
    Sandbox,
    SandboxId,
    Topology,
)

NeighbourEntry = tuple[SandboxId, NetworkId, IPAddress]
"""An entry of the neighbour table: whose, on which network, for which address."""
LOOPBACK: Final = NetworkId("lo")
"""In place of a network: a packet to oneself makes an entry as well, until nobody sends
any for a minute; one for all of IPv4 (arp_constructor in net/ipv4/arp.c), and one for
each address of IPv6."""
PerFamily = Mapping[IpVersion, int]
"""A number for each family: each has a table of its own."""
_MANY = 2**31
_ANY: Final = IPv4Address(0)


class NeighbourBudget:
    """How many neighbour entries may still be made (DESIGN: do no harm)."""

    def __init__(
        self,
        allowed: int | PerFamily,
        known: Iterable[NeighbourEntry] = (),
        *,
        room: int | PerFamily = _MANY,
        share: int | PerFamily = _MANY,
    ) -> None:
        """Start with a number of new entries and those that exist already.

        Args:
            allowed: entries that may be added now, of each family; without a number
                for one there is no table of that family to fill.
            known: entries used within the last 45 s; they cost nothing.
            room: entries that the tables bear beside those of others.
            share: entries that what goes by turns may add in a minute.
        """
        self.room, self.share = _each(room), _each(share)
        self._left = _each(allowed)
        self._known = set(known)
        self.added: set[NeighbourEntry] = set()
        self.used: set[NeighbourEntry] = set()

    @property
    def least(self) -> int:
        """Return how many entries may still be added of any family."""
        return min(self._left.values())

    def cost(self, entries: Iterable[NeighbourEntry]) -> int:
        """Return how many of these entries would be new."""
        return len({entry for entry in entries if entry not in self._known})

    def take(self, entries: Collection[NeighbourEntry]) -> bool:
        """Take what is new of these entries, all or none; all are of one family."""
        fresh = {entry for entry in entries if entry not in self._known}
        if fresh:
            version: IpVersion = next(iter(fresh))[-1].version
            if len(fresh) > self._left[version]:
                return False
            self._left[version] -= len(fresh)
        self.used.update(entries)
        self._known |= fresh
        self.added |= fresh
        return True


def _each(number: int | PerFamily) -> dict[IpVersion, int]:
    if isinstance(number, int):
        return dict.fromkeys(IP_VERSIONS, number)
    return {version: number.get(version, _MANY) for version in IP_VERSIONS}


def entries_of(topology: Topology, planned: Planned) -> tuple[NeighbourEntry, ...]:
    """Return the neighbour entries that probing a pair may make.

    On one link two: the source's, and what the answer needs at the other end. Of the
    host its own only: the container's is for its gateway, whose pair pays for it, and
    so the host's pairs, which control all others, fit in first. Across networks the
    source's for its gateway only: there isolation ends the probe's way. Whom the host
    asks, is asked by itself as well; and whoever asks for a name, asks on its own
    loopback.
    """
    pair, decision = planned.pair, planned.decision
    if pair.scope is Scope.NAME:
        return (_own_entry(pair.source, _ANY),)
    if not decision.has_route:
        return ()
    if pair.source == HOST:
        asked = (HOST, pair.network, pair.address)
        itself = pair.destination_sandbox
        return (asked, _own_entry(itself, pair.address)) if itself else (asked,)
    via = decision.source_network or pair.network
    source = topology.sandbox_by_id[pair.source]
    own = source.address_on(via, pair.ip_version)
    if own is None or not decision.on_link:
        return _gateway_entry(topology, source, via, pair.ip_version)
    there = (pair.source, via, pair.address)
    return there, (pair.destination_sandbox or HOST, via, own.address)


def _own_entry(sandbox: SandboxId, address: IPAddress) -> NeighbourEntry:
    return sandbox, LOOPBACK, _ANY if address.version == _ANY.version else address


def _gateway_entry(
    topology: Topology, source: Sandbox, via: NetworkId, ip_version: IpVersion
) -> tuple[NeighbourEntry, ...]:
    endpoint, network = source.endpoint_on(via), topology.network_by_id[via]
    gateway = gateway_of(network, endpoint, ip_version) if endpoint else None
    return () if gateway is None else ((source.id, via, gateway),)
