"""Which paths there are below `/api/v1/`, with their parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.model.snapshot import Snapshot
from exporter.report.api import history, lists, matrix, pairs, summary
from exporter.report.api.asked import Asked
from exporter.report.api.filters import FILTERS
from exporter.report.api.query import PAGED, Parameter
from exporter.report.pairs import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A path below `/api/v1/`."""

    text: str
    """What is there, for the documentation."""
    schema: str
    """Name of the schema of what is there."""
    answer: Callable[[Snapshot, Asked], Json]
    parameters: tuple[Parameter, ...] = ()
    may_lack: bool = False
    """A parameter may name what does not exist."""


RESOURCES: Final[Mapping[str, Resource]] = {
    "summary": Resource(
        text="The verdict in a sentence, numbers, age, coverage, health and budget.",
        schema="Summary",
        answer=summary.summary,
    ),
    "matrix": Resource(
        text="Network by network: how many pairs of which verdict and promise.",
        schema="Matrix",
        answer=matrix.matrix,
        parameters=(
            matrix.SCOPES,
            matrix.MARKS,
            matrix.ONLY,
            matrix.SEARCH,
            matrix.ROWS,
            matrix.FIRST_ROW,
            matrix.COLUMNS,
            matrix.FIRST_COLUMN,
        ),
    ),
    "matrix/containers": Resource(
        text="One cell of the matrix, container by container.",
        schema="ContainerMatrix",
        answer=matrix.container_matrix,
        parameters=(
            *matrix.ENDS,
            matrix.ROWS,
            matrix.FIRST_ROW,
            matrix.COLUMNS,
            matrix.FIRST_COLUMN,
        ),
        may_lack=True,
    ),
    "topology": Resource(
        text="Everything that exists, with the host's interfaces and routes.",
        schema="Topology",
        answer=lists.whole,
    ),
    "networks": Resource(
        text="The networks.",
        schema="Networks",
        answer=lists.networks,
        parameters=PAGED,
    ),
    "containers": Resource(
        text="The containers, those that do not run too.",
        schema="Containers",
        answer=lists.containers,
        parameters=PAGED,
    ),
    "subnets": Resource(
        text="The subnets of all networks: how full they are, what they overlap.",
        schema="Subnets",
        answer=lists.subnets,
        parameters=PAGED,
    ),
    "pairs": Resource(
        text="Pairs with promise, what was seen, both controls and verdict. All "
        "parameters that are given must fit.",
        schema="Pairs",
        answer=pairs.pair_list,
        parameters=(*FILTERS, *PAGED),
    ),
    "events": Resource(
        text="The changes of verdicts of all pairs, the newest first.",
        schema="Events",
        answer=history.events,
        parameters=PAGED,
    ),
    "outages": Resource(
        text="Times in which a promise was broken, or no engine answered: those that "
        "last, then those that are over, the newest first each.",
        schema="Outages",
        answer=history.outages,
        parameters=PAGED,
    ),
}
