// Where networks stand in the picture of the topology: boxes in columns, laid by hand.
//
// Not by forces: at a thousand containers those take seconds, never stand still, and
// put a network elsewhere each time. Boxes in columns take a pass, and stay.

const BOX_LEAST = 220;
const BOX_MOST = 300;
const GAP = 48;
const BETWEEN = 22;
const LANES = [0, 4, -4, 8, -8];
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
  const bottoms = new Array(across).fill(BETWEEN - 1);
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
    // So is there above the first row, and below the last.
    height: Math.max(...bottoms) + 2,
    boxes,
  };
}

/**
 * What finds ways from box to box: from the sides that face each other, and past the
 * boxes between them where those leave room. Ways that share it run side by side.
 */
export function pathfinder(boxes) {
  const columns = [];
  for (const box of boxes) (columns[box.column] ??= []).push(box);
  const taken = new Map();
  const pass = (column, y1, y2) => {
    const all = columns[column];
    const rooms = [all[0].y, ...all.map((one) => one.y + one.height + BETWEEN)];
    const far = (y) => Math.abs(y - y1) + Math.abs(y - y2);
    const y = rooms.map((one) => one - BETWEEN / 2).reduce((a, b) => (far(b) < far(a) ? b : a));
    const key = `${column} ${y}`;
    taken.set(key, (taken.get(key) ?? -1) + 1);
    return { y: y + LANES[taken.get(key) % LANES.length], x: all[0].x, width: all[0].width };
  };
  return (from, to, shift) => way(from, to, shift, pass);
}

/** A way and the middle of its label: on it where it passes a box, else beside its start. */
function way(from, to, shift, pass) {
  const [y1, y2] = [from, to].map((one) => round(one.y + BELOW_TEXT + shift));
  const right = (one) => one.x + one.width;
  if (from.column === to.column) {
    const [x1, x2, bow] = [right(from), right(to), 18 + Math.abs(shift)];
    const path = `M${x1} ${y1}C${x1 + bow} ${y1} ${x2 + bow} ${y2} ${x2} ${y2}`;
    return { path, label: beside(x1 + GAP / 2, y1, shift) };
  }
  const step = Math.sign(to.column - from.column);
  const [near, far] = step > 0 ? [(one) => one.x, right] : [right, (one) => one.x];
  let [x, y] = [far(from), y1];
  let path = `M${x} ${y}`;
  let label = beside(x + (step * GAP) / 2, y, shift);
  for (let column = from.column + step; column !== to.column; column += step) {
    const room = pass(column, y, y2);
    if (column === from.column + step) {
      label = { x: room.x + (room.width * (step > 0 ? 1 : 2)) / 3, y: room.y };
    }
    path += bend(x, y, near(room), room.y) + `H${far(room)}`;
    [x, y] = [far(room), room.y];
  }
  return { path: path + bend(x, y, near(to), y2), label };
}

/** Above a way that is shifted up, below one that is shifted down. */
function beside(x, y, shift) {
  return { x, y: y + (shift < 0 ? -10 : 12) };
}

/** A thread between two dots of one container. */
export function thread(one, other) {
  return `M${round(one.x)} ${round(one.y)}${bend(one.x, one.y, other.x, other.y)}`;
}

/** On from a place to another, level at both. */
function bend(x1, y1, x2, y2) {
  const middle = round((x1 + x2) / 2);
  return `C${middle} ${round(y1)} ${middle} ${round(y2)} ${round(x2)} ${round(y2)}`;
}

function round(value) {
  return Math.round(value * 10) / 10;
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
