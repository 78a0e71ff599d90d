"""One dockerd in its own network and mount namespaces, without a chroot.

In a private mount namespace the suite's /usr and /etc lie over the machine's; all else
(/proc, /sys, /dev, /tmp, cgroups) is shared, so a path means the same inside and
outside: the socket, a SandboxKey, /proc/PID. Three details matter:

- Mounts keep the peer groups they have on the machine (`--propagation unchanged`): the
  engine's folder is a shared mount, so the namespace files that dockerd mounts in it
  are seen outside. What is mounted over must not travel back: those are made private.
- /run is a new, empty tmpfs: dockerd would use a containerd of the machine that it
  finds there, and shims would leave their sockets there.
- /etc is an overlay whose upper layer dies with the namespace: dockerd writes to
  /etc/docker, and to /etc/passwd and /etc/subuid for `--userns-remap=default`.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.processes import MARK, wait_for_end
from tests.lab.suites import Installation
from tests.lab.workspace import Workspace

LAN_RESOLVER = "198.51.100.2"
"""The only name server that the engine knows: the LAN, where nothing listens."""

_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
_PING_TIMEOUT_S = 5.0
_BESIDE_TIMEOUT_S = 60.0
_POLL_S = 0.02

# Arguments: folder with usr and etc ("" for the machine's own), name server, command.
_ENTER = """
root=$1 resolver=$2; shift 2
for point in / /usr /etc /run; do
    if mountpoint -q "$point"; then mount --make-private "$point"; fi
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/etc/upper /run/etc/work
# Into the layer, never through /etc: that is the machine's until the overlay is there.
echo "nameserver $resolver" >/run/etc/upper/resolv.conf
mount -t overlay overlay /etc \
    -o "lowerdir=$root/etc,upperdir=/run/etc/upper,workdir=/run/etc/work"
if [ -n "$root" ]; then mount --bind "$root/usr" /usr; fi
exec "$@"
"""


class Daemon:
    """The dockerd of one engine: started, stopped, killed, started again."""

    __slots__ = ("_command", "_environment", "_process", "_workspace")

    def __init__(
        self,
        workspace: Workspace,
        installation: Installation,
        netns: str,
        *,
        flags: Sequence[str],
        environment: Mapping[str, str],
    ) -> None:
        self._workspace = workspace
        self._process: subprocess.Popen[bytes] | None = None
        self._command = [
            *("nsenter", f"--net={netns}", "--"),
            *("unshare", "--mount", "--propagation", "unchanged", "--"),
            *("sh", "-euc", _ENTER, "sh"),
            *(installation.root or "", LAN_RESOLVER),
            *_dockerd(workspace, flags),
        ]
        folder = str(workspace.path / "tmp")
        self._environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": folder,
            "TMPDIR": folder,
            MARK: workspace.token,
            **environment,
        }

    @property
    def socket(self) -> Path:
        """The socket of the engine's API."""
        return self._workspace.path / "docker.sock"

    @property
    def log(self) -> Path:
        """What dockerd said."""
        return self._workspace.path / "dockerd.log"

    @property
    def pid(self) -> int:
        """The process id of the running dockerd.

        Raises:
            LabError: it does not run.
        """
        if self._process is None or self._process.poll() is not None:
            raise LabError("the engine's dockerd does not run")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is there; it may not answer yet, or any more."""
        return self._process is not None and self._process.poll() is None

    @property
    def answers(self) -> bool:
        """Whether the engine answers its API now."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PING_TIMEOUT_S)
            connection.connect(str(self.socket))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(4096)
        return False

    def start(self, *, timeout_s: float = _READY_TIMEOUT_S) -> None:
        """Start dockerd and wait until it answers.

        Raises:
            LabError: it ended, or did not answer within `timeout_s` seconds.
        """
        self._forget_killed()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        self._wait_until_ready(self._process, time.monotonic() + timeout_s)

    def stop(self, *, timeout_s: float = _STOP_TIMEOUT_S) -> None:
        """Let dockerd stop its containers and end; kill it when it takes too long."""
        self._end(signal.SIGTERM, timeout_s)

    def kill(self) -> None:
        """Kill dockerd; its containers go on running."""
        self._end(signal.SIGKILL, _STOP_TIMEOUT_S)

    def run_beside(
        self, argv: Sequence[str], *, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the engine's own distribution in its namespaces.

        Raises:
            LabError: dockerd does not run, or the command failed.
        """
        done = subprocess.run(
            ["nsenter", f"--target={self.pid}", "--mount", "--net", "--", *argv],
            env={
                "PATH": self._environment["PATH"],
                "HOME": self._environment["HOME"],
                "DOCKER_HOST": f"unix://{self.socket}",
            },
            capture_output=True,
            text=True,
            timeout=_BESIDE_TIMEOUT_S,
            check=False,
        )
        if check and done.returncode:
            raise LabError(f"{' '.join(argv)} failed: {done.stderr.strip()}")
        return done

    def _end(self, how: signal.Signals, timeout_s: float) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout_s)

    def _forget_killed(self) -> None:
        """Remove the files that would keep a dockerd from starting after a kill.

        It takes a containerd of which nobody has heard yet that it is dead for alive,
        and waits for it in vain.
        """
        for file in (self._workspace.path / "exec" / "containerd").glob("*.pid"):
            with contextlib.suppress(ValueError):
                wait_for_end(int(file.read_text()), _STOP_TIMEOUT_S)
            file.unlink()
        for stale in (self.socket, _pid_file(self._workspace)):
            stale.unlink(missing_ok=True)

    def _wait_until_ready(
        self, process: subprocess.Popen[bytes], deadline: float
    ) -> None:
        while not self.answers:
            # Waiting for its end is the pause, too: a dockerd that gives up is no wait.
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(_POLL_S)
                raise LabError(f"dockerd ended with status {status}: {self._said()}")
            if time.monotonic() > deadline:
                raise LabError(f"dockerd does not answer: {self._said()}")

    def _said(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        # The cause is first where usage follows, else last.
        telling = lines if len(lines) < 6 else [*lines[:2], "...", *lines[-3:]]
        return " | ".join(telling) or "(it said nothing)"


def _pid_file(workspace: Workspace) -> Path:
    return workspace.path / "dockerd.pid"


def _dockerd(workspace: Workspace, flags: Sequence[str]) -> list[str]:
    path = workspace.path
    configuration = path / "daemon.json"
    # A file of our own, so that the machine's /etc/docker/daemon.json has no say.
    configuration.write_text("{}")
    return [
        "dockerd",
        f"--config-file={configuration}",
        f"--data-root={path / 'data'}",
        f"--exec-root={path / 'exec'}",
        f"--pidfile={_pid_file(workspace)}",
        f"--host=unix://{path / 'docker.sock'}",
        f"--group={os.getgid()}",
        # Its containers are known by this group, also when dockerd is gone.
        "--exec-opt=native.cgroupdriver=cgroupfs",
        f"--cgroup-parent=/{workspace.token}",
        "--shutdown-timeout=2",
        *flags,
    ]
