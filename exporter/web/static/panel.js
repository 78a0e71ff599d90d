// One pair with everything known of it, in a dialog beside the page.

import { get } from "./api.js";
import { el, fill, name, printable } from "./dom.js";
import { spark } from "./spark.js";
import { badge, brief, counted, moment, since, spaced } from "./words.js";

const dialog = document.getElementById("panel");
let shown = { id: "", document: null };
let leave = () => {};

dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  leave();
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) leave(); // the backdrop
});

/** Show a pair by its id; false where nobody answers. */
export async function showPanel(id, close) {
  leave = close;
  const isNew = shown.id !== id;
  shown.id = id;
  if (isNew) fill(dialog, head("…"), el("p", { class: "empty" }, "Asking."));
  if (!dialog.open) dialog.showModal();
  try {
    const pair = await get(`pairs/${encodeURIComponent(id)}`);
    if (shown.id !== id) return true;
    if (isNew || shown.document !== pair) draw(pair);
    shown.document = pair;
    return true;
  } catch (error) {
    if (shown.id !== id) return true;
    shown.document = null;
    const why =
      error.status === 404
        ? "This pair does not exist any more: a container is gone, or was replaced."
        : `This cannot be shown: ${error.message}`;
    fill(dialog, head("A pair"), el("p", { class: "empty" }, why));
    return error.status > 0;
  }
}

export function closePanel() {
  shown = { id: "", document: null };
  if (dialog.open) dialog.close();
  return true;
}

function head(...title) {
  const shut = { type: "button", class: "shut", "aria-label": "Close" };
  return el(
    "header",
    {},
    el("h2", { id: "panel-title" }, title),
    el("button", { ...shut, on: { click: () => leave() } }, "✕"),
  );
}

function draw(pair) {
  const top = dialog.scrollTop;
  const opened = dialog.querySelector("details")?.open;
  fill(
    dialog,
    head(name(pair.source), " → ", name(pair.name ?? pair.destination)),
    el("p", { class: "state" }, badge(pair.verdict), " for ", since(pair.since)),
    pair.reason ? el("p", {}, pair.reason) : null,
    causes(pair.causes ?? []),
    evidence(pair),
    times(pair),
    command(pair.explain),
    history(pair.history ?? []),
    more(pair),
  );
  const details = dialog.querySelector("details");
  if (details && opened) details.open = true;
  dialog.scrollTop = top;
}

function causes(found) {
  if (!found.length) return null;
  return el(
    "section",
    { class: "causes" },
    el("h3", {}, "Why"),
    found.map((one) =>
      el(
        "article",
        {},
        el("p", { class: "cause" }, one.sentence),
        el("p", { class: "quiet" }, one.certain ? "This is certain" : "Likely", ": ",
          el("code", {}, one.cause)),
        el("ul", { class: "found-there" }, one.evidence.map((line) => el("li", {}, name(line, "")))),
        one.remedy ? el("p", { class: "remedy" }, el("b", {}, "What to do: "), coded(one.remedy)) : null,
      ),
    ),
  );
}

/** Text in which what stands between backquotes is a command. */
function coded(text) {
  return text.split("`").map((part, n) => (n % 2 ? el("code", {}, part) : part));
}

function evidence(pair) {
  const words = pair.words ?? {};
  const rows = [
    ["Promised", el("b", {}, words.expected ?? pair.expected)],
    pair.promised_by ? ["By", rules(pair)] : null,
    ["Seen", [el("b", {}, words.observed ?? spaced(pair.result)), packets(pair.packets)]],
    ["Source alive", control(pair.controls.source)],
    ["Destination alive", control(pair.controls.destination)],
    ["From", [name(pair.source), on(pair.source_network)]],
    ["To", [name(pair.destination), on(pair.destination_network)]],
    ["Address", el("code", {}, pair.destination_address)],
    pair.name ? ["Name asked", name(pair.name)] : null,
    pair.resolved?.length ? ["Resolved to", name(pair.resolved.join(", "))] : null,
    ["Probed", pair.probed ? [since(pair.probed), " ago"] : "never"],
    ["Since", moment(pair.since)],
  ];
  return el(
    "section",
    {},
    el("h3", {}, "Promise and evidence"),
    el(
      "dl",
      {},
      rows.filter(Boolean).map(([key, value]) => [el("dt", {}, key), el("dd", {}, value)]),
    ),
  );
}

function rules(pair) {
  return [
    el("code", {}, printable(pair.expected_by)),
    " of the policy; Docker itself promises: ",
    pair.promised,
    " (",
    el("code", {}, pair.promised_by),
    ")",
  ];
}

function packets(found) {
  return found?.sent ? `, ${found.received} of ${counted(found.sent, "packet")} answered` : "";
}

function control(alive) {
  if (alive === null) return "not looked at";
  return alive
    ? [el("span", { class: "good" }, "✓"), " yes, known to answer"]
    : [el("span", { class: "doubt" }, "✗"), " not known to be"];
}

function on(network) {
  return network ? [" on ", name(network)] : "";
}

function times(pair) {
  const found = pair.rtts ?? [];
  if (found.length < 2) {
    return pair.rtt_seconds === null
      ? null
      : el("p", { class: "quiet" }, `Round-trip time: ${brief(pair.rtt_seconds)}`);
  }
  return el("section", {}, el("h3", {}, "Round-trip times"), spark(found));
}

function command(text) {
  if (!text) return null;
  const code = el("code", {}, text);
  const said = el("span", { role: "status", class: "quiet" });
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(code); // no clipboard without TLS
      said.textContent = "selected";
    }
  }
  return el(
    "section",
    {},
    el("h3", {}, "On the host"),
    el("p", { class: "command" }, code,
      el("button", { type: "button", on: { click: copy } }, "Copy"), said),
  );
}

function history(events) {
  return el(
    "section",
    {},
    el("h3", {}, "History"),
    events.length
      ? el("ol", { class: "history" }, events.map((one) =>
          el("li", {}, el("time", { datetime: one.at }, moment(one.at)), " ",
            badge(one.verdict), one.causes?.length ? ` ${one.causes[0].sentence}` : "")))
      : el("p", { class: "quiet" }, "No change of the verdict is remembered."),
  );
}

function more(pair) {
  const ids = Object.entries(pair.ids ?? {}).filter(([, id]) => id);
  const link = (text, query) => el("a", { href: query }, text);
  const container = pair.destination === "gateway" ? pair.source : pair.destination;
  return [
    ids.length
      ? el("details", {}, el("summary", {}, "Ids"), el("dl", {}, ids.map(([key, id]) => [
          el("dt", {}, spaced(key)), el("dd", {}, el("code", {}, name(id, "")))])))
      : null,
    el("p", { class: "links" },
      link("All pairs of this container", `?${new URLSearchParams({ view: "pairs", container })}`)),
  ];
}
