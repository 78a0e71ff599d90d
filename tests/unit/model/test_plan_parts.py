"""Which part of the plan a change, a network or a verdict asks for, and its price."""

from collections.abc import Collection
from dataclasses import replace
from ipaddress import ip_address

import pytest

from exporter.model.neighbours import LOOPBACK, NeighbourBudget, entries_of
from exporter.model.outcome import Scope
from exporter.model.pair import Planned
from exporter.model.plan import changed_sandboxes, focus, needed_for, plan, touching
from exporter.model.selection import select
from exporter.model.topology import (
    Container,
    NetworkId,
    SandboxId,
    Subnet,
    Topology,
)
from tests.fakes.crowds import crowd
from tests.fakes.topologies import container, demo, endpoint, network, topology

ICMP = {Scope.CONTAINER, Scope.HOST, Scope.GATEWAY}


def everything(
    found: Topology, scopes: Collection[Scope] = ICMP
) -> tuple[Planned, ...]:
    """Return every pair of all networks."""
    return plan(found, scopes, lambda _: True)


def written(items: Collection[Planned]) -> set[str]:
    """Return pairs as `source>address`."""
    return {f"{item.pair.source}>{item.pair.address}" for item in items}


def pick(items: Collection[Planned], source: str, address: str) -> Planned:
    """Return one pair."""
    return next(i for i in items if written([i]) == {f"{source}>{address}"})


CONTROLS_OF_MYBRIDGE1_TO_BRIDGE1 = {
    "mybridge1>172.18.0.1",
    "bridge1>172.17.0.1",
    "host>172.17.0.2",
}


@pytest.mark.parametrize(
    ("source", "address", "entries"),
    [
        pytest.param(
            "mybridge1",
            "172.18.0.3",
            {("mybridge1", "172.18.0.3"), ("mybridge2", "172.18.0.2")},
            id="on one bridge both ends",
        ),
        pytest.param(
            "mybridge1",
            "172.17.0.2",
            {("mybridge1", "172.18.0.1")},
            id="across bridges the own gateway",
        ),
        pytest.param(
            "mybridge1",
            "172.18.0.1",
            {("mybridge1", "172.18.0.1"), ("host", "172.18.0.2")},
            id="gateway",
        ),
        pytest.param(
            "host",
            "172.18.0.2",
            {("host", "172.18.0.2"), ("mybridge1", "0.0.0.0")},
            id="host, whose answer the gateway pair pays for",
        ),
    ],
)
def test_what_a_pair_costs(
    source: str, address: str, entries: set[tuple[str, str]]
) -> None:
    """Two entries on one link, one across; host and gateway pairs three together.

    Whom the host asks, is asked by itself as well: that makes one on its loopback.
    """
    found = demo()
    item = pick(everything(found), source, address)

    made = entries_of(found, item)

    assert entries == {(owner, str(to)) for owner, _, to in made}
    assert {"net-mybridge"} == {net for _, net, _ in made} - {LOOPBACK}


def test_names_cost_one_entry_together() -> None:
    """The embedded DNS answers on loopback, where all of IPv4 shares one."""
    found = demo()

    names = [
        item for item in everything(found, {Scope.NAME}) if "1" in item.pair.source
    ]

    assert names
    assert {entry for item in names for entry in entries_of(found, item)} == {
        (item.pair.source, LOOPBACK, ip_address("0.0.0.0")) for item in names
    }


def test_who_asks_itself_in_ipv6_makes_an_entry_for_each_address() -> None:
    """There the loopback's are not one for all."""
    found = crowd(2, 1, dual=True)
    made = {
        entry
        for item in everything(found, {Scope.HOST})
        for entry in entries_of(found, item)
        if LOOPBACK in entry
    }

    assert {str(address) for _, _, address in made} == {
        "0.0.0.0",
        "fd00::2",
        "fd00::3",
    }


