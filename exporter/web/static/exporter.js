// How well the exporter itself is, and what it may use of the host.

import { get } from "./api.js";
import { el, fill } from "./dom.js";
import { brief, lasting, moment, number, percent, since, spaced } from "./words.js";

export async function load(_state, signal) {
  return [await get("summary", {}, signal)];
}

export function draw(root, [found]) {
  fill(
    root,
    el(
      "div",
      { class: "cards" },
      card("Looking", looking(found)),
      card("What tells of changes", detection(found)),
      card("Budget", budget(found)),
      card("Health", health(found)),
    ),
  );
}

function card(title, rows) {
  return el(
    "section",
    { class: "card" },
    el("h2", {}, title),
    el(
      "dl",
      {},
      rows.filter(Boolean).map(([key, value]) => [el("dt", {}, key), el("dd", {}, value)]),
    ),
  );
}

function looking(found) {
  const cycle = found.cycle;
  return [
    ["Engine", fine(found.engine_up, "answers", "does not answer")],
    ["Version", found.engine ? `${found.engine.version}, API ${found.engine.api_version}` : "–"],
    ["Verified now", [bar(found.coverage_ratio), " ", percent(found.coverage_ratio)]],
    ["Each pair has its turn within", lasting(found.coverage_bound_seconds)],
    found.sampled_since ? ["A sample since", moment(found.sampled_since)] : null,
    cycle ? ["Newest cycle", [`number ${number(cycle.number)} (${cycle.trigger}), `, since(cycle.started), " ago"]] : ["Newest cycle", "none yet"],
    cycle ? ["It took", `${cycle.duration_seconds.toFixed(1)} s; one is due every ${found.interval_seconds} s`] : null,
    found.paused ? ["Paused", found.paused] : null,
  ];
}

function detection(found) {
  return (found.detection ?? []).map((one) => [
    spaced(one.source),
    [
      fine(one.active, "active", "not active"),
      one.lag_seconds ? `, within ${brief(one.lag_seconds)}` : null,
    ],
  ]);
}

function budget(found) {
  const own = found.budget;
  if (!own) return [];
  return [
    ["Packets a second, at most", number(own.packets_per_second)],
    ...own.neighbours.map((one) => [
      `Neighbour table, IPv${one.ip_version}`,
      [
        bar(one.hard_limit ? one.entries / one.hard_limit : null),
        ` ${number(one.entries)} of ${one.hard_limit ? number(one.hard_limit) : "?"}`,
        one.fulls ? `; full ${number(one.fulls)} times` : null,
      ],
    ]),
    own.conntrack
      ? ["Connections tracked", [bar(own.conntrack.entries / own.conntrack.limit), ` ${number(own.conntrack.entries)} of ${number(own.conntrack.limit)}`]]
      : null,
    ...Object.entries(own.throttled).map(([why, count]) => [
      `Probes put off: ${spaced(why)}`,
      number(count),
    ]),
  ];
}

function health(found) {
  const own = found.health;
  if (!own) return [];
  return [
    ...Object.entries(own.cycles).map(([how, count]) => [`Cycles ${spaced(how)}`, number(count)]),
    ["Cycles that took too long", number(own.cycle_overruns)],
    ["Longest cycle of late", `${own.longest_cycle_seconds.toFixed(1)} s`],
    ["Longest look at the engine", `${own.longest_survey_seconds.toFixed(1)} s`],
    ...Object.entries(own.errors).map(([where, count]) => [`Errors, ${spaced(where)}`, number(count)]),
    ["Configuration", fine(own.config_reload_ok, "loaded", "the newest could not be loaded")],
    ["Loaded", moment(own.config_reloaded)],
  ];
}

function fine(isFine, yes, no) {
  return isFine
    ? [el("span", { class: "good" }, "✓"), ` ${yes}`]
    : [el("span", { class: "doubt" }, "?"), ` ${no}`];
}

function bar(share) {
  if (share === null || share === undefined) return null;
  return el("progress", { max: 1, value: Math.min(1, share).toFixed(4), "aria-hidden": "true" });
}
