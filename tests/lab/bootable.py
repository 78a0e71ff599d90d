"""What a suite's file system lacks to be booted: systemd, and Python for the program.

Kept in the cache folder as an overlay's layer over the suite's own file system, which
stays as it is. Built once by the suite's own apt (half a minute, 150 MB).
"""

import hashlib
import shutil
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.suites import (
    Suite,
    alone,
    cache_folder,
    debian_mirror,
    install,
    machine_sources,
    missing_for,
    run_build,
)

_PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3", "python3-venv")
_BUILD_TIMEOUT_S = 600.0

# Runs in mount and pid namespaces of its own: nothing of it stays, whatever ends it.
_BUILD = """
lower=$1 layer=$2 work=$3 mirror=$4 suite=$5; shift 5
root=$work/root
mkdir -p "$work/work" "$root"
mount -t overlay overlay "$root" \\
    -o "lowerdir=$lower,upperdir=$layer,workdir=$work/work"
echo "deb $mirror $suite main" >"$root/etc/apt/sources.list"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }
# The Release file of testing may be past its time where a mirror or a clock is late.
inside apt-get -o Acquire::Check-Valid-Until=false update
inside apt-get install -y --no-install-recommends "$@"
inside apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
rm -f "$root/etc/apt/sources.list" "$root/etc/resolv.conf"
"""


def missing(suite: Suite) -> str | None:
    """Return why a suite cannot be booted here, None if it can."""
    if suite.is_host:
        return "this machine's own file system is not booted a second time"
    if reason := missing_for(suite):
        return reason
    if not _layer(suite).exists() and debian_mirror(machine_sources()) is None:
        return "no Debian mirror in the machine's apt sources"
    return None


def layers(suite: Suite) -> tuple[Path, Path]:
    """Return the file systems to lay over each other, the uppermost first.

    Raises:
        LabUnavailable: they cannot be had on this machine.
        LabError: building them failed.
    """
    root = install(suite).root
    if root is None:
        raise LabError(f"{suite.name}: {missing(suite)}")
    with alone(f"systemd-{suite.name}"):
        layer = _layer(suite)
        if not layer.exists():
            _build(suite, Path(root), layer)
    return layer, Path(root)


def _layer(suite: Suite) -> Path:
    """Return where the layer is or will be: another one for another file system."""
    status = suite.root / "var/lib/dpkg/status"
    below = status.read_bytes() if status.exists() else b""
    content = b"\0".join([below, *(name.encode() for name in _PACKAGES)])
    digest = hashlib.sha256(content).hexdigest()[:12]
    return cache_folder() / f"systemd-{suite.name}-{digest}"


def _build(suite: Suite, root: Path, layer: Path) -> None:
    half_built, work = layer.with_suffix(".half-built"), layer.with_suffix(".work")
    log = layer.with_suffix(".log")
    for remains in (half_built, work):
        shutil.rmtree(remains, ignore_errors=True)
        remains.mkdir()
    mirror = debian_mirror(machine_sources()) or ""
    folders = map(str, (root, half_built, work))
    arguments = (*folders, mirror, suite.name, *_PACKAGES)
    built = run_build(_BUILD, arguments, log, _BUILD_TIMEOUT_S)
    shutil.rmtree(work)
    if not built:
        shutil.rmtree(half_built)
        raise LabError(f"adding systemd to {suite.name} failed; see {log}")
    half_built.rename(layer)
    log.unlink()
