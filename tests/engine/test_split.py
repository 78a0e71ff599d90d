"""The two processes of `run` on a real engine; without one: tests/e2e/test_split.py."""

import os
import pwd
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.lab.processes import wait_for_end
from tests.lab.rights import held, nothing
from tests.lab.service import Service, serving
from tests.lab.sockets import protocols_of
from tests.lab.topology import Running

pytestmark = pytest.mark.suites("forky")
NOBODY = pwd.getpwnam("nobody")
FINE = {"as_expected": 24, "unverified": 0}
CONNECT = """
import errno, socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
except OSError as error:
    print(errno.errorcode[error.errno])
else:
    print("connected")
"""
CONFINED = f"""
from exporter.broker.confinement import confine
print(*confine("root", ()))
{CONNECT}
"""


def shown(service: Service) -> dict[frozenset[tuple[str, str]], float]:
    """Return the verdicts as Prometheus gets them."""
    return dict(service.samples("dockernet_container_pairs"))


def test_it_sees_what_one_process_sees(demo: Running, installed_python: Path) -> None:
    """As nobody, without capabilities; the host's news as well."""
    active = "dockernet_detection_source_active"
    found = []
    for split in ("true", "false"):
        variables = {"DOCKERNET_PROCESS_SPLIT": split}
        with serving(
            demo.engine, python=installed_python, environment=variables
        ) as service:
            service.wait_for_cycle(**FINE)
            service.wait_for_cycle(**FINE)
            service.wait_for_log(lambda line: "cycle.finished" in line)
            found.append((shown(service), dict(service.samples(active))))
            processes = len(service.children)
            has_nothing = nothing(NOBODY.pw_uid, NOBODY.pw_gid) == held(service.pid)

        assert (split == "true") == has_nothing == bool(processes)

    assert found[0] == found[1]
    assert 1 in found[0][1].values()


def test_it_cannot_reach_the_engine(demo: Running, installed_python: Path) -> None:
    """Nobody may not open the engine's socket; a root that is confined cannot ask."""
    path = demo.engine.socket
    as_nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")

    def tried(*command: str | Path) -> str:
        done = subprocess.run(
            [*command, str(path)], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    assert tried(installed_python, "-c", CONNECT) == "connected"
    assert tried(*as_nobody, installed_python, "-c", CONNECT) == "EACCES"
    assert tried(installed_python, "-c", CONFINED) == "EPERM"


def test_it_holds_no_socket_that_could_send_udp(
    demo: Running, installed_python: Path
) -> None:
    """After cycles with names; echo sockets it has, and the other one asks."""
    udp = (socket.AF_INET, socket.IPPROTO_UDP)
    with serving(demo.engine, python=installed_python) as service:
        service.wait_for_cycle(**FINE)
        asked = dict(service.samples("dockernet_dns_lookups_total"))
        ours, theirs = map(protocols_of, (service.pid, service.broker))

    assert sum(asked.values())
    assert (socket.AF_INET, socket.IPPROTO_ICMP) in ours
    assert socket.IPPROTO_UDP not in {protocol for _, protocol in ours}
    assert udp in theirs


@pytest.mark.parametrize("killed", ["the one with the privileges", "the other one"])
def test_it_is_started_again(
    demo: Running, installed_python: Path, killed: str
) -> None:
    """Nothing of the killed one is in the way, and it measures as before."""
    with serving(demo.engine, python=installed_python) as service:
        service.wait_for_cycle(**FINE)
        both = (service.pid, service.broker)
        victim = both[1] if killed.endswith("privileges") else both[0]
        os.kill(victim, signal.SIGKILL)
        gone = [wait_for_end(pid, 5) for pid in both]
        status = service.wait(5)
    with serving(demo.engine, python=installed_python) as service:
        service.wait_for_cycle(**FINE)

    assert [True, True] == gone
    assert (1 if victim == both[1] else -signal.SIGKILL) == status


def test_the_file_that_pauses_is_seen(
    demo: Running, installed_python: Path, tmp_path: Path
) -> None:
    """In a folder where only root may look; without it probing goes on."""
    pause = tmp_path / "pause"
    tmp_path.chmod(0o700)
    told = {"DOCKERNET_PROBE_PAUSE_FILE": str(pause)}
    with serving(demo.engine, python=installed_python, environment=told) as service:
        service.wait_for_cycle(**FINE)
        pause.touch()
        service.wait_for_log(lambda line: f"{pause} exists" in line)
        pause.unlink()
        service.wait_for_cycle(**FINE)
