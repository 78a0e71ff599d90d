"""What a metric family is, and the samples of one family in one scrape.

Names follow the Prometheus conventions (base units, `_total` on counters only,
`_info` for joins); `exporter.metrics.text` turns them into either text format.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)

from exporter.metrics.sizes import Sizes
from exporter.model.tally import Histogram
from exporter.printable import printable

PREFIX = "dockernet_"
OTHER = "other"
"""Label value for what is not in a closed set."""
HISTOGRAM_EXTRA = 3
"""Series of a histogram besides one for each bound: +Inf, _sum and _count."""

_UNITS = ("seconds", "bytes", "ratio")


FamilyMetric = (
    CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily
)
"""What `prometheus_client` knows of a family."""


class Kind(StrEnum):
    """Type of a metric family; info is a gauge in the classic text format."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label of a family."""

    name: str
    text: str
    """What it says, for the documentation."""
    values: tuple[str, ...] = ()
    """The closed set of its values; empty where the values are names."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Family:
    """A metric family: everything about it but its values; equal only to itself."""

    name: str
    """Without the prefix; with `_total` or `_info`."""
    kind: Kind
    help: str
    labels: tuple[Label, ...] = ()
    bound: str = "1"
    """The greatest number of series, in words and the letters of `Sizes`."""
    most: Callable[[Sizes], int] = field(default=lambda _: 1)
    """The same as a function."""

    @property
    def full_name(self) -> str:
        """Return the name as it stands in the classic text format."""
        return PREFIX + self.name

    @property
    def unit(self) -> str:
        """Return the base unit that the name ends with, empty if it has none."""
        last = self.name.removesuffix("_total").rsplit("_", maxsplit=1)[-1]
        return last if last in _UNITS else ""

    def metric(self) -> FamilyMetric:
        """Return the family without samples."""
        names = [label.name for label in self.labels]
        match self.kind:
            case Kind.COUNTER:
                return CounterMetricFamily(
                    self.full_name, self.help, labels=names, unit=self.unit
                )
            case Kind.HISTOGRAM:
                return HistogramMetricFamily(
                    self.full_name, self.help, labels=names, unit=self.unit
                )
            case Kind.INFO:
                bare = self.full_name.removesuffix("_info")
                return InfoMetricFamily(bare, self.help, labels=names)
            case Kind.GAUGE:
                pass
        return GaugeMetricFamily(
            self.full_name, self.help, labels=names, unit=self.unit
        )


Labels = tuple[str, ...]
"""Label values in the order of the family's labels."""


class Samples:
    """The samples of one family in one scrape: one value for each set of labels.

    Two samples of the same labels cannot exist, whatever the engine's names are.
    """

    __slots__ = ("family", "histograms", "values")

    def __init__(self, family: Family) -> None:
        """Start without a sample."""
        self.family = family
        self.values: dict[Labels, float] = {}
        self.histograms: dict[Labels, Histogram] = {}

    def put(self, value: float, *labels: str) -> None:
        """Set a value; where the labels have one already, the first stays."""
        self.values.setdefault(self._clean(labels), value)

    def add(self, value: float, *labels: str) -> None:
        """Add to the value of these labels, 0 if there is none."""
        key = self._clean(labels)
        self.values[key] = self.values.get(key, 0) + value

    def put_greater(self, value: float, *labels: str) -> None:
        """Set the greater of a value and the one these labels have."""
        key = self._clean(labels)
        self.values[key] = max(value, self.values.get(key, value))

    def put_lesser(self, value: float, *labels: str) -> None:
        """Set the lesser of a value and the one these labels have."""
        key = self._clean(labels)
        self.values[key] = min(value, self.values.get(key, value))

    def merge(self, histogram: Histogram, *labels: str) -> None:
        """Add a histogram to the one of these labels; the bounds must be the same."""
        key = self._clean(labels)
        known = self.histograms.get(key)
        self.histograms[key] = histogram if known is None else _sum(known, histogram)

    def clear(self) -> int:
        """Drop every sample and return how many series that were."""
        dropped = self.series
        self.values.clear()
        self.histograms.clear()
        return dropped

    @property
    def series(self) -> int:
        """Return the number of series."""
        return len(self.values) + sum(map(histogram_series, self.histograms.values()))

    def _clean(self, labels: Labels) -> Labels:
        if len(labels) != len(self.family.labels):
            raise ValueError(f"{self.family.name}: {len(labels)} label values")
        return tuple([printable(label) for label in labels])


def histogram_series(histogram: Histogram) -> int:
    """Return how many series a histogram makes."""
    return len(histogram.bounds_s) + HISTOGRAM_EXTRA


def closed(
    family: Family, counts: Mapping[str, int], known: tuple[str, ...]
) -> Samples:
    """Return counters over a closed set of values of a family's one label.

    Args:
        family: with one label.
        counts: what was counted, by label value.
        known: the closed set; each is there, with 0 if nothing was counted. The
            rest goes into `OTHER`, absent while there is nothing else.
    """
    samples = Samples(family)
    for value in known:
        samples.put(0, value)
    for value, count in counts.items():
        samples.add(count, value if value in known else OTHER)
    return samples


def _sum(left: Histogram, right: Histogram) -> Histogram:
    return Histogram(
        left.bounds_s,
        [a + b for a, b in zip(left.counts, right.counts, strict=True)],
        left.sum_s + right.sum_s,
    )
