// When a promise was broken, or nobody could look: what lasts first.

import { href } from "./address.js";
import { get } from "./api.js";
import { el, fill, name } from "./dom.js";
import { pager } from "./matrix.js";
import { badge, counted, lasting, moment, since } from "./words.js";

const PAGE = 100;

export async function load(state, signal) {
  return [await get("outages", { offset: state.offset, limit: PAGE }, signal)];
}

export function draw(root, [found], state) {
  const wanted = (state.q ?? "").toLowerCase();
  const shown = found.outages.filter((one) =>
    [one.source, one.destination, one.network, one.cause]
      .join(" ").toLowerCase().includes(wanted));
  fill(
    root,
    el("p", { class: "quiet" }, `${counted(found.total, "outage")} since the exporter started, as far as it remembers`),
    shown.length
      ? table(shown, state)
      : el("p", { class: "empty" }, "No promise was broken, and the engine always answered."),
    pager(state, "outages", "offset", found.offset, found.total, PAGE),
  );
}

function table(outages, state) {
  const heads = ["", "What", "Began", "Ended", "Lasted", "Cause"];
  return el(
    "div",
    { class: "scroll low", tabindex: 0, role: "region", "aria-label": "Outages" },
    el(
      "table",
      { class: "list" },
      el("thead", {}, el("tr", {}, heads.map((one) => el("th", { scope: "col" }, one)))),
      el("tbody", {}, outages.map((one) => row(one, state))),
    ),
  );
}

function row(outage, state) {
  return el(
    "tr",
    { class: outage.ended ? "" : "lasts" },
    el("td", {}, kind(outage)),
    el("td", { class: "who" }, what(outage, state)),
    el("td", { "data-head": "Began" }, el("time", { datetime: outage.began }, moment(outage.began))),
    el("td", { "data-head": outage.ended ? "Ended" : null }, outage.ended
      ? el("time", { datetime: outage.ended }, moment(outage.ended))
      : el("b", { class: "bad" }, "lasts")),
    el("td", { "data-head": "Lasted" }, outage.ended ? lasting(outage.duration_seconds) : since(outage.began)),
    el("td", { "data-head": "Cause" }, outage.cause ? el("code", {}, outage.cause) : "–"),
  );
}

function kind(outage) {
  if (outage.kind !== "engine") return badge(outage.kind);
  return el("span", { class: "badge doubt" }, el("span", { class: "mark", "aria-hidden": "true" }, "?"), " engine away");
}

function what(outage, state) {
  if (outage.kind === "engine") return "No engine answered: nothing was verified.";
  const text = [name(outage.source), " → ", name(outage.destination), " on ", name(outage.network, "")];
  return outage.pair ? el("a", { href: href({ ...state, pair: outage.pair }), class: "keep" }, text) : text;
}
