// Who reaches whom: network by network, and container by container in one cell of it.

import { href } from "./address.js";
import { get } from "./api.js";
import { el, fill, name } from "./dom.js";
import { fillRows, grid, legend, MARKS, WORST_FIRST } from "./grid.js";
import { counted, natural, number } from "./words.js";

const SIDE = 40;
const FIRST = { offset: undefined, across: undefined };
const LISTED = 12;
const HOST = "host";
const SAMPLED =
  "There are too many pairs to probe all in each cycle: they have their turns, and " +
  "numbers are of those that had one.";
const GATEWAY = "gateway";

/** What the view shows: documents, and the same objects while nothing changed. */
export async function load(state, signal) {
  const search = state.q
    ? get("containers", { limit: 1000 }, signal)
    : Promise.resolve(null);
  const page = {
    limit: SIDE,
    column_limit: SIDE,
    offset: state.offset,
    column_offset: state.across,
  };
  const shown =
    state.from && state.to
      ? get(
          "matrix/containers",
          { source_network: state.from, destination_network: state.to, ...page },
          signal,
        )
      : get(
          "matrix",
          {
            scope: state.scope === "name" ? "name" : "container,host,gateway",
            only: state.only === "wrong" ? "wrong" : undefined,
            search: state.q,
            ...page,
          },
          signal,
        );
  return Promise.all([shown, search]);
}

/** Draw it; what is there of the same view already is only made new. */
export async function draw(root, [shown, containers], state, { isNew, signal }) {
  const plan = state.from && state.to
    ? planContainers(shown, state)
    : planNetworks(shown, state);
  const key = JSON.stringify([plan.label, plan.columns]);
  const before = isNew ? null : root.querySelector(".gridded");
  const kept = before?.dataset.of === key ? before : null;
  const table = kept ?? (plan.rows.length ? grid(plan) : null);
  if (table) table.dataset.of = key;
  const focused = document.activeElement;
  const scroll = table?.querySelector(".scroll");
  const at = kept ? [scroll.scrollLeft, scroll.scrollTop] : [0, 0];
  fill(root, found(containers, state), plan.above, table ?? plan.instead, plan.below);
  if (!table) return;
  // Taken out and put in again, it has lost these.
  [scroll.scrollLeft, scroll.scrollTop] = at;
  if (kept?.contains(focused)) focused.focus({ preventScroll: true });
  await fillRows(table.querySelector("table"), plan, signal);
}

// --- networks ------------------------------------------------------------------------

/** What the matrix of networks is to show. */
function planNetworks(shown, state) {
  const isNames = state.scope === "name";
  const cells = new Map();
  for (const cell of shown.cells) {
    const from = cell.scope === HOST ? HOST : cell.source_network;
    const to = cell.scope === GATEWAY ? GATEWAY : cell.destination_network;
    // Sources without a route have none.
    if (from) join(cells, from, to, cell);
  }
  const isHost = (one) => one === HOST && !shown.networks.some(({ name }) => name === HOST);
  const hasHost = isKept(shown, state, HOST) && HOST.includes((state.q ?? "").toLowerCase());
  const hasGateway = isKept(shown, state, GATEWAY) && !isNames;
  // A network may be named twice.
  const down = [...new Set([...(hasHost ? [HOST] : []), ...shown.rows])];
  const right = [...new Set([...(hasGateway ? [GATEWAY] : []), ...shown.columns])];
  const marks = new Set([...cells.values()].map((cell) => cell.mark));
  const open = (one) =>
    isHost(one) || one === GATEWAY
      ? undefined
      : href({ view: "pairs", network: one });
  return {
    label: isNames ? "Names, network by network" : "Networks by networks",
    corner: "Open a cell for the containers in it.",
    above: tools(state),
    instead: el("p", { class: "empty" }, nothing(shown, state)),
    rows: right.length ? down.map((one) => ({ text: one, href: open(one) })) : [],
    columns: right.map((one) => ({ text: one, href: open(one) })),
    cell: (y, x) => networkCell(cells.get(keyOf(down[y], right[x])), down[y], right[x]),
    below: [
      legend(marks),
      pager(state, "rows", "offset", shown.offset, shown.total),
      pager(state, "columns", "across", shown.column_offset, shown.column_total),
      shown.sampled ? el("p", { class: "quiet" }, SAMPLED) : null,
    ],
  };
}

function networkCell(cell, from, to) {
  if (!cell) return null;
  const isInside = cell.scopes.size === 1 && cell.scopes.has("container");
  const scope = [...cell.scopes].join(",");
  const address = isInside
    ? href({ from, to })
    : href({
        view: "pairs",
        scope,
        network: from === HOST ? to : from,
      });
  return {
    mark: cell.mark,
    count: cell.marks[cell.mark],
    text: `${from} to ${to}: ${said(cell.marks)}`,
    href: { address },
  };
}

/** Put a cell to those of the same place: a network may be named twice. */
function join(cells, from, to, cell) {
  const key = keyOf(from, to);
  const joined = cells.get(key) ?? { marks: {}, scopes: new Set(), mark: "not_probed" };
  for (const [mark, count] of Object.entries(cell.marks)) {
    joined.marks[mark] = (joined.marks[mark] ?? 0) + count;
  }
  joined.scopes.add(cell.scope);
  joined.mark = WORST_FIRST.find((mark) => joined.marks[mark]) ?? "not_probed";
  cells.set(key, joined);
}

