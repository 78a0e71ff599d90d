"""What detection needs of the host's namespace: the narrow way to the kernel.

The one implementation is `kernel.KernelHost`. It needs privileges that nothing else of
detection needs; where these are to be in a process of their own, the sockets can be
passed and looks asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from exporter.detection.links import LinkTable
from exporter.hostns import HostFound
from exporter.netns import NetnsId


class Told(NamedTuple):
    """What was read of a source's notifications."""

    datagrams: tuple[bytes, ...]
    lost: bool
    """Some were lost, as they came faster than they were read."""


class Notifications(Protocol):
    """A non-blocking source of notifications."""

    def fileno(self) -> int:
        """Return the descriptor that becomes readable."""
        ...

    def read(self) -> Told:
        """Return some of what has come; what is left keeps it readable."""
        ...

    def close(self) -> None:
        """Close it; may be called again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Sources of notifications of one namespace, open until closed."""

    identity: NetnsId
    nftables: Notifications | None
    links: Notifications | None
    table: LinkTable
    """The links as they were after `links` was opened."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Why a source is None, by `nftables` or `links`."""

    def source(self, name: str) -> Notifications | None:
        """Return a source by its name, as in `refusals`."""
        return {"nftables": self.nftables, "links": self.links}[name]

    def close(self) -> None:
        """Close what is open; may be called again."""
        for source in (self.nftables, self.links):
            if source is not None:
                source.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What has no notifications, as it is now."""

    sysctls: Mapping[str, str]
    """Values by name; what is not there is left out."""
    legacy: tuple[str, ...] = ()
    """Tables of the older iptables that exist, as `TOOL TABLE`."""
    unread: tuple[str, ...] = ()
    """What could not be read, a line each."""


class HostChanges(Protocol):
    """Opens and looks, blocking, a few milliseconds each."""

    def subscribe(self, found: HostFound) -> Subscription:
        """Open the sources that can be opened.

        Raises:
            NetnsGone: the namespace ended.
            ExporterError: it cannot be entered.
        """
        ...

    def look(self, found: HostFound) -> Look:
        """Read what has no notifications; raises as `subscribe`."""
        ...
