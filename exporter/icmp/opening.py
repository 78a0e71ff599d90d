"""Everything that probing from one network namespace needs open, as one.

Raw, UDP and netlink sockets and the pidfd are made and closed together: each of them
keeps the namespace alive, and with it a dead container's veth, which goes on answering.
"""

import errno
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from typing import Protocol, cast

from exporter.dns.exchange import Exchanged, Query, Resolver, exchange
from exporter.dns.resolver import ResolverSocket, open_resolver_socket
from exporter.errors import (
    ExporterError,
    NetlinkError,
    NetnsGone,
    PacketError,
    ProbeSocketError,
)
from exporter.icmp.packet import Identity
from exporter.icmp.probes import Ping, Source
from exporter.icmp.sockets import EchoSocket, open_echo_socket, probe_socket_error
from exporter.model.outcome import Result
from exporter.model.topology import IP_VERSIONS, IpVersion
from exporter.netns import NamespaceRef, NetnsId, cookie_of, open_namespace
from exporter.process import has_ended
from exporter.rtnetlink import KernelChannel, RouteSocket

PathMap = tuple[tuple[str, str], ...]
"""Prefixes of the engine's paths and what stands for them here."""


class OpenSource:
    """The open sockets of a source; used by the loop's thread only, once watched."""

    def __init__(
        self,
        source: Source,
        *,
        identity: NetnsId,
        echo_sockets: dict[tuple[str | None, IpVersion], EchoSocket],
        resolver: Resolver,
        routes: RouteSocket,
        routes_fd: int,
        pings_refused: ExporterError | None,
    ) -> None:
        self.source = source
        self.identity = identity
        self.echo_sockets = echo_sockets
        self.resolver = resolver
        self.routes = routes
        self.routes_fd = routes_fd
        """Of `routes`, to pass it on."""
        self.pings_refused = pings_refused
        """Why it has no echo sockets; None if it has."""
        self.pidfd: int | None = None
        self.closed = False

    def way(self, ping: Ping) -> EchoSocket | Result:
        """Return the socket to send a ping through, or why there is none."""
        if self.pings_refused is not None:
            return Result.PERMISSION_DENIED
        found = self.echo_sockets.get((ping.device, ping.destination.version))
        # No such device here, or a kernel without the family: no way leads there.
        return Result.NO_ROUTE if found is None else found

    def refusal(self, ping: Ping) -> Result | None:
        """Return why the routes forbid to send a ping that depends on them.

        An own address must be local: else the packet would leave, and another one
        might answer. A bound socket sends by its device whatever the routes say, so
        the kernel is asked which interface it would choose without.
        """
        try:
            route = self.routes.route_to(ping.destination)
        except (NetlinkError, PacketError):
            return Result.SEND_ERROR
        if ping.own:
            return None if route.kind == "local" else Result.NO_ROUTE
        if route.kind in {"none", "unreachable"}:
            return Result.NO_ROUTE
        if route.kind in {"blackhole", "prohibit"}:
            return Result.REFUSED_BY_KERNEL
        return None if route.interface == ping.device else Result.WRONG_ROUTE

    def is_routed(self, ping: Ping) -> bool:
        """Return whether the kernel has a usable route for a ping."""
        try:
            return self.routes.route_to(ping.destination).kind in {"local", "unicast"}
        except (NetlinkError, PacketError):
            return False

    def descriptors(self) -> list[int]:
        """Return the descriptors that the loop watches."""
        found = [echo_socket.fd for echo_socket in self.echo_sockets.values()]
        return found if self.pidfd is None else [*found, self.pidfd]

    def parts(self) -> list[int]:
        """Return what can be passed on: routes, echo sockets, then any pidfd."""
        echoes = [echo_socket.fd for echo_socket in self.echo_sockets.values()]
        found = [self.routes_fd, *echoes]
        return found if self.pidfd is None else [*found, self.pidfd]

    def is_gone(self, has_gone: Callable[[NamespaceRef], bool]) -> bool:
        """Return whether the container has ended, as far as that can be seen.

        Args:
            has_gone: looks whether its namespace is still there, where no pidfd tells.
        """
        if self.pidfd is not None:
            return has_ended(self.pidfd)
        return has_gone(self.source.namespace)

    def close(self) -> None:
        """Close everything; may be called twice."""
        self.closed = True
        for echo_socket in self.echo_sockets.values():
            echo_socket.close()
        self.resolver.close()
        self.routes.close()
        pidfd, self.pidfd = self.pidfd, None
        if pidfd is not None:
            os.close(pidfd)


