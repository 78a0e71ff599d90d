"""`Powers` of another process."""

import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final, TypeVar, cast

from exporter.broker import requests, wire
from exporter.broker.process import Process
from exporter.broker.requests import Json
from exporter.capabilities import Privileges
from exporter.detection.host import Look, Subscription
from exporter.detection.kernel import NetlinkNotifications
from exporter.dns.exchange import Exchanged, Query, Resolver
from exporter.engine.api import RequestKind, RequestObserver
from exporter.engine.foreign import JsonObject
from exporter.errors import BrokerFailed, BrokerGone, BudgetError, ExporterError
from exporter.hostns import BridgeMark, HostFound, HostNotFound
from exporter.icmp.opening import OpenSource
from exporter.icmp.packet import Identity
from exporter.icmp.probes import Source
from exporter.icmp.sockets import EchoSocket, probe_socket_error
from exporter.model.hoststate import HostState
from exporter.model.inspection import NamespaceFacts
from exporter.model.topology import HostNetwork, IPAddress, IpVersion
from exporter.netns import NamespaceRef, NetnsId
from exporter.process import raise_if_exhausted
from exporter.rtnetlink import KernelChannel, RouteSocket

if TYPE_CHECKING:
    from exporter.detection.links import LinkTable

T = TypeVar("T")
_KEYS_SENT: Final = 64
"""Of one folder; a few are looked at."""


