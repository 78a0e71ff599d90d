"""The unit under a real systemd, beside Debian's own docker.service.

Installed as its head says; what it grants is held against what the processes have.
"""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import bootable
from tests.lab.booted import MEASURED, UNIT, Booted, booted, have_ended, instructions
from tests.lab.fixtures import require
from tests.lab.machine import Machine, missing
from tests.lab.pool import EnginePool
from tests.lab.rights import held, nothing, status_of
from tests.lab.suites import Suite

# Adding systemd to the engine's file system, once on a machine, is in the first test.
pytestmark = [pytest.mark.suites("trixie"), pytest.mark.timeout(600)]

NOBODY = 65534
DYNAMIC = range(61184, 65520)
"""Users of `DynamicUser` (systemd.exec(5))."""
RESTART_S = 5.0
"""The unit's RestartSec."""
EXPOSURE_MAX = 3.0
CAPABILITIES = {
    *("cap_dac_read_search", "cap_setgid", "cap_setuid"),
    *("cap_net_admin", "cap_net_raw", "cap_sys_admin"),
}
FOLDER = "/run/dockernet-exporter"
RELOADED = r"config\.reloaded"
ENDED = "Deactivated successfully"


@pytest.fixture(scope="module")
def installed(engine_suite: Suite, engine_pool: EnginePool) -> Iterator[Booted]:
    """A machine on which the service was installed."""
    require(missing() or bootable.missing(engine_suite))
    engine_pool.close()
    with Machine.start(engine_suite) as machine, booted(machine) as service:
        version = str(machine.docker.version()["Version"])
        engine_pool.versions[engine_suite.name] = version.partition("+")[0]
        yield service
    assert machine.workspace.leftovers() == ()


@pytest.fixture
def service(installed: Booted) -> Booted:
    """It runs and has measured all of the demo."""
    installed.make_ready()
    return installed


class TestStarted:
    """What runs after `systemctl enable --now`."""

    def test_it_is_installed_as_documented(self, service: Booted) -> None:
        """The instructions are those of the unit, and it starts at boot."""
        assert instructions()[-1] == "systemctl enable --now dockernet-exporter"
        assert service.shown("UnitFileState") == "enabled"
        assert service.shown("ActiveState") == "active"

    def test_the_one_that_speaks_http_has_nothing(self, service: Booted) -> None:
        """No user, group, capability; system calls are filtered twice."""
        main, _ = service.pids

        assert held(main) == nothing(NOBODY, NOBODY)

    def test_the_other_one_has_what_the_unit_grants(self, service: Booted) -> None:
        """A user of systemd's choice, the group of the socket, six capabilities."""
        _, broker = service.pids
        status = status_of(broker)
        group = (service.machine.root / "run/docker.sock").stat().st_gid

        assert int(status["Uid"].split()[0]) in DYNAMIC
        assert str(group) in status["Groups"].split()
        for which in ("CapEff", "CapPrm", "CapAmb", "CapBnd"):
            assert decoded(service, status[which]) == CAPABILITIES, which
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")

    def test_it_measures(self, service: Booted) -> None:
        """Through its sandbox; 12 of the demo's 24 pairs are of two containers."""
        assert service.get("-/ready")
        assert service.value("dockernet_docker_up") == 1
        assert service.value("dockernet_container_pairs", verdict="as_expected") == 12
        assert service.value("dockernet_pair_violations") == 0

    def test_the_journal_has_its_lines(self, service: Booted) -> None:
        """As logfmt, and nothing that it could not give up."""
        said = service.journal.of_start(service.start)

        assert said
        for entry in said:
            assert re.match(r"ts=\S+Z level=\w+ msg=[a-z_.]+ ", entry.message), entry
        assert [one for one in said if "privileges.kept" in one.message] == []

    def test_systemd_finds_nothing_wrong(self, service: Booted) -> None:
        """In the unit where it is installed, with what it names in place."""
        path = f"/etc/systemd/system/{UNIT}"
        done = service.machine.run(["systemd-analyze", "verify", path], check=False)
        rated = service.machine.run(["systemd-analyze", "security", UNIT]).stdout
        exposure = re.search(r"exposure level for \S+: ([0-9.]+)", rated)

        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        assert exposure is not None
        assert float(exposure[1]) <= EXPOSURE_MAX

    def test_check_takes_turns_with_it(self, service: Booted) -> None:
        """A `check` of root, beside it, meets it at the same lock."""
        inside = service.machine.root / FOLDER.lstrip("/") / "probing.lock"
        main, _ = service.pids
        program = "/opt/dockernet-exporter/bin/dockernet-exporter"
        before = inside.stat()
        done = service.machine.run([program, "check"], check=False)
        seen = Path(f"/proc/{main}/root{FOLDER}/probing.lock").stat()

        assert (done.returncode, "24 pairs are all as Docker" in done.stdout) == (
            0,
            True,
        )
        assert before.st_ino == inside.stat().st_ino == seen.st_ino


