"""Scrapes as Prometheus reads them: rendered, then parsed again."""

import re
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from exporter.metrics import Exposition
from exporter.metrics.catalogue import BY_NAME
from exporter.metrics.collector import SERIES_LIMIT
from exporter.metrics.family import Family, Label
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


def labels_of(family: Family) -> dict[str, Label]:
    """Return a family's labels by name."""
    return {label.name: label for label in family.labels}


def family_of(sample: str) -> Family:
    """Return the family of a sample."""
    bare = re.sub(r"_(bucket|sum|count)$", "", sample)
    return BY_NAME.get(f"dockernet_{sample}") or BY_NAME[f"dockernet_{bare}"]


def strays(found: Scrape) -> list[str]:
    """Return what a scrape has beyond what the catalogue says."""
    wrong = []
    for name, series in found.items():
        labels = labels_of(family_of(name))
        for one in series:
            rest = {key: value for key, value in one if key != "le"}
            if rest.keys() != labels.keys():
                wrong.append(f"{name}: labels {sorted(rest)}")
            wrong.extend(
                f"{name}: {key}={value}"
                for key, value in rest.items()
                if labels[key].values and value not in labels[key].values
            )
    return wrong
