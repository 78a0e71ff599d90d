"""Rules of what is left out at the series limit."""

import pytest

from exporter.metrics.daemon import SHED_STEPS
from exporter.metrics.family import Samples
from exporter.metrics.limit import merge_beyond
from exporter.metrics.probes import RTT
from exporter.model.tally import RTT_BOUNDS_S
from tests.fakes import snapshots
from tests.fakes.scrapes import Scrape, by, matching, scrape
from tests.fakes.snapshots import histogram

FULL = 448
"""Series of the demo."""


def shed(found: Scrape) -> list[float]:
    """Return how many series each step left out, in their order."""
    steps = by(found, "series_shed", "step")
    return [steps[(step,)] for step in SHED_STEPS]


def counted(found: Scrape) -> int:
    """Return how many series a scrape has."""
    return sum(len(series) for series in found.values())


def test_within_the_limit_nothing_is_left_out() -> None:
    """The limit itself is allowed."""
    found = scrape(snapshots.small(), series_limit=FULL)

    assert FULL == counted(found)
    assert [0] * len(SHED_STEPS) == shed(found)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        pytest.param(FULL - 1, [32, 0, 0, 0, 0], id="single pairs first"),
        pytest.param(FULL - 33, [32, 4, 0, 0, 0], id="then conforming cells"),
        pytest.param(FULL - 37, [32, 4, 4, 0, 0], id="then endpoint infos"),
        pytest.param(FULL - 41, [32, 4, 4, 0, 16], id="then endpoints"),
        pytest.param(1, [32, 4, 4, 0, 16], id="and no more"),
    ],
)
def test_detail_goes_in_order(limit: int, expected: list[float]) -> None:
    """Each step only if the ones before were not enough."""
    found = scrape(snapshots.small(), series_limit=limit)

    assert expected == shed(found)
    assert FULL - sum(expected) == counted(found)


def test_the_exposition_says_how_many_series_it_has() -> None:
    """After what was left out, itself among them."""
    for limit in (FULL, FULL - 1, 1):
        found = scrape(snapshots.small(), series_limit=limit)

        assert [counted(found)] == matching(found, "series")
        assert [limit] == matching(found, "series_limit")


def test_dashboards_learn_that_single_pairs_are_gone() -> None:
    """As when there are too many."""
    found = scrape(snapshots.small(), series_limit=FULL - 1)

    assert [0] == matching(found, "pair_detail_enabled")


def test_verdicts_and_violations_always_stay() -> None:
    """What is wrong is never left out."""
    whole = scrape(snapshots.violations())
    least = scrape(snapshots.violations(), series_limit=1)

    for name in (
        "container_pairs",
        "pair_violations",
        "pair_violation_start_timestamp_seconds",
        "pair_coverage_ratio",
        "docker_up",
    ):
        assert whole[name] == least[name]


def test_cells_against_the_promise_stay() -> None:
    """Only those that keep it are left out."""
    found = scrape(snapshots.violations(), series_limit=1)

    contrary = {("isolated", "reachable"), ("reachable", "unreachable")}
    cells = by(found, "network_pairs", "source_network", "expected", "observed")
    assert contrary == {cell[1:] for cell in cells}


def rtt(**observations: int) -> Samples:
    """Return histograms of networks with so many observations."""
    samples = Samples(RTT)
    for network, count in observations.items():
        values = histogram(RTT_BOUNDS_S, *[1e-4] * count)
        samples.merge(values, "container", network, "4")
    return samples


def counts(samples: Samples) -> dict[str, int]:
    """Return the number of observations by network."""
    return {labels[1]: sum(one.counts) for labels, one in samples.histograms.items()}


def test_the_most_probed_networks_keep_their_histograms() -> None:
    """The others share one; nothing is lost."""
    samples = rtt(a=1, b=5, c=2, d=3)

    assert 19 == merge_beyond(samples, 2)
    assert {"b": 5, "d": 3, "_other": 3} == counts(samples)


def test_networks_probed_alike_are_kept_by_name() -> None:
    """The choice does not change from scrape to scrape."""
    samples = rtt(c=1, a=1, b=1, d=1)
    merge_beyond(samples, 2)

    assert {"a": 1, "b": 1, "_other": 2} == counts(samples)


def test_gateways_keep_their_histogram() -> None:
    """They have no network to begin with."""
    samples = rtt(a=5, b=4, c=3)
    samples.merge(histogram(RTT_BOUNDS_S, 1e-4), "gateway", "", "4")
    merge_beyond(samples, 1)

    assert {"a": 5, "": 1, "_other": 7} == counts(samples)


def test_few_networks_are_left_alone() -> None:
    """Nothing to save."""
    samples = rtt(a=1, b=2)

    assert 0 == merge_beyond(samples, 2)
    assert {"a": 1, "b": 2} == counts(samples)