class TestControlled:
    """By systemctl."""

    def test_reload(self, service: Booted) -> None:
        """By a process that may signal one of nobody's; the service goes on."""
        before, since_s = service.pids, time.monotonic()
        service.systemctl("reload", UNIT)

        service.journal.wait_for(RELOADED, start=service.start, since_s=since_s)
        assert service.pids == before

    def test_reload_at_once(self, service: Booted) -> None:
        """While it starts, that waits: a signal that nobody heeds ends a process."""
        service.systemctl("stop", UNIT)
        service.systemctl("start", UNIT)
        start = service.start
        service.machine.run(["sh", "-euc", WAIT_UNTIL_HELD, "sh", UNIT])
        service.systemctl("reload", UNIT)

        service.journal.wait_for(RELOADED, start=start)
        assert service.start == start

    def test_stop(self, service: Booted) -> None:
        """A clean end of both; the lock file stays, as documented, and nothing else."""
        start, pids, since_s = service.start, service.pids, time.monotonic()
        service.systemctl("stop", UNIT)
        listening = service.machine.run(["ss", "--no-header", "-ltn"]).stdout
        left = service.machine.run(["find", f"{FOLDER}/", "-mindepth", "1"]).stdout

        assert have_ended(*pids, within_s=0)
        assert time.monotonic() - since_s < RESTART_S
        assert service.machine.pids_of(UNIT) == ()
        shown = [service.shown(key) for key in ("Result", "ExecMainStatus", "SubState")]
        assert shown == ["success", "0", "dead"]
        service.journal.wait_for(r"service\.stopped", start=start)
        service.journal.wait_for(ENDED, since_s=since_s)
        said = [one for one in service.journal.of_start(start) if one.at_s >= since_s]
        assert [one for one in said if "level=error" in one.message] == []
        assert ":10042" not in listening
        assert left.split() == [f"{FOLDER}/probing.lock"]

    def test_a_unix_socket_is_roots_alone(self, service: Booted) -> None:
        """In the unit's folder, which nobody else may pass; it goes at the end."""
        service.systemctl("stop", UNIT)
        run, settings = service.machine.run, "/etc/default/dockernet-exporter"
        run(["sh", "-euc", f"echo {ON_A_SOCKET} >{settings}"])
        try:
            service.make_ready()
            asked = [
                run([*who, "python3", "-c", CONNECT], check=False).stderr[-60:]
                for who in ([], ["setpriv", "--reuid=33", "--clear-groups"])
            ]
        finally:
            run(["rm", settings])
            service.systemctl("stop", UNIT)

        assert asked[0] == ""
        assert "PermissionError" in asked[1]
        assert run(["find", f"{FOLDER}/", "-type", "s"]).stdout == ""

    def test_the_pause_file_survives_a_restart(self, service: Booted) -> None:
        """It lies in a folder that systemd keeps, and stops the next start as well."""
        before, file = service.start, f"{FOLDER}/pause"
        since_s = time.monotonic()
        service.machine.run(["touch", file])
        try:
            service.systemctl("restart", UNIT)
            service.journal.wait_for(
                "probing is paused", not_start=before, since_s=since_s
            )
            assert service.value("dockernet_probing_paused") == 1
        finally:
            service.machine.run(["rm", file])
            service.systemctl("stop", UNIT)  # else its next cycle is 15 s away


