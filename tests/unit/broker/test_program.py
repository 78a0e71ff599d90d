"""What the process with the privileges loads, and that it is a small program."""

import json
from pathlib import Path

from tests.fakes.program import said_by

ROOT = Path(__file__).parents[3]
_STRANGERS = frozenset(
    {
        *("uvicorn", "starlette", "ruamel", "pydantic", "structlog", "jinja2", "yaml"),
        *("anyio", "h11", "apscheduler", "prometheus_client", "click", "rich"),
        *("asyncio", "http.server", "cryptography"),
    }
)
_LOAD = """
import json, sys
import {}
print(json.dumps(sorted(sys.modules)))
"""
_RARE = frozenset({"exporter.netfilter.read", "exporter.inspection.visit"})
"""What looks into the namespaces of broken promises."""
_PRIVILEGED = frozenset(
    {
        *("docker", "requests", "urllib3", "exporter.engine.client"),
        *("exporter.ownpowers", "exporter.hosttables"),
    }
)
"""What takes privileges, with all that it loads."""


def _loaded_by(*modules: str) -> set[str]:
    return set(json.loads(said_by(_LOAD.format(", ".join(modules)))))


def test_nothing_is_loaded_that_speaks_to_strangers() -> None:
    """Neither what reads YAML, nor what serves HTTP, nor what decides."""
    loaded = _loaded_by("exporter.broker.__main__", "exporter.broker.server")

    assert {"exporter.broker.server", "docker"} <= loaded
    assert loaded & _STRANGERS == set()
    assert loaded & _RARE == set()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("exporter.")}
    assert rooms & {"web", "config", "metrics", "report", "cycle", "daemon"} == set()


def test_who_has_none_of_the_privileges_loads_nothing_that_uses_them() -> None:
    """Memory that nobody would ever use; nor what few ask for."""
    loaded = _loaded_by("exporter.cli", "exporter.app")

    assert "exporter.broker.remote" in loaded
    assert loaded & (_PRIVILEGED | _RARE) == set()
    assert loaded & {"jinja2", "bcrypt"} == set()


def test_what_answers_is_small() -> None:
    """A person reads it in an afternoon: a few hundred lines."""
    folder = ROOT / "exporter/broker"
    answering = (
        "__main__",
        "server",
        "known",
        "requests",
        "wire",
        "events",
        "resolvers",
    )
    lines = [
        line
        for name in answering
        for line in (folder / f"{name}.py").read_text().splitlines()
        if line.strip()
    ]

    assert len(lines) < 900
