"""What `/api/v1/` answers: the words of `check --json`, of the newest snapshot.

Pure: a path and its parameters in, a document out. Nothing here asks the engine or
sends a packet.
"""

from datetime import datetime

from exporter.model.snapshot import Snapshot
from exporter.report.api import pairs
from exporter.report.api.asked import NO_FACTS, Asked, Facts
from exporter.report.api.history import event_entry
from exporter.report.api.openapi import description
from exporter.report.api.query import Parameters, check
from exporter.report.api.resources import RESOURCES, Resource
from exporter.report.pairs import Json

__all__ = ["RESOURCES", "Facts", "Resource", "answer", "event_entry"]


def answer(
    snapshot: Snapshot,
    path: str,
    parameters: Parameters,
    now: datetime,
    *,
    facts: Facts = NO_FACTS,
) -> Json | None:
    """Return the document at a path below `/api/v1/`, None where there is none.

    Args:
        snapshot: the newest.
        path: without the prefix, such as `pairs` or `pairs/0123456789abcdef0123`.
        parameters: of the query, each once.
        now: for how long what lasts has lasted.
        facts: what only the process itself knows of itself.

    Raises:
        QueryError: a parameter is wrong; the message is for whoever asked.
        UnknownName: what a parameter names does not exist.
    """
    name, _, rest = path.partition("/")
    if name == "pairs" and rest:
        check(parameters, ())
        return pairs.one_pair(snapshot, rest)
    if path == "openapi.json":
        check(parameters, ())
        return description()
    resource = RESOURCES.get(path)
    if resource is None:
        return None
    check(parameters, resource.parameters)
    return resource.answer(snapshot, Asked(parameters=parameters, now=now, facts=facts))
