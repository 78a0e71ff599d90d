"""What the engine says exists: networks, containers, endpoints, sandboxes, host.

Docker's words in Docker's sense (moby `daemon/libnetwork/docs/design.md`): an
endpoint joins one sandbox to one network; a sandbox is one network stack, that
is, one network namespace; containers made with `--network container:X` share one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal, NewType

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
IpVersion = Literal[4, 6]
IP_VERSIONS: tuple[IpVersion, IpVersion] = (4, 6)

ContainerId = NewType("ContainerId", str)
NetworkId = NewType("NetworkId", str)
SandboxId = NewType("SandboxId", str)

HOST = SandboxId("host")
"""The engine's own network namespace, and every container that shares it."""

_BRIDGE_OPTION = "com.docker.network.bridge."


def version_of(address: IPAddress | IPNetwork) -> IpVersion:
    """Return the family of an address or prefix."""
    return 4 if address.version == 4 else 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """One IPAM entry of a network."""

    prefix: IPNetwork
    gateway: IPAddress | None = None
    """As configured; None where the entry names none (older engines, `isolated`)."""
    ip_range: IPNetwork | None = None
    """As configured: the part of the prefix that the engine allocates from."""
    auxiliary: tuple[tuple[str, IPAddress], ...] = ()
    """Reserved addresses with their names, sorted."""
    addresses_used: int | None = None
    """The engine's own count (API 1.52 `Status.IPAM`), None where it gives none."""
    dynamic_available: int | None = None
    """The engine's own count of addresses it can still hand out."""

    @property
    def allocated_from(self) -> IPNetwork:
        """Return what the engine allocates from.

        A range that is not within its subnet counts as the subnet: networks made
        before engine 24 may have one.
        """
        inner, outer = self.ip_range, self.prefix
        if inner is None or inner.version != outer.version:
            return outer
        first, last = int(inner.network_address), int(inner.broadcast_address)
        low, high = int(outer.network_address), int(outer.broadcast_address)
        return inner if low <= first and last <= high else outer


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A Docker network with everything that decides what may reach what."""

    id: NetworkId
    name: str
    """Unique: the engine's name, with a short id where two networks share one."""
    raw_name: str
    """The engine's name."""
    driver: str
    scope: str = "local"
    internal: bool = False
    ipv4: bool = True
    """API field EnableIPv4, absent before 1.47 and then true."""
    ipv6: bool = False
    options: Mapping[str, str]
    subnets: tuple[Subnet, ...] = ()
    bridge: str | None = None
    """The host's bridge interface, None for drivers without one."""
    mtu: int | None = None
    """Configured MTU in bytes, None where the engine's default holds."""
    created: datetime | None = None
    project: str | None = None
    """The compose project."""
    ingress: bool = False
    """Swarm's own network for published ports: names do not resolve on it."""

    @property
    def is_default_bridge(self) -> bool:
        """Return whether this is the network that `docker run` uses by default."""
        return self._flag("default_bridge", default=False)

    @property
    def icc(self) -> bool:
        """Return whether containers on this bridge may talk (`enable_icc`)."""
        return self._flag("enable_icc", default=True)

    @property
    def inhibit_ipv4(self) -> bool:
        """Return whether the bridge gets no IPv4 address (`inhibit_ipv4`)."""
        return self._flag("inhibit_ipv4", default=False)

    @property
    def masquerade(self) -> bool:
        """Return whether the bridge masquerades (`enable_ip_masquerade`)."""
        return self._flag("enable_ip_masquerade", default=True)

    def gateway_mode(self, ip_version: IpVersion) -> str:
        """Return nat, nat-unprotected, routed or isolated for a family."""
        key = f"{_BRIDGE_OPTION}gateway_mode_ipv{ip_version}"
        return self.options.get(key) or "nat"

    def enabled(self, ip_version: IpVersion) -> bool:
        """Return whether the network carries a family."""
        return self.ipv4 if ip_version == 4 else self.ipv6

    def _flag(self, name: str, *, default: bool) -> bool:
        value = self.options.get(_BRIDGE_OPTION + name, "").lower()
        if value in ("1", "t", "true"):  # Go's strconv.ParseBool
            return True
        return False if value in ("0", "f", "false") else default


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAddress:
    """One address of an endpoint."""

    address: IPAddress
    prefix_length: int
    gateway: IPAddress | None = None
    """What the endpoint names as its gateway; None gives no default route."""

    @property
    def ip_version(self) -> IpVersion:
        """Return the family."""
        return version_of(self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What joins a container's sandbox to a network."""

    id: str
    network_id: NetworkId
    container_id: ContainerId
    addresses: tuple[EndpointAddress, ...] = ()
    """At most one of each family, IPv4 first."""
    mac: str | None = None
    gateway_priority: int = 0
    """GwPriority (API 1.48+): the highest gives the default route."""
    dns_names: tuple[str, ...] = ()
    """Names that the embedded DNS answers on this network, sorted."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    """DriverOpts `com.docker.network.endpoint.sysctls`; IFNAME is the interface."""
    implicit: bool = False
    """Made by the engine as a way out (docker_gwbridge): not among the container's
    networks, without names."""

    def address(self, ip_version: IpVersion) -> EndpointAddress | None:
        """Return the address of a family, None if there is none."""
        for address in self.addresses:
            if address.ip_version == ip_version:
                return address
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container, running or not."""

    id: ContainerId
    name: str
    """Unique and stable over restarts: compose `project-service-N`, swarm
    `service.slot`, else the engine's name."""
    raw_name: str
    """The engine's name, without the leading slash."""
    status: str
    """The engine's word: created, running, paused, restarting, exited, dead."""
    running: bool
    """Has processes (a paused or restarting container may too)."""
    paused: bool = False
    pid: int = 0
    """Of its first process in the engine's pid namespace; 0 when there is none."""
    started: datetime | None = None
    image: str = ""
    labels: Mapping[str, str]
    project: str | None = None
    service: str | None = None
    network_mode: str = "default"
    """HostConfig.NetworkMode: a network's name or id, host, none, container:ID."""
    sandbox_key: str | None = None
    """Path of the namespace in the engine's mount namespace; None if not running."""
    sysctls: Mapping[str, str]
    """HostConfig.Sysctls, as given at creation."""
    sandbox: SandboxId | None = None
    """The network stack that its processes are in; None where nothing runs."""
    endpoints: tuple[Endpoint, ...] = ()
    """Sorted by network name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """One network stack: of a container and those that share it, or the host's."""

    id: SandboxId
    """The owner's container id, or `HOST`."""
    name: str
    """The owner's name, or `host`."""
    members: tuple[ContainerId, ...] = ()
    """The owner first, then those that joined, sorted by name."""
    path: str | None = None
    """SandboxKey of the owner."""
    pid: int = 0
    started: datetime | None = None
    endpoints: tuple[Endpoint, ...] = ()
    """The owner's endpoints, sorted by network name; empty for the host."""

    def endpoint_on(self, network_id: NetworkId) -> Endpoint | None:
        """Return the endpoint on a network, None if there is none."""
        for endpoint in self.endpoints:
            if endpoint.network_id == network_id:
                return endpoint
        return None

    def address_on(
        self, network_id: NetworkId, ip_version: IpVersion
    ) -> EndpointAddress | None:
        """Return the address of a family on a network, None if there is none."""
        endpoint = self.endpoint_on(network_id)
        return endpoint.address(ip_version) if endpoint else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInterface:
    """An interface of the engine's network namespace."""

    name: str
    index: int
    up: bool
    mtu: int
    """Bytes."""
    mac: str | None
    addresses: tuple[tuple[IPAddress, int], ...] = ()
    """Address and prefix length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRoute:
    """A route of the host's main table."""

    prefix: IPNetwork
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNetwork:
    """The engine's network namespace: what `--network host` containers see."""

    available: bool
    """Whether the namespace was found and entered; else scope `host` is off."""
    source: str
    """Where it was found (configured, netns/default, engine process, own), or why
    it was not."""
    interfaces: tuple[HostInterface, ...] = ()
    routes: tuple[HostRoute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """The engine and the flags of it that the API shows."""

    version: str
    api_version: str
    product: str = "docker"
    """docker or podman."""
    address: str = ""
    """Where it was reached, as in DOCKER_HOST."""
    local: bool = True
    """False for remote, TLS, SSH, rootless or VM engines: nothing to enter."""
    local_reason: str = ""
    """Why it is not local, in one phrase; empty if it is."""
    firewall_backend: str = ""
    default_pools: tuple[tuple[IPNetwork, int], ...] = ()
    """Default address pools: base prefix and the prefix length cut from it."""

    @property
    def major(self) -> int:
        """Return the leading number of the version, 0 if it has none."""
        head = self.version.split(".", maxsplit=1)[0]
        return int(head) if head.isdigit() else 0


@dataclass(frozen=True, kw_only=True)
class Topology:
    """Everything the engine says, at one moment."""

    engine: EngineInfo
    networks: tuple[Network, ...] = ()
    """Sorted by name."""
    containers: tuple[Container, ...] = ()
    """Sorted by name; stopped ones too."""
    sandboxes: tuple[Sandbox, ...] = ()
    """Of running containers, sorted by name; shared ones once; never the host's."""
    host: HostNetwork

    @cached_property
    def network_by_id(self) -> Mapping[NetworkId, Network]:
        """Networks by their id."""
        return {network.id: network for network in self.networks}

    @cached_property
    def container_by_id(self) -> Mapping[ContainerId, Container]:
        """Containers by their id."""
        return {container.id: container for container in self.containers}

    @cached_property
    def sandbox_by_id(self) -> Mapping[SandboxId, Sandbox]:
        """Sandboxes of containers by their id."""
        return {sandbox.id: sandbox for sandbox in self.sandboxes}

    @cached_property
    def left_behind(self) -> tuple[Container, ...]:
        """Running containers in a namespace that its owner is no longer in.

        They joined it with `--network container:X`, and X was started again or ended
        since: its links are gone, and the engine tells nothing of what is there.
        """
        return tuple(
            container
            for container in self.containers
            if container.sandbox == SandboxId(container.id)
            and container.network_mode.startswith("container:")
        )

    @cached_property
    def host_members(self) -> tuple[Container, ...]:
        """Running containers that share the host's namespace."""
        return tuple(
            container
            for container in self.containers
            if container.running
            and (container.network_mode == "host" or container.sandbox == HOST)
        )

    def sandboxes_on(self, network_id: NetworkId) -> tuple[Sandbox, ...]:
        """Return the sandboxes with an endpoint on a network."""
        return self._members.get(network_id, ())

    @cached_property
    def _members(self) -> Mapping[NetworkId, tuple[Sandbox, ...]]:
        members: dict[NetworkId, list[Sandbox]] = {}
        for sandbox in self.sandboxes:
            for endpoint in sandbox.endpoints:
                members.setdefault(endpoint.network_id, []).append(sandbox)
        return {network_id: tuple(found) for network_id, found in members.items()}
