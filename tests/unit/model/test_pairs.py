"""Which pairs a topology has, each once, in a stable order."""

from dataclasses import replace

import pytest
from hypothesis import given

from exporter.model.outcome import Scope
from exporter.model.pairs import all_pairs, own_addresses
from exporter.model.topology import NetworkId, Topology
from tests.fakes.topologies import container, demo, endpoint, network, topology
from tests.strategies_model import topologies

FOUR = network("four", "10.1.0.0/24")
BOTH = network("both", "10.2.0.0/24", "fd00:2::/64")
SIX = network("six", "fd00:6::/64")


def written(found: Topology, *scopes: Scope) -> list[str]:
    """Return pairs as `source>destination address`, names as `source?name/family`."""
    return [
        f"{pair.source}?{pair.name}/{pair.ip_version}"
        if pair.scope is Scope.NAME
        else f"{pair.source}>{pair.destination or 'gateway'} {pair.address}"
        for pair in all_pairs(found, scopes)
    ]


def families() -> Topology:
    """Return containers with IPv4, both families and IPv6."""
    return topology(
        (BOTH, FOUR, SIX),
        (
            container("a", endpoint("a", FOUR, "10.1.0.2")),
            container("b", endpoint("b", BOTH, "10.2.0.2", "fd00:2::2")),
            container("c", endpoint("c", SIX, "fd00:6::2")),
        ),
    )


def test_a_family_in_which_the_source_has_no_address_makes_no_pair() -> None:
    """IPv4 to IPv4, IPv6 to IPv6."""
    assert [
        "a>b 10.2.0.2",
        "b>a 10.1.0.2",
        "b>c fd00:6::2",
        "c>b fd00:2::2",
    ] == written(families(), Scope.CONTAINER)


def test_the_host_is_a_source_for_every_address() -> None:
    """If its namespace was found."""
    found = families()
    expected = [
        "host>a 10.1.0.2",
        "host>b 10.2.0.2",
        "host>b fd00:2::2",
        "host>c fd00:6::2",
    ]

    assert expected == written(found, Scope.HOST)
    without = replace(found, host=replace(found.host, available=False))
    assert [] == written(without, Scope.HOST)


def test_every_address_has_its_own_gateway() -> None:
    """Of its family and network."""
    assert [
        "a>gateway 10.1.0.1",
        "b>gateway 10.2.0.1",
        "b>gateway fd00:2::1",
        "c>gateway fd00:6::1",
    ] == written(families(), Scope.GATEWAY)


def test_nobody_is_its_own_gateway() -> None:
    """An address that stands where the gateway would, and one without any."""
    isolated = network("i", "10.3.0.0/24", gateway_mode_ipv4="isolated")
    found = topology(
        (FOUR, isolated),
        (
            container("a", endpoint("a", FOUR, "10.1.0.1", gateway=False)),
            container("b", endpoint("b", isolated, "10.3.0.1", gateway=False)),
        ),
    )

    assert [] == written(found, Scope.GATEWAY)


def test_an_endpoint_of_an_unknown_network_makes_no_pair() -> None:
    """It was removed between two requests."""
    gone = replace(endpoint("b", SIX, "fd00:6::3"), network_id=NetworkId("gone"))
    found = topology(
        (SIX,),
        (
            container("a", endpoint("a", SIX, "fd00:6::2")),
            container("b", gone),
        ),
    )

    assert [
        "b>a fd00:6::2",
        "host>a fd00:6::2",
        "a>gateway fd00:6::1",
    ] == written(found, *Scope)


def test_each_name_is_asked_once_in_each_family_both_ends_have() -> None:
    """Also where two containers share several networks."""
    other = network("other", "10.7.0.0/24")
    found = topology(
        (BOTH, other),
        tuple(
            container(
                name,
                endpoint(name, BOTH, f"10.2.0.{last}", f"fd00:2::{last}"),
                endpoint(name, other, f"10.7.0.{last}"),
            )
            for name, last in (("a", 2), ("b", 3))
        ),
    )

    assert ["a?b/4", "a?b/6", "b?a/4", "b?a/6"] == written(found, Scope.NAME)


def test_a_family_that_the_asking_one_lacks_is_not_asked() -> None:
    """Its resolver would answer, but nothing would follow."""
    found = topology(
        (BOTH,),
        (
            container("a", endpoint("a", BOTH, "10.2.0.2")),
            container("b", endpoint("b", BOTH, "10.2.0.3", "fd00:2::3")),
        ),
    )

    assert ["a?b/4", "b?a/4"] == written(found, Scope.NAME)


def test_podman_answers_names_otherwise() -> None:
    """There is no embedded DNS of Docker's to ask."""
    found = demo()
    podman = replace(found, engine=replace(found.engine, product="podman"))

    assert 4 == len(written(found, Scope.NAME))
    assert [] == written(podman, Scope.NAME)


def test_a_sandbox_without_its_container_has_no_name() -> None:
    """It ended between two requests."""
    found = demo()
    containers = tuple(one for one in found.containers if one.name != "mybridge2")

    assert ["bridge1?bridge2/4", "bridge2?bridge1/4", "mybridge2?mybridge1/4"] == (
        written(replace(found, containers=containers), Scope.NAME)
    )


@pytest.mark.parametrize("scope", Scope)
def test_only_the_scopes_asked_for(scope: Scope) -> None:
    """Each for itself."""
    assert {scope} == {pair.scope for pair in all_pairs(demo(), {scope})}


@given(topologies())
def test_every_pair_is_of_the_topology_and_comes_once(found: Topology) -> None:
    """No pair twice, none with itself, each end of the pair's own family."""
    pairs = list(all_pairs(found, set(Scope)))

    assert len(pairs) == len(set(pairs))
    for pair in pairs:
        assert pair.source != pair.destination_sandbox
        assert pair.network in found.network_by_id
        assert pair.ip_version == pair.address.version
    assert pairs == sorted(pairs, key=lambda pair: list(Scope).index(pair.scope))


def test_the_destinations_sandbox_is_named_after_its_owner() -> None:
    """A gateway is in none."""
    pairs = {pair.scope: pair for pair in all_pairs(demo(), set(Scope))}

    assert "mybridge2" == pairs[Scope.HOST].destination_sandbox
    assert pairs[Scope.GATEWAY].destination_sandbox is None


def test_own_addresses_are_those_of_every_endpoint() -> None:
    """In order of sandbox, network and family."""
    assert [
        ("a", "net-four", "10.1.0.2"),
        ("b", "net-both", "10.2.0.2"),
        ("b", "net-both", "fd00:2::2"),
        ("c", "net-six", "fd00:6::2"),
    ] == [(owner, net, str(one)) for owner, net, one in own_addresses(families())]
