"""A browser for the tests of the page, and tabs that must stay free of complaints."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from exporter.model.snapshot import Snapshot
from tests.fakes.stage import Stage, staged
from tests.lab.fixtures import require
from tests.page.browser import chromium, started

PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1440, "height": 900}
Open = Callable[..., Page]
"""Opens a query of a stage's page in a tab of its own."""

FAILING = "Failed to load resource"
"""The browser's own line for each answer that is none; for `but`."""
Serve = Callable[[Snapshot], Stage]
"""Serves a snapshot until the test is over."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here that asks for a tab drives a browser, which takes its time."""
    for item in items:
        if isinstance(item, pytest.Function) and "open_tab" in item.fixturenames:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(60))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; tests are skipped where there is none, but not in CI.

    No longer than a module: while it runs, Playwright's event loop runs in this thread,
    and tests of other modules could run none of their own.
    """
    path = chromium()
    require(None if path else "no chromium on this machine: install Debian's chromium")
    with started(str(path)) as found:
        yield found


@pytest.fixture
def stage_of() -> Iterator[Serve]:
    """Serve snapshots."""
    with ExitStack() as stages:
        yield lambda snapshot: stages.enter_context(staged(snapshot))


@pytest.fixture
def open_tab(browser: Browser, stage_of: Serve) -> Iterator[Open]:
    """Open tabs; none of them may complain on its console, but for what a test names.

    They close before what they show is gone.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def note(kind: str, text: str, but: str | None) -> None:
        if but is None or but not in text:
            complaints.append(f"{kind}: {text}")

    def opened(
        stage: Stage,
        query: str = "",
        *,
        size: dict[str, int] | None = None,
        dark: bool = False,
        scripts: bool = True,
        before: str = "",
        but: str | None = None,
    ) -> Page:
        context = browser.new_context(
            viewport=size or WIDE,  # type: ignore[arg-type]  # a ViewportSize
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda said: note(said.type, said.text, but))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if before:
            page.add_init_script(before)
        page.goto(stage.url + query)
        if scripts:
            shown(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [] == complaints


def shown(page: Page) -> None:
    """Wait until a view is drawn."""
    page.wait_for_selector("#view:not([aria-busy])", state="attached")
