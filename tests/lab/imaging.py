"""Images with more in them than busybox, made here: no registry is asked.

- a base image with Python, of the machine's own Debian release, built once by
  debootstrap into the cache folder like the older engines (see `suites`);
- the exporter's, by the Dockerfile of the repository on that base;
- Prometheus and Alertmanager: the programs of this machine's packages, started as
  their makers' images start them.

    build_exporter(engine)
    engine.docker.containers.run(EXPORTER, ["check"], ...)
"""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.engine import Engine
from tests.lab.errors import LabError
from tests.lab.suites import (
    alone,
    cache_folder,
    debian_mirror,
    machine_sources,
    run_build,
)

BASE = "lab-python:latest"
EXPORTER = "dockernet-exporter:latest"
PROMETHEUS = "lab-prometheus:latest"
ALERTMANAGER = "lab-alertmanager:latest"

_REPOSITORY = Path(__file__).parents[2]
_CONTEXT = ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE")
_PINS = ("build.txt", "run.txt")
_PACKAGES = "python3,python3-venv,python-is-python3"
_TIMEOUT_S = 900.0

# Runs in mount and pid namespaces of its own: nothing of it stays, whatever ends it.
_MAKE_ROOT = """
root=$1 release=$2 mirror=$3 packages=$4
debootstrap --variant=minbase --include="$packages" "$release" "$root" "$mirror"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
rm -rf "$root"/var/cache/apt/archives/*.deb "$root/etc/apt/sources.list"
rm -rf "$root"/usr/share/doc/* "$root"/usr/share/locale/* "$root"/usr/share/man/*
tar -C "$root" --one-file-system --exclude=./proc/* --exclude=./sys/* \\
    --exclude=./dev/* -cf "$root.tar" .
"""
_PROGRAMS: Mapping[str, tuple[str, str, Sequence[str]]] = {
    PROMETHEUS: (
        "prometheus",
        "/prometheus",
        (
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
        ),
    ),
    ALERTMANAGER: (
        "prometheus-alertmanager",
        "/alertmanager",
        (
            "--config.file=/etc/alertmanager/alertmanager.yml",
            "--storage.path=/alertmanager",
        ),
    ),
}
"""By image: this machine's program, where its makers' image keeps its data, and what
that image gives it unless told otherwise."""


def missing() -> str | None:
    """Return why the base image cannot be had here, None if it can."""
    if _archive().exists():
        return None
    if shutil.which("debootstrap") is None:
        return "no debootstrap on this machine: install debootstrap"
    if debian_mirror(machine_sources()) is None or not _release():
        return "not a Debian machine with a mirror in its apt sources"
    return None


def build_exporter(engine: Engine) -> None:
    """Build the exporter's image by the repository's Dockerfile, on the base image.

    No network is there while it is built; wheels lie in the build's context.

    Raises:
        LabError: base or wheels could not be had.
        docker.errors.BuildError: the build failed.
    """
    import_base(engine)
    with TemporaryDirectory() as folder:
        context = Path(folder)
        for name in _CONTEXT:
            shutil.copy(_REPOSITORY / name, context)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_REPOSITORY / "exporter", context / "exporter", ignore=ignored)
        shutil.copytree(wheels(_python_version()), context / "requirements" / "wheels")
        for name in _PINS:
            shutil.copy(_REPOSITORY / "requirements" / name, context / "requirements")
        engine.docker.images.build(
            path=folder,
            tag=EXPORTER,
            network_mode="none",
            rm=True,
            buildargs={
                "PYTHON_IMAGE": BASE,
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": "requirements/wheels",
            },
        )


def import_base(engine: Engine) -> None:
    """Put the base image into an engine; make it first if that was never done.

    Raises:
        LabError: making it failed.
    """
    with alone("python"):
        archive = _archive()
        if not archive.exists():
            _make_archive(archive)
    _import(engine, archive, BASE, ())


