"""Which pairs a query is about."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from exporter.model.census import home_of
from exporter.model.outcome import Expected, Scope, Verdict
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.model.topology import NetworkId, SandboxId
from exporter.report.api.ids import (
    containing,
    destinations_of,
    networks_of,
    sandboxes_of,
)
from exporter.report.api.query import Parameter, Parameters

Test = Callable[[PairState], bool]
Make = Callable[[Snapshot, str], Test]


def matching(snapshot: Snapshot, parameters: Parameters) -> Iterator[PairState]:
    """Yield the states that a query is about; all of its words must fit."""
    tests = [
        MAKERS[name](snapshot, value)
        for name, value in parameters.items()
        if name in MAKERS
    ]
    for state in snapshot.pairs:
        if all(test(state) for test in tests):
            yield state


def placing(snapshot: Snapshot) -> Callable[[PairState], NetworkId | None]:
    """Return what tells the network that a pair's source stands under in a matrix."""
    known: dict[SandboxId, NetworkId | None] = {}

    def place(state: PairState) -> NetworkId | None:
        way, source = state.decision.source_network, state.pair.source
        if way is None and source not in known:
            known[source] = home_of(snapshot.topology, source)
        return way or known[source]

    return place


def _scope(_: Snapshot, given: str) -> Test:
    wanted = set(map(Scope, given.split(",")))
    return lambda state: state.pair.scope in wanted


def _verdict(_: Snapshot, given: str) -> Test:
    wanted = set(map(Verdict, given.split(",")))
    return lambda state: state.verdict in wanted


def _expected(_: Snapshot, given: str) -> Test:
    wanted = set(map(Expected, given.split(",")))
    return lambda state: state.decision.expected in wanted


def _ip_version(_: Snapshot, given: str) -> Test:
    wanted = set(map(int, given.split(",")))
    return lambda state: state.pair.ip_version in wanted


def _source(snapshot: Snapshot, given: str) -> Test:
    wanted = sandboxes_of(snapshot, given)
    return lambda state: state.pair.source in wanted


def _destination(snapshot: Snapshot, given: str) -> Test:
    wanted = destinations_of(snapshot, given)
    return lambda state: state.pair.destination in wanted


def _container(snapshot: Snapshot, given: str) -> Test:
    sources, ends = sandboxes_of(snapshot, given), destinations_of(snapshot, given)
    return lambda state: state.pair.source in sources or state.pair.destination in ends


def _destination_network(snapshot: Snapshot, given: str) -> Test:
    wanted = networks_of(snapshot, given)
    return lambda state: state.pair.network in wanted


def _source_network(snapshot: Snapshot, given: str) -> Test:
    wanted, place = networks_of(snapshot, given), placing(snapshot)
    return lambda state: place(state) in wanted


def _network(snapshot: Snapshot, given: str) -> Test:
    wanted, place = networks_of(snapshot, given), placing(snapshot)
    return lambda state: state.pair.network in wanted or place(state) in wanted


def _search(snapshot: Snapshot, given: str) -> Test:
    topology = snapshot.topology
    sandboxes = topology.sandboxes if topology else ()
    ends = containing(((one.id, one.name) for one in sandboxes), given)
    nets = topology.networks if topology else ()
    networks = containing(((one.id, one.name) for one in nets), given)
    wanted = given.casefold()
    is_address = not set(wanted) - set("0123456789abcdef.:")
    return lambda state: (
        state.pair.source in ends
        or state.pair.destination in ends
        or state.pair.network in networks
        or state.decision.source_network in networks
        or (state.pair.name is not None and wanted in state.pair.name.casefold())
        or (is_address and wanted in str(state.pair.address))
    )


MAKERS: Final[Mapping[str, Make]] = {
    "scope": _scope,
    "verdict": _verdict,
    "expected": _expected,
    "ip_version": _ip_version,
    "network": _network,
    "source_network": _source_network,
    "destination_network": _destination_network,
    "container": _container,
    "source": _source,
    "destination": _destination,
    "search": _search,
}
FILTERS: Final = (
    Parameter(name="scope", text="Kinds of pairs.", values=tuple(Scope)),
    Parameter(name="verdict", text="Verdicts.", values=tuple(Verdict)),
    Parameter(name="expected", text="Promises.", values=tuple(Expected)),
    Parameter(name="ip_version", text="Families.", values=("4", "6")),
    Parameter(name="network", text="Name or id of a network of either end."),
    Parameter(
        name="source_network",
        text="Name or id of the network that the source's route uses; of a source "
        "without a route, the first network it is on.",
    ),
    Parameter(
        name="destination_network",
        text="Name or id of the destination address's network.",
    ),
    Parameter(name="container", text="Name or id of the container at either end."),
    Parameter(name="source", text="Name or id of the source, or `host`."),
    Parameter(name="destination", text="Name or id of the destination, or `gateway`."),
    Parameter(
        name="search",
        text="Text that the name of an end or of a network, the name that is asked, or "
        "the address has in it; capital letters do not matter.",
    ),
)