class Opener(Protocol):
    """Enters namespaces for a prober."""

    def open_source(self, source: Source, identity: Identity) -> OpenSource:
        """Open everything for a source; raises as the function `open_source`."""
        ...

    def has_gone(self, namespace: NamespaceRef) -> bool:
        """Return whether a namespace has ended, as far as that can be seen."""
        ...

    def exchange(
        self,
        resolvers: Sequence[Resolver],
        anew: Collection[int],
        queries: Sequence[Query],
    ) -> Exchanged:
        """Ask over resolvers of sources opened here, as `dns.exchange.exchange`."""
        ...


class OwnOpener:
    """Enters them itself.

    Args:
        path_map: as for `open_namespace`.
    """

    def __init__(self, path_map: PathMap = ()) -> None:
        self._path_map = path_map

    def open_source(self, source: Source, identity: Identity) -> OpenSource:
        """Open everything for a source."""
        return open_source(source, identity=identity, path_map=self._path_map)

    def has_gone(self, namespace: NamespaceRef) -> bool:
        """Return whether a namespace has ended, as far as that can be seen."""
        try:
            open_namespace(namespace, path_map=self._path_map).close()
        except NetnsGone:
            return True
        except ExporterError:
            return False  # that we may not look proves nothing
        return False

    def exchange(
        self,
        resolvers: Sequence[Resolver],
        anew: Collection[int],
        queries: Sequence[Query],
    ) -> Exchanged:
        """Ask over resolvers of sources opened here."""
        sockets = cast("Sequence[ResolverSocket]", resolvers)
        return exchange(sockets, anew, queries)


def open_source(
    source: Source, *, identity: Identity, path_map: PathMap = ()
) -> OpenSource:
    """Open everything for a source; names can be asked without CAP_NET_RAW.

    Raises:
        NetnsGone: its container has ended.
        NetnsPermissionDenied: it may not be entered.
        ProbeSocketError: descriptors or memory are short.
    """
    with open_namespace(source.namespace, path_map=path_map) as namespace:
        opened = namespace.run(lambda: _make(source, identity))
        opened.pidfd = namespace.take_pidfd()
    return opened


def _make(source: Source, identity: Identity) -> OpenSource:
    """Make the sockets; runs inside the namespace."""
    with ExitStack() as undo:
        resolver = open_resolver_socket()
        undo.callback(resolver.close)
        try:
            channel = KernelChannel()
        except OSError as error:
            raise probe_socket_error("a netlink socket", error) from error
        routes = RouteSocket(channel=channel)
        undo.callback(routes.close)
        echo_sockets: dict[tuple[str | None, IpVersion], EchoSocket] = {}
        refused: ProbeSocketError | None = None
        try:
            for device in (None, *source.devices):
                for ip_version in IP_VERSIONS:
                    made = open_echo_socket(
                        ip_version, identity.identifier, source.id, device
                    )
                    if made is not None:
                        undo.callback(made.close)
                        echo_sockets[device, ip_version] = made
        except ProbeSocketError as error:
            if error.errno not in {errno.EPERM, errno.EACCES}:
                raise
            refused = error
        opened = OpenSource(
            source,
            identity=cookie_of(resolver.sock),
            echo_sockets=echo_sockets,
            resolver=resolver,
            routes=routes,
            routes_fd=channel.fileno(),
            pings_refused=refused,
        )
        undo.pop_all()
    return opened
