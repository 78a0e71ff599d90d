// Numbers, times and verdicts as people read them: the words of `check`.

import { el } from "./dom.js";

const UNITS = [
  [86400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
];

/** What a verdict is called, its mark on a terminal, and how it is meant. */
export const VERDICTS = {
  unexpected_reachable: { mark: "!", tone: "bad", text: "isolation broken" },
  unexpected_unreachable: { mark: "✗", tone: "bad", text: "connection broken" },
  unverified: { mark: "?", tone: "doubt", text: "not verified" },
  as_expected: { mark: "✓", tone: "good", text: "as promised" },
  skipped: { mark: "-", tone: "idle", text: "not probed yet" },
  not_judged: { mark: "~", tone: "idle", text: "nothing promised" },
};

let aheadMs = 0;

/** Learn what time it is for the exporter, as its page said when it came. */
export function setNow(text) {
  const given = Date.parse(text);
  if (!Number.isNaN(given)) aheadMs = given - Date.now();
}

/** The exporter's time in milliseconds. */
export function now() {
  return Date.now() + aheadMs;
}

export function counted(count, noun) {
  return `${number(count)} ${count === 1 ? noun : `${noun}s`}`;
}

export function number(count) {
  return Number(count).toLocaleString("en-US");
}

/** A length of time in its largest unit, rounded down. */
export function lasting(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [length, unit] = UNITS.find(([one]) => whole >= one) ?? [1, "second"];
  return counted(Math.floor(whole / length), unit);
}

/** A round-trip time. */
export function brief(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1e-3) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds >= 1) return `${Number(seconds.toPrecision(3))} s`;
  return `${Number((seconds * 1e3).toPrecision(3))} ms`;
}

export function percent(share) {
  if (share === null || share === undefined) return "–";
  // 99.96 % is not everything.
  const floored = Math.floor(share * 1000) / 10;
  return `${floored} %`;
}

/** A moment in UTC to the second. */
export function moment(text) {
  return text ? `${text.slice(0, 10)} ${text.slice(11, 19)} UTC` : "–";
}

/** A moment as an age that goes on by itself (`tick`). */
export function since(text) {
  if (!text) return "–";
  const attributes = { datetime: text, title: moment(text), class: "age" };
  return el("time", attributes, lasting((now() - Date.parse(text)) / 1000));
}

/** Let every age on the page be of now. */
export function tick(root = document) {
  for (const one of root.querySelectorAll("time.age")) {
    const text = lasting((now() - Date.parse(one.dateTime)) / 1000);
    if (one.textContent !== text) one.textContent = text;
  }
}

/** `unexpected_reachable` as a badge. */
export function badge(verdict) {
  const { mark, tone, text } = VERDICTS[verdict] ?? {
    mark: "?",
    tone: "doubt",
    text: verdict,
  };
  return el(
    "span",
    { class: `badge ${tone}` },
    el("span", { class: "mark", "aria-hidden": "true" }, mark),
    ` ${text}`,
  );
}

export function spaced(word) {
  return String(word).replaceAll("_", " ");
}

/** Sort `web-9` before `web-10`. */
export const natural = new Intl.Collator("en", { numeric: true }).compare;
