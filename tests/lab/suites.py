"""The engines that the lab can start, and where their programs come from.

`host` is the dockerd of this machine. The others are Debian's of a later release: a
small file system of that release, built once by debootstrap into the cache folder and
used by bind mounts (see `daemon`). Which version that is, the running engine says.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError, LabUnavailable
from tests.lab.namespaces import namespaces_missing

_READY = ".engine-ready"
_TOOLS = ("ip", "nsenter", "unshare", "setpriv", "mount", "iptables")
_SCRIPTS = Path("/usr/share/debootstrap/scripts")
_APT = Path("/etc/apt")
_BUILD_TIMEOUT_S = 900.0

_DOCKER_PACKAGE = re.compile(
    r"^Package: docker\.io\n(?:\S.*\n| .*\n)*?Version: (\S+)", re.MULTILINE
)
"""The engine's version in the text of dpkg's status file."""
_SOURCE = re.compile(
    r"^(?:URIs:|deb(?:\s+\[[^]]*\])?(?=\s.*\smain\b))\s+([^\s\[]\S*)", re.MULTILINE
)
"""The first address of a package source in either notation of sources.list(5)."""

_PACKAGES = (
    "ca-certificates,iproute2,iptables,nftables,kmod,procps,iputils-ping"  # for dockerd
)

# Runs in mount and pid namespaces of its own: nothing of it stays, whatever ends it.
_BUILD = """
root=$1 suite=$2 mirror=$3 script=$4 packages=$5
debootstrap --variant=minbase --include="$packages" \
    "$suite" "$root" "$mirror" "$script"
printf '#!/bin/sh\\nexit 101\\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }
# The Release file of testing may be past its time where a mirror or a clock is late.
inside apt-get -o Acquire::Check-Valid-Until=false update
names="docker.io containerd runc"
if inside apt-cache show docker-cli >/dev/null 2>&1; then names="$names docker-cli"; fi
inside apt-get install -y --no-install-recommends $names
inside apt-get clean
rm -rf "$root/var/lib/apt/lists" "$root/etc/apt/sources.list" "$root/etc/resolv.conf"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One engine of the lab."""

    name: str
    """`host`, or a Debian release."""

    @property
    def is_host(self) -> bool:
        """Whether it is this machine's own dockerd."""
        return self.name == "host"

    @property
    def root(self) -> Path:
        """Where its file system is or will be; meaningless for `host`."""
        variable = f"DOCKERNET_LAB_ROOTFS_{self.name.upper()}"
        if chosen := os.environ.get(variable):
            return Path(chosen).resolve()
        return cache_folder() / f"rootfs-{self.name}"

    @property
    def is_ready(self) -> bool:
        """Whether it can be started at once, without anything being built."""
        if self.is_host:
            return shutil.which("dockerd") is not None
        return (self.root / _READY).exists()

    @property
    def package(self) -> str:
        """Version of the engine's Debian package, or what else is known of it."""
        status = Path("/" if self.is_host else self.root) / "var/lib/dpkg/status"
        with contextlib.suppress(OSError):
            text = status.read_text(errors="replace")
            found = _DOCKER_PACKAGE.search(text)
            if found:
                return found[1]
        return "present" if self.is_ready else "not built"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The programs of one suite, ready to be started."""

    suite: Suite
    root: str | None
    """Folder whose usr and etc are used; None for the machine's own."""


HOST = Suite(name="host")
TRIXIE = Suite(name="trixie")
FORKY = Suite(name="forky")
SUITES = (HOST, TRIXIE, FORKY)
"""All engines, the oldest first."""


def cache_folder() -> Path:
    """Return where file systems are kept; `DOCKERNET_LAB_CACHE` sets it."""
    if chosen := os.environ.get("DOCKERNET_LAB_CACHE"):
        return Path(chosen).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).resolve() / "dockernet-lab"


