"""The image, built and run for real: both ways in, and each right that it is without.

It starts as docs/permissions.md says: read-only, without new privileges, with the
default seccomp profile, every capability dropped but those named.
"""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine.image_scene import (
    CONTAINED,
    WRITABLE,
    Scene,
    documented,
    scene,
    wait_for_log,
)
from tests.fakes.certificates import HASH, TLS, authority, signed
from tests.lab import imaging
from tests.lab.exporter import Ran, run_exporter
from tests.lab.topology import ContainerSpec

__all__ = ["scene"]
# The first build on a machine makes the base image.
pytestmark = [pytest.mark.suites("forky"), pytest.mark.timeout(600)]

AT_HOST = ("--network=host",)
PIDS = ("--network=none", "--pid=host")
ADMIN, RAW, NET_ADMIN, PTRACE = (
    (f"--cap-add={name}",)
    for name in ("SYS_ADMIN", "NET_RAW", "NET_ADMIN", "SYS_PTRACE")
)
WITHOUT_PIDS = (
    "missing CAP_SYS_PTRACE, host pid namespace; still works: topology and subnets, "
    "name lookups, probes, entering namespaces by SandboxKey, receive buffers beyond "
    "the system's limit; does not: entering namespaces by /proc/PID/ns/net, closing "
    "sockets the moment a container's process ends"
)
"""The whole of what is said where the namespace files are mounted, as documented."""


