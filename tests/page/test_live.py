"""The page stays true without a reload, and says so when it cannot."""

import re
import time

from playwright.sync_api import expect

from tests.fakes import sights
from tests.page.conftest import FAILING, Open, Serve

SOON_S = 2.0


def test_a_breach_comes_and_goes(stage_of: Serve, open_tab: Open) -> None:
    """Within two seconds of the snapshot, in verdict, title, violations and matrix."""
    fine, broken = (sights.seen(200, broken=one) for one in (False, True))
    stage = stage_of(fine)
    page = open_tab(stage)
    page.evaluate("window.reloads = 'none'")
    expect(page.locator(".headline")).to_have_class(re.compile("idle|good"))
    expect(page.locator(".breach")).to_have_count(0)

    began_s = time.monotonic()
    stage.show(broken)
    page.locator(".breach").first.wait_for()
    page.locator(".grid .leaking").first.wait_for()
    took_s = time.monotonic() - began_s
    assert took_s < SOON_S
    assert page.title().startswith("✗ Isolation is broken for 32 pairs")

    stage.show(fine)
    expect(page.locator(".breach")).to_have_count(0)
    expect(page.locator(".grid .leaking")).to_have_count(0)
    assert "none" == page.evaluate("window.reloads")


def test_news_leave_alone_what_a_person_does(stage_of: Serve, open_tab: Open) -> None:
    """What was opened stays open, what has the focus keeps it, scrolling stays."""
    stage = stage_of(sights.seen(200, broken=True))
    page = open_tab(stage)
    page.locator("details summary").first.click()
    cell = page.locator(".grid .leaking").first
    cell.focus()
    label = cell.get_attribute("aria-label")
    scrolled = page.evaluate("scrollY")

    stage.show(sights.flushed(200))
    expect(page.locator(".verdict")).to_contain_text("Isolation is broken")
    expect(page.locator(".verdict")).not_to_contain_text("connections")
    page.locator(".grid .leaking").nth(9).wait_for()

    assert page.locator("details").first.get_attribute("open") is not None
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert str(focused).split(":")[0] == str(label).split(":")[0]
    assert scrolled == page.evaluate("scrollY")


def test_an_open_panel_follows(stage_of: Serve, open_tab: Open) -> None:
    """The pair that is looked at is repaired while it is looked at."""
    stage = stage_of(sights.seen(5, broken=True))
    page = open_tab(stage)
    page.locator(".pair a").first.click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("isolation broken")

    stage.show(sights.seen(5, broken=False))

    expect(panel.locator(".state")).to_contain_text("as promised")
    expect(panel.locator(".causes")).to_have_count(0)


def test_a_page_without_its_exporter_does_not_look_fine(
    stage_of: Serve, open_tab: Open
) -> None:
    """Who does not answer any more is not shown as well."""
    stage = stage_of(sights.seen(5, broken=False))
    page = open_tab(stage, but=FAILING)
    expect(page.locator("#live")).to_have_text("live")

    stage.stop()

    expect(page.locator("#lost")).to_be_visible(timeout=10_000)
    expect(page.locator("#live")).to_have_text("not live")
