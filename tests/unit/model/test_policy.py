"""The user's policy: which pairs an entry fits, and what becomes of them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from exporter.model.outcome import Expected, Scope
from exporter.model.pair import Decision
from exporter.model.plan import plan
from exporter.model.policy import (
    NO_POLICY,
    Applied,
    Policy,
    PolicyEntry,
    Selector,
)
from exporter.model.topology import Topology
from tests.fakes.policies import (
    TODAY,
    decided,
    entry,
    planned_by,
    shop,
)
from tests.fakes.topologies import container, demo, endpoint, network, topology

ALL = frozenset(Scope)
CONTAINERS = ("bill-db-1", "lone", "shop-db-1", "shop-web-1")
CONTAINER = "container"


def pairs(sources: tuple[str, ...], destinations: tuple[str, ...]) -> set[object]:
    """Return the container pairs from each of the one to each of the other."""
    return {(CONTAINER, a, b) for a in sources for b in destinations if a != b}


# --- what fits --------------------------------------------------------------------

BY_SOURCE = [
    pytest.param(Selector(), CONTAINERS, id="nothing given is everything"),
    pytest.param(Selector(container=("shop-*",)), CONTAINERS[2:], id="container"),
    pytest.param(Selector(container=("shop_db_1",)), ("shop-db-1",), id="raw name"),
    pytest.param(Selector(container=("nope", "lone")), ("lone",), id="any of a list"),
    pytest.param(Selector(container=("SHOP-*",)), (), id="case counts"),
    pytest.param(Selector(container=("shop",)), (), id="the whole name"),
    pytest.param(Selector(project=("sh?p",)), CONTAINERS[2:], id="project"),
    pytest.param(Selector(service=("db",)), ("bill-db-1", "shop-db-1"), id="service"),
    pytest.param(Selector(project=("*",)), (*CONTAINERS[2:], "bill-db-1"), id="some"),
    pytest.param(
        Selector(project=("shop",), service=("db",)), ("shop-db-1",), id="all keys"
    ),
    pytest.param(Selector(label=("tier",)), ("lone", "shop-web-1"), id="label"),
    pytest.param(
        Selector(label=("tier=front*",)), ("shop-web-1",), id="label with a value"
    ),
    pytest.param(Selector(label=("tier=",)), ("lone",), id="label with no value"),
    pytest.param(Selector(label=("Tier",)), (), id="the label's own key"),
    pytest.param(
        Selector(label=("x", "role=probe")), ("shop-web-1",), id="a joined one's label"
    ),
    pytest.param(
        Selector(container=("shop-web-1",), label=("role",)),
        ("shop-web-1",),
        id="the owner's name, a joined one's label",
    ),
    pytest.param(Selector(container=("probe",)), ("shop-web-1",), id="joined by name"),
    pytest.param(
        Selector(container=("probe",), project=("shop",)), (), id="one of them has both"
    ),
    pytest.param(
        Selector(container=("lone",), label=("role",)), (), id="name but not label"
    ),
]


@pytest.mark.parametrize(("selector", "fitting"), BY_SOURCE)
def test_source(selector: Selector, fitting: tuple[str, ...]) -> None:
    """An entry decides the pairs from what its `from` fits."""
    assert pairs(fitting, CONTAINERS) == decided(entry(source=selector))


@pytest.mark.parametrize(("selector", "fitting"), BY_SOURCE)
def test_destination(selector: Selector, fitting: tuple[str, ...]) -> None:
    """And to what its `to` fits."""
    assert pairs(CONTAINERS, fitting) == decided(entry(destination=selector))


@pytest.mark.parametrize("name", ["bill", "bill_default", "b*"])
def test_destination_network(name: str) -> None:
    """The network of the address, by its name here or at the engine."""
    found = planned_by(entry(destination=Selector(network=(name,))))

    assert {"net-bill_default"} == {
        item.pair.network for item in found if item.decision.policy
    }
    assert pairs(CONTAINERS, ("bill-db-1", "lone")) == decided(
        entry(destination=Selector(network=(name,)))
    )


def test_source_network_is_that_of_the_route() -> None:
    """A container on two networks is on the one that leads to the destination."""
    on_shop = entry(source=Selector(network=("shop",), container=("lone",)))

    assert pairs(("lone",), ("shop-db-1", "shop-web-1")) == decided(on_shop)


def test_a_source_without_a_route_is_on_no_network() -> None:
    """Where the engine gave no route, no network fits, not even `*`."""
    inner = network("inner", "172.30.0.0/16", internal=True)
    outer = network("outer", "172.31.0.0/16")
    found = topology(
        (inner, outer),
        (
            container("a", endpoint("a", inner, "172.30.0.2", gateway=False)),
            container("b", endpoint("b", outer, "172.31.0.2")),
        ),
    )

    assert pairs(("b",), ("a",)) == decided(
        entry(source=Selector(network=("*",))), found=found
    )
    assert pairs(("a", "b"), ("a", "b")) == decided(entry(), found=found)


def test_a_network_that_is_gone() -> None:
    """A source whose route leads over a network not listed is on none."""
    kept = network("kept", "172.31.0.0/16")
    gone = network("gone", "172.30.0.0/16")
    found = topology(
        (kept,),
        (
            container("a", endpoint("a", gone, "172.30.0.2")),
            container("b", endpoint("b", kept, "172.31.0.2")),
        ),
    )
    docker = planned_by(found=demo())[0].decision
    away = replace(docker, source_network=gone.id)
    pair = next(
        item.pair
        for item in planned_by(found=found)
        if item.pair.scope is Scope.CONTAINER or item.pair.source == "b"
    )
    fits_all = Applied(Policy((entry(scopes=ALL),)), found, TODAY)
    fits_some = Applied(
        Policy((entry(scopes=ALL, source=Selector(network=("*",))),)), found, TODAY
    )

    assert 1 == fits_all.decide(pair, away).policy
    assert away is fits_some.decide(pair, away)


def test_family() -> None:
    """An entry with a family leaves the other alone."""
    found = planned_by(replace(entry(), ip_version=6))

    assert {6} == {item.pair.ip_version for item in found if item.decision.policy}
    assert {4, 6} == {
        item.pair.ip_version for item in planned_by(entry()) if item.decision.policy
    }


def test_scope_is_container_unless_said() -> None:
    """Host, gateways and names stay as they are."""
    assert {CONTAINER} == {
        scope for scope, *_ in decided(PolicyEntry(expected=Expected.ISOLATED))
    }


@pytest.mark.parametrize("scope", Scope)
def test_scope(scope: Scope) -> None:
    """An entry decides the pairs of its scopes, and all of them if it gives no key."""
    found = planned_by(entry(scopes=frozenset({scope})))
    wanted = {item.pair for item in found if item.pair.scope is scope}

    assert wanted
    assert wanted == {item.pair for item in found if item.decision.policy}


@pytest.mark.parametrize(
    "selector",
    [Selector(network=("*",)), Selector(container=("*",)), Selector(label=("tier",))],
    ids=str,
)
def test_from_with_a_key_never_fits_the_host(selector: Selector) -> None:
    """The host is no container, and on none of the networks."""
    assert set() == decided(entry(source=selector, scopes=frozenset({Scope.HOST})))


@pytest.mark.parametrize(
    "selector",
    [
        Selector(container=("*",)),
        Selector(project=("*",)),
        Selector(service=("*",)),
        Selector(label=("tier",)),
    ],
    ids=str,
)
def test_to_with_a_container_never_fits_a_gateway(selector: Selector) -> None:
    """A gateway is the host's."""
    scopes = frozenset({Scope.GATEWAY})

    assert set() == decided(entry(destination=selector, scopes=scopes))


