"""Rules of the documentation of metrics: it is made from the catalogue."""

import re
from pathlib import Path

import pytest

from exporter.metrics.catalogue import FAMILIES
from exporter.metrics.docs import main, metrics_page

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_the_catalogues() -> None:
    """docs/metrics.md is what the catalogue says; its head names the command."""
    assert metrics_page() == PAGE.read_text()


def test_every_family_has_its_row() -> None:
    """Once, with its bound and what it says."""
    page = PAGE.read_text()
    rows = re.findall(r"^\| `(dockernet_\w+)` \|.*\|$", page, re.MULTILINE)

    assert [family.full_name for family in FAMILIES] == rows
    assert [] == [f.name for f in FAMILIES if f"| {f.bound} | {f.help} |" not in page]


def test_no_bar_breaks_a_table() -> None:
    """A bar within a cell would begin another one."""
    texts = [text for family in FAMILIES for text in (family.help, family.bound)]

    assert [] == [text for text in texts if "|" in text or "\n" in text]


def test_the_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """The command in the head of the page makes the page."""
    main()

    assert PAGE.read_text() == capsys.readouterr().out
