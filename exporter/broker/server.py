"""Answers requests for what needs privileges; the whole of it is `Broker`.

It speaks no HTTP to anybody, reads no YAML, sends nothing but questions to Docker's
resolver and changes nothing: it opens sockets and hands them over, and tells what the
engine and the kernel say.
"""

import errno
import os
import re
import socket
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from exporter.broker import requests
from exporter.broker.events import forward
from exporter.broker.known import Known
from exporter.broker.requests import Json
from exporter.broker.resolvers import Resolvers
from exporter.broker.wire import (
    Malformed,
    NotReceived,
    Reply,
    receive_request,
    send_reply,
)
from exporter.engine.reduced import reduced
from exporter.errors import BrokerFailed, BrokerGone, ExporterError, NetnsGone
from exporter.hostns import HostFound
from exporter.icmp.packet import Identity
from exporter.icmp.probes import Source
from exporter.icmp.sockets import bind_to_device
from exporter.model.topology import SandboxId
from exporter.netns import NamespaceRef
from exporter.ownpowers import OwnPowers
from exporter.powers import Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.dns.resolver import ResolverSocket

Notes = list[tuple[str, str, float]]
_DEVICES: Final = 4096
"""Sockets are opened for so many bridges of a source at most."""
_WAYS: Final = 256
"""Addresses whose ways are told at once, at most."""
_STREAMS: Final = 4
"""Event streams that are open at once, at most: one is in use, others are ending."""
_NUMBERS: Final = 1 << 63
"""Resolvers have lower ones, each its own."""
_NAME: Final = re.compile("[0-9A-Za-z][0-9A-Za-z_.-]{0,255}")
"""An id, or a name as Docker allows them; no path."""


