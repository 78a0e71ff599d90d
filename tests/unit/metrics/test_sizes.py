"""Rules of the letters of the catalogue's bounds."""

from dataclasses import replace

from exporter.metrics.sizes import Sizes
from exporter.model.topology import EngineInfo
from tests.fakes import snapshots
from tests.fakes.report_samples import crowd, snapshot


def test_sizes_of_the_demo() -> None:
    """Two bridges with a subnet and two containers each, and two networks without."""
    expected = Sizes(networks=4, endpoints=4, families=1, subnets=2, pools=7)

    assert expected == Sizes.of(snapshots.small())


def test_sizes_with_both_families() -> None:
    """An endpoint with two addresses is one endpoint."""
    found = crowd({"a": 3, "b": 2}, ipv6=True)

    expected = Sizes(networks=2, endpoints=5, families=2, subnets=4, pools=7)
    assert expected == Sizes.of(snapshot(found))


def test_containers_that_have_ended_do_not_count() -> None:
    """Endpoints of running containers only."""
    found = crowd({"a": 3})
    ended = tuple(replace(one, running=False) for one in found.containers)

    assert 0 == Sizes.of(snapshot(replace(found, containers=ended))).endpoints


def test_configured_pools_count() -> None:
    """As many as the engine names."""
    engine = EngineInfo(
        version="28.5.2",
        api_version="1.51",
        default_pools=((found := crowd({"a": 1}).networks[0].subnets[0].prefix, 24),),
    )

    assert found.version == 4
    assert 1 == Sizes.of(snapshot(replace(crowd({"a": 1}), engine=engine))).pools


def test_before_the_engine_answered_there_is_nothing() -> None:
    """But both families are in use in what is always there."""
    assert Sizes(families=2) == Sizes.of(snapshots.never_up())
