"""JUnit XML, as a pipeline reads it."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from exporter.model.outcome import Verdict
from exporter.model.snapshot import Snapshot
from exporter.report.junit import junit
from tests.fakes.report_samples import (
    dead,
    demo_on_host,
    forty,
    hostile,
    joined,
    leaking,
    skipped,
    snapshot,
)
from tests.fakes.topologies import demo

KINDS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def parsed(found: Snapshot) -> ET.Element:
    """Return the document; our own text, so no foreign XML is parsed."""
    return ET.fromstring("".join(junit(found)))  # noqa: S314 - made here


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(snapshot(demo()), id="healthy"),
        pytest.param(snapshot(demo(), leaking), id="leaking"),
        pytest.param(snapshot(demo(), dead("bridge1"), skipped("bridge2")), id="mixed"),
        pytest.param(snapshot(forty(), dead("wiki-app-1")), id="forty"),
        pytest.param(snapshot(joined(), leaking), id="multi-homed"),
        pytest.param(snapshot(hostile(), dead("evil")), id="hostile name"),
    ],
)
def test_counts(found: Snapshot) -> None:
    """Every pair is one case; every count is the number of its elements."""
    root = parsed(found)

    assert len(found.pairs) == len(root.findall("testsuite/testcase"))
    for holder in (root, *root.findall("testsuite")):
        assert int(holder.attrib["tests"]) == len(list(holder.iter("testcase")))
        for attribute, element in KINDS.items():
            assert int(holder.attrib[attribute]) == len(list(holder.iter(element)))


def test_suites() -> None:
    """There is a suite for each scope, pair of networks and family."""
    assert [
        "container bridge -> bridge IPv4",
        "container bridge -> mybridge IPv4",
        "container mybridge -> bridge IPv4",
        "container mybridge -> mybridge IPv4",
        "host -> bridge IPv4",
        "host -> mybridge IPv4",
        "gateway bridge IPv4",
        "gateway mybridge IPv4",
        "name bridge IPv4",
        "name mybridge IPv4",
    ] == [suite.attrib["name"] for suite in parsed(snapshot(demo_on_host()))]


def test_failure_in_words() -> None:
    """A broken promise is a failure that says everything without the matrix."""
    failure = parsed(snapshot(demo(), leaking)).find("testsuite/testcase/failure")

    assert failure is not None
    assert {
        "message": "bridge1 -> mybridge1 172.18.0.2: reachable, although isolation is "
        "promised",
        "type": "unexpected_reachable",
    } == failure.attrib
    assert (
        "promised: isolated: Containers on different bridge networks do not reach each "
        "other. (different-bridges)\n"
        "seen: answered in 74 us\n"
        "controls: source alive, destination alive"
    ) == failure.text


def test_unverified_is_an_error() -> None:
    """An unverified pair is an error with its reason, never passed and never failed."""
    error = parsed(snapshot(demo(), dead("bridge1"))).find("testsuite/testcase/error")

    assert error is not None
    assert "unverified" == error.attrib["type"]
    assert "because: silence" in str(error.text)


def test_hostile_name() -> None:
    """A name with control characters and markup is told apart and breaks nothing."""
    names = {
        case.attrib["name"] for case in parsed(snapshot(hostile())).iter("testcase")
    }

    assert r"evil\x1b[31m\n[bold]\u202e]]>&<\x00name -> good 172.30.0.3" in names


def test_time() -> None:
    """Times are seconds: of the check for the whole, of the reply for a case."""
    root = parsed(snapshot(demo()))
    case = root.find("testsuite/testcase")

    assert case is not None
    assert ("1.100", "0.000061") == (root.attrib["time"], case.attrib["time"])


def test_reason_with_markup() -> None:
    """A reason is text, whatever characters it has."""
    healthy = snapshot(demo())
    first = replace(healthy.pairs[0], verdict=Verdict.UNVERIFIED, reason="a < b & c")
    error = parsed(replace(healthy, pairs=(first,))).find("testsuite/testcase/error")

    assert error is not None
    assert str(error.text).endswith("because: a < b & c")
