"""Rules of the lines of samples, and that they are what the library writes."""

import pytest
from prometheus_client.exposition import generate_latest as classic
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

from exporter.metrics.catalogue import FAMILIES
from exporter.metrics.collector import build
from exporter.metrics.family import Family, Kind, Label, Samples
from exporter.metrics.text import EOF, head, lines
from exporter.model.tally import Histogram
from tests.fakes import snapshots
from tests.fakes.library_text import Library
from tests.fakes.snapshots import histogram

NAME = Label(name="name", text="A name.")
KIND = Label(name="a_kind", text="A kind.")
GAUGE = Family(name="things", kind=Kind.GAUGE, help="Things.", labels=(NAME,))
TOTAL = Family(name="things_total", kind=Kind.COUNTER, help="Things.", labels=(NAME,))
INFO = Family(name="thing_info", kind=Kind.INFO, help="A thing.", labels=(NAME,))
TIMES = Family(
    name="thing_seconds", kind=Kind.HISTOGRAM, help="Times.", labels=(NAME, KIND)
)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        pytest.param(GAUGE, "dockernet_things", id="gauge"),
        pytest.param(TOTAL, "dockernet_things_total", id="counter"),
        pytest.param(INFO, "dockernet_thing_info", id="info"),
    ],
)
def test_a_sample_has_the_name_of_its_family(family: Family, name: str) -> None:
    """The name in the catalogue is the name in the text; no `_created` beside it."""
    samples = Samples(family)
    samples.put(1, "a")

    assert f'{name}{{name="a"}} 1.0\n' == lines(samples)


def test_a_histogram_has_all_its_buckets_cumulated() -> None:
    """Bounds are upper bounds, the last is +Inf and equals the count."""
    samples = Samples(TIMES)
    samples.merge(histogram((0.5, 1.0), 0.25, 0.5, 0.75, 3.0), "a", "b")

    expected = [
        'dockernet_thing_seconds_bucket{a_kind="b",le="0.5",name="a"} 2.0',
        'dockernet_thing_seconds_bucket{a_kind="b",le="1.0",name="a"} 3.0',
        'dockernet_thing_seconds_bucket{a_kind="b",le="+Inf",name="a"} 4.0',
        'dockernet_thing_seconds_count{a_kind="b",name="a"} 4.0',
        'dockernet_thing_seconds_sum{a_kind="b",name="a"} 4.5',
    ]
    assert expected == lines(samples).splitlines()
    assert len(expected) == samples.series


@pytest.mark.parametrize(
    "value",
    [
        0,
        1,
        999_999,
        1_000_000,
        123_456_789_012,
        -1,
        -5,
        0.1,
        1e-7,
        2.5e9,
        1e300,
        1783943047.25,
        float("inf"),
        float("-inf"),
        float("nan"),
        True,
        False,
    ],
)
def test_numbers_are_written_as_the_library_writes_them(value: float) -> None:
    """Whole, small, large, none at all."""
    samples = Samples(GAUGE)
    samples.put(value, "a")

    assert classic(Library([samples])).decode().endswith(lines(samples))


@pytest.mark.parametrize(
    "name", ["", "a", "%", "%s", "{}", '"', "\\", '\\"', "\n", "é", "\u202e", "\ud800"]
)
def test_names_are_written_as_the_library_writes_them(name: str) -> None:
    """Whatever the name is; a line stays one line."""
    samples, times = Samples(GAUGE), Samples(TIMES)
    samples.put(1, name)
    times.merge(Histogram((1.0,)), name, name)

    for one, count in ((samples, 1), (times, 4)):
        assert classic(Library([one])).decode().endswith(lines(one))
        assert count == lines(one).count("\n")


def test_every_head_is_the_librarys() -> None:
    """With a unit in OpenMetrics, and no end before the end."""
    for family in FAMILIES:
        bare = Library([Samples(family)])
        assert classic(bare).decode() == head(family, is_openmetrics=False)
        text = openmetrics(bare)  # type: ignore[no-untyped-call]
        assert text.decode() == head(family, is_openmetrics=True) + EOF


def test_a_whole_scrape_is_what_the_library_writes() -> None:
    """Each family, in both formats."""
    built = build(snapshots.violations(), shown=True, series_limit=10_000)
    for samples in built.scrape.values():
        alone = Library([samples])
        text = lines(samples)
        family = samples.family

        assert classic(alone).decode() == head(family, is_openmetrics=False) + text
        strict = openmetrics(alone)  # type: ignore[no-untyped-call]
        assert strict.decode() == head(family, is_openmetrics=True) + text + EOF
