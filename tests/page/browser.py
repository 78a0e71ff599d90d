"""Debian's Chromium, driven by Playwright; it speaks to loopback only."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_ARGUMENTS = (
    "--no-sandbox",  # the tests are root's
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--font-render-hinting=none",
)


def chromium() -> str | None:
    """Return the path of the system's Chromium, None without."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def started(executable: str) -> Generator[Browser, None, None]:
    """Run a browser while the block runs."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=executable, headless=True, args=list(_ARGUMENTS)
        )
        try:
            yield browser
        finally:
            browser.close()
