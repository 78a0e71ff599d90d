// A matrix as a table: headings that stay, arrow keys from cell to cell.

import { el, name } from "./dom.js";

const STEPS = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Marks as `check` prints them, with what they say. */
export const MARKS = {
  leaking: { glyph: "!", text: "reachable, isolation promised" },
  broken: { glyph: "✗", text: "unreachable, reachability promised" },
  unverified: { glyph: "?", text: "not verified" },
  reachable: { glyph: "✓", text: "reachable as promised" },
  isolated: { glyph: "·", text: "isolated as promised" },
  not_probed: { glyph: "-", text: "not probed yet, or nothing promised" },
};
export const WORST_FIRST = Object.keys(MARKS);

/**
 * A table of cells.
 *
 * rows, columns: `{ text, href }` each; href may be missing.
 * cell(row, column): null, or `{ mark, count, text, href }` by the places of both.
 * corner: what the rows and the columns are.
 */
export function grid({ label, corner, rows, columns, cell }) {
  const about = el("p", { class: "about", "aria-hidden": "true" }, corner);
  const table = el(
    "table",
    { class: "grid", role: "grid", "aria-label": label },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("td", { class: "corner" }, el("span", {}, "from ↓ to →")),
        columns.map((one) =>
          el("th", { scope: "col" }, el("span", {}, heading(one))),
        ),
      ),
    ),
    el(
      "tbody",
      {},
      rows.map((row, y) =>
        el(
          "tr",
          {},
          el("th", { scope: "row" }, heading(row)),
          columns.map((column, x) => drawn(cell(y, x), y, x)),
        ),
      ),
    ),
  );
  const scroll = el("div", { class: "scroll" }, table);
  listen(table, about, corner);
  return el("div", { class: "gridded" }, scroll, about);
}

/** What the marks mean; of those that are there. */
export function legend(marks) {
  return el(
    "ul",
    { class: "legend", "aria-label": "Marks" },
    WORST_FIRST.filter((mark) => marks.has(mark)).map((mark) =>
      el(
        "li",
        {},
        el("span", { class: `cell ${mark}`, "aria-hidden": "true" }, MARKS[mark].glyph),
        ` ${MARKS[mark].text}`,
      ),
    ),
  );
}

function heading({ text, href }) {
  return href ? el("a", { href, tabindex: -1 }, name(text)) : name(text);
}

function drawn(found, y, x) {
  if (!found) return el("td", { class: "none" });
  const glyph = el("span", { class: "mark" }, MARKS[found.mark].glyph);
  const count = found.count === undefined ? null : el("small", {}, short(found.count));
  const isFirst = y === 0 && x === 0;
  const attributes = {
    class: `cell ${found.mark}`,
    "aria-label": found.text,
    tabindex: isFirst ? 0 : -1,
    "data-at": `${y} ${x}`,
  };
  const inner = found.href
    ? el("a", { ...attributes, href: found.href.address }, glyph, count)
    : el("span", { ...attributes, role: "img" }, glyph, count);
  if (found.href?.keep) inner.classList.add("keep");
  return el("td", {}, inner);
}

function short(count) {
  if (count < 1000) return String(count);
  return count < 10000 ? `${(count / 1000).toFixed(1)}k` : `${Math.round(count / 1000)}k`;
}

function listen(table, about, corner) {
  const first = table.querySelector("[data-at]");
  if (first) first.tabIndex = 0;
  const tell = (event) => {
    const cell = event.target.closest?.("[data-at]");
    about.textContent = cell?.getAttribute("aria-label") ?? corner;
  };
  table.addEventListener("pointerover", tell);
  table.addEventListener("focusin", (event) => {
    tell(event);
    const cell = event.target.closest("[data-at]");
    if (!cell) return;
    table.querySelector('[data-at][tabindex="0"]')?.setAttribute("tabindex", "-1");
    cell.tabIndex = 0;
  });
  table.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const cell = event.target.closest("[data-at]");
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const [y, x] = cell.dataset.at.split(" ").map(Number);
    const next = step
      ? neighbour(table, y, x, step)
      : ends(table, y, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

/** The next cell in a direction; places without one are passed over. */
function neighbour(table, y, x, [down, right]) {
  const { rows } = table.tBodies[0];
  for (let r = y + down, c = x + right; ; r += down, c += right) {
    const place = rows[r]?.cells[c + 1];
    if (c < 0 || !place) return null;
    const found = place.querySelector("[data-at]");
    if (found) return found;
  }
}

function ends(table, y, key) {
  const found = table.tBodies[0].rows[y].querySelectorAll("[data-at]");
  if (key === "Home") return found[0];
  return key === "End" ? found[found.length - 1] : null;
}
