// Much work in small pieces, so that a click never waits long.

const PIECE_MS = 12;

/** Do something with each item, giving the browser a turn now and then. */
export async function slowly(items, signal, work) {
  let began = performance.now();
  for (const [place, item] of items.entries()) {
    if (performance.now() - began > PIECE_MS) {
      await turn();
      signal?.throwIfAborted();
      began = performance.now();
    }
    work(item, place);
  }
}

/** After the next picture is drawn; in a tab that nobody sees, soon. */
function turn() {
  return new Promise((resolve) => {
    if (document.hidden) setTimeout(resolve);
    else requestAnimationFrame(() => setTimeout(resolve));
  });
}
