"""The unit's rights: no root, and the capabilities that it names, no more.

On every machine with an engine; with its sandbox, under systemd, in test_systemd.py.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.lab.exporter import run_exporter
from tests.lab.rights import held, nothing, status_of
from tests.lab.service import running
from tests.lab.topology import Running

pytestmark = [pytest.mark.suites("forky")]

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "dockernet-exporter.service"
NOBODY = 65534
DYNAMIC = 61184
"""The first user that `DynamicUser` takes."""


def of_unit(key: str) -> list[str]:
    """Return the values that the unit gives a key."""
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def as_the_unit(netns: str, socket_group: int, lacks: str = "") -> list[str]:
    """Return a command that becomes another with the unit's user, group and rights.

    Args:
        netns: of the host.
        socket_group: of the engine's socket.
        lacks: a capability that it does not get.
    """
    (ambient,) = of_unit("AmbientCapabilities")
    rights = ",".join(
        f"+{name.removeprefix('CAP_').lower()}"
        for name in ambient.split()
        if name != lacks
    )
    return [
        *("nsenter", f"--net={netns}", "--", "setpriv", "--no-new-privs"),
        *(f"--reuid={DYNAMIC}", f"--regid={DYNAMIC}", f"--groups={socket_group}"),
        *(f"--bounding-set=-all,{rights}", f"--inh-caps=-all,{rights}"),
        f"--ambient-caps=-all,{rights}",
    ]


def test_it_measures_all_of_the_demo(demo: Running, tmp_path: Path) -> None:
    """The host as well, without looking into the engine's process."""
    os.chown(tmp_path, DYNAMIC, DYNAMIC)
    environment = dict(line.split("=", 1) for line in of_unit("Environment"))
    del environment["XDG_RUNTIME_DIR"]  # a folder of this test's own
    group = demo.engine.socket.stat().st_gid

    ran = run_exporter(
        *("check", "--json"),
        engine=demo.engine.base_url,
        under=as_the_unit(demo.engine.netns, group),
        environment=environment,
        budget=tmp_path,
    )

    assert (0, {"as_expected": 24}) == (ran.status, ran.summary), ran.err
    (notice,) = ran.document["notices"]
    assert notice.startswith(
        "missing CAP_SYS_PTRACE; still works: topology and subnets"
    )
    assert notice.endswith("; does not: entering namespaces by /proc/PID/ns/net")


SOCKETS = 999
"""A group that the engine's socket has for a test, as others do not start at 0."""


@pytest.fixture
def as_a_service(demo: Running, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give the engine's socket a group, and return the unit's environment."""
    socket = demo.engine.socket
    before = socket.stat().st_gid
    os.chown(socket, -1, SOCKETS)
    environment = dict(line.split("=", 1) for line in of_unit("Environment"))
    with TemporaryDirectory(prefix="dockernet-") as folder:
        os.chown(folder, DYNAMIC, DYNAMIC)
        yield environment | {
            "XDG_RUNTIME_DIR": folder,
            "DOCKER_HOST": demo.engine.base_url,
        }
    os.chown(socket, -1, before)


class TestTwoProcesses:
    """Of which one has the unit's user, group and rights, and the other one none."""

    def test_the_one_that_speaks_http_leaves_all(
        self, demo: Running, as_a_service: dict[str, str], installed_python: Path
    ) -> None:
        """The group that opens the engine's socket too; it measures as before."""
        under = as_the_unit(demo.engine.netns, SOCKETS)
        with running(
            under=under, environment=as_a_service, python=installed_python
        ) as service:
            service.wait_for_log(lambda line: " as_expected=24 " in line)
            other = status_of(service.broker)

            assert held(service.pid) == nothing(NOBODY, NOBODY)
            assert (other["Uid"].split()[0], other["Groups"]) == ("61184", "999")
            assert "privileges.kept" not in "\n".join(service.log)

    @pytest.mark.parametrize(
        ("lacks", "stays"),
        [("CAP_SETUID", "user 61184"), ("CAP_SETGID", "in its groups")],
    )
    def test_it_says_what_it_stays(
        self,
        demo: Running,
        as_a_service: dict[str, str],
        installed_python: Path,
        lacks: str,
        stays: str,
    ) -> None:
        """Without one of the two; whoever it is, it has no capability."""
        under = as_the_unit(demo.engine.netns, SOCKETS, lacks)
        with running(
            under=under, environment=as_a_service, python=installed_python
        ) as service:
            service.wait_for_log(lambda line: " as_expected=24 " in line)
            (kept,) = held(service.pid)
            said = [line for line in service.log if "privileges.kept" in line]

        is_in_group = lacks == "CAP_SETGID"
        assert kept[0].split()[0] == str(NOBODY if is_in_group else DYNAMIC)
        assert kept[2] == ("999" if is_in_group else "")
        assert kept[3:] == nothing(0, 0).pop()[3:]
        assert len(said) == 1
        assert said[0].endswith(
            f'"the process that speaks HTTP stays {stays}: grant {lacks}"'
        )
