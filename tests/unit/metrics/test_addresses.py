"""Rules of subnet, overlap, pool and duplicate series."""

from dataclasses import replace

from exporter.metrics.addresses import OVERLAPS_LIMIT
from tests.fakes import snapshots
from tests.fakes.report_samples import snapshot
from tests.fakes.scrapes import by, matching, scrape
from tests.fakes.topologies import container, endpoint, network, topology

SUBNET = ("network", "subnet", "ip_version")


def test_subnets_of_the_demo() -> None:
    """Two containers, network, broadcast and gateway in each."""
    found = scrape(snapshots.small())

    demo = (("bridge", "172.17.0.0/16", "4"), ("mybridge", "172.18.0.0/16", "4"))
    assert dict.fromkeys(demo, 65536) == by(found, "subnet_addresses", *SUBNET)
    assert dict.fromkeys(demo, 5) == by(found, "subnet_addresses_used", *SUBNET)
    assert dict.fromkeys(demo, 65531) == by(
        found, "subnet_dynamic_addresses_available", *SUBNET
    )


def test_what_nobody_here_knows_has_no_series() -> None:
    """A subnet of the swarm has its size only."""
    made = network("overlay", "10.0.0.0/24", driver="overlay")
    found = scrape(snapshot(topology((replace(made, scope="swarm"),), ())))

    assert [256] == matching(found, "subnet_addresses")
    assert [] == matching(found, "subnet_addresses_used")
    assert [] == matching(found, "subnet_dynamic_addresses_available")


def test_overlaps_name_both_sides() -> None:
    """A route of the host, as `ip route` prints it."""
    found = by(
        scrape(snapshots.small()),
        "subnet_overlap",
        "network",
        "other_network",
        "ip_version",
        "other",
    )

    route = ("mybridge", "172.18.64.0/24 dev tun0", "4", "host_route")
    assert {route: 1} == found


def test_overlaps_are_limited() -> None:
    """Fifteen networks in one another are 105 overlaps."""
    nest = tuple(network(f"n{size}", f"10.0.0.0/{size}") for size in range(10, 25))
    found = scrape(snapshot(topology(nest, ())))

    assert OVERLAPS_LIMIT == len(found["subnet_overlap"])


def test_default_pools() -> None:
    """The demo's networks use the first two of them up."""
    found = scrape(snapshots.small())

    assert 31 == sum(matching(found, "default_pool_subnets"))
    used = by(found, "default_pool_subnets_used", "pool")
    assert (1, 1, 0) == (
        used[("172.17.0.0/16",)],
        used[("172.18.0.0/16",)],
        used[("172.19.0.0/16",)],
    )


def test_duplicates_by_kind() -> None:
    """0 where there is none."""
    on, other = network("a", "172.20.0.0/16"), network("b", "172.21.0.0/16")
    found = scrape(
        snapshot(
            topology(
                (on, other),
                tuple(
                    container(name, endpoint(name, on, "172.20.0.9"))
                    for name in ("one", "two")
                ),
            )
        )
    )

    expected = {("a", "ip"): 1, ("a", "mac"): 0, ("b", "ip"): 0, ("b", "mac"): 0}
    assert expected == by(found, "duplicate_addresses", "network", "kind")


def test_before_the_first_answer_no_address_is_known() -> None:
    """No subnet, no pool."""
    found = scrape(snapshots.never_up())

    assert [] == [name for name in found if name.startswith(("subnet_", "default_"))]
