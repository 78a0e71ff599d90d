"""What exists: the lists of `topology --json`, page by page."""

from collections.abc import Callable
from datetime import datetime

from exporter.model.snapshot import Snapshot
from exporter.report.api.query import Parameters, page
from exporter.report.document import timestamp
from exporter.report.pairs import Json
from exporter.report.topology_document import topology_document


def topology(snapshot: Snapshot, _: Parameters, _now: datetime) -> Json:
    """Return everything the engine and the host's namespace say exists."""
    return {**topology_document(snapshot), "taken": timestamp(snapshot.taken)}


def listed(key: str) -> Callable[[Snapshot, Parameters, datetime], Json]:
    """Return the answer with one list of the topology."""

    def answer(snapshot: Snapshot, parameters: Parameters, _now: datetime) -> Json:
        found = topology_document(snapshot)[key]
        assert isinstance(found, list)  # noqa: S101 - its schema says so
        return page(snapshot, parameters, found, key, _as_it_is)

    return answer


def subnets(snapshot: Snapshot, parameters: Parameters, _now: datetime) -> Json:
    """Return the subnets of all networks."""
    networks = topology_document(snapshot)["networks"]
    assert isinstance(networks, list)  # noqa: S101 - its schema says so
    found = [
        {"network": network["name"], **subnet}
        for network in networks
        for subnet in network["subnets"]
    ]
    return page(snapshot, parameters, found, "subnets", _as_it_is)


def _as_it_is(item: Json) -> Json:
    return item
