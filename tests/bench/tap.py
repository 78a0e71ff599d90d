"""Round-trip times against a packet tap on the source's own interface.

The tap is a packet(7) socket with a buffer that holds everything: it is read after the
round, so nobody is woken by it meanwhile. It sees each request when it is handed to the
interface, and each reply when it comes from there, and the kernel stamps both.
"""

import math
import socket
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from exporter.icmp.packet import ECHO, REPLY_KIND, REQUEST_KIND
from exporter.icmp.prober import Prober
from exporter.icmp.probes import Ping, Source
from exporter.model.topology import SandboxId
from exporter.netns import NamespaceRef, open_namespace
from exporter.sockopt import ask_for_stamps, set_buffer_bytes, stamp_ns
from tests.bench.mesh import Mesh, MeshContainer
from tests.lab.errors import LabError

_ETH_P_ALL: Final = 3  # sockets of one protocol do not see what goes out
_BUFFER_BYTES: Final = 64 * 1024 * 1024
_HEADERS: Final = 20  # of an IPv4 packet without options; SOCK_DGRAM cuts the frame's


@dataclass(frozen=True, slots=True)
class Errors:
    """How far our times are from the tap's, seconds, never negative."""

    burst: int
    """Packets in a burst."""
    probes: int
    median_s: float
    p95_s: float
    truth_s: float
    """Median of the tap's times."""


class Tap:
    """Listens on eth0 of a container; a context manager."""

    def __init__(self, container: MeshContainer) -> None:
        with open_namespace(NamespaceRef(path=container.path)) as namespace:
            self._socket = namespace.run(_open)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def times_s(self) -> dict[int, float]:
        """Return the time between request and reply by pair; forget what was heard."""
        asked: dict[int, int] = {}
        found: dict[int, float] = {}
        for kind, pair, stamp in self._heard():
            if kind == REQUEST_KIND[4]:
                asked[pair] = stamp
            elif kind == REPLY_KIND[4] and pair in asked:
                found[pair] = (stamp - asked[pair]) / 1e9
        return found

    def _heard(self) -> Iterator[tuple[int, int, int]]:
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(256, 256)
            except BlockingIOError:
                return
            stamp = stamp_ns(ancillary)
            if stamp is not None and len(data) == _HEADERS + ECHO.size:
                fields = ECHO.unpack_from(data, _HEADERS)
                yield fields[0], fields[6], stamp


def measure(prober: Prober, mesh: Mesh, *, burst: int, rounds: int) -> Errors:
    """Ping from the first container to the second in bursts, and compare.

    Raises:
        LabError: a packet was lost, by us or by the tap.
    """
    source, destination = mesh.containers[:2]
    identity = SandboxId(source.name)
    pings = [Ping(identity, destination.address, 2)] * burst
    errors_s: list[float] = []
    truths_s: list[float] = []
    prober.sync([Source(id=identity, namespace=NamespaceRef(path=source.path))])
    with Tap(source) as tap:
        prober.ping(pings[:64], timeout_s=1.0, packets_per_second=math.inf)
        tap.times_s()  # what warmed up is not compared
        for _ in range(rounds):
            found = prober.ping(pings, timeout_s=1.0, packets_per_second=math.inf)
            truth = tap.times_s()
            for pair, observation in enumerate(found):
                if observation.rtt_s is None or pair not in truth:
                    raise LabError(f"packet {pair} of {burst} was lost")
                errors_s.append(abs(observation.rtt_s - truth[pair]))
            truths_s += truth.values()
    prober.sync([])
    return Errors(
        burst=burst,
        probes=len(errors_s),
        median_s=statistics.median(errors_s),
        p95_s=statistics.quantiles(errors_s, n=20)[-1],
        truth_s=statistics.median(truths_s),
    )


def _open() -> socket.socket:
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
    set_buffer_bytes(tap, _BUFFER_BYTES)
    ask_for_stamps(tap)
    tap.bind(("eth0", _ETH_P_ALL))
    return tap
