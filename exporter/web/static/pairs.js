// A list of pairs: of a network, of a container, or of a verdict.

import { href } from "./address.js";
import { get } from "./api.js";
import { el, fill, name } from "./dom.js";
import { pager } from "./matrix.js";
import { badge, brief, counted, since, spaced } from "./words.js";

const PAGE = 100;
const WRONG = "unexpected_reachable,unexpected_unreachable";
const FILTERS = ["network", "container", "from", "to", "verdict", "scope"];

export async function load(state, signal) {
  const asked = {
    network: state.network,
    container: state.container,
    source_network: state.from,
    destination_network: state.to,
    verdict: state.verdict,
    scope: state.scope,
    search: state.q,
    offset: state.offset,
    limit: PAGE,
  };
  return [await get("pairs", asked, signal)];
}

export function draw(root, [found], state) {
  fill(
    root,
    tools(state),
    el(
      "p",
      { class: "quiet" },
      `${counted(found.total, "pair")}; of a large host, those that were looked at of late.`,
    ),
    found.pairs.length
      ? table(found.pairs)
      : el("p", { class: "empty" }, "There are none."),
    pager(state, "pairs", "offset", found.offset, found.total, PAGE),
  );
}

function tools(state) {
  const to = (text, verdict) =>
    el(
      "a",
      {
        href: href({ ...state, verdict, offset: undefined }),
        "aria-current": (state.verdict ?? "") === (verdict ?? "") ? "true" : null,
      },
      text,
    );
  return el(
    "nav",
    { class: "tools", "aria-label": "Which pairs" },
    to("All", undefined),
    to("Broken", WRONG),
    to("Not verified", "unverified"),
    el("span", { class: "gap" }),
    FILTERS.filter((word) => state[word] && word !== "verdict").map((word) =>
      el(
        "a",
        {
          class: "filter",
          href: href({ ...state, [word]: undefined, offset: undefined }),
          title: "Leave this out",
        },
        `${word}: `,
        name(state[word]),
        " ✕",
      ),
    ),
  );
}

function table(pairs) {
  const heads = ["Verdict", "Who → whom", "Networks", "Address", "Seen", "For"];
  return el(
    "div",
    { class: "scroll low", tabindex: 0, role: "region", "aria-label": "Pairs" },
    el(
      "table",
      { class: "list" },
      el("thead", {}, el("tr", {}, heads.map((one) => el("th", { scope: "col" }, one)))),
      el("tbody", {}, pairs.map(row)),
    ),
  );
}

function row(pair) {
  const to = pair.name ?? pair.destination;
  return el(
    "tr",
    {},
    el("td", {}, badge(pair.verdict)),
    el(
      "td",
      { class: "who" },
      el("a", { class: "keep", href: `?pair=${pair.id}` }, name(pair.source), " → ", name(to)),
    ),
    el("td", { class: "who" }, between(pair)),
    el("td", {}, el("code", {}, pair.destination_address)),
    el("td", { "data-head": "Seen" }, pair.rtt_seconds === null ? spaced(pair.result) : brief(pair.rtt_seconds)),
    el("td", { "data-head": "For" }, since(pair.since)),
  );
}

function between(pair) {
  const isOne = !pair.source_network || pair.source_network === pair.destination_network;
  return isOne
    ? name(pair.destination_network, "")
    : [name(pair.source_network, ""), " → ", name(pair.destination_network, "")];
}