class RemotePowers:
    """`Powers` that a process lends; for any thread."""

    def __init__(self, process: Process, observe: RequestObserver | None) -> None:
        """Bind to a process that was started.

        Args:
            process: with the privileges.
            observe: told of each request to the engine.
        """
        self._process = process
        self._observe = observe
        self._numbers = count()
        self.engine = RemoteEngine(self)

    def ask(
        self, do: str, request: Json | None = None, about: Sequence[int] = ()
    ) -> wire.Reply:
        """Return the answer to a request, about descriptors perhaps.

        Raises:
            BrokerGone: the process has ended.
            ExporterError: as what was done over there; OSError likewise.
        """
        channel = self._process.free.get()
        try:
            wire.send_request(channel, {**(request or {}), "do": do}, about)
            reply = wire.receive_reply(channel)
        except OSError as error:
            raise BrokerGone from error
        except BrokerFailed:
            raise  # nothing was sent
        except BaseException:
            channel.close()  # what is left of the reply is no beginning of another
            raise
        finally:
            self._process.free.put(channel)
        for kind, code, duration_s in reply.notes:
            if self._observe is not None:
                self._observe(cast("RequestKind", kind), code, duration_s)
        if isinstance(reply.value, ExporterError | OSError):
            raise reply.value
        return reply

    def _value(self, kind: type[T], do: str, request: Json | None = None) -> T:
        value = self.ask(do, request).value
        if not isinstance(value, kind):
            raise BrokerGone
        return value

    def privileges(self) -> Privileges:
        """Return what the process holds."""
        return self._value(Privileges, "privileges")

    def open_source(self, source: Source, identity: Identity) -> OpenSource:
        """Have opened what probing from a source needs."""
        resolver = RemoteResolver(next(self._numbers), self._close_resolver)
        try:
            return self._open_source(source, identity, resolver)
        except BaseException:
            resolver.close()  # it may have been opened: only the answer may be lost
            raise

    def _open_source(
        self, source: Source, identity: Identity, resolver: "RemoteResolver"
    ) -> OpenSource:
        request = {
            "id": source.id,
            "namespace": requests.namespace_json(source.namespace),
            "devices": list(source.devices),
            "identifier": identity.identifier,
            "resolver": resolver.number,
        }
        try:
            reply = self.ask("open_source", request)
        except OSError as error:
            raise probe_socket_error("a socket made for us", error) from error
        netns, echoes, refused, has_pidfd = cast(
            "tuple[NetnsId, list[tuple[str | None, IpVersion]], ExporterError, bool]",
            reply.value,
        )
        routes, *rest = reply.descriptors
        channel = KernelChannel(made=_socket(routes))
        made = OpenSource(
            source,
            identity=netns,
            echo_sockets={
                (device, version): EchoSocket(
                    _socket(fd),
                    ip_version=version,
                    source=source.id,
                    device=device,
                    bind=self._bind,
                )
                for (device, version), fd in zip(echoes, rest, strict=False)
            },
            resolver=resolver,
            routes=RouteSocket(channel=channel),
            routes_fd=routes,
            pings_refused=refused,
        )
        made.pidfd = rest[-1] if has_pidfd else None
        return made

    def _bind(self, sock: socket.socket, device: str) -> bool:
        return bool(self.ask("bind", {"device": device}, [sock.fileno()]).value)

    def exchange(
        self,
        resolvers: Sequence[Resolver],
        anew: Collection[int],
        queries: Sequence[Query],
    ) -> Exchanged:
        """Have questions asked over resolvers of sources opened here."""
        ours = cast("Sequence[RemoteResolver]", resolvers)
        request = {
            "resolvers": [one.number for one in ours],
            "anew": list(anew),
            "queries": requests.queries_json(queries),
        }
        return self._value(Exchanged, "exchange", request)

    def _close_resolver(self, number: int) -> None:
        with suppress(ExporterError, OSError):  # it closes with the process
            self.ask("close_resolver", {"resolver": number})

    def has_gone(self, namespace: NamespaceRef) -> bool:
        """Return whether a namespace has ended."""
        request = {"namespace": requests.namespace_json(namespace)}
        return self._value(bool, "has_gone", request)

    def shows_process(self, pid: int, container_id: str) -> bool:
        """Return whether a pid is seen, and is a process of a container."""
        return self._value(bool, "shows_process", {"pid": pid, "id": container_id})

    def find_host(
        self, sandbox_keys: Iterable[str], bridges: Sequence[BridgeMark]
    ) -> HostFound | HostNotFound:
        """Return the engine's namespace, or why it is not found."""
        request = {
            "keys": _some_of_each_folder(sandbox_keys),
            "bridges": requests.bridges_json(bridges),
        }
        value = self.ask("find_host", request).value
        return cast("HostFound | HostNotFound", value)

    def host_network(self, found: HostFound) -> HostNetwork:
        """Return the host's links."""
        request = {"host": requests.found_json(found)}
        return self._value(HostNetwork, "host_network", request)

    def facts(
        self, where: NamespaceRef | HostFound, addresses: Sequence[IPAddress]
    ) -> NamespaceFacts:
        """Return what decides over packets somewhere."""
        asked = list(map(str, addresses))
        if isinstance(where, HostFound):
            request: Json = {"host": requests.found_json(where), "addresses": asked}
        else:
            namespace = requests.namespace_json(where)
            request = {"namespace": namespace, "addresses": asked}
        return self._value(NamespaceFacts, "facts", request)

    def tables(self, engine_namespace: NamespaceRef | None) -> HostState:
        """Return the host's neighbour and connection tables."""
        ref = engine_namespace
        request = {"namespace": ref and requests.namespace_json(ref)}
        return self._value(HostState, "tables", request)

    def lock_file(self) -> int:
        """Return a descriptor of the file of `SharedBudget`."""
        try:
            return self.ask("lock_file").descriptors[0]
        except OSError as error:
            raise BudgetError("the lock file", error.strerror or "") from error

    def open_file(self, path: str) -> int:
        """Return a descriptor of one of the files that may be read.

        Raises:
            OSError: it cannot be opened.
        """
        return self.ask("open_file", {"path": path}).descriptors[0]

    def subscribe(self, found: HostFound) -> Subscription:
        """Have opened the sources of notifications."""
        try:
            reply = self.ask("subscribe", {"host": requests.found_json(found)})
        except OSError as error:
            raise_if_exhausted(error)
            raise
        identity, table, refusals, names = cast(
            "tuple[NetnsId, LinkTable, dict[str, str], list[str]]", reply.value
        )
        opened = {
            name: NetlinkNotifications(_socket(fd))
            for name, fd in zip(names, reply.descriptors, strict=True)
        }
        return Subscription(
            identity=identity,
            nftables=opened.get("nftables"),
            links=opened.get("links"),
            table=table,
            refusals=refusals,
        )

    def look(self, found: HostFound) -> Look:
        """Read what has no notifications."""
        return self._value(Look, "look", {"host": requests.found_json(found)})


