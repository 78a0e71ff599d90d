"""What is probed, from where: what a caller hands to the prober."""

from dataclasses import dataclass
from typing import NamedTuple

from exporter.model.topology import IPAddress, IpVersion, SandboxId
from exporter.netns import NamespaceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A network stack to probe from: of a sandbox, or of the host."""

    id: SandboxId
    namespace: NamespaceRef
    devices: tuple[str, ...] = ()
    """Of the host: the bridges that probes are bound to, a pair of sockets each."""


class Ping(NamedTuple):
    """Echo requests to one address."""

    source: SandboxId
    destination: IPAddress
    ttl: int
    """1 to 255; a packet passes `ttl` - 1 routers at most."""
    device: str | None = None
    """The interface it must leave by, one of the source's devices. The route decides
    first: where that names another one, nothing is sent."""
    own: bool = False
    """The source's own address: sent only where the kernel takes it for local."""
    count: int = 1  # type: ignore[assignment]  # hides tuple.count, which nobody needs
    """Packets, spread in time; at least 1."""


class Lookup(NamedTuple):
    """Questions about one name to the embedded DNS server of a source."""

    source: SandboxId
    name: str
    ip_version: IpVersion
    """4 asks for A records, 6 for AAAA."""
    count: int = 1  # type: ignore[assignment]  # hides tuple.count, which nobody needs
    """Questions, spread in time; at least 1."""
