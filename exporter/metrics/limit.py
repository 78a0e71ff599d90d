"""The one place that holds the number of series to its limit.

Detail goes first, whatever answers "is something wrong?" never: verdict totals,
violations and everything about the exporter itself stay.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from exporter.metrics import daemon, inventory, paths, probes, verdicts
from exporter.metrics.family import Family, Samples

KEPT_NETWORKS = 100
"""Networks that keep histograms of their own."""
MERGED_NETWORK = "_other"
"""Label value for the networks that do not."""

Scrape = Mapping[Family, Samples]


def enforce(scrape: Scrape, limit: int) -> dict[str, int]:
    """Leave out what is least important until a scrape is within its limit.

    Args:
        scrape: all samples by family; changed in place.
        limit: most series.

    Returns:
        How many series each step left out, every step present.
    """
    excess = sum(samples.series for samples in scrape.values()) - limit
    shed: dict[str, int] = {}
    for step in daemon.SHED_STEPS:
        shed[step] = _STEPS[step](scrape) if excess > 0 else 0
        excess -= shed[step]
    return shed


def _shed_pair_detail(scrape: Scrape) -> int:
    scrape[paths.PAIR_DETAIL_ENABLED].values[()] = 0
    return _clear(scrape, paths.PAIR_REACHABLE, paths.PAIR_RTT)


def _shed_network_pairs(scrape: Scrape) -> int:
    cells = scrape[verdicts.NETWORK_PAIRS].values
    conforming = [cell for cell in cells if verdicts.is_conforming(cell)]
    for cell in conforming:
        del cells[cell]
    return len(conforming)


def _shed_endpoint_info(scrape: Scrape) -> int:
    return _clear(scrape, inventory.ENDPOINT_INFO)


def _shed_histograms(scrape: Scrape) -> int:
    return sum(
        merge_beyond(scrape[family], KEPT_NETWORKS)
        for family in (probes.RTT, probes.DNS_DURATION)
    )


def _shed_endpoints(scrape: Scrape) -> int:
    return _clear(
        scrape,
        paths.ENDPOINT_HOST_REACHABLE,
        paths.ENDPOINT_EXPECTED_PEERS,
        paths.ENDPOINT_REACHABLE_PEERS,
        paths.ENDPOINT_UNEXPECTED_PEERS,
    )


_STEPS: Mapping[str, Callable[[Scrape], int]] = {
    "pair_detail": _shed_pair_detail,
    "network_pairs": _shed_network_pairs,
    "endpoint_info": _shed_endpoint_info,
    "histograms": _shed_histograms,
    "endpoints": _shed_endpoints,
}


def _clear(scrape: Scrape, *families: Family) -> int:
    return sum(scrape[family].clear() for family in families)


def merge_beyond(samples: Samples, keep: int) -> int:
    """Merge the histograms of all but the most observed networks into one.

    Args:
        samples: of a histogram family with the label `network`.
        keep: networks that keep their own.

    Returns:
        How many series that saved.
    """
    before = samples.series
    place = [label.name for label in samples.family.labels].index("network")
    observed: Counter[str] = Counter()
    for labels, histogram in samples.histograms.items():
        observed[labels[place]] += sum(histogram.counts)
    ranked = sorted(observed, key=lambda name: (-observed[name], name))
    kept = {"", *ranked[:keep]}
    rest = [labels for labels in samples.histograms if labels[place] not in kept]
    for labels in rest:
        histogram = samples.histograms.pop(labels)
        samples.merge(histogram, *labels[:place], MERGED_NETWORK, *labels[place + 1 :])
    return before - samples.series
