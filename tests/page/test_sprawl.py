"""More networks than a page of the matrix has: what is wrong is found all the same."""

import json

from playwright.sync_api import Browser, Page, expect

from tests.fakes import sights
from tests.page.conftest import Open, Serve
from tests.page.test_cost import TASK_MOST_MS, tasks_ms

NETWORKS = 120
FIRST, SECOND = "app024_default", "app096_default"
"""The two that are let through."""


def headings(page: Page) -> list[str]:
    """Return the names of the rows."""
    return page.locator(".grid tbody th").all_inner_texts()


def test_what_is_wrong_comes_first(stage_of: Serve, open_tab: Open) -> None:
    """And the rest by name, page after page; the host is on each."""
    page = open_tab(stage_of(sights.sprawl(NETWORKS, broken=True)))

    assert ["host", FIRST, SECOND, "app000_default"] == headings(page)[:4]
    assert 41 == len(headings(page))
    expect(page.locator(".grid .leaking")).to_have_count(2)
    page.get_by_label("More rows").get_by_text("after").click()
    page.get_by_label("More rows").get_by_text("rows 41 to 80 of 120").wait_for()
    # Two that stand further down are on the first page instead.
    assert ["host", "app039_default", "app040_default"] == headings(page)[:3]
    expect(page.locator(".grid .leaking")).to_have_count(0)
    page.get_by_label("More columns").get_by_text("after").click()
    page.get_by_label("More columns").get_by_text("columns 41 to 80 of 120").wait_for()
    assert "app039_default" == page.locator(".grid thead th").nth(1).inner_text()


def test_only_what_is_wrong(stage_of: Serve, open_tab: Open) -> None:
    """Two rows and two columns, whichever page one was on."""
    stage = stage_of(sights.sprawl(NETWORKS, broken=True))
    page = open_tab(stage, "?offset=80&across=80")

    page.get_by_text("Only what is wrong").click()

    expect(page.locator(".grid tbody tr")).to_have_count(2)
    assert [FIRST, SECOND] == headings(page)


def test_one_is_found_by_its_name(stage_of: Serve, open_tab: Open) -> None:
    """Its row against all others."""
    page = open_tab(stage_of(sights.sprawl(NETWORKS, broken=False)))

    page.locator("#search").fill("app1")

    expect(page.locator(".grid tbody tr")).to_have_count(20)
    assert "app100_default" == headings(page)[0]


def test_the_topology_counts_them_all(stage_of: Serve, open_tab: Open) -> None:
    """Each network has its number, though few arrows are drawn."""
    flushed = open_tab(stage_of(sights.sprawl(NETWORKS, broken=True)), "?view=topology")

    assert 2 == flushed.locator(".map rect.wrong").count()
    assert 2 == flushed.locator(".map path.leak").count()


def test_no_long_task(browser: Browser, stage_of: Serve, open_tab: Open) -> None:
    """Two hundred networks are no more work than forty."""
    page = open_tab(stage_of(sights.sprawl(200, broken=True)))
    browser.start_tracing(page=page, categories=["toplevel"])
    page.reload()
    page.locator(".grid .leaking").first.wait_for()
    page.get_by_label("More columns").get_by_text("after").click()
    page.get_by_label("More columns").get_by_text("41 to 80 of 200").wait_for()
    tasks = tasks_ms(json.loads(browser.stop_tracing()))

    assert max(tasks) < TASK_MOST_MS
