"""The service on a machine with systemd, installed as its unit says.

The machine has no way out, so that pip finds wheels in a folder; else nothing differs
from what an operator does. The containers are the demo's; they come back with the
engine.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.lab import imaging
from tests.lab.images import import_images
from tests.lab.journal import Journal, following
from tests.lab.machine import Machine
from tests.lab.namespaces import run_in
from tests.lab.processes import wait_for_end
from tests.lab.rights import children_of

UNIT = "dockernet-exporter.service"
MEASURED = r"cycle\.finished .*\bas_expected=24\b"
"""What the service says once it has measured all of the demo."""

_REPOSITORY = Path(__file__).parents[2]
_UNIT_FILE = _REPOSITORY / "deploy" / "systemd" / UNIT
_URL = "http://127.0.0.1:10042/"
_CLONE, _WHEELS = "root/dockernet-exporter", "root/wheels"
_INSTALL_TIMEOUT_S = 240.0
_LEFT_OUT = (".*", "tests", "docs", "dist", "__pycache__")

_GET = """
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=5) as answer:
    sys.stdout.write(answer.read().decode())
"""
_CONTAINERS = """
run() { docker run --detach --restart=always --stop-signal=KILL "$@" bb sleep 99999; }
docker network create mybridge
run --name=mybridge1 --network=mybridge
run --name=mybridge2 --network=mybridge
run --name=bridge1
run --name=bridge2
run --name=imhost --network=host
"""


@dataclass(frozen=True, slots=True)
class Booted:
    """A machine with the service on it, and what it says."""

    machine: Machine
    journal: Journal

    def systemctl(self, *arguments: str) -> None:
        """Run systemctl.

        Raises:
            LabError: it failed.
        """
        self.machine.run(["systemctl", *arguments])

    def shown(self, name: str) -> str:
        """Return a property of the unit."""
        return self.machine.shown(UNIT, name)[name]

    @property
    def start(self) -> str:
        """Which start of the service this is; empty where there was none."""
        return self.shown("InvocationID")

    @property
    def pids(self) -> tuple[int, int]:
        """The process that speaks HTTP and the one that keeps the rights, from outside.

        Raises:
            AssertionError: it is not these two alone.
        """
        both = set(self.machine.pids_of(UNIT))
        (main,) = [pid for pid in both if {*children_of(pid)} & both]
        (broker,) = both - {main}
        return main, broker

    def make_ready(self) -> str:
        """Start it unless it runs, wait until it has measured; return which start."""
        self.systemctl("start", "docker.service")
        self.systemctl("reset-failed")
        self.systemctl("start", UNIT)
        start = self.start
        self.journal.wait_for(MEASURED, start=start)
        return start

    def get(self, path: str) -> str:
        """Return the body of an answer, asked for on the machine.

        Raises:
            LabError: there was none, or it says 4xx or 5xx.
        """
        asked = [sys.executable, "-c", _GET, _URL + path]
        return run_in(self.machine.host.path, asked).stdout

    def value(self, name: str, **labels: str) -> float | None:
        """Return the sum of a metric's samples that carry these labels."""
        wanted = set(labels.items())
        values = [
            sample.value
            for family in text_string_to_metric_families(self.get("metrics"))
            for sample in family.samples
            if sample.name == name and wanted <= set(sample.labels.items())
        ]
        return sum(values) if values else None


@contextmanager
def booted(machine: Machine) -> Iterator[Booted]:
    """Install the service on a machine and start containers there.

    Raises:
        LabError: a command of the unit's instructions failed.
    """
    import_images(machine.docker)
    machine.run(["sh", "-euc", _CONTAINERS])
    _install(machine)
    with following(machine, UNIT) as journal:
        yield Booted(machine, journal)


def instructions() -> list[str]:
    """Return the commands by which the unit says that it is installed."""
    head = _UNIT_FILE.read_text().partition("[Unit]")[0]
    return re.findall(r"^#   (\S.*)$", head, re.MULTILINE)


def have_ended(*pids: int, within_s: float = 10.0) -> bool:
    """Return whether processes are gone within so many seconds each."""
    return all(wait_for_end(pid, within_s) for pid in pids)


def _install(machine: Machine) -> None:
    """Do as the unit says, in a clone of the repository."""
    version = machine.run(
        ["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    ).stdout.strip()
    shutil.copytree(imaging.wheels(version), machine.root / _WHEELS)
    shutil.copytree(
        _REPOSITORY, machine.root / _CLONE, ignore=shutil.ignore_patterns(*_LEFT_OUT)
    )
    for command in instructions():
        machine.run(
            ["sh", "-euc", f"cd /{_CLONE}; {command}"],
            environment={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"/{_WHEELS}"},
            timeout_s=_INSTALL_TIMEOUT_S,
        )
