// Tells when there is something new, and when nobody tells any more.

const SETTLE_MS = 120;
const LEAST_MS = 1000;
const LOST_MS = 4000;
const AGAIN_MS = 30000;

/**
 * Call `changed` soon after a verdict changed, and at most once a cycle otherwise;
 * `lost` with true while the exporter does not answer. It must answer whether it could
 * fetch what is new.
 */
export function live({ changed, lost, intervalMs, takenS }) {
  let source = null;
  let timer = null;
  let asked = performance.now();
  let summary = null;
  let lostTimer = null;

  function soon(waitMs) {
    const due = Math.max(SETTLE_MS, waitMs);
    if (timer !== null && timer.due <= performance.now() + due) return;
    if (timer !== null) clearTimeout(timer.id);
    timer = { due: performance.now() + due, id: setTimeout(ask, due) };
  }

  async function ask() {
    timer = null;
    asked = performance.now();
    const isAnswered = await changed();
    if (isAnswered) found();
    else missed();
    // Should the stream be silent, or not be there.
    soon((source.readyState === EventSource.OPEN ? 2 : 1) * intervalMs());
  }

  function found() {
    clearTimeout(lostTimer);
    lostTimer = null;
    lost(false);
  }

  function missed() {
    lostTimer ??= setTimeout(() => lost(true), LOST_MS);
  }

  function heard(event) {
    found();
    const told = JSON.parse(event.data);
    const counts = JSON.stringify([told.summary, told.engine_up]);
    const isFirst = summary === null;
    const isNew = counts !== summary;
    summary = counts;
    if (told.taken <= takenS()) return;
    const ageMs = performance.now() - asked;
    if (isFirst || isNew) soon(LEAST_MS - ageMs);
    else if (!document.hidden) soon(intervalMs() - ageMs);
  }

  function open() {
    source = new EventSource("api/v1/stream");
    source.addEventListener("snapshot", heard);
    source.addEventListener("verdict", () => {
      soon(LEAST_MS - (performance.now() - asked));
    });
    source.addEventListener("error", () => {
      missed();
      soon(LEAST_MS);
      if (source.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS);
    });
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) soon(LEAST_MS - (performance.now() - asked));
  });
  addEventListener("pagehide", () => source.close());
  open();
  soon(2 * intervalMs());
}
