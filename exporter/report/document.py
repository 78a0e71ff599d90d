"""The JSON of `check` and `explain`: schema 1, streamed pair by pair.

Keys are only ever added; their order, names and meaning stay (docs/check.md). A
million pairs are never one string.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from exporter.model.outcome import Verdict
from exporter.model.snapshot import Snapshot
from exporter.report.ordered import texts
from exporter.report.pairs import Json

SCHEMA: Final = 1
_CHUNK = 512
"""Pairs in one piece of text, so that writing costs few calls."""


def document(snapshot: Snapshot) -> Iterator[str]:
    """Yield the document of a check in pieces that join to one JSON object.

    Control characters and everything outside ASCII are escaped, so the text is
    safe for every terminal and encoding.
    """
    head = json.dumps(header(snapshot), indent=1)
    yield head.removesuffix("\n}") + ',\n "pairs": ['
    pieces: list[str] = []
    separator = "\n  "
    for text in texts(snapshot):
        pieces.append(separator + text)
        separator = ",\n  "
        if len(pieces) == _CHUNK:
            yield "".join(pieces)
            pieces.clear()
    yield "".join(pieces) + "\n ]\n}\n"


def header(snapshot: Snapshot) -> Json:
    """Return everything of the document but its pairs."""
    topology, cycle = snapshot.topology, snapshot.cycle
    return {
        "schema": SCHEMA,
        "engine": None
        if topology is None
        else {
            "version": topology.engine.version,
            "api_version": topology.engine.api_version,
        },
        "started": timestamp(snapshot.taken if cycle is None else cycle.started),
        "duration_seconds": 0.0 if cycle is None else round(cycle.duration_s, 3),
        "summary": {
            str(verdict): snapshot.summary.get(verdict, 0) for verdict in Verdict
        },
        "notices": list(snapshot.notices),
    }


def timestamp(at: datetime) -> str:
    """Return a time in UTC as RFC 3339 writes it, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
