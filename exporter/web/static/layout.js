// Where networks stand in the picture of the topology: boxes in columns, laid by hand.
//
// Not by forces: at a thousand containers those take seconds, never stand still, and
// put a network elsewhere each time. Boxes in columns take a pass, and stay.

const BOX_LEAST = 220;
const BOX_MOST = 300;
const GAP = 48;
const BETWEEN = 22;
const PAD = 10;
const HEAD = 44;
// Ways cross boxes of one row between their texts and their dots.
const BELOW_TEXT = 42;
const LINE = 19;
const DOT = 15;
export const NAMED = 14;

/**
 * Places for boxes.
 *
 * width: pixels to fill.
 * groups: `{ key, members }`, in order; members are names.
 * Returns `{ width, height, boxes }`; a box has x, y, width, height, isNamed and spots,
 * the middle of each member's dot.
 */
export function layout(width, groups) {
  const columns = Math.max(1, Math.floor((width + GAP) / (BOX_LEAST + GAP)));
  const across = Math.min(columns, Math.max(1, groups.length));
  const room = width / across - GAP;
  const box = Math.floor(Math.min(BOX_MOST, room - 1));
  const bottoms = new Array(across).fill(0);
  const boxes = groups.map((group) => {
    const column = bottoms.indexOf(Math.min(...bottoms));
    const x = column * (box + GAP) + 1;
    const y = bottoms[column] + 1;
    const isNamed = group.members.length <= NAMED;
    const spots = isNamed ? lines(group.members, x, y) : dots(group.members, x, y, box);
    const last = spots.length ? spots.at(-1).y + LINE / 2 : y + HEAD - PAD;
    const height = last + PAD / 2 - y;
    bottoms[column] = y + height + BETWEEN;
    return { ...group, column, x, y, width: box, height, isNamed, spots };
  });
  return {
    // Beside the last column there is room for ways along it.
    width: across * (box + GAP) + 2,
    height: Math.max(...bottoms) - BETWEEN + 2,
    boxes,
  };
}

/**
 * A curve from one box to another, from the sides that face each other; `label` and `y`
 * are beside where it begins, between two columns.
 */
export function way(from, to, shift) {
  const y1 = from.y + BELOW_TEXT + shift;
  const y2 = to.y + BELOW_TEXT + shift;
  if (from.column === to.column) {
    const x1 = from.x + from.width;
    const x2 = to.x + to.width;
    const bow = 18 + Math.abs(shift);
    return { ...curve(x1, y1, x1 + bow, y1, x2 + bow, y2, x2, y2), label: x1 + GAP / 2 };
  }
  const isRight = to.column > from.column;
  const x1 = isRight ? from.x + from.width : from.x;
  const x2 = isRight ? to.x : to.x + to.width;
  const pull = (x2 - x1) / 2;
  const label = isRight ? x1 + GAP / 2 : x1 - GAP / 2;
  return { ...curve(x1, y1, x1 + pull, y1, x2 - pull, y2, x2, y2), label };
}

/** A thread between two dots of one container. */
export function thread(one, other) {
  const middle = (one.x + other.x) / 2;
  return curve(one.x, one.y, middle, one.y, middle, other.y, other.x, other.y).path;
}

function curve(x1, y1, ax, ay, bx, by, x2, y2) {
  const round = (value) => Math.round(value * 10) / 10;
  const [p, a, b, q] = [[x1, y1], [ax, ay], [bx, by], [x2, y2]].map((one) => one.map(round));
  return { path: `M${p} C${a} ${b} ${q}`, y: y1 };
}

function lines(members, x, y) {
  return members.map((member, n) => ({
    member,
    x: x + PAD + 5,
    y: y + HEAD + LINE * n + LINE / 2,
  }));
}

function dots(members, x, y, width) {
  const across = Math.floor((width - 2 * PAD) / DOT);
  return members.map((member, n) => ({
    member,
    x: x + PAD + DOT * (n % across) + DOT / 2,
    y: y + HEAD + DOT * Math.floor(n / across) + DOT / 2,
  }));
}
