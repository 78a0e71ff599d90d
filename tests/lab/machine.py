"""A machine of its own with systemd as process 1 and Debian's own docker.service.

    with Machine.start(TRIXIE) as machine:
        machine.run(["systemctl", "start", "docker"])

Unlike an engine of `engine`, which shares all but /usr, /etc and /run with the tests'
machine, this one shares no path with it: systemd empties /tmp, mounts and writes where
it likes. It has a root of its own (`bootable`), its own /dev, /run and /tmp, and
namespaces of every kind but users'. Of cgroups it sees version 2 below a group of its
own; /sys, and what of /proc/sys is not a network's, are read-only; it may neither set
the clock nor load modules. Before systemd starts it is verified that none of this is
the tests' machine's.
"""

import contextlib
import functools
import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import docker

from tests.lab import bootable
from tests.lab.cleanup import Keeper
from tests.lab.daemon import LAN_RESOLVER
from tests.lab.engine import join_lan
from tests.lab.errors import LabError, LabUnavailable
from tests.lab.namespaces import Namespace, expect_success
from tests.lab.processes import MARK
from tests.lab.rights import children_of
from tests.lab.suites import Suite
from tests.lab.workspace import Workspace, sweep

_CGROUPS = Path("/sys/fs/cgroup")
_SHARES_NOTHING = ("/", "/tmp", "/run", "/dev", "/dev/shm", "/proc", "/sys/fs/cgroup")
"""Paths whose file system must be another one inside."""
_NEVER = (
    *("sys_time", "sys_module", "sys_rawio", "sys_boot", "syslog", "audit_control"),
    *("audit_read", "mac_admin", "mac_override", "wake_alarm", "block_suspend"),
)
"""Capabilities over what no namespace keeps apart."""
_MASKED = (
    *("console-getty.service", "getty.target", "systemd-logind.service"),
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer"),
    *("sys-fs-fuse-connections.mount", "dev-hugepages.mount"),
)
"""Units of no use here: there is no terminal, and what the last two mount is shared."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BOOT_TIMEOUT_S = 60.0
_COMMAND_TIMEOUT_S = 60.0
_POLL_S = 0.05

# Process 1 of its pid namespace. Its own group comes first, as the namespace of cgroups
# begins where its maker is. Arguments: group, script and arguments for the next step.
_JOIN = """
echo 0 >"$1/cgroup.procs"
shift
exec unshare --cgroup -- sh -euc "$@"
"""

# Arguments: workspace, layers, mount namespace and devices of the tests' machine,
# capabilities to lose.
_ENTER = """
space=$1 layers=$2 outer=$3 theirs=$4 never=$5
root=$space/root
mount -t overlay overlay "$root" \\
    -o "lowerdir=$layers,upperdir=$space/upper,workdir=$space/work"
