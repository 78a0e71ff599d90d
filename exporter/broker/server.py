"""Answers requests for what needs privileges; the whole of it is `Broker`.

It speaks no HTTP to anybody, reads no YAML, sends no packet and changes nothing: it
opens sockets and hands them over, and tells what the engine and the kernel say.
"""

import os
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from exporter.broker import requests
from exporter.broker.events import forward
from exporter.broker.requests import Json
from exporter.broker.wire import Malformed, Reply, receive_request, send_reply
from exporter.dns.resolver import connect_anew
from exporter.engine.reduced import reduced
from exporter.errors import BrokerGone, ExporterError
from exporter.icmp.packet import Identity
from exporter.icmp.probes import Source
from exporter.icmp.sockets import bind_to_device
from exporter.model.topology import SandboxId
from exporter.powers import OwnPowers, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Notes = list[tuple[str, str, float]]
_DEVICES: Final = 4096
"""Sockets are opened for so many bridges of a source at most."""


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
            "connect_resolvers": self._connect_resolvers,
            "privileges": self._privileges,
            "lock_file": self._lock_file,
            "open_file": self._open_file,
            "engine": self._engine,
            "engine_address": self._engine_address,
            "engine_close": self._engine_close,
            "events": self._events,
        }

    def serve(self, channel: socket.socket) -> None:
        """Answer what comes over a channel, until its other end is closed."""
        with channel, suppress(BrokerGone, Malformed, OSError):
            while True:
                request, descriptors = receive_request(channel)
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
        except (ExporterError, OSError) as error:
            reply = Reply(error)
        return Reply(reply.value, reply.descriptors, notes)

    def _note(self, kind: str, code: str, duration_s: float) -> None:
        self._notes.now.append((kind, code, duration_s))

    # Namespaces.

    def _open_source(self, request: Json, _: list[int]) -> Reply:
        devices = requests.texts(request, "devices")[:_DEVICES]
        source = Source(
            id=SandboxId(requests.text(request, "id")),
            namespace=requests.namespace(request.get("namespace")),
            devices=devices,
        )
        identifier = requests.number(request, "identifier", most=1 << 16)
        opened = self._powers.open_source(source, Identity(identifier, 0))
        try:
            echoes = [(d, v) for d, v in opened.echo_sockets]
            value = (opened.identity, echoes, opened.pings_refused)
            descriptors = [os.dup(number) for number in opened.parts()]
            return Reply((*value, opened.pidfd is not None), descriptors)
        finally:
            opened.close()

    def _has_gone(self, request: Json, _: list[int]) -> Reply:
        ref = requests.namespace(request.get("namespace"))
        return Reply(self._powers.has_gone(ref))

    def _shows_process(self, request: Json, _: list[int]) -> Reply:
        pid = requests.number(request, "pid", most=1 << 31)
        return Reply(self._powers.shows_process(pid, requests.text(request, "id")))

    def _find_host(self, request: Json, _: list[int]) -> Reply:
        keys = requests.texts(request, "keys")
        return Reply(self._powers.find_host(keys, requests.bridges(request, "bridges")))

    def _host_network(self, request: Json, _: list[int]) -> Reply:
        return Reply(self._powers.host_network(requests.found(request.get("host"))))

    def _facts(self, request: Json, _: list[int]) -> Reply:
        asked = requests.addresses(request, "addresses")
        if request.get("host") is not None:
            return Reply(self._powers.facts(requests.found(request["host"]), asked))
        ref = requests.namespace(request.get("namespace"))
        return Reply(self._powers.facts(ref, asked))

    def _tables(self, request: Json, _: list[int]) -> Reply:
        ref = request.get("namespace")
        return Reply(
            self._powers.tables(None if ref is None else requests.namespace(ref))
        )

    def _subscribe(self, request: Json, _: list[int]) -> Reply:
        made = self._powers.subscribe(requests.found(request.get("host")))
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
        return Reply(self._powers.look(requests.found(request.get("host"))))

    # Sockets that were handed over before.

    def _bind(self, request: Json, descriptors: list[int]) -> Reply:
        with _borrowed(descriptors) as sock:
            return Reply(bind_to_device(sock, requests.text(request, "device")))

    def _connect_resolvers(self, _: Json, descriptors: list[int]) -> Reply:
        return Reply(connect_anew(descriptors))

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
        if kind in ("network", "container"):
            identity = requests.text(request, "id")
            if not identity.isalnum():
                raise Malformed("id")
            one = engine.network if kind == "network" else engine.container
            return Reply(reduced(kind, one(identity)))
        asks = {
            "version": engine.version,
            "info": engine.info,
            "networks": engine.networks,
            "containers": engine.containers,
        }
        if kind not in asks:
            raise Malformed("kind")
        return Reply(reduced(kind, asks[kind]()))

    def _engine_address(self, _request: Json, _: list[int]) -> Reply:
        return Reply((self._powers.engine.address, self._powers.engine.tls))

    def _events(self, request: Json, _: list[int]) -> Reply:
        stream = self._powers.engine.events(requests.number(request, "since_ns"))
        return Reply(None, [forward(stream)])

    def _engine_close(self, _request: Json, _: list[int]) -> Reply:
        self._powers.engine.close()
        return Reply(None)


def _borrowed(descriptors: list[int]) -> socket.socket:
    """Return a socket of ours for a descriptor that came with a request."""
    if len(descriptors) != 1:
        raise Malformed("descriptors")
    return socket.socket(fileno=os.dup(descriptors[0]))
