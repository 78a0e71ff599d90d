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
import exporter.broker.__main__
import exporter.engine.client
print(json.dumps(sorted(sys.modules)))
"""


def test_nothing_is_loaded_that_speaks_to_strangers() -> None:
    """Neither what reads YAML, nor what serves HTTP, nor what decides."""
    loaded = set(json.loads(said_by(_LOAD)))

    assert "exporter.broker.server" in loaded
    assert loaded & _STRANGERS == set()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("exporter.")}
    assert rooms & {"web", "config", "metrics", "report", "cycle", "daemon"} == set()


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
