"""The unit: what systemd thinks of it, and what it grants."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, REPOSITORY
from tests.lab.fixtures import require

UNIT = DEPLOY / "systemd" / "dockernet-exporter.service"
RIGHTS = {
    *("CAP_SYS_ADMIN", "CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_DAC_READ_SEARCH"),
    *("CAP_SETUID", "CAP_SETGID"),
}
EXPOSURE_MAX = 3.0
"""Of 10, by `systemd-analyze security`; CAP_SYS_ADMIN alone is most of it."""


@pytest.fixture
def analyze() -> str:
    """The path of systemd-analyze."""
    found = shutil.which("systemd-analyze")
    require(None if found else "no systemd-analyze: install systemd")
    return str(found)


def settings() -> dict[str, list[str]]:
    """Return the values of each key of the section [Service], in order."""
    found: dict[str, list[str]] = {}
    section = UNIT.read_text().partition("[Service]")[2].partition("[Install]")[0]
    for key, value in re.findall(r"^(\w+)=(.*)$", section, re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def test_systemd_finds_nothing_wrong(analyze: str, tmp_path: Path) -> None:
    """With a program in the place of ours, which need not be installed here."""
    unit = tmp_path / UNIT.name
    unit.write_text(
        re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text())
    )

    done = subprocess.run(
        [analyze, "verify", unit], capture_output=True, text=True, check=False
    )

    assert (done.returncode, _about(unit, done.stderr)) == (0, [])


def test_little_is_exposed(analyze: str) -> None:
    """By systemd's own measure."""
    done = subprocess.run(
        [analyze, "security", "--offline=yes", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)

    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE_MAX


def test_it_has_what_is_documented() -> None:
    """Ambient, as it is no root; the bounding set keeps all others out."""
    found = settings()
    page = (REPOSITORY / "docs" / "permissions.md").read_text()

    assert {*found["AmbientCapabilities"][0].split()} == RIGHTS
    assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"]
    assert [right for right in RIGHTS if right not in page] == []
    assert found["NoNewPrivileges"] == ["yes"]
    assert found["DynamicUser"] == ["yes"]
    assert "User" not in found


def test_setns_is_let_through() -> None:
    """Into network namespaces only; without the line systemd lets it into all."""
    assert settings()["RestrictNamespaces"] == ["net"]


def test_giving_up_more_is_let_through(analyze: str) -> None:
    """Which no group has that the oldest systemd knows; `setresuid` is in one."""
    (given,) = settings()["SystemCallFilter"]
    done = subprocess.run(
        [analyze, "syscall-filter", "--no-pager", "@system-service", "@setuid"],
        capture_output=True,
        text=True,
        check=True,
    )

    groups = given.split()[:1]
    assert groups == ["@system-service"]
    assert {*given.split()[1:]} == {
        *("seccomp", "landlock_create_ruleset", "landlock_restrict_self")
    }
    assert {"capset", "setresuid", "setresgid", "setgroups"} <= {*done.stdout.split()}


def _about(unit: Path, said: str) -> list[str]:
    """Return the lines about a unit; others of this machine are not our business."""
    return [line for line in said.splitlines() if unit.name in line]
