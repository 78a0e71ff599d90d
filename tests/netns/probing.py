"""What the tests of the prober share: a prober over a lab, and hosts that misbehave."""

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from exporter.icmp.packet import ECHO, REQUEST_KIND, Echo, encode_reply
from exporter.icmp.prober import Prober
from exporter.icmp.probes import Ping, Source
from exporter.model.outcome import Observation
from exporter.model.topology import HOST, IpVersion, SandboxId
from exporter.netns import NamespaceRef, open_namespace
from tests.lab.plain import PlainContainer, PlainLab

Answer = Callable[[Echo], Iterable[bytes]]
"""What a host sends back for a request: messages without an IP header."""

Gone = SimpleQueue[tuple[SandboxId, float]]
"""Sources that ended, and when the prober said so, by CLOCK_MONOTONIC."""


IGNORE_ALL = {
    4: "net/ipv4/icmp_echo_ignore_all",
    6: "net/ipv6/icmp/echo_ignore_all",
}
"""The sysctl that makes a namespace answer no echo request."""


def sandbox(container: PlainContainer) -> SandboxId:
    """Return the id of a container of the lab as a source."""
    return SandboxId(container.name)


def sources_of(lab: PlainLab) -> list[Source]:
    """Return the containers of a lab, and its host with every bridge as a device."""
    return [
        Source(
            id=HOST,
            namespace=NamespaceRef(path=lab.host.path),
            devices=tuple(bridge.name for bridge in lab.bridges),
        ),
        *(
            Source(id=sandbox(one), namespace=NamespaceRef(path=one.path))
            for one in lab.containers
        ),
    ]


def settle(lab: PlainLab) -> None:
    """Wait until no IPv6 address of the host is tentative: a router asks from these."""
    deadline_s = time.monotonic() + 5
    while lab.host.run(["ip", "-6", "-o", "address", "show", "tentative"]).stdout:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


@contextmanager
def running(*labs: PlainLab) -> Iterator[Prober]:
    """A prober with every container and host of some labs as a source."""
    prober = Prober(on_gone=lambda _: None)
    prober.start()
    try:
        errors = prober.sync([found for lab in labs for found in sources_of(lab)])
        assert {} == errors
        yield prober
    finally:
        prober.stop()


def ping(
    source: PlainContainer,
    destination: PlainContainer,
    ip_version: IpVersion = 4,
    *,
    count: int = 1,
) -> Ping:
    """Return a ping from one container to another."""
    to = destination.ipv4 if ip_version == 4 else destination.ipv6
    return Ping(sandbox(source), to, 1, count=count)


def probe_one(prober: Prober, probe: Ping, timeout_s: float = 0.3) -> Observation:
    """Return what becomes of one ping."""
    (observation,) = prober.probe([probe], timeout_s=timeout_s)
    return observation


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def watching(*sources: Source) -> Iterator[tuple[Prober, Gone]]:
    """A prober over some sources, and what it says of those that ended."""
    gone: Gone = SimpleQueue()
    prober = Prober(on_gone=lambda source: gone.put((source, time.monotonic())))
    prober.start()
    try:
        assert {} == prober.sync(sources)
        yield prober, gone
    finally:
        prober.stop()


class Responder:
    """Answers echo requests in a container in place of its kernel; a context manager.

    Args:
        answer: called in a thread of its own for each request of our layout.
        source: address to answer from, its own by default.
        options: IP options of the answers.
    """

    def __init__(
        self,
        container: PlainContainer,
        answer: Answer,
        *,
        ip_version: IpVersion = 4,
        source: str | None = None,
        options: bytes = b"",
    ) -> None:
        """Silence the kernel and make the socket."""
        self._answer = answer
        self._ip_version: IpVersion = ip_version
        container.namespace.set_sysctls({IGNORE_ALL[ip_version]: 1})
        with open_namespace(NamespaceRef(path=container.path)) as namespace:
            self._socket = namespace.run(self._open)
            self._replies = namespace.run(self._open)
        if source is not None:
            self._replies.bind((source, 0))
        if options:
            self._replies.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, options)
        self._socket.settimeout(0.05)  # to look whether it is over
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _open(self) -> socket.socket:
        if self._ip_version == 4:
            return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        return socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                data, sender = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            message = data[(data[0] & 0xF) * 4 :] if self._ip_version == 4 else data
            if len(message) != ECHO.size:
                continue
            fields = ECHO.unpack(message)
            if fields[0] == REQUEST_KIND[self._ip_version]:
                for reply in self._answer(Echo(*fields[2:])):
                    self._replies.sendto(reply, sender)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()
        self._replies.close()


def changed(**fields: int) -> Answer:
    """Answer with some fields of the echo changed."""
    return lambda echo: [encode_reply(echo._replace(**fields), 4)]