def import_program(engine: Engine, image: str) -> None:
    """Put `PROMETHEUS` or `ALERTMANAGER` into an engine, of this machine's package.

    Raises:
        LabError: it is not installed.
    """
    name, data, arguments = _PROGRAMS[image]
    program = shutil.which(name)
    if program is None:
        raise LabError(f"not installed: {name}")
    listed = subprocess.run(
        ["ldd", program], capture_output=True, text=True, check=False
    )
    libraries = re.findall(r"(/\S+) \(0x", listed.stdout)
    with TemporaryDirectory() as folder:
        archive = Path(folder, "image.tar")
        with tarfile.open(archive, "w", dereference=True) as tar:
            tar.add(program, f"bin/{name.rpartition('-')[2]}")
            for file in (*libraries, *filter(os.path.exists, _SHARED)):
                tar.add(file, file.lstrip("/"))
            owned = tarfile.TarInfo(data.lstrip("/"))
            owned.type, owned.mode, owned.uid, owned.gid = (
                tarfile.DIRTYPE,
                0o755,
                *_USER,
            )
            tar.addfile(owned)
        _import(engine, archive, image, _started_by(name, data, arguments))


_USER = (65534, 65534)
_SHARED = ("/usr/share/prometheus/alertmanager",)
"""Templates of messages, which Debian takes out of the program."""


def _started_by(name: str, data: str, arguments: Sequence[str]) -> list[str]:
    quoted = ", ".join(f'"{argument}"' for argument in arguments)
    return [
        f'ENTRYPOINT ["/bin/{name.rpartition("-")[2]}"]',
        f"CMD [{quoted}]",
        f"USER {_USER[0]}",
        f"WORKDIR {data}",
        f"VOLUME {data}",
    ]


def _import(engine: Engine, archive: Path, image: str, changes: Sequence[str]) -> None:
    repository, _, tag = image.partition(":")
    engine.docker.api.import_image_from_file(
        str(archive), repository=repository, tag=tag, changes=list(changes) or None
    )


def _make_archive(archive: Path) -> None:
    if reason := missing():
        raise LabError(reason)
    root = archive.with_suffix("")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    mirror = debian_mirror(machine_sources()) or ""
    log = archive.with_suffix(".log")
    arguments = (str(root), _release(), mirror, _PACKAGES)
    built = run_build(_MAKE_ROOT, arguments, log, _TIMEOUT_S)
    shutil.rmtree(root)
    if not built:
        archive.unlink(missing_ok=True)
        raise LabError(f"making {archive.name} failed; see {log}")


def wheels(version: str) -> Path:
    """Return the folder with the pinned wheels for a version of Python, such as 3.11.

    Those that the program runs with, and those that build it.

    Raises:
        LabError: they could not be had.
    """
    pins = [_REPOSITORY / "requirements" / name for name in _PINS]
    content = b"".join([version.encode(), *(pin.read_bytes() for pin in pins)])
    folder = cache_folder() / f"wheels-{hashlib.sha256(content).hexdigest()[:12]}"
    with alone("wheels"):
        if not folder.exists():
            _fetch_wheels(folder, version, pins)
    return folder


def _fetch_wheels(folder: Path, version: str, pins: Sequence[Path]) -> None:
    half = folder.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    for pin in pins:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--require-hashes", "--only-binary", ":all:"),
                *("--python-version", version, "--dest", str(half), "-r", str(pin)),
            ],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise LabError(f"no wheels of {pin.name}: {done.stderr[-2000:]}")
    half.rename(folder)


def _python_version() -> str:
    """Return the version of Python in the base image, such as 3.11."""
    with tarfile.open(_archive()) as tar:
        return tar.getmember("./usr/bin/python3").linkname.removeprefix("python")


def _archive() -> Path:
    return cache_folder() / f"python-{_release()}.tar"


def _release() -> str:
    """Return the name of the machine's Debian release; empty on another system."""
    with contextlib.suppress(OSError):
        found = platform.freedesktop_os_release()
        if found.get("ID") == "debian":
            return found.get("VERSION_CODENAME", "")
    return ""