cd "$root"
mount -t proc -o nosuid,nodev,noexec proc proc
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro proc/sys
for file in sysrq-trigger irq bus fs acpi; do
    if [ -e proc/$file ]; then
        mount --bind proc/$file proc/$file
        mount -o remount,bind,ro proc/$file
    fi
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for node in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 dev/${node%:*} c 1 ${node#*:}
done
mknod -m 666 dev/tty c 5 0
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for name in 0:stdin 1:stdout 2:stderr; do
    ln -s /proc/self/fd/${name%:*} dev/${name#*:}
done
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p var/lib/docker var/lib/containerd old
mount --bind "$space/data/docker" var/lib/docker
mount --bind "$space/data/containerd" var/lib/containerd
pivot_root . old
cd /
umount --lazy /old
rmdir /old
# As systemd does where it is not in a container: services' mount namespaces are slaves.
mount --make-rshared /
[ "$(readlink /proc/self/ns/mnt)" != "$outer" ]
for path in PATHS; do
    case " $theirs " in
        *" $(stat -c %d $path) "*) echo "$path is the machine's" >&2; exit 97 ;;
    esac
done
[ "$(cat /proc/self/cgroup | sed -n 's/^0:://p')" = / ]
exec setpriv --bounding-set="$never" --inh-caps="$never" \\
    env -i container=lab PATH="$PATH" /lib/systemd/systemd
""".replace("PATHS", " ".join(_SHARES_NOTHING))


class Machine:
    """A booted machine; a context manager that leaves nothing of it behind.

    Not to be made directly: use `Machine.start`.
    """

    def __init__(self, suite: Suite, workspace: Workspace) -> None:
        self.suite = suite
        self.workspace = workspace
        self._process: subprocess.Popen[bytes] | None = None
        self._cleanups = contextlib.ExitStack()
        self._keeper = Keeper(workspace)
        self._cleanups.callback(self._keeper.dismiss)
        self.host = self._cleanups.enter_context(Namespace())
        self.lan = self._cleanups.enter_context(Namespace())
        self._cleanups.callback(workspace.remove)

    @classmethod
    def start(cls, suite: Suite) -> Self:
        """Boot a machine of a suite; remove those of dead owners first.

        Raises:
            LabUnavailable: it cannot run here.
            LabError: it did not come up.
        """
        sweep()
        if reason := missing() or bootable.missing(suite):
            raise LabUnavailable(f"{suite.name}: {reason}")
        layers = bootable.layers(suite)
        machine = cls(suite, Workspace.create(f"{suite.name} with systemd"))
        try:
            join_lan(machine.host, machine.lan)
            machine._boot(layers)
        except BaseException:
            machine.stop()
            raise
        return machine

    @functools.cached_property
    def pid(self) -> int:
        """Process id of its process 1, as seen from outside."""
        assert self._process is not None
        (init,) = children_of(self._process.pid)
        return init

    @property
    def root(self) -> Path:
        """Its root, for a process outside."""
        return Path(f"/proc/{self.pid}/root")

    @functools.cached_property
    def docker(self) -> docker.DockerClient:
        """A client of its engine, with all the API's verbs."""
        client = docker.DockerClient(
            base_url=f"unix://{self.root}/run/docker.sock", timeout=60
        )
        self._cleanups.callback(client.close)
        return client

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = _COMMAND_TIMEOUT_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the machine, as root.

        Raises:
            LabError: it failed, and `check` was asked for.
            subprocess.TimeoutExpired: it took longer.
        """
        done = subprocess.run(
            self.entered(argv),
            env=self._environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check:
            expect_success(argv, done)
        return done

    def follow(self, argv: Sequence[str]) -> subprocess.Popen[str]:
        """Start a command on the machine whose lines are to be read as they come.

        When what is returned is killed, nsenter, the command itself dies as well.
        """
        return subprocess.Popen(
            self.entered(["setpriv", "--pdeathsig", "KILL", *argv]),
            env=self._environment(None),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def entered(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs another one on the machine."""
        where = ("--mount", "--uts", "--ipc", "--net", "--pid")
        return ["nsenter", f"--target={self.pid}", *where, "--", *argv]

    def pids_of(self, unit: str) -> tuple[int, ...]:
        """Return the processes of a service, as seen from outside."""
        group = self._group / "system.slice" / unit
        with contextlib.suppress(FileNotFoundError):
            return tuple(map(int, (group / "cgroup.procs").read_text().split()))
        return ()

    def shown(self, unit: str, *properties: str) -> Mapping[str, str]:
        """Return properties of a unit, as `systemctl show` says them."""
        said = self.run(["systemctl", "show", unit, f"-p{','.join(properties)}"])
        pairs = (line.partition("=") for line in said.stdout.splitlines())
        return {key: value for key, _, value in pairs}

    def stop(self) -> None:
        """Kill the machine and remove all of it; a second time does nothing."""
        self._cleanups.close()
        if self._process is not None:
            self._process.wait(_BOOT_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @functools.cached_property
    def _group(self) -> Path:
        """The machine's own cgroup; in the engine's place, so that it is removed."""
        hierarchy = _unified()
        assert hierarchy is not None
        return hierarchy / self.workspace.token / "machine"

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        mine = {"PATH": _PATH, "LANG": "C.UTF-8", MARK: self.workspace.token}
        return {**mine, "SYSTEMD_PAGER": "", **(more or {})}

    def _boot(self, layers: Sequence[Path]) -> None:
        self._furnish()
        self._group.mkdir(parents=True)
        theirs = " ".join(str(Path(path).stat().st_dev) for path in _SHARES_NOTHING)
        never = ",".join(f"-{name}" for name in _NEVER)
        console = self.workspace.path / "console.log"
        with console.open("wb") as file:
            self._process = subprocess.Popen(
                [
                    *("nsenter", f"--net={self.host.path}", "--"),
                    *("unshare", "--mount", "--propagation", "private", "--pid"),
                    *("--uts", "--ipc", "--fork", "--kill-child=KILL", "--"),
                    *("sh", "-euc", _JOIN, "sh", str(self._group), _ENTER, "sh"),
                    *(str(self.workspace.path), ":".join(map(str, layers))),
                    *(str(Path("/proc/self/ns/mnt").readlink()), theirs, never),
                ],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={"PATH": _PATH, MARK: self.workspace.token},
                start_new_session=True,
            )
        self._wait_until_up(self._process, console)

    def _furnish(self) -> None:
        """Write what is this machine's alone into the layer that dies with it."""
        space = self.workspace.path
        units = space / "upper" / "etc" / "systemd" / "system"
        for folder in (units, space / "work", space / "root"):
            folder.mkdir(parents=True)
        for name in ("docker", "containerd"):
            (space / "data" / name).mkdir()
        for unit in _MASKED:
            (units / unit).symlink_to("/dev/null")
        etc = space / "upper" / "etc"
        # Not empty, which means a first boot: that enables and disables units.
        (etc / "machine-id").write_text(f"{secrets.token_hex(16)}\n")
        (etc / "hostname").write_text("lab\n")
        (etc / "hosts").write_text("127.0.0.1 localhost\n127.0.1.1 lab\n")
        (etc / "resolv.conf").write_text(f"nameserver {LAN_RESOLVER}\n")

    def _wait_until_up(self, process: subprocess.Popen[bytes], console: Path) -> None:
        deadline = time.monotonic() + _BOOT_TIMEOUT_S
        while not self._has_booted(process):
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(_POLL_S)
                said = console.read_text(errors="replace").strip()
                raise LabError(f"systemd ended with status {status}: {said}")
            if time.monotonic() > deadline:
                raise LabError(f"systemd does not come up: {self._failed()}")

    def _has_booted(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether systemd says so; before its exec there is nobody to ask."""
        if not children_of(process.pid):
            return False
        if not (self.root / "run/systemd/private").exists():
            return False
        left_s = _BOOT_TIMEOUT_S
        asked = ["systemctl", "is-system-running", "--wait"]
        said = self.run(asked, check=False, timeout_s=left_s).stdout.strip()
        if said == "degraded":
            raise LabError(f"units failed: {self._failed()}")
        return said == "running"

    def _failed(self) -> str:
        journal = ["journalctl", "--boot", "--priority=warning", "--lines=20"]
        lists = (
            ["systemctl", "--failed", "--plain", "--no-legend"],
            ["systemctl", "list-jobs", "--plain", "--no-legend"],
            [*journal, "--output=cat"],
        )
        return "\n".join(self.run(one, check=False).stdout for one in lists)


def missing() -> str | None:
    """Return why no machine can be booted here, None if one can."""
    if _unified() is None:
        return "no cgroup hierarchy of version 2 on this machine"
    return None


def _unified() -> Path | None:
    """Return where the hierarchy of version 2 is mounted, alone or beside version 1."""
    for folder in (_CGROUPS, _CGROUPS / "unified"):
        if (folder / "cgroup.controllers").exists():
            return folder
    return None
