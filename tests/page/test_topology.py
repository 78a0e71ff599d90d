"""The picture of the topology: what is broken can be followed from end to end."""

import pytest

from tests.fakes import sights
from tests.page.conftest import PHONE, WIDE, Open, Serve

MIDDLE = {"width": 900, "height": 800}
CROSSED = """
  (() => {
    const all = (what) => [...document.querySelectorAll(`.map ${what}`)];
    const boxes = all("rect.net").map((one) => one.getBBox());
    const names = all(".title").map(
      (one) => one.parentNode.querySelector("title").textContent);
    return all("path.leak").flatMap((way) => {
      const text = way.parentNode.querySelector("title").textContent;
      const length = way.getTotalLength();
      const crossed = new Set();
      for (let at = 0; at <= length; at += 2) {
        const { x, y } = way.getPointAtLength(at);
        boxes.forEach((box, n) => {
          const isIn = x > box.x + 1 && x < box.x + box.width - 1 &&
            y > box.y + 1 && y < box.y + box.height - 1;
          if (isIn) crossed.add(`${text} crosses ${names[n]}`);
        });
      }
      return [...crossed];
    });
  })()
"""
CLIPPED = """
  (() => {
    const svg = document.querySelector(".map svg");
    const [width, height] = ["width", "height"].map(
      (one) => Number(svg.getAttribute(one)));
    return [...svg.querySelectorAll("path.leak, text, rect.net")].map((one) => [
      one.textContent, one.getBBox()]).filter(([, box]) => box.x < 0 || box.y < 0 ||
        box.x + box.width > width || box.y + box.height > height).map(([text]) => text);
  })()
"""


@pytest.mark.parametrize("flushed", [False, True], ids=["two leak", "all leak"])
@pytest.mark.parametrize("size", [WIDE, MIDDLE, PHONE], ids=["wide", "middle", "phone"])
def test_arrows_pass_boxes_by(
    stage_of: Serve, open_tab: Open, size: dict[str, int], flushed: bool
) -> None:
    """Those between their ends too; and all of the picture is in it."""
    broken = sights.flushed(200) if flushed else sights.seen(200, broken=True)
    page = open_tab(stage_of(broken), "?view=topology", size=size)

    assert page.locator(".map path.leak").count() == (24 if flushed else 2)
    assert [] == page.evaluate(CROSSED)
    assert [] == page.evaluate(CLIPPED)