class Broker:
    """Does what is asked for by an outer process, and nothing else.

    Args:
        terms: what it is bound to; fixed, whatever is asked later.
        files: the only files whose content may be asked for.
    """

    def __init__(self, terms: Terms, files: frozenset[str] = frozenset()) -> None:
        self._notes = threading.local()
        self._powers = OwnPowers(terms, self._note)
        self._files = files
        self._known = Known()
        self._resolvers = Resolvers()
        self._streams = threading.BoundedSemaphore(_STREAMS)
        self._work: Mapping[str, Callable[[Json, list[int]], Reply]] = {
            "open_source": self._open_source,
            "has_gone": self._has_gone,
            "shows_process": self._shows_process,
            "find_host": self._find_host,
            "host_network": self._host_network,
            "facts": self._facts,
            "tables": self._tables,
            "subscribe": self._subscribe,
            "look": self._look,
            "bind": self._bind,
            "exchange": self._exchange,
            "close_resolver": self._close_resolver,
            "privileges": self._privileges,
            "lock_file": self._lock_file,
            "open_file": self._open_file,
            "engine": self._engine,
            "engine_address": self._engine_address,
            "engine_close": self._engine_close,
            "events": self._events,
        }

    def serve(self, channel: socket.socket) -> None:
        """Answer what comes over a channel, until its other end is closed.

        Or until something comes that none of ours would send.
        """
        with channel, suppress(BrokerGone, Malformed, OSError):
            while True:
                try:
                    request, descriptors = receive_request(channel)
                except NotReceived as error:
                    send_reply(channel, Reply(error))
                    continue
                try:
                    reply = self._reply(request, descriptors)
                finally:
                    for descriptor in descriptors:
                        os.close(descriptor)
                send_reply(channel, reply)

    def _reply(self, request: Json, descriptors: list[int]) -> Reply:
        notes: Notes = []
        self._notes.now = notes
        work = self._work.get(requests.text(request, "do"))
        if work is None:
            raise Malformed("do")
        try:
            reply = work(request, descriptors)
        except Malformed:
            raise
        except ExporterError as error:
            reply = Reply(error)
        except OSError as error:
            reply = Reply(_plain(error))
        except Exception as error:  # noqa: BLE001 - a defect must not end the others' work
            traceback.print_exc()
            reply = Reply(BrokerFailed(repr(error)))
        return Reply(reply.value, reply.descriptors, notes)

    def _note(self, kind: str, code: str, duration_s: float) -> None:
        self._notes.now.append((kind, code, duration_s))

    # Namespaces.

    def _open_source(self, request: Json, _: list[int]) -> Reply:
        devices = requests.texts(request, "devices")[:_DEVICES]
        source = Source(
            id=SandboxId(requests.text(request, "id")),
            namespace=self._namespace(request),
            devices=devices,
        )
        identifier = requests.number(request, "identifier", most=1 << 16)
        number = _resolver(request)
        opened = self._powers.open_source(source, Identity(identifier, 0))
        try:
            echoes = [(d, v) for d, v in opened.echo_sockets]
            value = (opened.identity, echoes, opened.pings_refused)
            resolver = cast("ResolverSocket", opened.resolver)
            self._resolvers.keep(number, resolver.sock.dup())
            descriptors = [os.dup(number) for number in opened.parts()]
            return Reply((*value, opened.pidfd is not None), descriptors)
        finally:
            opened.close()

    def _has_gone(self, request: Json, _: list[int]) -> Reply:
        try:
            return Reply(self._powers.has_gone(self._namespace(request)))
        except NetnsGone:
            return Reply(True)

    def _shows_process(self, request: Json, _: list[int]) -> Reply:
        pid = requests.number(request, "pid", most=1 << 31)
        identity = requests.text(request, "id")
        is_known = self._known.is_process(pid, identity)
        return Reply(is_known and self._powers.shows_process(pid, identity))

    def _find_host(self, request: Json, _: list[int]) -> Reply:
        keys = self._known.keys(requests.texts(request, "keys"))
        found = self._powers.find_host(keys, requests.bridges(request, "bridges"))
        if isinstance(found, HostFound):
            self._known.found(found)
        return Reply(found)

    def _host_network(self, request: Json, _: list[int]) -> Reply:
        return Reply(self._powers.host_network(self._host(request)))

    def _facts(self, request: Json, _: list[int]) -> Reply:
        asked = requests.addresses(request, "addresses")
        if len(asked) > _WAYS:
            raise Malformed("addresses")
        if request.get("host") is not None:
            return Reply(self._powers.facts(self._host(request), asked))
        return Reply(self._powers.facts(self._namespace(request), asked))

    def _tables(self, request: Json, _: list[int]) -> Reply:
        ref = None
        if request.get("namespace") is not None:
            with suppress(NetnsGone):
                ref = self._namespace(request)
        return Reply(self._powers.tables(ref))

    def _namespace(self, request: Json) -> NamespaceRef:
        return self._known.namespace(requests.namespace(request.get("namespace")))

    def _host(self, request: Json) -> HostFound:
        return self._known.host(requests.found(request.get("host")))

    def _subscribe(self, request: Json, _: list[int]) -> Reply:
        made = self._powers.subscribe(self._host(request))
        open_ones = {
            name: source
            for name in ("nftables", "links")
            if (source := made.source(name)) is not None
        }
        try:
            descriptors = [os.dup(one.fileno()) for one in open_ones.values()]
        finally:
            made.close()
        value = (made.identity, made.table, dict(made.refusals), list(open_ones))
        return Reply(value, descriptors)

    def _look(self, request: Json, _: list[int]) -> Reply:
        return Reply(self._powers.look(self._host(request)))

    # Sockets that were handed over before.

    def _bind(self, request: Json, descriptors: list[int]) -> Reply:
        with _borrowed(descriptors) as sock:
            return Reply(bind_to_device(sock, requests.text(request, "device")))

    # Sockets that are not handed over.

    def _exchange(self, request: Json, _: list[int]) -> Reply:
        numbers = requests.numbers(request, "resolvers", _NUMBERS)
        anew = requests.numbers(request, "anew", len(numbers))
        queries = requests.queries(request, "queries", len(numbers))
        names = self._known.names()
        return Reply(self._resolvers.exchange(numbers, anew, queries, names))

    def _close_resolver(self, request: Json, _: list[int]) -> Reply:
        self._resolvers.close(_resolver(request))
        return Reply(None)

    # This process, and files.

    def _privileges(self, _request: Json, _: list[int]) -> Reply:
        return Reply(self._powers.privileges())

    def _lock_file(self, _request: Json, _: list[int]) -> Reply:
        return Reply(None, [self._powers.lock_file()])

    def _open_file(self, request: Json, _: list[int]) -> Reply:
        path = requests.text(request, "path")
        if path not in self._files:
            raise Malformed("path")
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would wait
        return Reply(None, [os.open(path, flags)])

    # The engine.

    def _engine(self, request: Json, _: list[int]) -> Reply:
        kind = requests.text(request, "kind")
        engine = self._powers.engine
        asks: dict[str, Callable[[], object]] = {
            "version": engine.version,
            "info": engine.info,
            "networks": engine.networks,
            "network": lambda: engine.network(_identity(request)),
            "containers": self._containers,
            "container": lambda: self._container(_identity(request)),
        }
        if kind not in asks:
            raise Malformed("kind")
        return Reply(reduced(kind, asks[kind]()))

    def _containers(self) -> object:
        found = self._powers.engine.containers()
        self._known.listed(found)
        return found

    def _container(self, identity: str) -> object:
        found = self._powers.engine.container(identity)
        self._known.told(identity, found)
        return found

    def _engine_address(self, _request: Json, _: list[int]) -> Reply:
        return Reply((self._powers.engine.address, self._powers.engine.tls))

    def _events(self, request: Json, _: list[int]) -> Reply:
        since_ns = requests.number(request, "since_ns")
        if not self._streams.acquire(blocking=False):
            raise OSError(errno.EAGAIN, "too many streams of events are open")
        try:
            stream = self._powers.engine.events(since_ns)
        except BaseException:
            self._streams.release()
            raise
        return Reply(None, [forward(stream, self._streams.release)])

    def _engine_close(self, _request: Json, _: list[int]) -> Reply:
        self._powers.engine.close()
        return Reply(None)


def _borrowed(descriptors: list[int]) -> socket.socket:
    """Return a socket of ours for a descriptor that came with a request."""
    if len(descriptors) != 1:
        raise Malformed("descriptors")
    copy = os.dup(descriptors[0])
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)  # it is of something else
        raise


def _resolver(request: Json) -> int:
    """Return the number of a resolver."""
    return requests.number(request, "resolver", most=_NUMBERS)


def _identity(request: Json) -> str:
    """Return what may stand in a path of the engine's API."""
    found = requests.text(request, "id")
    if _NAME.fullmatch(found) is None:
        raise Malformed("id")
    return found


def _plain(error: OSError) -> OSError:
    """Return an error without what a library has hung on it."""
    if error.errno is None:
        return OSError(errno.EIO, str(error))
    return OSError(error.errno, error.strerror or "", error.filename)
