// The topology: networks as boxes, containers in them, and what is broken between them.

import { href } from "./address.js";
import { get } from "./api.js";
import { el, fill, printable, svg } from "./dom.js";
import { layout, pathfinder, thread } from "./layout.js";
import { patch } from "./patch.js";
import { slowly } from "./slowly.js";
import { counted, natural, number } from "./words.js";

const EDGES = 24;
const WORST = { mark: "leaking,broken", limit: 40, column_limit: 40 };
const LABELLED = 12;
const THREADS = 200;
const HOST = "the host";

export function load(_state, signal) {
  return Promise.all([get("topology", {}, signal), get("matrix", WORST, signal)]);
}

/** Draw it, one network after the other; what is there already is only made new. */
export async function draw(root, [found, matrix], state, { isNew, signal }) {
  const groups = groupsOf(found);
  if (!groups.length) {
    fill(root, el("p", { class: "empty" }, "There are no networks to show."));
    return;
  }
  const laid = layout(Math.max(300, root.clientWidth - 4), groups);
  const edges = edgesOf(matrix, laid.boxes);
  const many = multihomed(laid.boxes);
  // By all pairs: of very many networks only the worst cells are here.
  const wrong = new Map(matrix.networks.map((one) => [one.name, one.broken]));
  wrong.set(HOST, matrix.host_broken);
  const off = found.containers.filter((one) => !one.running).map((one) => one.name);
  const wanted = (state.q ?? "").toLowerCase();
  const look = { many, wanted, wrong, off: new Set(off) };
  if (isNew || !root.querySelector(".map")) fill(root, el("p", { class: "quiet" }), frame());
  patch(root.querySelector("p"), words(found, matrix, edges, many));
  const picture = root.querySelector(".map svg");
  picture.setAttribute("width", laid.width);
  picture.setAttribute("height", laid.height);
  const [boxes, ways, texts] = picture.querySelectorAll(":scope > g");
  // Ways pass below texts and dots, and above the boxes.
  renew(boxes, laid.boxes.map((box) => framed(box, wrong)));
  renew(ways, waysOf(edges, many, pathfinder(laid.boxes)));
  await slowly(laid.boxes, signal, (box, place) => {
    const fresh = boxed(box, look);
    const old = texts.children[place];
    if (old) patch(old, fresh);
    else texts.append(fresh);
  });
  while (texts.children.length > laid.boxes.length) texts.lastChild.remove();
}

