"""docs/expectations.md is made from the rules."""

import re
from pathlib import Path

import pytest

from exporter.model.expectation import RULES
from exporter.report.rules_page import main, rules_page

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "expectations.md"


def test_the_page_is_the_rules() -> None:
    """docs/expectations.md is what the rules say; its head names the command."""
    assert rules_page() == PAGE.read_text(encoding="utf-8")


def test_every_rule_has_its_section_in_order() -> None:
    """Once, under the id that the JSON writes."""
    sections = re.findall(r"^### (\S+)$", PAGE.read_text(), re.MULTILINE)

    assert [*RULES] == sections


def test_no_bar_breaks_a_table() -> None:
    """A bar within a cell would begin another one."""
    texts = [text for r in RULES.values() for text in (r.sentence, *r.reads)]

    assert [] == [text for text in texts if "|" in text or "\n" in text]


def test_every_judged_rule_has_evidence() -> None:
    """What is held against an engine, somebody else must have promised."""
    judged = [r for r in RULES.values() if r.expected != "unknown"]

    assert [] == [r.id for r in judged if not r.evidence]
    assert [] == [r.id for r in RULES.values() if not r.reads]


def test_the_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """The command in the head of the page makes the page."""
    main()

    assert PAGE.read_text() == capsys.readouterr().out


def test_the_verdicts_page_leads_there() -> None:
    """It explains verdicts and leaves the promises to the other page."""
    assert "(expectations.md)" in (DOCS / "verdicts.md").read_text()