def missing_for(suite: Suite) -> str | None:
    """Return why a suite cannot be started here, None if it can be."""
    if sys.platform != "linux":
        return "engines need Linux"
    if os.geteuid() != 0:
        return "engines need root"
    if absent := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        return f"not installed: {', '.join(absent)}"
    if static_busybox() is None:
        return "no static busybox for the images: install busybox-static"
    return namespaces_missing() or _missing_programs(suite)


def install(suite: Suite) -> Installation:
    """Return a suite's programs; build them first if that was never done.

    Raises:
        LabUnavailable: they cannot be had on this machine.
        LabError: building them failed.
    """
    if reason := missing_for(suite):
        raise LabUnavailable(f"{suite.name}: {reason}")
    if suite.is_host:
        return Installation(suite=suite, root=None)
    with alone(f"rootfs-{suite.name}"):
        if not suite.is_ready:
            _build(suite)
    return Installation(suite=suite, root=str(suite.root))


def static_busybox() -> Path | None:
    """Return the machine's busybox if it runs where nothing else is."""
    found = shutil.which("busybox")
    if found is None:
        return None
    said = subprocess.run(["ldd", found], capture_output=True, text=True, check=False)
    # ldd(1) fails on a static program and lists the libraries of any other.
    return Path(found) if said.returncode else None


def debian_mirror(sources: str) -> str | None:
    """Return the first package mirror in the text of apt's source files.

    Both notations of sources.list(5) are understood. Mirrors of security updates do not
    count: they hold too little to install a system from.
    """
    usable = [uri for uri in _SOURCE.findall(sources) if "security" not in uri]
    return usable[0] if usable else None


def _missing_programs(suite: Suite) -> str | None:
    if suite.is_ready:
        return None
    if suite.is_host:
        return "no dockerd on this machine: install docker.io"
    if shutil.which("debootstrap") is None:
        return "no debootstrap on this machine: install debootstrap"
    if not Path("/bin").is_symlink():
        return "needs a machine whose /bin is /usr/bin"
    if debian_mirror(machine_sources()) is None:
        return "no Debian mirror in the machine's apt sources"
    return None


def machine_sources() -> str:
    """Return the text of the machine's own package sources, Debian's file first."""
    files = [_APT / "sources.list.d" / "debian.sources", _APT / "sources.list"]
    return "\n".join(file.read_text() for file in files if file.exists())


@contextlib.contextmanager
def alone(what: str) -> Iterator[None]:
    """Keep two runs from making the same thing in the cache folder at one time."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / f"{what}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_build(
    script: str, arguments: Sequence[str], log: Path, timeout_s: float
) -> bool:
    """Run a script that fills a folder; what it mounts and starts ends with it.

    Returns:
        whether it came to its end; what it said is in the log.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    with log.open("wb") as file:
        done = subprocess.run(
            [
                *("unshare", "--mount", "--propagation", "private"),
                *("--pid", "--fork", "--kill-child=KILL", "--"),
                *("sh", "-euc", script, "sh", *arguments),
            ],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            timeout=timeout_s,
            check=False,
        )
    return done.returncode == 0


def _build(suite: Suite) -> None:
    half_built = suite.root.with_name(f"{suite.root.name}.half-built")
    for remains in (half_built, suite.root):
        if remains.exists():
            shutil.rmtree(remains)
    half_built.mkdir(parents=True)
    log = suite.root.with_name(f"{suite.root.name}.log")
    script = _SCRIPTS / suite.name
    mirror = debian_mirror(machine_sources()) or ""
    told = script if script.exists() else _SCRIPTS / "sid"
    arguments = (str(half_built), suite.name, mirror, str(told), _PACKAGES)
    if not run_build(_BUILD, arguments, log, _BUILD_TIMEOUT_S):
        shutil.rmtree(half_built)
        raise LabError(f"building the engine of {suite.name} failed; see {log}")
    (half_built / _READY).touch()
    half_built.rename(suite.root)
    log.unlink()