def test_to_with_a_network_fits_its_gateways() -> None:
    """A gateway is on a network."""
    selector, scopes = Selector(network=("bill",)), frozenset({Scope.GATEWAY})

    assert {("gateway", "bill-db-1", "None"), ("gateway", "lone", "None")} == decided(
        entry(destination=selector, scopes=scopes)
    )


# --- what becomes of it -------------------------------------------------------------


def decision_of(found: Topology, *entries: PolicyEntry) -> Decision:
    """Return the decision for the pair from shop-web-1 to bill-db-1, IPv4."""
    return next(
        item.decision
        for item in planned_by(*entries, found=found)
        if (item.pair.scope, item.pair.source, item.pair.destination)
        == (Scope.CONTAINER, "shop-web-1", "bill-db-1")
    )


@pytest.mark.parametrize("expected", Expected)
def test_decision(expected: Expected) -> None:
    """The policy's word counts, Docker's own stays beside it, the rest is untouched."""
    docker = decision_of(shop())

    assert (Expected.ISOLATED, "different-bridges") == (docker.expected, docker.rule)
    assert replace(
        docker,
        expected=expected,
        rule="policy-2",
        promised=Expected.ISOLATED,
        promised_by="different-bridges",
        policy=2,
        policy_reason="because",
    ) == decision_of(
        shop(),
        entry(source=Selector(container=("nobody",))),
        entry(expected, reason="because"),
    )


