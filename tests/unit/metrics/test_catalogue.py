"""Rules of the catalogue: names, labels, bounds."""

import re

import pytest

from exporter.metrics.catalogue import BY_NAME, FAMILIES, GROUPS, most_series
from exporter.metrics.family import Family, Kind
from exporter.metrics.sizes import Sizes
from tests.fakes import snapshots
from tests.fakes.scrapes import family_of, scrape, strays

SIZES = Sizes(networks=31, endpoints=1300, families=2, subnets=62, pools=7)
RESERVED = {"instance", "job", "le", "quantile"}


def test_every_family_is_there_once() -> None:
    """Names are unique, and so are families."""
    assert len(FAMILIES) == len(BY_NAME) == sum(len(g.families) for g in GROUPS)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_follow_the_conventions(family: Family) -> None:
    """Lower case, `_total` on counters only, `_info` on infos only, a sentence."""
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", family.name)
    assert (family.kind is Kind.COUNTER) == family.name.endswith("_total")
    assert (family.kind is Kind.INFO) == family.name.endswith("_info")
    assert re.fullmatch(r"[A-Z].*\.", family.help)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_labels_are_documented_and_not_prometheus_own(family: Family) -> None:
    """Prometheus adds job and instance itself."""
    names = [label.name for label in family.labels]

    assert len(names) == len(set(names))
    assert set() == RESERVED & set(names)
    assert all(re.fullmatch(r"[A-Z].*\.", label.text) for label in family.labels)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_has_a_bound(family: Family) -> None:
    """In words and as a number that grows with the host."""
    assert family.bound
    assert 0 < family.most(SIZES) <= most_series(SIZES)


def test_no_bound_grows_with_the_square_of_the_containers() -> None:
    """Ten times the endpoints make at most ten times the series."""
    tenfold = Sizes(networks=31, endpoints=13000, families=2, subnets=62, pools=7)

    assert most_series(tenfold) < 10 * most_series(SIZES)


def test_network_pairs_stop_growing_with_the_square_of_the_networks() -> None:
    """Beyond forty networks only cells within a network and contrary ones are left."""
    bounds = [
        BY_NAME["dockernet_network_pairs"].most(Sizes(networks=networks))
        for networks in (1, 40, 41, 400)
    ]

    assert [2 * 12, 41 * 40 * 12, 41 * 12 + 5000, 400 * 12 + 5000] == bounds


@pytest.mark.parametrize(
    "name", ["small", "violations", "policed", "engine_down", "never_up", "hostile"]
)
def test_scrapes_hold_what_the_catalogue_says_and_no_more(name: str) -> None:
    """Families, labels, and values of closed sets."""
    assert [] == strays(scrape(getattr(snapshots, name)()))


def test_every_family_occurs_in_a_scrape() -> None:
    """Nothing is documented that never comes; an MTU must be configured first."""
    found = {
        **scrape(snapshots.small()),
        **scrape(snapshots.violations()),
        **scrape(snapshots.policed()),
    }
    occurring = {family_of(name) for name in found}

    assert {"network_mtu_bytes"} == {f.name for f in FAMILIES if f not in occurring}
