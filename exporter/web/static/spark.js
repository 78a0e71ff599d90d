// Round-trip times as a small picture: a line, and a tick below for each lost reply.

import { el, svg } from "./dom.js";
import { brief, counted } from "./words.js";

const WIDTH = 320;
const HEIGHT = 56;
const FOOT = 10;

/** A picture of points: Unix time and seconds, null where no reply came. */
export function spark(points) {
  const rtts = points.map(([, rtt]) => rtt).filter((rtt) => rtt !== null);
  const lost = points.length - rtts.length;
  const most = Math.max(...rtts, 1e-6);
  const step = WIDTH / Math.max(1, points.length - 1);
  const y = (rtt) => 3 + (HEIGHT - FOOT - 6) * (1 - rtt / most);
  const words = rtts.length
    ? `${brief(Math.min(...rtts))} to ${brief(most)}, the newest ${brief(rtts.at(-1))}`
    : "no reply";
  const text = `${words}; ${counted(points.length, "probe")}, ${lost} without a reply`;
  return el(
    "figure",
    { class: "spark" },
    svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": text },
      svg("line", { class: "floor", x1: 0, x2: WIDTH, y1: HEIGHT - FOOT, y2: HEIGHT - FOOT }),
      lines(points, step, y),
      points.map(([, rtt], n) =>
        rtt === null
          ? svg("line", { class: "lost", x1: n * step, x2: n * step, y1: HEIGHT - FOOT, y2: HEIGHT })
          : svg("circle", { cx: n * step, cy: y(rtt), r: 1.6 }),
      ),
    ),
    el("figcaption", { class: "quiet" }, text),
  );
}

/** A line for each run of replies without a loss. */
function lines(points, step, y) {
  const runs = [[]];
  points.forEach(([, rtt], n) => {
    if (rtt === null) runs.push([]);
    else runs.at(-1).push(`${(n * step).toFixed(1)},${y(rtt).toFixed(1)}`);
  });
  return runs
    .filter((run) => run.length > 1)
    .map((run) => svg("polyline", { points: run.join(" ") }));
}