function frame() {
  const tip = { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", markerUnits: "userSpaceOnUse" };
  return el(
    "div",
    { class: "map", tabindex: 0, role: "region", "aria-label": "Picture of the topology" },
    svg(
      "svg",
      { role: "group", "aria-label": "Networks and their containers" },
      svg("defs", {}, svg("marker", tip, svg("path", { class: "tip", d: "M0 0 8 4 0 8z" }))),
      svg("g"),
      svg("g"),
      svg("g"),
    ),
  );
}

function renew(layer, children) {
  patch(layer, svg("g", {}, children));
}

function waysOf(edges, many, find) {
  const between = edges.filter((one) => one.from !== one.to).slice(0, EDGES);
  const threads = [...many.values()].flatMap((spots) =>
    spots.slice(1).map((spot, n) => [spots[n], spot]));
  const found = between.map((edge) => ({ edge, ...find(edge.from, edge.to, isForth(edge) ? -3 : 3) }));
  return [
    threads.slice(0, THREADS).map(([one, other]) => svg("path", { class: "both", d: thread(one, other) })),
    found.map(arrow),
    // Above all arrows, so that none strikes one out.
    between.length <= LABELLED ? found.map(tagged) : [],
  ];
}

function groupsOf(found) {
  const networks = found.networks
    .filter((one) => !["host", "null"].includes(one.driver))
    .sort((a, b) => natural(a.name, b.name))
    .map((one) => ({
      key: one.name,
      title: one.name,
      sub: [one.driver, one.internal ? "internal" : "", one.subnets[0]?.subnet ?? ""]
        .filter(Boolean).join(", "),
      query: href({ view: "pairs", network: one.name }),
      members: one.containers,
    }));
  const shared = found.host?.containers ?? [];
  const host = { key: HOST, title: HOST, sub: "containers with --network host", query: href({ view: "pairs", container: "host" }), members: shared };
  return shared.length ? [host, ...networks] : networks;
}

/** What is broken, from box to box; the worst first. */
function edgesOf(matrix, boxes) {
  const byKey = new Map(boxes.map((one) => [one.key, one]));
  const found = [];
  for (const cell of matrix.cells) {
    const leaking = cell.marks.leaking ?? 0;
    const broken = cell.marks.broken ?? 0;
    const from = byKey.get(cell.source_network ?? HOST);
    const to = byKey.get(cell.destination_network);
    if (!(leaking || broken) || !to) continue;
    found.push({ from: from ?? to, to, leaking, broken, count: leaking + broken });
  }
  return found.sort((a, b) => b.leaking - a.leaking || b.count - a.count);
}

/** The places of each container that is on more than one network. */
function multihomed(boxes) {
  const places = new Map();
  for (const box of boxes) {
    for (const spot of box.spots) {
      places.set(spot.member, [...(places.get(spot.member) ?? []), spot]);
    }
  }
  return new Map([...places].filter(([, spots]) => spots.length > 1));
}

function words(found, matrix, edges, many) {
  const broken = (matrix.marks.leaking ?? 0) + (matrix.marks.broken ?? 0);
  const between = edges.filter((one) => one.from !== one.to).length;
  const here = edges.reduce((sum, one) => sum + one.count, 0);
  const isPart = between > EDGES || here < broken;
  return el(
    "p",
    { class: "quiet" },
    counted(found.containers.length, "container"),
    many.size ? `; ${number(many.size)} on more than one network (filled dots, joined by dashed threads)` : "",
    broken ? `; ${counted(broken, "broken pair")}, as red arrows from network to network` : "",
    isPart && between ? `, of which ${Math.min(EDGES, between)} are drawn; each network shows its number` : "",
    ".",
  );
}

function framed(box, wrong) {
  const isWrong = wrong.get(box.key) > 0;
  const place = { x: box.x, y: box.y, width: box.width, height: box.height, rx: 6 };
  return svg("rect", { class: `net${isWrong ? " wrong" : ""}`, ...place });
}

function boxed(box, { many, off, wanted, wrong }) {
  const count = wrong.get(box.key) ?? 0;
  const titleMatches = box.title.toLowerCase().includes(wanted);
  return svg(
    "g",
    {},
    svg("a", { href: box.query },
      svg("text", { class: "title", x: box.x + 10, y: box.y + 18 }, cut(box.title, count ? 22 : 30)),
      svg("title", {}, printable(box.title))),
    svg("text", { class: "sub", x: box.x + 10, y: box.y + 34 }, cut(`${number(box.members.length)}: ${box.sub}`, 40)),
    count
      ? svg("text", { class: "count", x: box.x + box.width - 10, y: box.y + 18, "text-anchor": "end" }, `✗ ${number(count)}`)
      : null,
    box.spots.map((spot) => {
      const isMatch = wanted && spot.member.toLowerCase().includes(wanted);
      const isDim = wanted && !isMatch && !titleMatches;
      const kind = `dot${many.has(spot.member) ? " many" : ""}${off.has(spot.member) ? " off" : ""}`;
      return svg(
        "a",
        { href: href({ view: "pairs", container: spot.member }), tabindex: box.isNamed ? null : -1, class: isMatch ? "match" : isDim ? "dim" : null },
        svg("title", {}, printable(spot.member)),
        svg("circle", { class: kind, cx: spot.x, cy: spot.y, r: 5 }),
        box.isNamed ? svg("text", { x: spot.x + 11, y: spot.y + 4 }, cut(spot.member, 30)) : null,
      );
    }),
  );
}

function isForth({ from, to }) {
  return from.x < to.x || (from.x === to.x && from.y < to.y);
}

function arrow({ edge, path }) {
  const text = `${edge.from.title} to ${edge.to.title}: ${counted(edge.count, "broken pair")}`;
  return svg(
    "g",
    {},
    svg("title", {}, printable(text)),
    svg("path", { class: `leak${edge.leaking ? "" : " broken"}`, d: path, "marker-end": "url(#tip)" }),
  );
}

function tagged({ edge, label }) {
  const text = `${edge.leaking ? "!" : "✗"} ${number(edge.count)}`;
  return svg("text", { class: "count on", x: label.x, y: label.y + 4, "text-anchor": "middle" }, text);
}

/** Text of about a length: both ends, as names of one project begin alike. */
function cut(text, length) {
  const shown = printable(text);
  if (shown.length <= length) return shown;
  const tail = Math.floor(length / 2) - 1;
  return `${shown.slice(0, length - tail - 1)}…${shown.slice(-tail)}`;
}