def test_what_is_never_sent_costs_no_entry() -> None:
    """No route, no address of the bridge; a gateway that is not known."""
    inner = network("x", "10.1.0.0/24", inhibit_ipv4="true")
    isolated = network("i", "10.3.0.0/24", gateway_mode_ipv4="isolated")
    other = network("y", "10.2.0.0/24")
    found = topology(
        (isolated, inner, other),
        (
            container("a", endpoint("a", inner, "10.1.0.2", gateway=False)),
            container("b", endpoint("b", other, "10.2.0.2")),
            container("i", endpoint("i", isolated, "10.3.0.2")),
        ),
    )
    items = everything(found)

    assert () == entries_of(found, pick(items, "a", "10.2.0.2"))
    assert () == entries_of(found, pick(items, "host", "10.1.0.2"))
    assert () == entries_of(found, pick(items, "i", "10.2.0.2"))


def test_an_entry_is_of_the_interface_it_is_made_on() -> None:
    """Where subnets overlap, that is the source's network, not the destination's."""
    outer, inner = network("outer", "10.1.0.0/16"), network("inner", "10.1.2.0/24")
    found = topology(
        (inner, outer),
        (
            container("a", endpoint("a", outer, "10.1.1.2")),
            container("b", endpoint("b", inner, "10.1.2.2")),
        ),
    )

    made = entries_of(found, pick(everything(found), "a", "10.1.2.2"))

    assert {"net-outer"} == {net for _, net, _ in made}


def test_only_networks_that_are_looked_at() -> None:
    """Both ends' must be; the source's is that of its route."""
    items = plan(demo(), ICMP, lambda net: net.name == "bridge")

    assert {
        "bridge1>172.17.0.3",
        "bridge2>172.17.0.2",
        "bridge1>172.17.0.1",
        "bridge2>172.17.0.1",
        "host>172.17.0.2",
        "host>172.17.0.3",
    } == written(items)


def test_focus_is_on_either_end() -> None:
    """Pairs from and to a network, the host's too."""
    items = everything(demo())

    chosen = focus(items, {NetworkId("net-bridge")})

    assert {
        one for one in written(items) if one.startswith("bridge") or ">172.17." in one
    } == written(chosen)


def test_a_verdict_needs_its_controls() -> None:
    """The source's gateway, the destination's host pair and gateway; no more."""
    items = everything(demo())
    asked = [pick(items, "mybridge1", "172.17.0.2")]

    needed = needed_for(asked, items)

    found = {f"{pair.source}>{pair.address}" for pair in needed}
    assert found == CONTROLS_OF_MYBRIDGE1_TO_BRIDGE1


def test_a_gateway_pair_needs_no_other() -> None:
    """It is its own source's control, and has no destination to control."""
    items = everything(demo())
    asked = [pick(items, "mybridge1", "172.18.0.1")]

    assert {asked[0].pair} == needed_for(asked, items)


def test_a_change_touches_what_has_an_end_in_it_and_their_controls() -> None:
    """Nothing else is probed for it."""
    items = everything(demo())

    chosen = touching(items, {SandboxId("mybridge1")})

    ends = {one for one in written(items) if "mybridge1>" in one or "172.18.0.2" in one}
    controls = {
        f"{source}>{address}"
        for source, address in (
            ("host", "172.17.0.2"),
            ("host", "172.17.0.3"),
            ("host", "172.18.0.3"),
            ("bridge1", "172.17.0.1"),
            ("bridge2", "172.17.0.1"),
            ("mybridge2", "172.18.0.1"),
        )
    }
    assert ends | controls == written(chosen)
    assert [one for one in items if one in chosen] == list(chosen)
    assert () == touching(items, set())


def test_everything_is_new_at_first() -> None:
    """Before the first survey there was nothing."""
    found = demo()

    assert set(found.sandbox_by_id) == changed_sandboxes(None, found)
    assert set() == changed_sandboxes(found, demo())


def with_container(found: Topology, new: Container) -> Topology:
    """Return a topology with one more container."""
    return topology(found.networks, (*found.containers, new))


