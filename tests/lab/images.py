"""The lab's two images, made on the spot: no registry, no build.

`bb:latest` is a static busybox with all its applets. `static:latest` holds one static
program and not even a folder: what probing must cope with at the least.
"""

import io
import subprocess
import tarfile

import docker

from tests.lab.errors import LabUnavailable
from tests.lab.suites import static_busybox

BUSYBOX = "bb"
STATIC = "static"
SLEEP = ("/sleep", "2147483647")
"""The command of `static:latest`: what the one program does is told by its name."""


def import_images(client: docker.DockerClient) -> None:
    """Put both images into an engine.

    Raises:
        LabUnavailable: this machine has no static busybox.
    """
    busybox = static_busybox()
    if busybox is None:
        raise LabUnavailable("no static busybox: install busybox-static")
    program = busybox.read_bytes()
    listed = subprocess.run(
        [str(busybox), "--list"], capture_output=True, text=True, check=True
    )
    archives = {
        BUSYBOX: _busybox_archive(program, listed.stdout.split()),
        STATIC: _static_archive(program),
    }
    for repository, archive in archives.items():
        client.api.import_image_from_data(archive, repository=repository, tag="latest")


def _busybox_archive(program: bytes, applets: list[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("bin", "etc", "tmp", "www"):
            archive.addfile(_entry(folder, tarfile.DIRTYPE))
        _add_program(archive, "bin/busybox", program)
        for applet in sorted({*applets} - {"busybox"}):
            link = _entry(f"bin/{applet}", tarfile.SYMTYPE)
            link.linkname = "busybox"
            archive.addfile(link)
    return buffer.getvalue()


def _static_archive(program: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        _add_program(archive, SLEEP[0].lstrip("/"), program)
    return buffer.getvalue()


def _add_program(archive: tarfile.TarFile, name: str, program: bytes) -> None:
    entry = _entry(name, tarfile.REGTYPE)
    entry.size = len(program)
    archive.addfile(entry, io.BytesIO(program))


def _entry(name: str, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.mode = 0o755
    return entry
