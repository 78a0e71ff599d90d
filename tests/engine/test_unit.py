"""The unit's rights: no root, and the four capabilities that it names, no more.

systemd itself does not run here, so its sandbox (seccomp filter, mounts) is not tried.
"""

import os
import re
from pathlib import Path

import pytest

from tests.lab.exporter import run_exporter
from tests.lab.topology import Running

pytestmark = [pytest.mark.suites("forky")]

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "dockernet-exporter.service"
NOBODY = 65534


def of_unit(key: str) -> list[str]:
    """Return the values that the unit gives a key."""
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def as_the_unit(netns: str, socket_group: int) -> list[str]:
    """Return a command that becomes another with the unit's user, group and rights."""
    (ambient,) = of_unit("AmbientCapabilities")
    rights = ",".join(
        f"+{name.removeprefix('CAP_').lower()}" for name in ambient.split()
    )
    return [
        *("nsenter", f"--net={netns}", "--", "setpriv", "--no-new-privs"),
        *(f"--reuid={NOBODY}", f"--regid={NOBODY}", f"--groups={socket_group}"),
        *(f"--bounding-set=-all,{rights}", f"--inh-caps=-all,{rights}"),
        f"--ambient-caps=-all,{rights}",
    ]


def test_it_measures_all_of_the_demo(demo: Running, tmp_path: Path) -> None:
    """The host as well, without looking into the engine's process."""
    os.chown(tmp_path, NOBODY, NOBODY)
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