class TestKilled:
    """Either of the two, without being asked."""

    @pytest.mark.parametrize(
        ("which", "how"),
        [
            pytest.param("main", signal.SIGKILL, id="main killed"),
            pytest.param("broker", signal.SIGKILL, id="broker killed"),
            # It ends as it should, and yet nobody has asked systemd.
            pytest.param("main", signal.SIGTERM, id="main asked to end"),
        ],
    )
    def test_both_end_and_start_again(
        self, service: Booted, which: str, how: signal.Signals
    ) -> None:
        """Within RestartSec, and measure again."""
        before, (main, broker) = service.start, service.pids
        restarts = int(service.shown("NRestarts"))
        at_s = time.monotonic()
        os.kill(main if which == "main" else broker, how)

        assert have_ended(main, broker, within_s=RESTART_S)
        again = service.journal.wait_for(
            r"service\.started", not_start=before, since_s=at_s
        )
        assert RESTART_S <= again.at_s - at_s < RESTART_S + 10
        service.journal.wait_for(MEASURED, start=again.start)
        assert again.start == service.start
        assert int(service.shown("NRestarts")) == restarts + 1
        assert held(service.pids[0]) == nothing(NOBODY, NOBODY)
        assert service.get("-/ready")


class TestBesideTheEngine:
    """Which ends and starts without it."""

    def test_the_engine_restarts(self, service: Booted) -> None:
        """The same two processes measure what has come back."""
        start, pids, since_s = service.start, service.pids, time.monotonic()
        service.systemctl("restart", "docker.service")

        connected = service.journal.wait_for(
            r"engine\.connected", start=start, since_s=since_s
        )
        service.journal.wait_for(MEASURED, start=start, since_s=connected.at_s)
        assert (service.start, service.pids) == (start, pids)
        assert service.value("dockernet_docker_up") == 1

    def test_it_starts_without_the_engine(self, service: Booted) -> None:
        """Which is something to tell of; it measures once the engine is there."""
        service.systemctl("stop", "docker.socket", "docker.service")
        service.systemctl("restart", UNIT)
        start = service.start
        service.journal.wait_for(r"engine\.disconnected", start=start)
        is_up = service.value("dockernet_docker_up")
        service.systemctl("start", "docker.service")

        service.journal.wait_for(MEASURED, start=start)
        assert is_up == 0
        assert service.shown("NRestarts") == "0"


ON_A_SOCKET = f"DOCKERNET_WEB_LISTEN_ADDRESSES=unix:{FOLDER}/web.sock"
CONNECT = f"import socket as s; s.socket(1).connect('{FOLDER}/web.sock')"
WAIT_UNTIL_HELD = """
pid=$(systemctl show -P MainPID "$1")
until grep -q '^SigBlk:.*[13579bdf]$' /proc/$pid/status; do
    if grep -q '^SigCgt:.*[13579bdf]$' /proc/$pid/status; then
        echo 'too late: it heeds SIGHUP already' >&2
        exit 1
    fi
done
"""
"""Bit 0 of both masks is SIGHUP (proc_pid_status(5))."""


def decoded(service: Booted, mask: str) -> set[str]:
    """Return the names of the capabilities in a mask."""
    said = service.machine.run(["capsh", f"--decode={mask}"]).stdout
    return {*said.strip().partition("=")[2].split(",")}
