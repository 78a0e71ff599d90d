"""Samples as `prometheus_client` takes them, to compare our text with its own."""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.metrics.family import FamilyMetric, Samples
from exporter.model.tally import Histogram


class Library(Collector):
    """What the library's encoders ask for."""

    def __init__(self, samples: Iterable[Samples]) -> None:
        """Hold some families' samples."""
        self._samples = tuple(samples)

    def collect(self) -> Iterator[FamilyMetric]:
        """Yield a metric for each family."""
        for samples in self._samples:
            yield metric(samples)


def metric(samples: Samples) -> FamilyMetric:
    """Return a family's samples as the library takes them."""
    made = samples.family.metric()
    if isinstance(made, HistogramMetricFamily):
        for labels, histogram in samples.histograms.items():
            made.add_metric(labels, _buckets(histogram), histogram.sum_s)
    elif isinstance(made, InfoMetricFamily):
        for labels in samples.values:
            made.add_metric(labels, {})
    else:
        for labels, value in samples.values.items():
            made.add_metric(labels, value)
    return made


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(floatToGoString, histogram.bounds_s), "+Inf"]
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
