"""Scrapes as Prometheus reads them: rendered, then parsed again."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from exporter.metrics import Exposition
from exporter.metrics.collector import SERIES_LIMIT
from exporter.model.snapshot import Snapshot
from tests.fakes.snapshots import StillClock

Series = frozenset[tuple[str, str]]
"""The labels of a series."""
Scrape = Mapping[str, Mapping[Series, float]]
"""Samples by name without the prefix, then by labels."""


def text_of(snapshot: Snapshot, *, series_limit: int = SERIES_LIMIT) -> str:
    """Return a snapshot in the classic text format."""
    exposition = Exposition(lambda: snapshot, StillClock(), series_limit=series_limit)
    return exposition.render().body.decode()


def parsed(text: str) -> Scrape:
    """Return the samples of a text, by name and labels; none may stand there twice."""
    samples: dict[str, dict[Series, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removeprefix("dockernet_")
            known = samples.setdefault(name, {})
            series = frozenset(sample.labels.items())
            assert series not in known, f"twice: {sample.name} {sample.labels}"
            known[series] = sample.value
    return samples


def scrape(snapshot: Snapshot, *, series_limit: int = SERIES_LIMIT) -> Scrape:
    """Return the samples of a snapshot."""
    return parsed(text_of(snapshot, series_limit=series_limit))


def matching(found: Scrape, name: str, **labels: str) -> list[float]:
    """Return the values of the series that carry at least these labels."""
    return [
        value
        for series, value in found.get(name, {}).items()
        if labels.items() <= dict(series).items()
    ]


def by(found: Scrape, name: str, *wanted: str) -> dict[tuple[str, ...], float]:
    """Return the values of a family by some of its labels; the rest must agree."""
    result: dict[tuple[str, ...], float] = {}
    for series, value in found.get(name, {}).items():
        labels = dict(series)
        key = tuple(labels[label] for label in wanted)
        assert key not in result, f"{wanted} do not tell {name} apart: {labels}"
        result[key] = value
    return result
