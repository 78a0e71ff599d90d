"""The image on an engine with the demo, for the tests of the image."""

import re
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import imaging
from tests.lab.composing import netns_folder
from tests.lab.engine import Engine
from tests.lab.exporter import Ran, wait_for_room
from tests.lab.fixtures import require
from tests.lab.pool import EnginePool
from tests.lab.suites import Suite
from tests.lab.topology import DEMO, Running, started

CONTAINED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")
WRITABLE = ("--tmpfs=/run/dockernet-exporter",)
LIMIT_S = 30.0
PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"


@dataclass(frozen=True, slots=True)
class Scene:
    """The demo, and the exporter's image, on one engine."""

    demo: Running

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.demo.engine

    @property
    def socket(self) -> tuple[str, ...]:
        """The option that mounts its socket."""
        return (f"--volume={self.engine.socket}:/var/run/docker.sock",)

    def keys(self, propagation: str = "rslave") -> tuple[str, ...]:
        """Return the option that mounts its namespace files, at their own path."""
        folder = netns_folder(self.engine)
        return (f"--volume={folder}:{folder}:ro,{propagation}",)

    def python(self, program: str) -> str:
        """Return what a program prints that the image's own Python runs."""
        said = self.engine.docker.containers.run(
            imaging.EXPORTER,
            ["-c", program],
            entrypoint="/opt/dockernet-exporter/bin/python",
            network_mode="none",
            read_only=True,
            remove=True,
        )
        return said.decode()

    def check(self, options: Sequence[str]) -> Ran:
        """Run `check --json` in a container, as an operator would."""
        wait_for_room()
        began_s = time.monotonic()
        command = ["docker", "run", "--rm", *options]
        done = self.engine.run_beside(
            [*command, imaging.EXPORTER, "check", "--json"], check=False
        )
        took_s = time.monotonic() - began_s
        return Ran(done.returncode, done.stdout, done.stderr, took_s)


@pytest.fixture(scope="module")
def scene(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Scene]:
    """Build the image once for this module, and start the demo."""
    require(imaging.missing())
    engine = engine_pool.fresh(engine_suite, (), {})
    imaging.build_exporter(engine)
    with started(engine, DEMO) as running:
        yield Scene(running)
    engine_pool.settle()


def documented(scene: Scene) -> list[list[str]]:
    """Return the options of each `docker run` of docs/permissions.md, for an engine.

    They contain it as the other tests here do.
    """
    blocks = re.findall(r"```sh\n(docker run .*?)```", PAGE.read_text(), re.DOTALL)
    netns = netns_folder(scene.engine)
    found = []
    for block in blocks:
        text = block.replace("\\\n", " ").replace("/var/run/docker/netns", netns)
        text = text.replace("/var/run/docker.sock:", f"{scene.engine.socket}:", 1)
        words = shlex.split(text)
        start = ["docker", "run", "--detach", "--name", "dockernet-exporter"]
        assert (start, words[-1]) == (words[:5], "dockernet-exporter")
        options = words[5:-1]
        assert {"--read-only", "no-new-privileges:true", "ALL"} <= {*options}
        found.append(options)
    return found


def wait_for_log(scene: Scene, name: str, pattern: str) -> str:
    """Return the first line of a container's log, past or to come, that fits."""
    deadline_s = time.monotonic() + LIMIT_S
    while True:
        lines = scene.engine.container(name).logs().decode().splitlines()
        if found := [line for line in lines if re.search(pattern, line)]:
            return found[0]
        assert time.monotonic() < deadline_s, f"no {pattern!r} in {lines}"
        time.sleep(0.1)
