"""The page for everybody: phones, the blind, the colour-blind; and for no attacker."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from exporter.model.outcome import Verdict
from tests.fakes import sights
from tests.fakes.pages import snapshot, state, topology
from tests.page.conftest import FAILING, PHONE, Open, Serve

VIEWS = (
    "",
    "?from=backup_default&to=chat_default",
    "?view=pairs",
    "?view=topology",
    "?view=subnets",
    "?view=outages",
    "?view=exporter",
)
WIDE_LISTS = """
  [...document.querySelectorAll(".scroll")].filter((one) =>
    one.querySelector(".list") && one.scrollWidth > one.clientWidth).length
"""
EVIL = "<img src=x onerror=window.evil=1>\"'&{{7*7}}\u202e\x1b"


def go(page: Page, query: str) -> None:
    """Show another view in a tab, as its links do."""
    page.evaluate(
        f"history.pushState({{}}, '', '{query or '/'}');"
        "dispatchEvent(new PopStateEvent('popstate'))"
    )
    page.wait_for_selector(f'#view[data-shown="{query or "?"}"]', state="attached")


def faults(page: Page) -> list[str]:
    """Return what axe-core finds of serious or critical faults."""
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url} {one['id']}: {node['target']} {node['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_serious_fault_of_accessibility(
    stage_of: Serve, open_tab: Open, dark: bool
) -> None:
    """axe-core finds none in any view, nor in the panel, in either appearance."""
    page = open_tab(stage_of(sights.seen(200, broken=True)), dark=dark)
    found = []
    for query in VIEWS:
        go(page, query)
        found += faults(page)
    page.locator(".pair a").first.click()
    page.locator("dialog .causes").wait_for()
    found += faults(page)

    assert [] == found


@pytest.mark.parametrize("containers", [5, 1000])
def test_nothing_is_wider_than_a_phone(
    stage_of: Serve, open_tab: Open, containers: int
) -> None:
    """A matrix and a picture scroll by themselves; lists stand below each other."""
    page = open_tab(
        stage_of(sights.seen(containers, broken=True)), size=PHONE, but=FAILING
    )
    wide = []
    for query in VIEWS:
        go(page, query)
        width = page.evaluate("document.documentElement.scrollWidth")
        wide += [(query, width)] if width > PHONE["width"] else []
        lists = page.evaluate(WIDE_LISTS)
        wide += [(query, lists)] if lists else []
    page.locator(".pair a").first.click()
    page.locator("dialog .causes").wait_for()
    panel = page.evaluate("(d => d.scrollWidth - d.clientWidth)(panel)")

    assert [] == wide
    assert 0 == panel


def test_marks_do_without_colour(stage_of: Serve, open_tab: Open) -> None:
    """Each kind of cell has a sign of its own, and words for those who hear."""
    page = open_tab(stage_of(sights.seen(200, broken=True)))
    signs = {
        kind: page.locator(f".grid .{kind} .mark").first.inner_text()
        for kind in ("leaking", "broken", "unverified", "reachable", "isolated")
    }

    assert 5 == len(set(signs.values()))
    expect(page.locator(".grid .leaking").first).to_have_attribute(
        "aria-label",
        "backup_default to chat_default: 16 pairs reachable, isolation promised; "
        "256 pairs not probed yet, or nothing promised",
    )


def test_hostile_names_are_text(stage_of: Serve, open_tab: Open) -> None:
    """Whatever a label or a name holds, it is read and never run, in every view."""
    found = topology(EVIL, EVIL, EVIL)
    broken = snapshot(
        [
            state(Verdict.UNEXPECTED_REACHABLE, rule=EVIL),
            state(Verdict.UNVERIFIED, reason=EVIL),
        ],
        found,
    )
    page = open_tab(stage_of(sights.remembered(broken)))
    for query in VIEWS:
        go(
            page,
            query.replace("backup_default", "left").replace("chat_default", "left"),
        )
        assert 0 == page.locator("img, main script, iframe").count()
        assert "\u202e" not in page.inner_text("body")
    go(page, "")
    expect(page.locator(".pair").first).to_contain_text("<img src=x onerror=")
    page.locator(".pair a").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("<img src=x onerror=")
    expect(page.get_by_role("dialog")).to_contain_text("{{7*7}}")
    page.keyboard.press("Escape")
    page.locator("#search").fill(EVIL)
    expect(page.locator(".found")).to_contain_text("<img src=x")
    assert page.evaluate("window.evil") is None


def test_the_policy_forbids_what_a_script_might_be_tricked_into(
    stage_of: Serve, open_tab: Open
) -> None:
    """No HTML of a string, no script of an attribute, no request elsewhere."""
    page = open_tab(
        stage_of(sights.seen(5, broken=False)), but="This document requires"
    )
    tried = page.evaluate(
        """() => {
          const tries = {
            html: () => { document.body.innerHTML = "<b>x</b>"; },
            parse: () => new DOMParser().parseFromString("<b>x</b>", "text/html"),
          };
          return Object.entries(tries).map(([name, attempt]) => {
            try { attempt(); return `${name} worked`; } catch (error) {
              return `${name} ${error.name}`;
            }
          });
        }"""
    )

    assert ["html TypeError", "parse TypeError"] == tried
