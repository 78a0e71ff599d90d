"""The daemon as a process of its own, beside a lab engine."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from urllib.request import Request, urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.lab.engine import Engine
from tests.lab.rights import children_of

_REPOSITORY = Path(__file__).parents[2]
_URL = re.compile(r"msg=service\.started .*\burl=(\S+)")
_NUMBER = re.compile(r" cycle=(\d+) ")
_COMPLETED = {"outcome": "completed"}
_LIMIT_S = 45.0

Sample = tuple[str, frozenset[tuple[str, str]]]


class Service:
    """A running daemon; lines of its log can be waited for, its metrics read."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Follow a process that has just been started."""
        self._process = process
        self._lines: Queue[str] = Queue()
        self.log: list[str] = []
        """Every line so far."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        line = self.wait_for_log(lambda text: _URL.search(text) is not None)
        found = _URL.search(line)
        assert found is not None
        self.url = found[1]

    @property
    def pid(self) -> int:
        """Return the process."""
        return self._process.pid

    @property
    def children(self) -> list[int]:
        """Return the processes that it has started."""
        return children_of(self.pid)

    @property
    def descriptors(self) -> int:
        """Return how many file descriptors both processes have open."""
        folders = [Path(f"/proc/{pid}/fd") for pid in self.processes]
        return sum(len(list(folder.iterdir())) for folder in folders)

    @property
    def broker(self) -> int:
        """Return the process beside it that keeps the privileges; there is one."""
        (found,) = self.children
        return found

    @property
    def processes(self) -> tuple[int, ...]:
        """Return the process and, where there is one, that with the privileges."""
        return (self.pid, *self.children)

    @property
    def cpu_s(self) -> float:
        """Return the CPU time of both processes, user and system, in seconds."""
        return sum(map(_ticks, self.processes)) / os.sysconf("SC_CLK_TCK")

    @property
    def resident_bytes(self) -> int:
        """Return the resident memory: what both processes share counts once."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        whole = pages * os.sysconf("SC_PAGESIZE")
        return whole + sum(map(_private_bytes, self.children))

    def wait_for_log(self, wanted: Callable[[str], bool]) -> str:
        """Return the next line that fits; earlier ones are passed over."""
        deadline_s = time.monotonic() + _LIMIT_S
        while True:
            try:
                line = self._lines.get(timeout=deadline_s - time.monotonic())
            except (Empty, ValueError):
                tail = "\n".join(self.log[-20:])
                message = f"the line did not come within {_LIMIT_S} s:\n{tail}"
                raise AssertionError(message) from None
            if wanted(line):
                return line

    def wait_for_cycle(self, **fields: object) -> str:
        """Wait for the next finished cycle whose line has these fields.

        And until /metrics shows it: in a busy moment that is rendered after the line.
        """
        words = [f" {key}={value}" for key, value in fields.items()]
        line = self.wait_for_log(
            lambda line: (
                "cycle.finished" in line and all(word in f"{line} " for word in words)
            )
        )
        found = _NUMBER.search(line)
        assert found is not None
        deadline_s = time.monotonic() + _LIMIT_S
        while (self.value("dockernet_cycles_total", **_COMPLETED) or 0) < int(found[1]):
            assert time.monotonic() < deadline_s, f"/metrics does not show: {line}"
            time.sleep(0.01)
        return line

    def get(self, path: str = "metrics", **headers: str) -> bytes:
        """Return the body of an answer."""
        request = Request(self.url + path, headers=headers)  # noqa: S310 - loopback
        with urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
            body: bytes = answer.read()
            return body

    def samples(self, name: str) -> Mapping[frozenset[tuple[str, str]], float]:
        """Return the samples of a metric by their labels."""
        found: dict[frozenset[tuple[str, str]], float] = {}
        for family in text_string_to_metric_families(self.get().decode()):
            for sample in family.samples:
                if sample.name == name:
                    found[frozenset(sample.labels.items())] = sample.value
        return found

    def value(self, name: str, **labels: str) -> float | None:
        """Return the sum of the samples that carry these labels; None without any."""
        wanted = set(labels.items())
        values = [v for have, v in self.samples(name).items() if wanted <= have]
        return sum(values) if values else None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def stop(self) -> int:
        """Ask it to end; return its exit status."""
        self._process.terminate()
        return self.wait()

    def wait(self, within_s: float = 15) -> int:
        """Return the exit status once it has ended; negative for a signal."""
        status = self._process.wait(within_s)
        self._reader.join(within_s)
        return status

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line.rstrip())
            self._lines.put(line.rstrip())


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _private_bytes(pid: int) -> int:
    """Return what no other process has in its memory (proc_pid_smaps(5))."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE)
    return sum(map(int, found)) * 1024


@contextmanager
def serving(
    engine: Engine,
    *,
    interval: str = "1s",
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    without: str = "",
    python: str | Path = sys.executable,
) -> Iterator[Service]:
    """Run the daemon on an engine, on a port of its own.

    Args:
        engine: which one.
        interval: between cycles.
        arguments: more of them.
        environment: more variables.
        without: a capability that it does not get, as setpriv(1) writes it.
        python: which runs it.
    """
    lacking = [f"--bounding-set=-{without}", f"--inh-caps=-{without}"]
    with running(
        *arguments,
        under=("setpriv", *lacking) if without else (),
        environment={
            "DOCKER_HOST": engine.base_url,
            "DOCKERNET_PROBE_INTERVAL": interval,
            "DOCKERNET_PROBE_TIMEOUT": "200ms",
            **(environment or {}),
        },
        python=python,
    ) as service:
        yield service


@contextmanager
def running(
    *arguments: str,
    environment: Mapping[str, str],
    under: Sequence[str] = (),
    python: str | Path = sys.executable,
) -> Iterator[Service]:
    """Run the daemon in a session of its own, on a port of its own unless told which.

    Args:
        arguments: more of them.
        environment: more variables, DOCKER_HOST among them.
        under: a command that becomes another, such as setpriv with its options.
        python: which runs it; another one than ours has the program installed.
    """
    command = [str(python), "-m", "exporter", "run", "--log.format", "logfmt"]
    if not any(argument.startswith("--web.listen") for argument in arguments):
        command += ["--web.listen-address", "127.0.0.1:0"]
    process = subprocess.Popen(
        [*under, "setpriv", "--pdeathsig", "KILL", *command, *arguments],
        cwd=_REPOSITORY if python == sys.executable else "/",
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Service(process)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
