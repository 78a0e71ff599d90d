"""From the front page to the cause: what the page is for."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.fakes import sights
from tests.page.conftest import Open, Serve

ISOLATION = "Rules with which Docker keeps the two apart are gone."
EVIDENCE = "filter FORWARD has no jump to DOCKER-ISOLATION-STAGE-1"


def panel_tells_the_cause(page: Page) -> None:
    """What is open says why, by what evidence, and what to do."""
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text(ISOLATION)
    expect(panel).to_contain_text(EVIDENCE)
    expect(panel).to_contain_text("What to do: restart the engine")


@pytest.mark.parametrize("containers", [5, 200, 1000])
def test_cause_in_one_click(stage_of: Serve, open_tab: Open, containers: int) -> None:
    """The front names the cause; a click on a pair opens its evidence."""
    stage = stage_of(sights.seen(containers, broken=True))
    page = open_tab(stage)
    card = page.locator(".breach").first
    expect(card).to_contain_text(ISOLATION)
    expect(card).to_contain_text("5 minutes ago")

    card.locator(".pair a").first.click()

    panel_tells_the_cause(page)


@pytest.mark.parametrize("containers", [5, 200, 1000])
def test_cause_by_way_of_the_matrix_in_two_clicks(
    stage_of: Serve, open_tab: Open, containers: int
) -> None:
    """A red cell opens into containers, and a red one of these tells the cause."""
    stage = stage_of(sights.seen(containers, broken=True))
    page = open_tab(stage)

    page.locator(".grid .leaking").first.click()
    page.locator(".grid[aria-label^=Containers] .leaking").first.click()

    panel_tells_the_cause(page)


def test_all_that_is_known_of_a_pair(stage_of: Serve, open_tab: Open) -> None:
    """Promise, what was seen, both controls, times, history, the command."""
    stage = stage_of(sights.seen(5, broken=True))
    page = open_tab(stage)
    page.locator(".pair a").first.click()
    panel = page.get_by_role("dialog")

    for text in (
        "isolation broken for 5 minutes",
        "Containers on different bridge networks do not reach each other",
        "different-bridges",
        "answered",
        "yes, known to answer",
        "172.18.0.2",
        "dockernet-exporter explain bridge1 mybridge1",
        "2026-01-01 11:55:07 UTC",
    ):
        expect(panel).to_contain_text(text)
    expect(panel.locator(".spark svg")).to_have_attribute(
        "aria-label", re.compile(r"\d+ µs to \d+ µs.*; 40 probes, 0 without a reply")
    )
    panel.get_by_role("button", name="Copy").click()
    expect(panel.get_by_role("status")).to_have_text(re.compile("copied|selected"))


def test_without_scripts(stage_of: Serve, open_tab: Open) -> None:
    """Verdict, violations, causes and networks are readable, and kept new."""
    stage = stage_of(sights.seen(200, broken=True))
    page = open_tab(stage, scripts=False)

    text = page.inner_text("body")
    assert "Isolation is broken for 32 pairs, connections for 18." in text
    assert "Isolation broken: 32 pairs reach what they must not" in text
    assert ISOLATION in text
    assert "restart the engine" in text
    assert re.search(r"backup-\w+-\d reaches chat-\w+-\d", text)
    assert "172.17.0.0/24" in text
    assert not page.locator("#tools").is_visible()
    assert 1 == page.locator('meta[http-equiv="refresh"]').count()