def test_new_and_changed_sandboxes_are_changed() -> None:
    """What is gone is not: nothing of it can be probed."""
    before = demo()
    default = before.network_by_id[NetworkId("net-bridge")]
    more = with_container(
        before, container("new", endpoint("new", default, "172.17.0.4"))
    )
    moved = topology(
        before.networks,
        tuple(
            container("bridge1", endpoint("bridge1", default, "172.17.0.9"))
            if one.name == "bridge1"
            else one
            for one in before.containers
        ),
    )

    assert {"new"} == changed_sandboxes(before, more)
    assert set() == changed_sandboxes(more, before)
    assert {"bridge1"} == changed_sandboxes(before, moved)


def test_a_changed_network_changes_all_on_it() -> None:
    """Its options and subnets decide what is promised."""
    before = demo()
    default, mine = before.networks
    entry = Subnet(prefix=mine.subnets[0].prefix, gateway=mine.subnets[0].prefix[1])
    after = replace(before, networks=(default, replace(mine, subnets=(entry,))))

    assert {"mybridge1", "mybridge2"} == changed_sandboxes(before, after)


def test_what_costs_least_is_chosen_first() -> None:
    """Controls, then pairs across networks and names, then the meshes."""
    found = demo()
    items = everything(found, set(Scope))

    chosen = select(found, items, epoch=0, budget=NeighbourBudget(12))

    assert (20, 4, 4) == (len(chosen.probed), len(chosen.skipped), chosen.throttled)
    assert {Scope.CONTAINER} == {item.pair.scope for item in chosen.skipped}
    assert all(item.decision.on_link for item in chosen.skipped)
    first = [item.pair.scope for item in chosen.probed[:8]]
    assert {Scope.HOST, Scope.GATEWAY} == set(first)


def test_pairs_across_networks_come_before_the_meshes() -> None:
    """They cost each source its gateway's entry only, and are what isolation is."""
    found = demo()

    chosen = select(
        found, everything(found, {Scope.CONTAINER}), epoch=0, budget=NeighbourBudget(4)
    )

    assert (8, 4) == (len(chosen.probed), len(chosen.skipped))
    assert not any(item.decision.on_link for item in chosen.probed)


def test_nothing_is_half_taken() -> None:
    """A pair whose two entries do not both fit costs nothing and counts as put off."""
    found = demo()
    peer = pick(everything(found), "mybridge1", "172.18.0.3")
    budget = NeighbourBudget(1)

    chosen = select(found, [peer], epoch=0, budget=budget)

    assert ((), (peer,), 1) == (chosen.probed, chosen.skipped, chosen.throttled)
    assert (set(), set()) == (budget.added, budget.used)


def test_both_directions_cost_what_one_does() -> None:
    """They share their entries, so one is never probed without the other for lack."""
    found = demo()
    items = everything(found)
    there = pick(items, "mybridge1", "172.18.0.3")
    back = pick(items, "mybridge2", "172.18.0.2")

    chosen = select(found, [there, back], epoch=0, budget=NeighbourBudget(2))

    assert (there, back) == chosen.probed


def test_names_follow_the_mesh() -> None:
    """In a large network each container asks for its peers of the epoch."""
    net = network("n", "10.1.0.0/16")
    found = topology(
        (net,),
        tuple(
            container(f"c{i}", endpoint(f"c{i}", net, f"10.1.1.{i}"))
            for i in range(2, 14)
        ),
    )
    scopes = {Scope.NAME, Scope.CONTAINER}

    chosen = select(
        found, everything(found, scopes), epoch=0, budget=NeighbourBudget(1000)
    )

    by_scope: dict[Scope, set[tuple[str, str]]] = {scope: set() for scope in scopes}
    for item in chosen.probed:
        ends = str(item.pair.source), str(item.pair.destination)
        by_scope[item.pair.scope].add(ends)
    assert by_scope[Scope.NAME] == by_scope[Scope.CONTAINER]
    assert 12 * 8 == len(by_scope[Scope.NAME])
    assert 0 == chosen.throttled
