"""What the engine has, kept current with as few requests as can be.

A full pass costs four requests and one for each container that may have changed; a
refresh one for each container that did. In a swarm either asks for docker_gwbridge
too, where containers have endpoints that nothing else tells of. Blocking: used from
one worker thread.
"""

import platform
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from exporter.engine import parse, wayout
from exporter.engine.api import EngineClient
from exporter.engine.assemble import assemble, unknown_networks
from exporter.engine.events import Change
from exporter.engine.locality import parse_engine
from exporter.engine.records import ContainerRecord, Witness
from exporter.engine.wayout import WayOut
from exporter.errors import EngineProtocolError, EngineUnavailable
from exporter.model.topology import (
    ContainerId,
    EngineInfo,
    HostNetwork,
    Network,
    NetworkId,
    Topology,
)

_STATUS_API = (1, 52)
"""From here on a network's own answer counts the addresses in use."""

Key = TypeVar("Key")
Value = TypeVar("Value")
Networks = dict[NetworkId, Network]
Records = dict[ContainerId, ContainerRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    """Everything known of the engine, and what the last pass found different."""

    engine: EngineInfo
    networks: tuple[Network, ...] = ()
    records: tuple[ContainerRecord, ...] = ()
    ways_out: tuple[WayOut, ...] = ()
    """Endpoints on docker_gwbridge, which no container's own answer names."""
    changed_containers: frozenset[ContainerId] = frozenset()
    """Appeared, vanished, or different from before."""
    changed_networks: frozenset[NetworkId] = frozenset()
    unread: frozenset[ContainerId] = frozenset()
    """Gave no usable answer (one is locked while it starts); asked again next time."""


class Inventory:
    """The engine's networks and containers.

    Args:
        client: how to ask the engine.
        kernel_release: of the kernel we run on; None asks the system.
    """

    def __init__(
        self, client: EngineClient, *, kernel_release: str | None = None
    ) -> None:
        self._client = client
        self._kernel = kernel_release or platform.release()
        self._state: EngineState | None = None
        self._records: Records = {}
        self._networks: Networks = {}
        self._assembled: Topology | None = None
        # Named by an event, and not asked for with success since.
        self._doubtful: set[ContainerId] = set()
        self._doubtful_networks: set[NetworkId] = set()

    @property
    def state(self) -> EngineState | None:
        """What the last successful pass found; None before the first."""
        return self._state

    def apply(self, change: Change) -> EngineState:
        """Bring everything up to date after a change that the events told of.

        Raises:
            EngineError: nothing was changed; the next pass makes up for it.
        """
        if change.resync:
            return self.full(suspects=change.containers)
        return self.refresh(change.containers, change.networks)

    def full(self, *, suspects: Collection[ContainerId] = ()) -> EngineState:
        """Ask for everything, and again for containers that may have changed.

        A container is not asked for again while its list entry agrees with what is
        known of it, see `parse.parse_entry`.

        Args:
            suspects: containers that events named; asked for in any case.

        Raises:
            EngineError: nothing was changed; the next pass makes up for it.
        """
        self._doubtful |= set(suspects)
        engine = parse_engine(
            self._client.version(),
            self._client.info(),
            address=self._client.address,
            kernel_release=self._kernel,
            tls=self._client.tls,
        )
        listed = parse.parse_entries(self._client.containers())
        stale = [
            identity
            for identity, witness in listed.items()
            if identity in self._doubtful or not self._agrees(identity, witness)
        ]
        records = {
            identity: record
            for identity, record in self._records.items()
            if identity in listed
        }
        unread = self._inspect(stale, records)
        # After the containers: whatever network they were seen on is listed then.
        networks = self._list_networks(engine)
        self._count_addresses(engine, networks, networks)
        return self._commit(engine, networks, records, unread)

    def refresh(
        self,
        containers: Collection[ContainerId],
        networks: Collection[NetworkId] = (),
    ) -> EngineState:
        """Ask for the containers and networks that events named.

        Raises:
            EngineError: nothing was changed; the next pass makes up for it.
        """
        self._doubtful |= set(containers)
        self._doubtful_networks |= set(networks)
        if self._state is None:
            return self.full()
        engine = self._state.engine
        records = dict(self._records)
        unread = self._inspect(self._doubtful, records)
        known = dict(self._networks)
        if self._doubtful_networks or unknown_networks(
            known.values(), records.values()
        ):
            known = self._list_networks(engine)
            for identity in known.keys() & self._networks.keys():
                known[identity] = _with_counts(
                    known[identity], self._networks[identity]
                )
            fresh = known.keys() - self._networks.keys()
            self._count_addresses(engine, known, self._doubtful_networks | fresh)
        return self._commit(engine, known, records, unread)

    def topology(self, host: HostNetwork) -> Topology:
        """Return everything known as the model's topology.

        Args:
            host: what was found in the engine's own network namespace.

        Raises:
            RuntimeError: before the first successful pass.
        """
        if self._state is None:
            message = "no topology before the first successful pass"
            raise RuntimeError(message)
        if self._assembled is None:  # 80 ms for 1000 containers: once a pass
            self._assembled = assemble(
                engine=self._state.engine,
                networks=self._state.networks,
                records=self._state.records,
                host=host,
                ways_out=self._state.ways_out,
            )
        return replace(self._assembled, host=host)

    def _agrees(self, identity: ContainerId, witness: Witness | None) -> bool:
        known = self._records.get(identity)
        return known is not None and witness is not None and known.witness == witness

    def _inspect(
        self, identities: Iterable[ContainerId], records: Records
    ) -> frozenset[ContainerId]:
        """Ask for containers one by one into the records.

        Returns:
            Those that gave no answer of their own: what was known of them stays.

        Raises:
            EngineError: of the engine rather than of one container.
        """
        unread: set[ContainerId] = set()
        refusal: EngineProtocolError | None = None
        for identity in sorted(identities):
            try:
                answer = self._client.container(identity)
            except EngineProtocolError as error:
                refusal = error
                unread.add(identity)
                continue
            except EngineUnavailable:
                self._client.version()  # raises unless only this container is locked
                unread.add(identity)
                continue
            record = None if answer is None else parse.parse_container(answer)
            if record is not None and record.id == identity:
                records[identity] = record
            elif answer is None:
                records.pop(identity, None)
            else:
                unread.add(identity)
        if refusal is not None and not records:
            raise refusal  # a proxy that lists containers but shows none
        return frozenset(unread)

    def _list_networks(self, engine: EngineInfo) -> Networks:
        found = parse.parse_networks(self._client.networks(), product=engine.product)
        return {network.id: network for network in found}

    def _count_addresses(
        self, engine: EngineInfo, networks: Networks, which: Collection[NetworkId]
    ) -> None:
        """Ask for the networks whose answers count the addresses in use."""
        if _version_tuple(engine.api_version) < _STATUS_API:
            return
        for identity in sorted(networks.keys() & set(which)):
            answer = self._client.network(identity)
            if answer is None:
                del networks[identity]
                continue
            found = parse.parse_network(answer, product=engine.product)
            if found is not None and found.id == identity:
                networks[identity] = found

    def _ways_out(self, networks: Networks) -> tuple[WayOut, ...]:
        """Ask for docker_gwbridge if there is one; the list leaves out who is on it."""
        network = wayout.network_of(networks.values())
        answer = self._client.network(network.id) if network else None
        if network is None or answer is None:
            return ()
        return wayout.parse_ways_out(answer, network)

    def _commit(
        self,
        engine: EngineInfo,
        networks: Networks,
        records: Records,
        unread: frozenset[ContainerId],
    ) -> EngineState:
        """Take everything over at once, after the last question to the engine."""
        ways_out = self._ways_out(networks)
        known = self._state.ways_out if self._state else ()
        moved = _differences(_by_container(known), _by_container(ways_out))
        self._state = EngineState(
            engine=engine,
            networks=tuple(networks.values()),
            records=tuple(records.values()),
            ways_out=ways_out,
            changed_containers=_differences(self._records, records) | moved,
            changed_networks=_differences(self._networks, networks),
            unread=unread,
        )
        self._records, self._networks = records, networks
        self._assembled = None
        self._doubtful, self._doubtful_networks = set(unread), set()
        return self._state


def _with_counts(network: Network, before: Network) -> Network:
    """Return a network of the list with the counts known from its own answer."""
    counts = {subnet.prefix: subnet for subnet in before.subnets}
    subnets = tuple(
        replace(
            subnet,
            addresses_used=counts[subnet.prefix].addresses_used,
            dynamic_available=counts[subnet.prefix].dynamic_available,
        )
        if subnet.prefix in counts
        else subnet
        for subnet in network.subnets
    )
    return replace(network, subnets=subnets)


def _by_container(ways_out: Iterable[WayOut]) -> dict[ContainerId, WayOut]:
    return {way.endpoint.container_id: way for way in ways_out}


def _version_tuple(api_version: str) -> tuple[int, ...]:
    """Return `1.51` as (1, 51); what is no number ends it."""
    numbers: list[int] = []
    for part in api_version.split("."):
        if not (part.isascii() and part.isdigit()):
            break
        numbers.append(int(part[:9]))
    return tuple(numbers)


def _differences(
    before: Mapping[Key, Value], after: Mapping[Key, Value]
) -> frozenset[Key]:
    return frozenset(
        key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    )
