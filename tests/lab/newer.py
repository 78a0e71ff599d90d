"""Prometheus' tools of a later Debian release, for what both versions must accept.

Nothing is installed: the packages are fetched by the machine's own apt into the cache
folder of the lab, with lists of their own, and unpacked there once (half a minute).
"""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.suites import cache_folder, debian_mirror, machine_sources

RELEASE = "forky"
_PACKAGES = ("prometheus", "promtool", "prometheus-alertmanager")
_TIMEOUT_S = 300.0
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

_FETCH = """
cd "$1"
mkdir -p lists/partial cache/archives/partial packages
echo "deb [signed-by=$4] $2 $3 main" >sources.list
: >status
cat >apt.conf <<END
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1/cache";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "root";
END
export APT_CONFIG=$1/apt.conf
shift 4
apt-get -qq update
cd packages
apt-get -qq download "$@"
for package in *.deb; do dpkg-deb -x "$package" ..; done
cd ..
rm -rf lists cache packages
"""


def missing() -> str | None:
    """Return why the tools cannot be had here, None if they can."""
    if (_folder() / "usr/bin/promtool").exists():
        return None
    if sys.platform != "linux" or shutil.which("apt-get") is None:
        return f"no apt to fetch the Prometheus of {RELEASE} with"
    if debian_mirror(machine_sources()) is None:
        return "no Debian mirror in the machine's apt sources"
    return None


def tool(name: str) -> str:
    """Return the path of promtool, amtool, prometheus or prometheus-alertmanager.

    Raises:
        LabError: fetching failed.
    """
    folder = _folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    return str(folder / "usr/bin" / name)


def _folder() -> Path:
    return cache_folder() / f"prometheus-{RELEASE}"


def _fetch(folder: Path) -> None:
    half = folder.with_name(f"{folder.name}.half-fetched")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    mirror = debian_mirror(machine_sources()) or ""
    done = subprocess.run(
        ["sh", "-euc", _FETCH, "sh", str(half), mirror, RELEASE, _KEYRING, *_PACKAGES],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(half)
        raise LabError(f"fetching {_PACKAGES} of {RELEASE} failed: {done.stderr}")
    half.rename(folder)