class RemoteResolver:
    """`Resolver` that is a socket of the process with the privileges.

    Args:
        number: that it has there.
        close: closes the one with a number.
    """

    __slots__ = ("_close", "closed", "number")

    def __init__(self, number: int, close: Callable[[int], None]) -> None:
        self._close = close
        self.number = number
        self.closed = False

    def close(self) -> None:
        """Let it be closed over there, before this returns; may be called twice."""
        if not self.closed:
            self.closed = True
            self._close(self.number)


class RemoteEngine:
    """`EngineClient` through the process with the privileges."""

    def __init__(self, powers: RemotePowers) -> None:
        self._ask = powers.ask
        self._where: tuple[str, bool] | None = None

    def _found(self) -> tuple[str, bool]:
        if self._where is None:
            self._where = cast("tuple[str, bool]", self._ask("engine_address").value)
        return self._where

    @property
    def address(self) -> str:
        """Where the engine is, as in DOCKER_HOST."""
        return self._found()[0]

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self._found()[1]

    def version(self) -> JsonObject:
        """Ask for the engine's version."""
        return cast("JsonObject", self._answer("version"))

    def info(self) -> JsonObject:
        """Ask for the engine's configuration."""
        return cast("JsonObject", self._answer("info"))

    def networks(self) -> object:
        """Ask for the list of networks."""
        return self._answer("networks")

    def network(self, identity: str) -> JsonObject | None:
        """Ask for one network; None when it is gone."""
        return cast("JsonObject | None", self._answer("network", identity))

    def containers(self) -> object:
        """Ask for the list of containers, stopped ones too."""
        return self._answer("containers")

    def container(self, identity: str) -> JsonObject | None:
        """Ask for one container; None when it is gone."""
        return cast("JsonObject | None", self._answer("container", identity))

    def events(self, since_ns: int) -> "RemoteEvents":
        """Open the stream of events."""
        reply = self._ask("events", {"since_ns": since_ns})
        return RemoteEvents(_socket(reply.descriptors[0]))

    def close(self) -> None:
        """Close every connection but the event streams."""
        with suppress(ExporterError):
            self._ask("engine_close")

    def _answer(self, kind: str, identity: str = "") -> object:
        return self._ask("engine", {"kind": kind, "id": identity}).value


class RemoteEvents:
    """`EventStream` over a socket of its own."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._closed = False
        self._reading = False

    def __iter__(self) -> Iterator[JsonObject]:
        """Yield events until the stream is closed here or ends over there."""
        self._reading = True
        with self._socket, suppress(BrokerGone):
            while not self._closed:
                try:
                    value = wire.receive_reply(self._socket).value
                except OSError:
                    return
                if isinstance(value, ExporterError):
                    raise value
                yield cast("JsonObject", value)

    def close(self) -> None:
        """End the stream, from any thread, even while another waits in it."""
        self._closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a reader, which closes it
        if not self._reading:
            self._socket.close()


def _socket(descriptor: int) -> socket.socket:
    return socket.socket(fileno=descriptor)


def _some_of_each_folder(keys: Iterable[str]) -> list[str]:
    """Return a few sandbox keys of each folder: which folders there are, matters."""
    counts: Counter[str] = Counter()
    found = []
    for key in keys:
        folder = key.rpartition("/")[0]
        counts[folder] += 1
        if counts[folder] <= _KEYS_SENT:
            found.append(key)
    return found