def test_a_decision_is_made_once_for_each_kind() -> None:
    """A million pairs share a few decisions, each of its own of Docker's and entry."""
    applied = Applied(Policy((entry(), entry(scopes=ALL))), shop(), TODAY)
    items = planned_by(found=shop())
    kinds = {(id(item.decision), item.pair.scope) for item in items}
    made = [applied.decide(item.pair, item.decision) for item in items]

    assert len({id(one) for one in made}) <= len(kinds) < len(items)
    assert {1, 2} == {one.policy for one in made}


def test_first_match_wins() -> None:
    """Later entries do not see what an earlier one has taken."""
    first = entry(Expected.ISOLATED, source=Selector(container=("shop-*",)))
    found = planned_by(first, entry(Expected.UNKNOWN))
    by_source = {
        (item.pair.source.startswith("shop-"), item.decision.policy)
        for item in found
        if item.pair.scope is Scope.CONTAINER
    }

    assert {(True, 1), (False, 2)} == by_source


def test_no_policy_leaves_every_decision() -> None:
    """The default of `plan` is no policy."""
    assert plan(shop(), ALL, lambda _: True) == planned_by()
    assert not any(item.decision.policy for item in planned_by())


def test_fitting_names_every_entry() -> None:
    """Not only the one that decides."""
    entries = entry(), entry(source=Selector(container=("nobody",))), entry(until=TODAY)
    applied = Applied(Policy(entries), shop(), TODAY)
    item = next(i for i in planned_by() if i.pair.scope is Scope.CONTAINER)

    assert (1, 3) == applied.fitting(item.pair, item.decision)


# --- dates --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "expired"),
    [
        pytest.param(TODAY - timedelta(days=1), False, id="the day before"),
        pytest.param(TODAY, False, id="through its last day"),
        pytest.param(TODAY + timedelta(days=1), True, id="from the day after"),
    ],
)
def test_until(today: date, expired: bool) -> None:
    """An entry is in force through its day, and then is as if it were not there."""
    dated, after = entry(until=TODAY), entry(Expected.UNKNOWN)

    assert expired == dated.has_expired(today)
    assert {2 if expired else 1} == {
        item.decision.policy
        for item in planned_by(dated, after, today=today)
        if item.pair.scope is Scope.CONTAINER
    }
    assert (((1, dated),) if expired else ()) == Policy((dated, after)).expired(today)


def test_expiry_is_the_midnight_after() -> None:
    """In UTC, whatever the machine's time zone."""
    assert datetime(2026, 7, 1, tzinfo=UTC) == entry(until=TODAY).expiry
    assert None is entry().expiry


def test_notices_name_what_has_expired() -> None:
    """Entry, reason and date; nothing of what is in force."""
    late = TODAY + timedelta(days=1)
    policy = Policy((entry(), entry(until=TODAY), entry(until=TODAY, reason="x")))

    assert () == policy.notices(TODAY)
    assert (
        "policy entry 2 was in force until 2026-06-30 and decides nothing any more",
        "policy entry 3 (x) was in force until 2026-06-30 and decides nothing any more",
    ) == policy.notices(late)
    assert () == NO_POLICY.notices(late)
