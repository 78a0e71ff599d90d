"""Our own probe engine over a mesh."""

import gc
import math
from collections.abc import Iterator, Sequence
from itertools import starmap
from pathlib import Path
from typing import overload

from exporter.icmp.prober import Prober
from exporter.icmp.probes import Ping, Source
from exporter.model.outcome import Result
from exporter.model.topology import SandboxId
from exporter.netns import NamespaceRef
from tests.bench.contenders import Cost, own_cpu_s
from tests.bench.mesh import Mesh, MeshContainer, Pairs
from tests.bench.reference import differences
from tests.lab.errors import LabError

_TTL = 2
PEAK_RESET = Path("/proc/self/clear_refs")
"""Writing 5 resets VmHWM, see proc(5)."""


class MeshPings(Sequence[Ping]):
    """The pings of some pairs, each made when it is looked at."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs

    def __len__(self) -> int:
        return len(self._pairs)

    @overload
    def __getitem__(self, index: int) -> Ping: ...

    @overload
    def __getitem__(self, index: slice) -> list[Ping]: ...

    def __getitem__(self, index: int | slice) -> Ping | list[Ping]:
        if isinstance(index, slice):
            return [_ping(*pair) for pair in self._pairs[index]]
        return _ping(*self._pairs[index])

    def __iter__(self) -> Iterator[Ping]:
        return starmap(_ping, self._pairs)


def _ping(source: MeshContainer, destination: MeshContainer) -> Ping:
    return Ping(SandboxId(source.name), destination.address, _TTL)


class Ours:
    """The prober as the exporter uses it, told not to pause."""

    name = "this engine"

    def __init__(
        self,
        prober: Prober,
        mesh: Mesh,
        pairs: Pairs,
        *,
        rounds: int = 1,
        timeout_s: float = 1.0,
    ) -> None:
        """Prepare; the arguments are those of `reference.Reference`."""
        self._prober = prober
        self._sources = [
            Source(id=SandboxId(one.name), namespace=NamespaceRef(path=one.path))
            for one in mesh.containers
        ]
        self._pings = MeshPings(pairs)
        self._rounds = rounds
        self._timeout_s = timeout_s
        self._right = pairs.promised()
        self.resident_bytes = 0
        """Most memory of this process while it probed, all of the bench included."""

    def turn(self) -> Cost:
        """Send everything, so often as was asked for, and read every result.

        Its sockets are open only meanwhile: the kernel hands every reply in a namespace
        to every raw socket in it, also those of others.
        """
        if errors := self._prober.sync(self._sources):
            raise LabError(f"sources that do not open: {errors}")
        gc.collect()
        cpu_s, false = 0.0, 0
        for _ in range(self._rounds):
            PEAK_RESET.write_text("5")
            before_s = own_cpu_s()
            found = self._prober.ping(
                self._pings, timeout_s=self._timeout_s, packets_per_second=math.inf
            )
            answered = bytes(result is Result.OK for result in found.results())
            cpu_s += own_cpu_s() - before_s
            self.resident_bytes = max(self.resident_bytes, peak_bytes())
            false += differences(self._right, answered)
        self._prober.sync([])
        probes = self._rounds * len(self._pings)
        return Cost(probes=probes, cpu_s=cpu_s, false=false)


def peak_bytes() -> int:
    """Return the most memory since `PEAK_RESET` was written to."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
