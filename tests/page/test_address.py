"""A view stands in the address: links lead there, and back leads back."""

import re

import pytest
from playwright.sync_api import expect

from tests.fakes import sights
from tests.page.conftest import FAILING, Open, Serve

VIEWS = {
    "": "gateway",
    "?view=pairs&verdict=unexpected_reachable": "isolation broken",
    "?view=topology": "1 on more than one network",
    "?view=outages": "No engine answered",
    "?view=exporter": "Neighbour table, IPv4",
    "?from=backup_default&to=chat_default": "From backup_default to chat_default",
    "?only=wrong": "Only what is wrong",
    "?scope=name": "backup_default",
}


@pytest.mark.parametrize("query", VIEWS, ids=lambda query: query or "front")
def test_a_deep_link_shows_its_view(
    stage_of: Serve, open_tab: Open, query: str
) -> None:
    """Each view has an address that a colleague can be sent."""
    stage = stage_of(sights.seen(200, broken=True))
    page = open_tab(stage, query)

    expect(page.locator("#view")).to_contain_text(VIEWS[query])
    assert page.url == stage.url + query


def test_subnets_show_bars_and_overlaps(stage_of: Serve, open_tab: Open) -> None:
    """How full each is, and who else claims its addresses."""
    stage = stage_of(sights.seen(200, broken=False))
    page = open_tab(stage, "?view=subnets")
    row = page.locator("#subnets tr", has_text="shop_default")

    expect(row).to_contain_text("243 of 256, 13 left")
    assert "0.9492" == row.locator("meter").get_attribute("value")
    expect(page.locator("#subnets tr", has_text="mail_default")).to_contain_text(
        "overlaps the host's route 172.18.0.0/16 dev tun0"
    )


def test_back_goes_back(stage_of: Serve, open_tab: Open) -> None:
    """Through a panel, a cell and a view, to where it began; and forth again."""
    stage = stage_of(sights.seen(200, broken=True))
    page = open_tab(stage)
    page.locator(".grid .leaking").first.click()
    page.wait_for_url(re.compile(r"\?from="))
    page.locator(".grid[aria-label^=Containers] .leaking").first.click()
    page.wait_for_url(re.compile("pair="))
    expect(page.get_by_role("dialog")).to_be_visible()

    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#view")).to_contain_text("From backup_default")
    page.go_back()
    expect(page.locator(".grid")).to_have_attribute(
        "aria-label", "Networks by networks"
    )
    assert page.url == stage.url
    page.go_forward()
    expect(page.locator("#view")).to_contain_text("From backup_default")


def test_escape_closes_the_panel_as_back_does(stage_of: Serve, open_tab: Open) -> None:
    """No second step back is needed after it."""
    stage = stage_of(sights.seen(5, broken=True))
    page = open_tab(stage, "?view=outages")
    page.locator(".pair a").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert "view=outages" in page.url

    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.url == stage.url + "?view=outages"


def test_a_pair_that_is_gone(stage_of: Serve, open_tab: Open) -> None:
    """A link to it says so."""
    stage = stage_of(sights.seen(5, broken=False))
    page = open_tab(stage, "?pair=00", but=FAILING)

    expect(page.get_by_role("dialog")).to_contain_text("does not exist any more")


def test_search_is_in_the_address(stage_of: Serve, open_tab: Open) -> None:
    """`/` begins it, rows and violations follow, Escape ends it."""
    stage = stage_of(sights.seen(200, broken=True))
    page = open_tab(stage)

    page.keyboard.press("/")
    page.keyboard.type("chat-db-1")
    page.wait_for_url(re.compile("q=chat-db-1"))
    expect(page.locator(".found")).to_contain_text("1 container found: chat-db-1")
    expect(page.locator(".pair:visible", has_text="chat-web")).to_have_count(0)

    page.keyboard.press("Escape")
    page.wait_for_url(stage.url)
    expect(page.locator(".found")).to_have_count(0)

    page.keyboard.press("/")
    page.keyboard.type("wiki")
    expect(page.locator(".grid tbody tr")).to_have_count(1)


def test_keys_in_the_matrix(stage_of: Serve, open_tab: Open) -> None:
    """Arrows go from cell to cell, Home and End along a row, Enter opens."""
    stage = stage_of(sights.seen(5, broken=True))
    page = open_tab(stage)
    focused = "document.activeElement.getAttribute('aria-label')"
    page.locator('.grid [tabindex="0"]').focus()
    assert str(page.evaluate(focused)).startswith("host to bridge")

    page.keyboard.press("ArrowDown")
    assert str(page.evaluate(focused)).startswith("bridge to bridge")
    page.keyboard.press("End")
    assert str(page.evaluate(focused)).startswith("bridge to mybridge")
    expect(page.locator(".about")).to_contain_text("2 pairs reachable, isolation")
    assert 1 == page.locator('.grid [data-at][tabindex="0"]').count()

    page.keyboard.press("Enter")
    expect(page.locator("#view h2")).to_have_text("From bridge to mybridge")
