"""Rules of families and their samples."""

import pytest

from exporter.metrics.family import Family, Kind, Label, Samples, closed
from exporter.model.tally import Histogram

NAME = Label(name="name", text="A name.")
GAUGE = Family(name="things", kind=Kind.GAUGE, help="Things.", labels=(NAME,))
TOTAL = Family(name="things_total", kind=Kind.COUNTER, help="Things.", labels=(NAME,))
TIMES = Family(name="thing_seconds", kind=Kind.HISTOGRAM, help="Times.", labels=(NAME,))
INFO = Family(name="thing_info", kind=Kind.INFO, help="A thing.", labels=(NAME,))


def test_merged_histograms_leave_the_originals_alone() -> None:
    """The tally's own histograms are shared by every scrape."""
    left, right = Histogram((1.0,)), Histogram((1.0,))
    left.observe(0.5)
    right.observe(2.0)
    samples = Samples(TIMES)
    samples.merge(left, "a")
    samples.merge(right, "a")

    assert ([1, 1], 2.5) == (
        samples.histograms[("a",)].counts,
        samples.histograms[("a",)].sum_s,
    )
    assert ([1, 0], [0, 1]) == (left.counts, right.counts)


@pytest.mark.parametrize(
    ("name", "kind", "unit"),
    [
        pytest.param("a_seconds", Kind.GAUGE, "seconds", id="seconds"),
        pytest.param("a_bytes_total", Kind.COUNTER, "bytes", id="before total"),
        pytest.param("a_ratio", Kind.GAUGE, "ratio", id="ratio"),
        pytest.param("a_total", Kind.COUNTER, "", id="none"),
    ],
)
def test_the_unit_is_the_names_ending(name: str, kind: Kind, unit: str) -> None:
    """OpenMetrics wants the unit at the end of the name."""
    family = Family(name=name, kind=kind, help="A.")

    assert (unit, unit) == (family.unit, family.metric().unit)


def test_the_first_value_of_a_label_set_stays() -> None:
    """No label set stands there twice."""
    samples = Samples(GAUGE)
    samples.put(1, "a")
    samples.put(2, "a")

    assert {("a",): 1} == samples.values


def test_values_of_one_label_set_add_up_or_compete() -> None:
    """Sums, the greatest, the least."""
    sums, greatest, least = Samples(GAUGE), Samples(GAUGE), Samples(GAUGE)
    for value in (2, 3, 1):
        sums.add(value, "a")
        greatest.put_greater(value, "a")
        least.put_lesser(value, "a")

    assert (6, 3, 1) == (
        sums.values[("a",)],
        greatest.values[("a",)],
        least.values[("a",)],
    )


def test_what_does_not_print_is_written_as_an_escape() -> None:
    """A name may hold what ends a line, a text or a parser."""
    samples = Samples(GAUGE)
    samples.put(1, "a\0b\nc\ud800")

    assert {(r"a\x00b\nc\ud800",): 1} == samples.values


def test_the_number_of_label_values_is_checked() -> None:
    """A value under the wrong label would go unnoticed for long."""
    with pytest.raises(ValueError, match="things: 2 label values"):
        Samples(GAUGE).put(1, "a", "b")


def test_clearing_tells_how_many_series_went() -> None:
    """For the metric that says so."""
    samples = Samples(TIMES)
    samples.merge(Histogram((1.0,)), "a")

    assert (4, 0) == (samples.clear(), samples.series)


def test_a_closed_set_is_there_from_the_start() -> None:
    """Counters begin at 0, and what is not known is one series."""
    samples = closed(TOTAL, {"b": 2, "x": 3, "y": 4}, ("a", "b"))

    assert {("a",): 0, ("b",): 2, ("other",): 7} == samples.values
