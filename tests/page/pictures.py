"""The pictures of docs/page.md, and every other size to look at.

python -m tests.page.pictures docs      those of the documentation, anew
python -m tests.page.pictures all DIR   5, 200 and 1000 containers, healthy and broken,
                                        light and dark, wide and phone, and each view
"""

import sys
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser

from tests.fakes import sights
from tests.fakes.stage import staged
from tests.page.browser import chromium, started
from tests.page.conftest import PHONE, WIDE, shown

ROOT = Path(__file__).parents[2]
TOPOLOGY = "?view=topology"
VIEWS = ("matrix", "topology", "subnets", "outages", "pairs", "exporter")
DOCS = (
    # file, containers, broken, dark, size, query, what to click
    ("page-breach", 5, True, False, {"width": 1040, "height": 700}, "", ""),
    ("page-large", 1000, False, True, {"width": 1160, "height": 860}, "", ""),
    ("page-pair", 5, True, False, {"width": 760, "height": 900}, "", ".pair a"),
    ("page-topology", 200, True, False, {"width": 1160, "height": 640}, TOPOLOGY, ""),
    ("page-phone", 200, True, True, PHONE, "", ""),
)


def docs(browser: Browser) -> None:
    """Make those that are in the documentation."""
    for name, containers, broken, dark, size, query, click in DOCS:
        path = ROOT / "docs/images" / f"{name}.png"
        draw(
            browser, path, containers, broken=broken, dark=dark, size=size,
            query=query, click=click,
        )  # fmt: skip


def everything(browser: Browser, folder: Path) -> None:
    """Make all to look at, whole pages."""
    sizes = {"wide": WIDE, "phone": PHONE}
    for containers, broken, dark, (word, size) in product(
        (5, 200, 1000), (False, True), (False, True), sizes.items()
    ):
        name = (
            f"{containers}-{'broken' if broken else 'healthy'}-"
            f"{'dark' if dark else 'light'}-{word}"
        )
        path = folder / f"{name}.png"
        draw(browser, path, containers, broken=broken, dark=dark, size=size, whole=True)
    for view, (word, size) in product(VIEWS, sizes.items()):
        draw(
            browser, folder / f"view-{view}-{word}.png", 200, broken=True, size=size,
            query=f"?view={view}",
        )  # fmt: skip


def draw(
    browser: Browser,
    path: Path,
    containers: int,
    *,
    broken: bool,
    size: dict[str, int],
    dark: bool = False,
    query: str = "",
    click: str = "",
    whole: bool = False,
) -> None:
    """Draw one picture."""
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]  # a ViewportSize
        color_scheme="dark" if dark else "light",
    )
    with staged(sights.seen(containers, broken=broken)) as stage:
        page = context.new_page()
        page.goto(stage.url + query)
        shown(page)
        if click:
            page.locator(click).first.click()
            page.locator("dialog .causes").wait_for()
        page.wait_for_timeout(300)  # for fonts and what fades
        page.screenshot(path=path, full_page=whole)
        context.close()


def main(arguments: list[str]) -> None:
    """Run from the command line."""
    with started(str(chromium())) as browser:
        if arguments == ["docs"]:
            docs(browser)
        else:
            folder = Path(arguments[1])
            folder.mkdir(parents=True, exist_ok=True)
            everything(browser, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