/** Whether the host has a row, or gateways a column: as they have cells that matter. */
function isKept(shown, state, scope) {
  const own = shown.cells.filter((cell) => cell.scope === scope);
  const isWrong = (cell) => WORST_FIRST.indexOf(cell.mark) < 3;
  return state.only === "wrong" ? own.some(isWrong) : own.length > 0;
}

function nothing(shown, state) {
  if (!shown.networks.length) return "There are no networks to show.";
  return state.only === "wrong" ? "Nothing is wrong or in doubt." : "Nothing fits.";
}

function tools(state) {
  const to = (text, changes, isOn) =>
    el("a", { href: href({ ...state, ...changes }), "aria-current": isOn ? "true" : null }, text);
  const isNames = state.scope === "name";
  return el(
    "nav",
    { class: "tools", "aria-label": "What the matrix shows" },
    to("Packets", { scope: undefined, ...FIRST }, !isNames),
    to("Names", { scope: "name", ...FIRST }, isNames),
    el("span", { class: "gap" }),
    to("All", { only: undefined, ...FIRST }, !state.only),
    to("Only what is wrong", { only: "wrong", ...FIRST }, state.only === "wrong"),
  );
}

// --- containers ----------------------------------------------------------------------

function planContainers(shown, state) {
  const wanted = (state.q ?? "").toLowerCase();
  const cells = new Map(shown.cells.map((one) => [keyOf(one.row, one.column), one]));
  const places = shown.rows.map((row, place) => ({ ...row, place }));
  const matching = places.filter((row) => row.name.toLowerCase().includes(wanted));
  const rows = matching.length ? matching : places;
  const of = (one) => ({ text: one.name, href: href({ view: "pairs", container: one.name }) });
  const marks = new Set(shown.cells.map((one) => one.mark));
  const both = { from: state.to, to: state.from };
  return {
    label: "Containers by containers",
    corner: "Open a cell for what is known of the pair.",
    above: [
      el(
        "nav",
        { class: "tools", "aria-label": "Where this is" },
        el("a", { href: href({ q: state.q }) }, "← All networks"),
        state.from === state.to ? null : el("a", { href: href(both) }, "The other way"),
      ),
      el("h2", {}, "From ", name(shown.source_network), " to ", name(shown.destination_network)),
    ],
    instead: el("p", { class: "empty" }, "No pair of them was looked at of late."),
    rows: shown.cells.length ? rows.map(of) : [],
    columns: shown.columns.map(of),
    cell: (y, x) =>
      containerCell(cells.get(keyOf(rows[y].place, x)), rows[y], shown.columns[x]),
    below: [
      legend(marks),
      pager(state, "rows", "offset", shown.offset, shown.total),
      pager(state, "columns", "across", shown.column_offset, shown.column_total),
    ],
  };
}

function containerCell(cell, row, column) {
  if (!cell) return null;
  const families = cell.pairs.map((pair) => `IPv${pair.ip_version} ${pair.verdict.replaceAll("_", " ")}`);
  const rank = (pair) => (pair.verdict.startsWith("unexpected") ? 0 : pair.verdict === "unverified" ? 1 : 2);
  const worst = [...cell.pairs].sort((a, b) => rank(a) - rank(b))[0];
  return {
    mark: cell.mark,
    text: `${row.name} to ${column.name}: ${MARKS[cell.mark].text} (${families.join(", ")})`,
    href: { address: href({ pair: worst.id }), keep: true },
  };
}

// --- both ----------------------------------------------------------------------------

function found(containers, state) {
  if (!containers) return null;
  const wanted = state.q.toLowerCase();
  const all = containers.containers.filter((one) => one.name.toLowerCase().includes(wanted));
  if (!all.length) return null;
  return el(
    "div",
    { class: "found" },
    el("b", {}, `${counted(all.length, "container")} found: `),
    all.slice(0, LISTED).map((one) => [
      el("a", { href: href({ view: "pairs", container: one.name }) }, name(one.name)), " "]),
    all.length > LISTED ? `and ${number(all.length - LISTED)} more` : null,
  );
}

/** Steps through what does not fit on one page; nothing where all does. */
export function pager(state, what, word, first, total, side = SIDE) {
  if (total <= side && first === 0) return null;
  const last = Math.min(total, first + side);
  const to = (text, place, isOn) =>
    isOn
      ? el("a", { href: href({ ...state, [word]: place ? String(place) : undefined }) }, text)
      : el("span", { class: "off" }, text);
  return el(
    "nav",
    { class: "tools", "aria-label": `More ${what}` },
    to("‹ before", Math.max(0, first - side), first > 0),
    el("span", {}, `${what} ${number(first + 1)} to ${number(last)} of ${number(total)}`),
    to("after ›", first + side, last < total),
  );
}

function said(marks) {
  return WORST_FIRST.filter((mark) => marks[mark])
    .map((mark) => `${counted(marks[mark], "pair")} ${MARKS[mark].text}`)
    .join("; ");
}

function keyOf(row, column) {
  return `${row}\n${column}`;
}
