"""Samples as text: the lines of both formats, without an object for each sample.

The lines of samples are the same in the classic text format 0.0.4 and in OpenMetrics
1.0.0; only the lines before them differ. Those come from `prometheus_client`, once for
each family; making a sample's line here takes a tenth of the time it takes there, and
the tests compare the two. Sources: prometheus.io/docs/instrumenting/exposition_formats
and the OpenMetrics specification, 1.0.0.
"""

from collections.abc import Iterator
from functools import cache
from itertools import accumulate

from prometheus_client.exposition import generate_latest as classic
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.metrics.family import Family, Kind, Samples
from exporter.model.tally import Histogram

EOF = "# EOF\n"
"""What an OpenMetrics text ends with."""


class _Alone(Collector):
    """One metric, where the encoders of `prometheus_client` ask for a registry."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        """Yield it."""
        yield self._metric


@cache
def head(family: Family, *, is_openmetrics: bool) -> str:
    """Return what stands before a family's samples: HELP, TYPE and UNIT."""
    encode = openmetrics if is_openmetrics else classic
    encoded: bytes = encode(_Alone(family.metric()))
    return encoded.decode().removesuffix(EOF)


def lines(samples: Samples) -> str:
    """Return the lines of a family's samples, in their order; empty without any.

    Values of labels need no more than the escapes of the format: `Samples` lets
    nothing in that does not print.
    """
    family = samples.family
    if family.kind is Kind.HISTOGRAM:
        return "".join(
            _histogram_lines(family, labels, histogram)
            for labels, histogram in samples.histograms.items()
        )
    row = f"{family.full_name}{_labels(family)} %s\n"
    places = _places(family)
    is_info = family.kind is Kind.INFO
    return "".join(
        row
        % (
            *[_escaped(labels[place]) for place in places],
            "1.0" if is_info else _number(value),
        )
        for labels, value in samples.values.items()
    )


def _histogram_lines(
    family: Family, labels: tuple[str, ...], histogram: Histogram
) -> str:
    name = family.full_name
    values = tuple(_escaped(labels[place]) for place in _places(family))
    before = sum(label.name < "le" for label in family.labels)
    bucket = f"{name}_bucket{_labels(family, with_bound=True)} %s\n"
    counts = list(accumulate(histogram.counts))
    bounds = (*map(floatToGoString, histogram.bounds_s), "+Inf")
    rows = [
        bucket % (*values[:before], bound, *values[before:], _number(count))
        for bound, count in zip(bounds, counts, strict=True)
    ]
    plain = _labels(family)
    rows.append(f"{name}_count{plain} %s\n" % (*values, _number(counts[-1])))
    rows.append(f"{name}_sum{plain} %s\n" % (*values, _number(histogram.sum_s)))
    return "".join(rows)


@cache
def _places(family: Family) -> tuple[int, ...]:
    """Return where each label stands among the family's, by name."""
    names = [label.name for label in family.labels]
    return tuple(sorted(range(len(names)), key=names.__getitem__))


@cache
def _labels(family: Family, *, with_bound: bool = False) -> str:
    """Return the labels of a line, by name, with a %s for each value."""
    names = [label.name for label in family.labels]
    if with_bound:
        names.append("le")
    if not names:
        return ""
    return "{" + ",".join(f'{name}="%s"' for name in sorted(names)) + "}"


def _escaped(value: str) -> str:
    if "\\" not in value and '"' not in value:
        return value
    return value.replace("\\", r"\\").replace('"', r"\"")


def _number(value: float) -> str:
    """Return a number as `prometheus_client` writes it; most are small and whole."""
    if type(value) is int and -1 < value < 1_000_000:
        return f"{value}.0"
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text
