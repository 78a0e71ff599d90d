// A matrix as a table: headings that stay, arrow keys from cell to cell.

import { el, name, printable } from "./dom.js";
import { patch } from "./patch.js";
import { slowly } from "./slowly.js";

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
 * A table of cells: its headings at once, rows by `fillRows`.
 *
 * rows, columns: `{ text, href }` each; href may be missing.
 * corner: what to do with it, said while no cell is pointed at.
 */
export function grid({ label, corner, rows, columns }) {
  const longest = Math.max(...rows.map((one) => one.text.length));
  const head = el("col"); // letters are narrower than a nought
  head.style.width = `min(${Math.min(28, Math.max(9, longest)) * 0.9 + 2.5}ch, 32vw)`;
  const about = el("p", { class: "about", "aria-hidden": "true" }, corner);
  const table = el(
    "table",
    { class: "grid", role: "grid", "aria-label": label },
    // Widths that are known beforehand: a row that is added moves no other.
    el("colgroup", {}, head, el("col", { class: "narrow", span: columns.length })),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("td", { class: "corner" }, el("span", {}, "from ↓ to →")),
        columns.map((one) =>
          el("th", { scope: "col", title: printable(one.text) }, el("span", {}, heading(one))),
        ),
      ),
    ),
    el("tbody", {}),
  );
  listen(table, about, corner);
  return el("div", { class: "gridded" }, el("div", { class: "scroll" }, table), about);
}

/**
 * Draw the rows of a grid, some at a time, so that clicks are not held up.
 *
 * cell(row, column): null, or `{ mark, count, text, href }` by the places of both.
 */
export async function fillRows(table, { rows, columns, cell }, signal) {
  const body = table.tBodies[0];
  await slowly(rows, signal, (row, y) => {
    const fresh = el(
      "tr",
      {},
      el("th", { scope: "row", title: printable(row.text) }, heading(row)),
      columns.map((column, x) => drawn(cell(y, x), y, x)),
    );
    const old = body.rows[y];
    if (old) patch(old, fresh);
    else body.append(fresh);
  });
  while (body.rows.length > rows.length) body.lastChild.remove();
  rove(table);
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
  const attributes = {
    class: `cell ${found.mark}${found.href?.keep ? " keep" : ""}`,
    "aria-label": found.text,
    tabindex: -1,
    "data-at": `${y} ${x}`,
  };
  const inner = found.href
    ? el("a", { ...attributes, href: found.href.address }, glyph, count)
    : el("span", { ...attributes, role: "img" }, glyph, count);
  return el("td", {}, inner);
}

function short(count) {
  if (count < 1000) return String(count);
  return count < 10000 ? `${(count / 1000).toFixed(1)}k` : `${Math.round(count / 1000)}k`;
}

/** Let the tabulator reach one cell: the one that has the focus, else the first. */
function rove(table, cell = document.activeElement) {
  const isHere = table.contains(cell) && cell.matches("[data-at]");
  const chosen = isHere ? cell : table.querySelector("[data-at]");
  for (const one of table.querySelectorAll('[data-at][tabindex="0"]')) one.tabIndex = -1;
  if (chosen) chosen.tabIndex = 0;
}

function listen(table, about, corner) {
  const tell = (event) => {
    const cell = event.target.closest?.("[data-at]");
    about.textContent = cell?.getAttribute("aria-label") ?? corner;
  };
  table.addEventListener("pointerover", tell);
  table.addEventListener("focusin", (event) => {
    tell(event);
    const cell = event.target.closest("[data-at]");
    if (cell) rove(table, cell);
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
