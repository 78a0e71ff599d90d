// What of the page is alive: views, panel, search, and the news that keep them true.

import { follow, href, read } from "./address.js";
import { el, fill } from "./dom.js";
import { filterFront, intervalS, refreshFront, takenS } from "./front.js";
import { live } from "./live.js";
import { closePanel, showPanel } from "./panel.js";
import { setNow, tick } from "./words.js";

// Each is fetched when it is first shown.
const VIEWS = {
  matrix: () => import("./matrix.js"),
  pairs: () => import("./pairs.js"),
  topology: () => import("./topology.js"),
  subnets: () => import("./subnets.js"),
  outages: () => import("./outages.js"),
  exporter: () => import("./exporter.js"),
};
const TYPING_MS = 150;

const root = document.getElementById("view");
const search = document.getElementById("search");
let showing = new AbortController();
// What stands there whole, and what was begun last: it may have been given up halfway.
let shown = { key: null, what: undefined };
let begun = null;

const go = follow(show);

/** Show what the address says. */
async function show(state) {
  for (const tab of document.querySelectorAll("#tabs a")) {
    const isHere = read(tab.getAttribute("href")).view === state.view;
    if (isHere) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  if (document.activeElement !== search) search.value = state.q ?? "";
  filterFront(state.q ?? "");
  const panel = state.pair ? showPanel(state.pair, () => close(state)) : closePanel();
  const [isViewFine, isPanelFine] = await Promise.all([draw(state), panel]);
  return isViewFine && isPanelFine;
}

/** Draw the view, unless what it shows is what there is; false: nobody answers. */
async function draw(state) {
  showing.abort();
  showing = new AbortController();
  const { signal } = showing;
  const key = href({ ...state, pair: undefined });
  try {
    const view = await VIEWS[state.view]();
    const what = await view.load(state, signal);
    if (signal.aborted || (shown.key === key && same(shown.what, what))) return true;
    const isNew = begun !== key;
    const isFirst = begun === null;
    begun = key;
    shown = { key: "", what: undefined };
    await view.draw(root, what, state, { isNew, signal });
    shown = { key, what };
    root.dataset.view = state.view;
    root.dataset.shown = key;
    if (isNew && (!isFirst || isDeep(state))) reveal();
    root.removeAttribute("aria-busy");
    return true;
  } catch (error) {
    if (error.name === "AbortError") return true;
    const isAnswer = error.status > 0;
    if (isAnswer || begun !== key) {
      begun = "";
      shown = { key: "", what: undefined };
      root.dataset.shown = key;
      root.removeAttribute("aria-busy");
      fill(root, el("p", { class: "empty" }, `This cannot be shown: ${error.message}`));
    }
    return isAnswer;
  }
}

function isDeep(state) {
  return state.view !== "matrix" || Boolean(state.from);
}

/** Bring the view into sight, where it begins below the window's middle. */
function reveal() {
  const tools = document.getElementById("tools");
  const { top } = tools.getBoundingClientRect();
  if (top > innerHeight / 2 || top < 0) tools.scrollIntoView();
}

function same(one, other) {
  return one?.length === other.length && one.every((part, n) => part === other[n]);
}

function close(state) {
  // What was opened by a click is left as by the browser's back.
  if (history.state?.panel) history.back();
  else go({ ...state, pair: undefined });
}

async function refresh() {
  const answers = await Promise.all([refreshFront(), show(read())]);
  return answers.every(Boolean);
}

function lost(isLost) {
  document.body.classList.toggle("lost", isLost);
  document.getElementById("lost").hidden = !isLost;
  document.getElementById("live").textContent = isLost ? "not live" : "live";
}

function listenToKeys() {
  let typing = null;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      go({ ...read(), q: search.value, offset: undefined, across: undefined }, { replace: true });
    }, TYPING_MS);
  });
  search.form?.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("keydown", (event) => {
    const isTyping = event.target.matches?.("input, select, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      search.blur();
      go({ ...read(), q: undefined }, { replace: true });
    }
  });
}

document.documentElement.classList.add("live");
document.getElementById("tools").hidden = false;
setNow(document.getElementById("front").dataset.now);
listenToKeys();
setInterval(tick, 1000);
show(read());
live({ changed: refresh, lost, intervalMs: () => intervalS() * 1000, takenS });
