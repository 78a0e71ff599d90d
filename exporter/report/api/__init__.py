"""What `/api/v1/` answers: the words of `check --json`, of the newest snapshot.

Pure: a path and its parameters in, a document out. Nothing here asks the engine or
sends a packet.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exporter.model.snapshot import Snapshot
from exporter.report.api import history, lists, matrix, pairs, summary
from exporter.report.api.filters import FILTERS
from exporter.report.api.history import event_entry
from exporter.report.api.query import PAGED, Parameter, Parameters, check
from exporter.report.pairs import Json

__all__ = ["RESOURCES", "Resource", "answer", "event_entry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A path below `/api/v1/`."""

    answer: Callable[[Snapshot, Parameters, datetime], Json]
    """Of a snapshot, the parameters, and now."""
    parameters: tuple[Parameter, ...] = ()


def answer(
    snapshot: Snapshot, path: str, parameters: Parameters, now: datetime
) -> Json | None:
    """Return the document at a path below `/api/v1/`, None where there is none.

    Args:
        snapshot: the newest.
        path: without the prefix, such as `pairs` or `pairs/0123456789abcdef0123`.
        parameters: of the query, each once.
        now: for how long what lasts has lasted.

    Raises:
        QueryError: a parameter is wrong; the message is for whoever asked.
        UnknownName: what a parameter names does not exist.
    """
    name, _, rest = path.partition("/")
    if name == "pairs" and rest:
        check(parameters, ())
        return pairs.one_pair(snapshot, rest)
    resource = RESOURCES.get(path)
    if resource is None:
        return None
    check(parameters, resource.parameters)
    return resource.answer(snapshot, parameters, now)


RESOURCES: Final[Mapping[str, Resource]] = {
    "summary": Resource(answer=summary.summary),
    "topology": Resource(answer=lists.whole),
    "networks": Resource(answer=lists.networks, parameters=PAGED),
    "containers": Resource(answer=lists.containers, parameters=PAGED),
    "subnets": Resource(answer=lists.subnets, parameters=PAGED),
    "matrix": Resource(answer=matrix.matrix, parameters=(matrix.SCOPES, matrix.MARKS)),
    "matrix/containers": Resource(
        answer=matrix.container_matrix,
        parameters=(
            *matrix.ENDS,
            matrix.ROWS,
            matrix.FIRST_ROW,
            matrix.COLUMNS,
            matrix.FIRST_COLUMN,
        ),
    ),
    "pairs": Resource(answer=pairs.pair_list, parameters=(*FILTERS, *PAGED)),
    "events": Resource(answer=history.events, parameters=PAGED),
    "outages": Resource(answer=history.outages, parameters=PAGED),
}
