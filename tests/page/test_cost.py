"""What the page costs: the visitor's time, the network, and the daemon."""

import json
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page

from exporter.model.headline import headline_of
from tests.fakes import sights
from tests.fakes.stage import Stage
from tests.page.conftest import Open, Serve

TRIES = 3
"""A machine that is busy makes everything slow; the page is as fast as its best."""
VIEW_MOST_MS = 1000.0
LOAD_MOST_BYTES = 300_000
TASK_MOST_MS = 100.0
CYCLES = 6
CYCLE_S = 15.0
CORE_MOST = 0.01
DRAWN = """
  new Promise((resolve) => {
    const look = () => {
      if (document.querySelector("#view:not([aria-busy])")) resolve(performance.now());
      else requestAnimationFrame(look);
    };
    look();
  })
"""
BUSY = f"""
  Promise.resolve().then(() => {{
    const began = performance.now();
    while (performance.now() - began < {10 * TASK_MOST_MS});
  }})
"""
"""What nothing on the page may do; so long that it gets its share of a busy machine."""
COUNT_PIECES = """
  window.pieces = 0;
  new MutationObserver((changes) => {
    if (changes.some((one) => one.target.matches(".grid tbody"))) window.pieces += 1;
  }).observe(document.body, { childList: true, subtree: true });
"""
"""Rows that come in one turn of the browser's are told of at once."""


def best(measure: Callable[[], float], most: float) -> float:
    """Return the least of some measurements; the first that will do is enough."""
    found: list[float] = []
    while len(found) < TRIES and min(found, default=most) >= most:
        found.append(measure())
    return min(found)


def test_first_view_of_a_thousand_containers(stage_of: Serve, open_tab: Open) -> None:
    """All that it takes is there within a second, and within 300 kB."""
    stage = stage_of(sights.flushed(1000))
    loads: list[float] = []

    def measure() -> float:
        page = open_tab(stage)
        drawn = page.evaluate(DRAWN)
        sizes = page.evaluate(
            """performance.getEntriesByType("resource")
              .concat(performance.getEntriesByType("navigation"))
              .map((one) => [one.name, one.transferSize])"""
        )
        assert any("/api/v1/matrix?" in name for name, _ in sizes)
        loads.append(sum(size for _, size in sizes))
        assert page.locator(".grid tbody tr").count() == 32
        return float(drawn)

    took_ms = best(measure, VIEW_MOST_MS)

    assert took_ms < VIEW_MOST_MS
    assert max(loads) < LOAD_MOST_BYTES


def test_no_long_task(browser: Browser, stage_of: Serve, open_tab: Open) -> None:
    """With a thousand containers nothing holds up a click for 100 ms.

    Of the processor's time: what waits for other programs is not the page's doing.
    """
    stage = stage_of(sights.seen(1000, broken=True))
    page = open_tab(stage)
    browser.start_tracing(page=page, categories=["toplevel"])
    page.reload()
    wander(page)
    stage.show(sights.flushed(1000))
    page.locator(".grid .leaking").nth(99).wait_for()
    stage.show(sights.seen(1000, broken=True))
    page.locator(".grid .leaking").nth(99).wait_for(state="detached")
    tasks = tasks_ms(json.loads(browser.stop_tracing()))

    browser.start_tracing(page=page, categories=["toplevel"])
    page.evaluate(BUSY)
    control = tasks_ms(json.loads(browser.stop_tracing()))

    assert len(tasks) > 100
    assert max(tasks) < TASK_MOST_MS
    assert max(control) > TASK_MOST_MS


def test_a_matrix_is_drawn_in_pieces(stage_of: Serve, open_tab: Open) -> None:
    """On a slow processor a click between two of them is heard."""
    stage = stage_of(sights.seen(1000, broken=True))
    page = open_tab(stage)
    page.context.new_cdp_session(page).send(
        "Emulation.setCPUThrottlingRate", {"rate": 6}
    )
    page.locator("#tabs").get_by_text("Outages", exact=True).click()
    page.locator('#view[data-view="outages"]').wait_for(state="attached")
    page.evaluate(COUNT_PIECES)
    page.locator("#tabs").get_by_text("Matrix", exact=True).click()
    page.locator(".grid tbody tr").nth(31).wait_for(state="attached")

    assert page.evaluate("window.pieces") > 2


def tasks_ms(trace: dict[str, list[dict[str, Any]]]) -> list[float]:
    """Return the processor's milliseconds of each task of the page's main thread.

    What runs after an `await` is in no event named a task, but in one of its own.
    """
    events = trace["traceEvents"]
    names = {
        (one["pid"], one["tid"]): one["args"]["name"]
        for one in events
        if one["name"] == "thread_name"
    }
    return [
        one["tdur"] / 1000
        for one in events
        if "tdur" in one and names.get((one["pid"], one["tid"])) == "CrRendererMain"
    ]


def wander(page: Page) -> None:
    """Go through the views, search, and come back to the matrix."""
    for view in ("Topology", "Subnets", "Outages", "Pairs", "Exporter", "Matrix"):
        page.locator("#tabs").get_by_text(view, exact=True).click()
        page.locator(f'#view[data-view="{view.lower()}"]').wait_for(state="attached")
    page.locator("#search").fill("web-1")
    page.locator(".found").wait_for()
    page.locator("#search").fill("")
    page.locator(".found").wait_for(state="detached")
    page.evaluate("document.querySelector('.grid').parentNode.scrollTo(400, 600)")


def test_an_open_page_costs_the_daemon_little(stage_of: Serve, open_tab: Open) -> None:
    """A hundredth of a core at a thousand containers, one look at it a cycle."""
    stage = stage_of(sights.flushed(1000))
    page = open_tab(stage)

    cost_s = best(lambda: cost_of_a_cycle(stage, page), CORE_MOST * CYCLE_S)

    assert cost_s < CORE_MOST * CYCLE_S


def cost_of_a_cycle(stage: Stage, page: Page) -> float:
    """Return the seconds of processor that news of one cycle take, page included."""
    began_s = time.process_time()
    for number in range(CYCLES):
        seen = sights.flushed(1000) if number % 2 else sights.seen(1000, broken=True)
        stage.show(seen)
        text = headline_of(seen, seen.taken).text
        page.locator(".verdict", has_text=text).wait_for()
    return (time.process_time() - began_s) / CYCLES
