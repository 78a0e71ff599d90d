"""From what was touched to the pairs that a sweep probes; pure."""

from exporter.detection.touched import Touched
from exporter.model.pair import Planned
from exporter.model.sweep import Choose, around, isolation, union
from exporter.model.topology import NetworkId, Topology


def chooser(
    touched: Touched, topology: Topology, *, most: int, turn: int
) -> Choose | None:
    """Return which pairs some changes may have touched, None where it is none.

    A change of a network's bridge, or of a port of it, concerns that network. An
    interface of the host that is none of them may take packets another way, so it
    counts as a change of the packet filter.

    Args:
        touched: by the changes.
        topology: what exists.
        most: pairs across networks that a sweep takes without leaving any out.
        turn: of the representatives beyond.
    """
    known = {n.bridge: n.id for n in topology.networks if n.bridge is not None}
    names = touched.bridges | touched.hosts
    networks = {known[name] for name in names if name in known}
    everywhere = touched.is_filter or not touched.hosts <= known.keys()
    if not everywhere and not _is_anybody_on(networks, topology):
        return None

    def choose(planned: tuple[Planned, ...]) -> tuple[Planned, ...]:
        choices = []
        if everywhere:
            choices.append(isolation(planned, most=most, turn=turn))
        if networks:
            choices.append(around(planned, networks, most=most, turn=turn))
        return union(planned, choices)

    return choose


def _is_anybody_on(networks: set[NetworkId], topology: Topology) -> bool:
    return any(topology.sandboxes_on(network) for network in networks)