def comparable(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a document without what differs from one run to the next."""
    volatile = ("started", "duration_seconds", "notices")
    pairs = [{**pair, "rtt_seconds": None} for pair in document["pairs"]]
    rest = {key: value for key, value in document.items() if key not in volatile}
    return {**rest, "pairs": pairs}


class TestImage:
    """What is in it."""

    def test_it_holds_the_program_and_no_tools(self, scene: Scene) -> None:
        """No pip beside it, nothing of its build, and it tells its health."""
        found = scene.engine.docker.images.get(imaging.EXPORTER).attrs["Config"]
        names = ["pip", "hatchling", "tests"]
        search = f"import importlib.util as u; print(*map(u.find_spec, {names}))"

        assert "None None None\n" == scene.python(search)
        assert found["Entrypoint"] == ["dockernet-exporter"]
        assert ["CMD", "dockernet-exporter", "healthcheck"] == (
            found["Healthcheck"]["Test"]
        )

    def test_nothing_is_compiled_at_a_start(self, scene: Scene) -> None:
        """All that the daemon loads was compiled, without docstrings, in the build."""
        look = (
            "import exporter.app, exporter.broker.server, os, sys\n"
            "paths = [getattr(m, '__cached__', None) for m in sys.modules.values()]\n"
            "paths = [*filter(None, paths)]\n"
            "print(sys.flags.optimize, len(paths) > 300)\n"
            "print([path for path in paths if not os.path.exists(path)])\n"
        )

        assert "2 True\n[]\n" == scene.python(look)

    def test_the_default_seccomp_profile_is_in_force(self, scene: Scene) -> None:
        """Without which the tests here would prove less than they say."""
        options = scene.engine.docker.info()["SecurityOptions"]
        grep = ["grep", "-E", "^(Seccomp|NoNewPrivs):", "/proc/self/status"]
        status = scene.engine.run_beside(
            ["docker", "run", "--rm", *CONTAINED, "--network=none", "bb:latest", *grep]
        )

        assert "name=seccomp,profile=builtin" in options
        assert dict(line.split(":\t") for line in status.stdout.splitlines()) == {
            "NoNewPrivs": "1",
            "Seccomp": "2",
        }


@pytest.fixture(scope="module")
def outside(scene: Scene) -> Ran:
    """What a process of the host finds."""
    ran = run_exporter("check", "--json", engine=scene.engine.base_url)
    assert (0, {"as_expected": 24}) == (ran.status, ran.summary)
    return ran


class TestBothWays:
    """In the container all is measured as by a process on the host."""

    def test_by_the_namespace_files(self, scene: Scene, outside: Ran) -> None:
        """Without the host's processes; what that costs is said, and nothing else."""
        ran = scene.check(documented(scene)[0])

        assert comparable(outside.document) == comparable(ran.document)
        assert (0, [WITHOUT_PIDS]) == (ran.status, ran.document["notices"])

    def test_by_the_hosts_processes(self, scene: Scene, outside: Ran) -> None:
        """Without any mount of the engine's but the socket."""
        ran = scene.check(documented(scene)[1])

        assert comparable(outside.document) == comparable(ran.document)
        assert (0, []) == (ran.status, ran.document["notices"])

    def test_outside_of_the_hosts_network(self, scene: Scene, outside: Ran) -> None:
        """There the engine's namespace is entered like any other."""
        rights = (*ADMIN, *RAW, *NET_ADMIN, *PTRACE)
        ran = scene.check([*CONTAINED, *scene.socket, *WRITABLE, *PIDS, *rights])

        assert comparable(outside.document) == comparable(ran.document)
        assert (0, []) == (ran.status, ran.document["notices"])


@dataclass(frozen=True, slots=True)
class Lacks:
    """A container without one of its rights, and what `check` is to say."""

    options: tuple[str, ...]
    status: int
    summary: Mapping[str, int]
    says: tuple[str, ...]
    """What its notices or its error contain."""
    socket: bool = True
    keys: bool = True
    writable: bool = True


LACKING = {
    "CAP_SYS_ADMIN": Lacks(
        (*AT_HOST, *RAW, *NET_ADMIN),
        3,
        {"unverified": 20},
        ("missing CAP_SYS_PTRACE, CAP_SYS_ADMIN, ", "does not: name lookups, probes, "),
    ),
    "CAP_NET_RAW": Lacks(
        (*AT_HOST, *ADMIN, *NET_ADMIN),
        3,
        {"as_expected": 4, "unverified": 20},
        ("missing CAP_NET_RAW, ", "does not: probes, "),
    ),
    "CAP_NET_ADMIN": Lacks(
        (*AT_HOST, *ADMIN, *RAW),
        0,
        {"as_expected": 24},
        ("missing CAP_NET_ADMIN, ", ", receive buffers beyond the system's limit"),
    ),
    "CAP_SYS_PTRACE": Lacks(
        (*PIDS, *ADMIN, *RAW, *NET_ADMIN),
        3,
        {"unverified": 20},
        (
            "missing CAP_SYS_PTRACE; ",
            "scope host is off: ",
            "may not enter the network namespace /proc/",
            "; grant CAP_SYS_PTRACE",
        ),
        keys=False,
    ),
    "namespace files": Lacks(
        (*AT_HOST, *ADMIN, *RAW, *NET_ADMIN),
        3,
        {"as_expected": 4, "unverified": 20},
        ("may not enter the network namespace ", "; grant host pid namespace"),
        keys=False,
    ),
    "socket": Lacks(
        (*AT_HOST, *ADMIN, *RAW, *NET_ADMIN),
        3,
        {},
        ("no Docker engine answers at unix:///var/run/docker.sock (no such file or ",),
        socket=False,
    ),
    "run folder": Lacks(
        (*AT_HOST, *ADMIN, *RAW, *NET_ADMIN),
        3,
        {},
        (
            "cannot write /run/dockernet-exporter/probing.lock (Read-only file system)",
            "make its folder writable",
        ),
        writable=False,
    ),
    "host network": Lacks(
        (*ADMIN, *RAW, *NET_ADMIN),
        3,
        {"unverified": 33},
        ("scope host is off: ", "own: holds 0 of the engine's "),
        keys=False,
    ),
    "root": Lacks(
        (*AT_HOST, *ADMIN, *RAW, *NET_ADMIN, "--user=65534"),
        3,
        {},
        ("permission denied on unix:///var/run/docker.sock; run as root, or ",),
    ),
}


@pytest.mark.parametrize("missing", LACKING)
def test_without(scene: Scene, missing: str) -> None:
    """What is missing is said, what was not measured is never called right."""
    lacks = LACKING[missing]
    options = [*CONTAINED, *lacks.options]
    options += [*scene.socket] if lacks.socket else []
    options += [*scene.keys()] if lacks.keys else []
    options += [*WRITABLE] if lacks.writable else []

    ran = scene.check(options)

    said = " ".join(ran.document["notices"]) if ran.out else ran.err
    assert [] == [part for part in lacks.says if part not in said], said
    assert lacks.status == ran.status
    assert lacks.summary == (ran.summary if ran.out else {})


class TestService:
    """The daemon in its container."""

    @pytest.mark.parametrize(
        ("propagation", "found"),
        [
            ("rslave", "as_expected=38 unexpected_reachable=0"),
            ("rprivate", "source=late destination=mybridge1 .* result=netns_error"),
        ],
    )
    def test_containers_that_come_later(
        self, scene: Scene, propagation: str, found: str
    ) -> None:
        """Their namespaces are seen through a mount that is a slave, and else not.

        A fifth container makes 38 pairs of 24. What is not seen is unverified.
        """
        rights = (*ADMIN, *RAW, *NET_ADMIN, *AT_HOST)
        options = [*scene.socket, *WRITABLE, *scene.keys(propagation), *rights]
        run = ["docker", "run", "--detach", "--name=daemon", *CONTAINED, *options]
        with contextlib.ExitStack() as last:
            scene.engine.run_beside([*run, imaging.EXPORTER, "run"])
            last.callback(scene.engine.container("daemon").remove, force=True)
            wait_for_log(scene, "daemon", "cycle.finished")
            scene.demo.add(ContainerSpec(name="late", networks=("mybridge",)))
            last.callback(scene.demo.drop, "late")
            line = wait_for_log(scene, "daemon", found)

        assert ("verdict=unverified" in line) == (propagation == "rprivate")

    def test_it_is_healthy(self, scene: Scene) -> None:
        """By the image's own check, asked every second here."""
        with healthy(scene, ()):
            pass

    def test_it_is_behind_a_door(self, scene: Scene, tmp_path: Path) -> None:
        """TLS and a password of a folder that is mounted; its check needs neither."""
        ca = authority(tmp_path)
        signed(tmp_path, ca, "server")
        (tmp_path / "web.yml").write_text(
            f"{TLS}basic_auth_users:\n  prometheus: {HASH}\n"
        )
        ask = [
            *("curl", "--silent", "--output", "/dev/null", "--noproxy", "*"),
            *("--write-out", "%{http_code}", "--cacert", str(ca.cert)),
            "https://localhost:10042/metrics",
        ]
        with healthy(
            scene,
            (f"--volume={tmp_path}:/etc/dockernet-exporter:ro",),
            "--web.config.file=/etc/dockernet-exporter/web.yml",
        ):
            statuses = [
                subprocess.run(
                    ["nsenter", f"--net={scene.engine.netns}", "--", *ask, *more],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
                for more in ((), ("-u", "prometheus:secret"))
            ]

        assert ["401", "200"] == statuses


@contextlib.contextmanager
def healthy(scene: Scene, options: Sequence[str], *arguments: str) -> Iterator[None]:
    """Run the daemon in a container until the block ends; it says that it is well."""
    rights = (*ADMIN, *RAW, *NET_ADMIN, *AT_HOST)
    mounts = (*scene.socket, *WRITABLE, *scene.keys())
    run = ["docker", "run", "--detach", "--name=healthy", *CONTAINED, *mounts, *rights]
    pace = ["--health-interval=1s", "--health-start-period=0s"]
    events = scene.engine.docker.events(decode=True, filters={"event": "health_status"})
    scene.engine.run_beside(
        [*run, *pace, *options, imaging.EXPORTER, "run", *arguments]
    )
    try:
        told = next(iter(events))
        assert told["Action"] == "health_status: healthy", json.dumps(told)
        yield
    finally:
        events.close()
        scene.engine.container("healthy").remove(force=True)
