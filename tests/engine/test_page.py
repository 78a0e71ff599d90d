"""The page in a real browser, beside a real engine."""

import time

import pytest
from playwright.sync_api import expect

from tests.engine.test_detection import active, flushed, soon
from tests.lab.fixtures import require
from tests.lab.service import serving
from tests.lab.topology import Running
from tests.page.browser import chromium, started

SOON_S = 2.0
"""From the flush to the open page."""


@pytest.mark.browser
def test_a_breach_comes_to_the_open_page_and_goes(demo: Running) -> None:
    """Within two seconds of the flush, with its cause; after the repair it is over."""
    path = chromium()
    require(None if path else "no chromium on this machine: install Debian's chromium")
    with (
        serving(demo.engine, interval="60s") as service,
        started(str(path)) as browser,
    ):
        service.wait_for_cycle(trigger="start", as_expected=24)
        soon(lambda: "nftables" in active(service), 15)
        complaints: list[str] = []
        page = browser.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(service.url)
        expect(page.locator(".verdict")).to_have_text(
            "Isolation intact: 24 promises hold."
        )
        expect(page.locator("#live")).to_have_text("live")

        began_s = time.monotonic()
        with flushed(demo.engine):
            page.locator(".breach").first.wait_for()
            took_s = time.monotonic() - began_s
            page.locator(".pair a").first.click()
            panel = page.get_by_role("dialog")
            expect(panel.locator(".causes")).to_contain_text("What to do")
            expect(panel).to_contain_text("dockernet-exporter explain")

        expect(page.locator(".breach")).to_have_count(0, timeout=10_000)
        expect(panel.locator(".state")).to_contain_text("as promised")
        assert took_s < SOON_S
        assert [] == complaints
