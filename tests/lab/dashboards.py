"""The Grafana dashboards as tests read them: panels, queries, variables filled in.

for panel in panels_of(dashboards()["dockernet-overview"]):
    for query in queries(panel):
        filled(query["expr"], container="web")
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"
Json = Mapping[str, Any]

NAMED = re.compile(r"\$\{(\w+)(?:\.[^:}]+)?(?::\w+)?\}|\$(\w+)")
"""A variable in a text: `$name`, `${name}`, `${name:format}`, `${name.field}`."""
_BUILT_IN = {"__rate_interval": "1m", "__range": "10m", "__interval": "1s"}
_EVERYTHING = {"job": ".+", "instance": ".+"}


def dashboards(folder: Path = FOLDER) -> Mapping[str, Json]:
    """Return the dashboards of a folder by the names of their files."""
    files = sorted(folder.glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def panels_of(dashboard: Json) -> Iterator[Json]:
    """Yield the panels, those of collapsed rows too, but no rows."""
    for panel in dashboard.get("panels", ()):
        if panel.get("type") != "row":
            yield panel
        yield from panel.get("panels", ())


def queries(panel: Json) -> Iterator[Json]:
    """Yield the queries of a panel that are asked."""
    for query in panel.get("targets", ()):
        if not query.get("hide"):
            yield query


def variables_in(text: str) -> set[str]:
    """Return the variables that a text names."""
    return {first or second for first, second in NAMED.findall(text)}


def filled(text: str, **chosen: str) -> str:
    """Put values in place of the variables: everything, unless something is chosen."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return {**_BUILT_IN, **_EVERYTHING, **chosen}.get(name, ".*")

    return NAMED.sub(value, text)
