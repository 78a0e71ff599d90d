"""The tools that people use instead, each driven as cheaply as it can be."""

import contextlib
import http.client
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, Self

from exporter.netns import NamespaceRef, open_namespace
from tests.bench.contenders import Cost, children_cpu_s, cpu_s_of
from tests.bench.mesh import Mesh, MeshContainer, Pairs
from tests.lab.errors import LabError

_PINGS: Final = 60
_FPING_SOURCES: Final = 20
_BLACKBOX_PROBES: Final = 600
_BLACKBOX_PORT: Final = 9115
_BLACKBOX: Final = ("prometheus-blackbox-exporter", "blackbox_exporter")
_START_S: Final = 20.0

_MODULE: Final = """\
modules:
  icmp:
    prober: icmp
    timeout: 1s
    icmp:
      preferred_ip_protocol: ip4
"""


def missing(command: str) -> str | None:
    """Return why a contender cannot take part, None if it can."""
    names = _BLACKBOX if command == "blackbox" else (command,)
    if any(map(shutil.which, names)):
        return None
    return f"{names[0]} is not installed; tools/debian-packages {names[0]}"


class PingEach:
    """A process of `ping` for each pair."""

    name = "`nsenter` + `ping -c1`"

    def __init__(self, pairs: Pairs) -> None:
        step = max(1, len(pairs) // _PINGS)
        self._pairs = [pairs[at] for at in range(0, len(pairs), step)][:_PINGS]

    def turn(self) -> Cost:
        """Ping some pairs, one after the other; all of them are reachable."""
        before_s, false = children_cpu_s(), 0
        for source, destination in self._pairs:
            command = ["ping", "-n", "-q", "-c1", "-W1", str(destination.address)]
            false += _enter(source, command).returncode != 0
        return Cost(
            probes=len(self._pairs), cpu_s=children_cpu_s() - before_s, false=false
        )


class FpingEach:
    """A process of `fping` for each source, with all its destinations."""

    name = "`nsenter` + `fping -c1`"

    def __init__(self, mesh: Mesh, pairs: Pairs) -> None:
        self._rows: dict[str, tuple[MeshContainer, list[str]]] = {}
        for source, destination in pairs:
            row = self._rows.setdefault(source.name, (source, []))
            row[1].append(str(destination.address))

    def turn(self) -> Cost:
        """Ping from some sources, without a pause between packets."""
        before_s, false, probes = children_cpu_s(), 0, 0
        for source, addresses in islice(self._rows.values(), _FPING_SOURCES):
            command = ["fping", "-q", "-c1", "-i", "0", "-t", "1000", *addresses]
            said = _enter(source, command).stderr
            probes += len(addresses)
            false += len(addresses) - said.count("/0%")
        return Cost(probes=probes, cpu_s=children_cpu_s() - before_s, false=false)


class Blackbox:
    """A blackbox exporter in the namespace of one source, asked over HTTP.

    A context manager. The cost is that of the exporter alone, not of who asks.
    """

    name = "blackbox_exporter, ICMP"

    def __init__(self, pairs: Pairs) -> None:
        self._source = pairs[0][0]
        row = [str(to.address) for source, to in pairs if source is self._source]
        self._targets = [row[n % len(row)] for n in range(_BLACKBOX_PROBES)]
        self._cleanups = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        folder = self._cleanups.enter_context(
            tempfile.TemporaryDirectory(prefix="dockernet-bench-")
        )
        config = Path(folder) / "blackbox.yml"
        config.write_text(_MODULE)
        program = next(found for name in _BLACKBOX if (found := shutil.which(name)))
        self._process = self._source.namespace.start(
            [
                *(program, f"--config.file={config}", "--log.level=error"),
                f"--web.listen-address=127.0.0.1:{_BLACKBOX_PORT}",
            ]
        )
        self._cleanups.callback(self._end)
        self._inside(self._wait)
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanups.close()

    def turn(self) -> Cost:
        """Ask for many probes over one connection."""
        before_s = cpu_s_of(self._process.pid)
        false = self._inside(self._ask_all)
        cpu_s = cpu_s_of(self._process.pid) - before_s
        return Cost(probes=len(self._targets), cpu_s=cpu_s, false=false)

    def _inside(self, work: Callable[[], int]) -> int:
        with open_namespace(NamespaceRef(path=self._source.path)) as namespace:
            return namespace.run(work)

    def _ask_all(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", _BLACKBOX_PORT, timeout=10)
        with contextlib.closing(connection):
            return sum(not _succeeds(connection, target) for target in self._targets)

    def _wait(self) -> int:
        deadline_s = time.monotonic() + _START_S
        while time.monotonic() < deadline_s:
            with contextlib.suppress(OSError):
                return self._ask_once()
            time.sleep(0.1)
        raise LabError("blackbox_exporter does not answer")

    def _ask_once(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", _BLACKBOX_PORT, timeout=10)
        with contextlib.closing(connection):
            return int(_succeeds(connection, self._targets[0]))

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()


def _succeeds(connection: http.client.HTTPConnection, target: str) -> bool:
    connection.request("GET", f"/probe?module=icmp&target={target}")
    return b"\nprobe_success 1" in connection.getresponse().read()


def _enter(
    source: MeshContainer, command: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    return source.namespace.run(command, check=False)
