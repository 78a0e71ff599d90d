"""The report of a check as a person sees it."""

import re
from pathlib import Path

import pytest

from exporter.model.snapshot import Snapshot
from exporter.report.cells import width_of
from exporter.report.matrix import matrix
from exporter.report.page import ASCII, Page
from exporter.report.paint import painted
from tests.fakes.report_samples import (
    crowd,
    dead,
    forty,
    hostile,
    in_family,
    joined,
    leaking,
    only,
    skipped,
    snapshot,
)
from tests.fakes.topologies import demo

GOLDEN = Path(__file__).parents[2] / "golden"
WIDE, NARROW = Page(width=140), Page(width=80)

SAMPLES = {
    "demo": (snapshot(demo()), NARROW),
    "demo-leaking": (snapshot(demo(), leaking), NARROW),
    "demo-ascii": (snapshot(demo(), leaking), Page(width=80, glyphs=ASCII)),
    "dual-stack": (snapshot(crowd({"bridge": 2, "web": 2}, ipv6=True)), NARROW),
    "multi-homed": (snapshot(joined(), skipped("api")), NARROW),
    "forty-narrow": (snapshot(forty(), dead("shop-app-3")), NARROW),
    "forty-wide": (snapshot(forty(), only("mail-app-1", "wiki-app-2", leaking)), WIDE),
    "networks": (
        snapshot(
            crowd({f"net{n}": 12 for n in range(1, 9)}),
            only("net2-app-3", "net5-app-1", leaking),
            notices=("scope host is off: no namespace holds the engine's bridges",),
        ),
        Page(width=100),
    ),
}


def lines(found: Snapshot, page: Page = NARROW) -> list[str]:
    """Return the report without colours."""
    return list(painted(matrix(found, page), colour=False))


def rows(found: Snapshot, page: Page = NARROW) -> dict[str, str]:
    """Return the marks of each row of a numbered or named matrix, by container."""
    names = {box.name for box in found.topology.containers} if found.topology else set()
    cells = {}
    for line in lines(found, page):
        match = re.fullmatch(r" +(?:\d+ )?(\S+) ([ ✓·!✗?-]*)", line)
        if match and match[1] in names:
            cells[match[1]] = match[2].replace(" ", "")
    return cells


@pytest.mark.parametrize("name", SAMPLES)
def test_golden(name: str, update_golden: bool) -> None:
    """The whole report, line for line, is what was looked at and found good."""
    path = GOLDEN / f"matrix-{name}.txt"
    text = "\n".join(lines(*SAMPLES[name])) + "\n"
    if update_golden:
        path.write_text(text)

    assert path.read_text() == text


@pytest.mark.parametrize("name", SAMPLES)
def test_fits_the_width(name: str) -> None:
    """No line is wider than the page, so nothing is broken by the terminal."""
    found, page = SAMPLES[name]

    assert [] == [line for line in lines(found, page) if width_of(line) > page.width]


def test_row_to_column() -> None:
    """Rows are sources and columns destinations; a container has no cell for itself."""
    found = snapshot(demo(), only("bridge1", "mybridge2", leaking))

    assert {
        "bridge1": "✓·!",
        "bridge2": "✓··",
        "mybridge1": "··✓",
        "mybridge2": "··✓",
    } == rows(found)


def test_worst_of_a_cell() -> None:
    """Of several addresses in one cell the worst is shown."""
    healthy = rows(snapshot(joined()))
    broken = rows(snapshot(joined(), only("api", "proxy", leaking)))

    assert healthy["api"].replace("✓", "!", 1) == broken["api"]


def test_not_probed_is_shown() -> None:
    """A pair that was left out is marked and never looks verified."""
    found = rows(snapshot(demo(), skipped("bridge1")))

    assert "---" == found["bridge1"]


def test_families_alike_share_a_matrix() -> None:
    """Two families with the same picture are drawn once, and it is said."""
    found = lines(snapshot(crowd({"bridge": 2, "web": 2}, ipv6=True)))

    assert "IPv4 and IPv6, alike: from each row to each column" in found


def test_families_that_differ_are_apart() -> None:
    """Where one family leaks and the other does not, each has its matrix."""
    topology = crowd({"bridge": 2, "web": 2}, ipv6=True)
    found = lines(snapshot(topology, in_family(6, leaking)))

    assert [
        "IPv4: from each row to each column",
        "IPv6: from each row to each column",
    ] == [line for line in found if "from each row" in line]


def test_by_network_when_too_wide() -> None:
    """Beyond the width cells stand for networks; violations still name containers."""
    found, page = SAMPLES["networks"]
    text = "\n".join(lines(found, page))

    assert "IPv4 by network: from each row to each column" in text
    assert "! 1/144" in text
    assert "net2-app-3 → net5-app-1" in text


def test_too_many_networks() -> None:
    """Where not even the networks fit, that is said and the totals remain."""
    found = lines(snapshot(crowd({f"n{n}": 1 for n in range(60)})), Page(width=40))

    assert "IPv4: too many networks for a matrix of this width" in found
    assert any(line.startswith("container → container, IPv4") for line in found)


def test_hostile_name() -> None:
    """A name can move no cursor, break no line and set no style."""
    text = "".join(
        painted(matrix(snapshot(hostile(), dead("evil")), WIDE), colour=False)
    )

    assert r"evil\x1b[31m\n[bold]\u202e" in text
    assert text.isprintable()


def test_no_engine() -> None:
    """Without a topology there is nothing to draw and no error."""
    empty = Snapshot(taken=snapshot(demo()).taken)

    assert ["no engine has answered yet"] == lines(empty)[:1]
