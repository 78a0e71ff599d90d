"""What is probed at once after a change on the host, or where none would be told.

A sweep asks whether isolation holds. It takes every pair across networks while these
are few; beyond, representatives of every two networks in turn, as most changes of a
packet filter concern bridges and not single containers.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby

from exporter.model.outcome import Scope
from exporter.model.pair import Pair, Planned
from exporter.model.plan import about, focus
from exporter.model.topology import NetworkId

Choose = Callable[[tuple[Planned, ...]], tuple[Planned, ...]]
"""Which of the planned pairs a cycle is about."""

SWEEPS = ("firewall", "link", "sysctl", "watch")
"""Triggers of cycles that look only at what may have changed: told changes of the
packet filter or of links, seen ones of sysctls, and none that anybody would tell."""
REPRESENTATIVES = 2
"""Pairs of every two networks in a sweep that cannot take all."""
_HOST_SIDE = frozenset({Scope.HOST, Scope.GATEWAY})


def isolation(
    planned: tuple[Planned, ...], *, most: int, turn: int
) -> tuple[Planned, ...]:
    """Return what a change of the packet filter may touch.

    Args:
        planned: every pair.
        most: pairs across networks up to which all are taken, with every pair of
            host and gateways; beyond, representatives and what controls them.
        turn: which representatives; counts up from sweep to sweep.
    """
    across = [item for item in planned if _is_across(item)]
    if len(across) > most:
        return representatives(planned, turn=turn, count=REPRESENTATIVES)
    return tuple(
        item for item in planned if item.pair.scope in _HOST_SIDE or _is_across(item)
    )


def around(
    planned: tuple[Planned, ...],
    networks: Collection[NetworkId],
    *,
    most: int,
    turn: int,
) -> tuple[Planned, ...]:
    """Return what a change of some networks' links or addresses may touch.

    Args:
        planned: every pair.
        networks: whose bridges, ports or addresses changed.
        most: as in `isolation`, of the pairs with an end on these networks.
        turn: as in `isolation`.
    """
    items = focus(planned, networks)
    chosen = {item.pair for item in items if not _is_across(item)}
    across = [item for item in items if _is_across(item)]
    if len(across) > most:
        across = _some_of_each(across, turn, REPRESENTATIVES)
    return about(planned, chosen | {item.pair for item in across})


def representatives(
    planned: tuple[Planned, ...], *, turn: int, count: int = 1
) -> tuple[Planned, ...]:
    """Return a few pairs of every two networks, and what controls them.

    Args:
        planned: every pair.
        turn: moves on to others when it counts up.
        count: pairs of every two networks and address family.
    """
    across = [item for item in planned if _is_across(item)]
    return about(planned, {i.pair for i in _some_of_each(across, turn, count)})


def with_pairs(choose: Choose, pairs: Collection[Pair]) -> Choose:
    """Return a choice that takes some pairs in any case, and what controls them.

    Args:
        choose: what else it takes.
        pairs: such as broken promises, which are to be seen kept again as soon.
    """

    def choose_both(planned: tuple[Planned, ...]) -> tuple[Planned, ...]:
        return union(planned, (choose(planned), about(planned, pairs)))

    return choose_both if pairs else choose


def union(
    planned: tuple[Planned, ...], choices: Iterable[Collection[Planned]]
) -> tuple[Planned, ...]:
    """Return what any of some choices took, in the order of the plan."""
    wanted: set[Pair] = {item.pair for chosen in choices for item in chosen}
    return tuple(item for item in planned if item.pair in wanted)


def _is_across(item: Planned) -> bool:
    """Return whether a pair's packets have to be forwarded, and are sent at all."""
    decision = item.decision
    return (
        item.pair.scope is Scope.CONTAINER
        and not decision.on_link
        and decision.has_route
        and not decision.is_left_alone
    )


def _some_of_each(items: Sequence[Planned], turn: int, count: int) -> list[Planned]:
    """Return some of the pairs of every two networks, others with each turn."""

    def networks(item: Planned) -> tuple[str, str, int]:
        return (
            str(item.decision.source_network or ""),
            str(item.pair.network),
            item.pair.ip_version,
        )

    chosen: list[Planned] = []
    for _, group in groupby(sorted(items, key=networks), key=networks):
        members = list(group)
        first = turn * count % len(members)
        chosen += (members[first:] + members[:first])[:count]
    return chosen
