"""Compose files on a lab engine, by Debian's docker-compose.

    with composed(engine, "demo", DEPLOY / "demo" / "compose.yaml", DEMO_IMAGE=BB):
        ...

`PROXY` is a stand-in for the image that filters the engine's socket. It takes the same
flags, as far as our files use them, so what they let pass is what is tested.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML

from tests.lab.engine import Engine
from tests.lab.errors import LabError
from tests.lab.exporter import surroundings
from tests.lab.imaging import BASE

PROXY = Path(__file__).with_name("socket_proxy.py")
_LIMIT_S = 90.0
_COMMAND = "docker-compose"


def missing() -> str | None:
    """Return why no compose file can be run here, None if it can."""
    found = shutil.which(_COMMAND)
    return None if found else f"no {_COMMAND} on this machine: install {_COMMAND}"


def netns_folder(engine: Engine) -> str:
    """Return where an engine keeps the namespace files of its containers."""
    return str(engine.workspace.path / "exec" / "netns")


def compose(
    *arguments: str | Path, engine: Engine | None = None, **variables: str
) -> str:
    """Run docker-compose and return what it prints.

    Args:
        arguments: its own.
        engine: which one; None where no engine is needed.
        variables: for the file.

    Raises:
        LabError: it failed.
    """
    address = {"DOCKER_HOST": engine.base_url} if engine else {}
    done = subprocess.run(
        [_COMMAND, *arguments],
        env={**surroundings(), **address, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise LabError(f"docker-compose {arguments}: {done.stderr[-2000:]}")
    return done.stdout


@contextmanager
def composed(
    engine: Engine,
    project: str,
    *files: Path,
    services: tuple[str, ...] = (),
    **variables: str,
) -> Iterator[None]:
    """Bring a project up on an engine, and take it down at the end.

    Args:
        engine: which one.
        project: its name.
        files: later ones change what earlier ones say.
        services: those to start; all of them if none is named.
        variables: for the files.

    Raises:
        LabError: it does not come up.
    """
    given = [f"--file={file}" for file in files]
    given.append(f"--project-name={project}")
    try:
        compose(*given, "up", "--detach", *services, engine=engine, **variables)
        yield
    finally:
        down = ("down", "--volumes", "--timeout", "5")
        compose(*given, *down, engine=engine, **variables)


def write_stand_in(file: Path) -> None:
    """Write a file that puts `PROXY` in the socket proxy's place, and nothing else.

    Args:
        file: given to compose, or to a stack, after ours.
    """
    proxy = {
        "image": BASE,
        "entrypoint": ["python", "-u", "/proxy.py"],
        "volumes": [f"{PROXY}:/proxy.py:ro"],
    }
    document = {"version": "3.9", "services": {"socket-proxy": proxy}}
    YAML(typ="safe").dump(document, file)


def engine_paths(engine: Engine) -> dict[str, str]:
    """Return the variables that tell our compose files where an engine's files are."""
    return {
        "DOCKER_SOCKET": os.fspath(engine.socket),
        "DOCKER_NETNS": netns_folder(engine),
    }
