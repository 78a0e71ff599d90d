"""The two processes of `run` in the image, started as docs/permissions.md says."""

import contextlib
from collections.abc import Iterator, Sequence

import pytest

from tests.engine.image_scene import Scene, documented, scene, wait_for_log
from tests.lab import imaging
from tests.lab.rights import children_of, held, nothing, status_of

__all__ = ["scene"]
# The first build on a machine makes the base image.
pytestmark = [pytest.mark.suites("forky"), pytest.mark.timeout(600)]

NOBODY = 65534
STAYS = "the process that speaks HTTP stays "


class TestTwoProcesses:
    """Of the daemon, as docs/permissions.md starts it."""

    @contextlib.contextmanager
    def started(self, scene: Scene, options: Sequence[str]) -> Iterator[int]:
        """Run it; yield the process that speaks HTTP once it has measured."""
        run = ["docker", "run", "--detach", "--name=two", *options]
        scene.engine.run_beside([*run, imaging.EXPORTER, "run"])
        try:
            wait_for_log(scene, "two", "cycle.finished .* as_expected=24 ")
            yield scene.engine.pid_of("two")
        finally:
            scene.engine.container("two").remove(force=True)

    def logged(self, scene: Scene) -> list[str]:
        """Return what it says that it keeps."""
        lines = scene.engine.container("two").logs().decode().splitlines()
        said = [line for line in lines if "privileges.kept" in line]
        return [line.partition("problem=")[2].strip('"') for line in said]

    @pytest.mark.parametrize("way", [0, 1])
    def test_the_one_that_speaks_http_has_nothing(self, scene: Scene, way: int) -> None:
        """Docker's seccomp profile lets it give up writing and system calls."""
        with self.started(scene, documented(scene)[way]) as pid:
            (broker,) = children_of(pid)

            assert (held(pid), self.logged(scene)) == (nothing(NOBODY, NOBODY), [])
            assert status_of(broker)["Uid"].split()[0] == "0"
            assert int(status_of(broker)["CapEff"], 16)

    def test_it_cannot_open_the_engines_socket(self, scene: Scene) -> None:
        """As nobody; as root, which it was, a process can."""
        connect = "import socket as s; s.socket(1).connect('/var/run/docker.sock')"
        inside = ["two", "python", "-c", connect]
        with self.started(scene, documented(scene)[0]):
            root, nobody = (
                scene.engine.run_beside(["docker", "exec", *user, *inside], check=False)
                for user in ([], [f"--user={NOBODY}:{NOBODY}"])
            )

        assert (root.returncode, nobody.returncode) == (0, 1)
        assert "PermissionError" in nobody.stderr

    @pytest.mark.parametrize(
        ("lacks", "says"),
        [
            ("SETUID", f"{STAYS}root: grant CAP_SETUID"),
            ("SETGID", f"{STAYS}in its groups: grant CAP_SETGID"),
        ],
    )
    def test_without(self, scene: Scene, lacks: str, says: str) -> None:
        """It works all the same, says so, and has no capability."""
        options = documented(scene)[0]
        at = options.index(lacks)
        with self.started(scene, options[: at - 1] + options[at + 1 :]) as pid:
            (kept,) = held(pid)

            assert self.logged(scene) == [says]
            assert kept[3:] == nothing(0, 0).pop()[3:]
